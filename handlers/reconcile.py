"""Entry point of what two Regions wrote at once: streams that are to be put together again, and lost events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from .domain import KINDS
from .domain.oversight import OVERSIGHT
from .regional import wired_standings
from .runtime import Context, count, log, seconds_left
from .settings import ENVIRONMENT, number, setting
from .sourcing.errors import MalformedError, NotAnEventError, NotHomeError
from .store import clients
from .store.conflict_queue import told_in
from .store.conflicts import Conflicts, Status
from .store.epochs import Epochs
from .store.event_store import EventStore
from .store.looks import Looks
from .store.projector import Projector
from .store.read_model import ReadModel
from .store.reconciler import NotForAPersonError, NotYetError, Reconciler, Settled, WaitsError
from .store.snapshot_builder import SnapshotBuilder
from .store.snapshots import Snapshots
from .store.standings import Standings
from .store.waiting import Waiting
from .wiring import ledger_over, now

_dynamodb = clients.dynamodb()
_store = EventStore(_dynamodb, setting("EVENT_STORE_TABLE"), number("TYPE_BUCKETS"))
_snapshots = Snapshots(_dynamodb, setting("SNAPSHOTS_TABLE"))
_conflicts = Conflicts(_dynamodb, setting("CONFLICTS_TABLE"))
_epochs = Epochs(_dynamodb, setting("CONFLICTS_TABLE"))
_waiting = Waiting(_dynamodb, setting("REGION_TABLE"))
_looks = Looks(_dynamodb, setting("REGION_TABLE"))
_DAY = 24 * 60 * 60
_SPARE_SECONDS = 4.0
"""With less time left no further stream is begun: the next call goes on."""
_PATIENCE = 3
"""Deliveries until an event that was removed must be known to have been kept before."""
_TOLD = 100
"""So many open conflicts, and streams that wait, are told of at most in one answer."""


def _wired_standings() -> Standings:
    standings = wired_standings(_dynamodb)
    if standings is None:
        raise MalformedError("REGION", "this ledger has one Region: nothing is lost between two")
    return standings


def _wired(standings: Standings) -> Reconciler:
    return Reconciler(
        store=_store,
        conflicts=_conflicts,
        looks=_looks,
        ledger=ledger_over(_store, _snapshots, standings=standings),
        projector=Projector(_store, ReadModel(_dynamodb, setting("READ_MODEL_TABLE")), KINDS.projections(ENVIRONMENT)),
        builder=SnapshotBuilder(
            _store,
            _snapshots,
            every=number("SNAPSHOT_EVERY"),
            retention_seconds=number("SNAPSHOT_RETENTION_DAYS") * _DAY or None,
        ),
        standing=standings.read,
        give_way=standings.give_way,
        order=setting("REGIONS").split(","),
        now=now,
        still_writing=number("STILL_WRITING_SECONDS"),
    )


_standings = _wired_standings()
_reconciler = _wired(_standings)


def lambda_handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Messages of the queue, to the ids of those to deliver again; or a call of the schedule or of operators.

    `{"aggregateIds": [...], "giveUp": true}` settles these streams, and with `giveUp` does not wait for what has not
    come. `{"accept": {"aggregateId", "hash", "why", "by"}}` closes a lost event that is for a person, and `{"retry":
    {"aggregateId", "hash", "by"}}` has it decided once more: to `{accepted}` or `{retried}`; to `{refused: {code,
    message}}` where it is not for a person, or not here. Anything else tells the other Region in which epoch this one
    decides, and hears that of it; settles what is due, the oldest first, and what waits, as far as there is time; and
    counts what is open, as OpenConflicts. To `{streams, putBack, removed, again, notYet, open, waiting, more}`.
    """
    if "Records" in event:
        return _take(event["Records"], context)
    if "accept" in event:
        return _accept(event["accept"])
    if "retry" in event:
        return _retry(event["retry"], context)
    named = event.get("aggregateIds")
    if named is None:
        _keep_in_step(context)
    return _settle(named if named is not None else _due(), context, give_up=event.get("giveUp") is True)


def _keep_in_step(context: Context) -> None:
    """Say in which epoch this Region decides, and give way where the other one does in a higher one: a GetItem and a
    Query; a PutItem where either is news. A failure is made up for by the next call."""
    try:
        own, told = _standings.read(), _epochs.told()
        if own.is_active and told.get(own.region, 0) < own.epoch:
            _epochs.tell(own)
        for region, epoch in told.items():
            if region != own.region and _standings.give_way(region, epoch):
                log.critical("fenced: %s decides in epoch %s", region, epoch)
                count("EpochsOver", 1, context)
    except (BotoCoreError, ClientError) as error:
        log.error("who decides was not compared with the other Region: %s", error)
        count("NotSettled", 1, context)


def _take(records: Iterable[Mapping[str, Any]], context: Context) -> dict[str, Any]:
    """Keep what was lost before anything else, then settle its streams, each once."""
    messages: dict[str, list[str]] = {}
    failed: list[str] = []
    for record in records:
        try:
            told = told_in(record["body"])
            if told.lost is not None and not _is_kept(told.lost, record, context, removed=told.removed):
                failed.append(record["messageId"])
                continue
        except Exception as error:  # noqa: BLE001 -- reported as this message's failure, to be delivered again
            log.error("not kept", exc_info=error, extra={"messageId": record["messageId"]})
            failed.append(record["messageId"])
        else:
            for aggregate_id in (told.aggregate_id, *_process_of(told.aggregate_id, told.late)):
                messages.setdefault(aggregate_id, []).append(record["messageId"])
    for aggregate_id, message_ids in messages.items():
        if _settled(aggregate_id, context, moved=True) is None:
            failed += message_ids
    return {"batchItemFailures": [{"itemIdentifier": each} for each in dict.fromkeys(failed)]}


def _process_of(aggregate_id: str, late: int | None) -> Iterable[str]:
    """What an event that came late is a step of: there it may contradict what was decided meanwhile. A Query."""
    event = next(_store.read(aggregate_id, after=late - 1, up_to=late), None) if late else None
    part = OVERSIGHT.part(event) if event else None
    return [part[0]] if part and part[0] != aggregate_id else []


def _is_kept(lost: Any, record: Mapping[str, Any], context: Context, *, removed: bool) -> bool:
    """Whether a lost event is kept by now. One that was removed was kept before, by who removed it; but the news of
    that may come from the other Region later. Where it never comes, somebody else removed it."""
    try:
        if not removed:
            _reconciler.keep(lost)
            return True
        if any(each.item == _reconciler.record_of(lost) for each in _conflicts.of(lost["AggregateId"]["S"])):
            return True
        if int(record.get("attributes", {}).get("ApproximateReceiveCount", 1)) < _PATIENCE:
            return False
        _reconciler.keep(lost, "it was removed by nobody who had kept it before")
    except NotAnEventError as error:
        log.error("not kept: %s", error.message, extra=dict(error.details))
    count("IntegrityBreaches", 1, context)
    return True


def _settle(aggregate_ids: Iterable[str], context: Context, *, give_up: bool) -> dict[str, Any]:
    left, streams, not_yet, more = seconds_left(context), 0, 0, False
    put_back = removed = again = 0
    for aggregate_id in dict.fromkeys(aggregate_ids):
        if left() < _SPARE_SECONDS:
            more = True
            break
        streams += 1
        settled = _settled(aggregate_id, context, give_up=give_up)
        if settled is None:
            not_yet += 1
        else:
            put_back, removed = put_back + settled.put_back, removed + settled.removed
            again += settled.again
    still_open = [each.describe() for each in _conflicts.unsettled()]
    count("OpenConflicts", len(still_open), context)
    done = {"streams": streams, "putBack": put_back, "removed": removed, "again": again, "notYet": not_yet}
    log.info("reconciled", extra={**done, "open": len(still_open), "more": more})
    waits = [each.describe() for each in _waiting.every()]
    return {**done, "open": still_open[:_TOLD], "openCount": len(still_open), "waiting": waits[:_TOLD], "more": more}


def _due() -> Iterable[str]:
    """Streams with something to do, the most urgent first. Of what is for a person it is only looked whether it is in
    its stream by now."""
    for status in (Status.OPEN, Status.REFUSED, Status.CHECKED):
        yield from (conflict.event.aggregate_id for conflict in _conflicts.due(status))
    yield from [wait.aggregate_id for wait in _waiting.every()]
    yield from [look.aggregate_id for look in _looks.every()]
    yield from (conflict.event.aggregate_id for conflict in _conflicts.due(Status.PERSON))


def _settled(aggregate_id: str, context: Context, *, give_up: bool = False, moved: bool = False) -> Settled | None:
    """What was done about a stream; None where that is to be tried again. One stream's failure is only its own."""
    place = {"aggregateId": aggregate_id}
    try:
        settled = _reconciler.settle(aggregate_id, seconds_left(context), give_up=give_up, moved=moved)
        _waiting.forget(aggregate_id)
    except NotYetError as error:
        log.info("not yet: %s", error, extra=place)
        if isinstance(error, WaitsError):
            _note(aggregate_id, error.lacks)
        return None
    except Exception as error:  # noqa: BLE001 -- reported as this stream's failure, to be tried again
        log.error("not settled", exc_info=error, extra=place)
        count("NotSettled", 1, context, **place)
        return None
    log.info("settled", extra={**place, **settled._asdict()})
    return settled


def _note(aggregate_id: str, lacks: tuple[int, ...]) -> None:
    """For operators, and for the schedule. Where that fails it is tried again as the stream is."""
    try:
        _waiting.note(aggregate_id, now(), lacks)
    except (BotoCoreError, ClientError) as error:
        log.error("nobody will know that a stream waits: %s", error, extra={"aggregateId": aggregate_id})


def _accept(accept: Mapping[str, Any]) -> dict[str, Any]:
    """Close a conflict by a person's word. It stays kept, with the word."""
    why = str(accept.get("why") or "")
    if not why:
        raise MalformedError("why", "is required: what becomes of it")
    try:
        conflict = _reconciler.accept(*_meant(accept), why, str(accept.get("by") or ""))
    except (NotForAPersonError, NotHomeError) as error:
        return _refused(error)
    log.info("accepted", extra=conflict.describe())
    return {"accepted": conflict.describe()}


def _retry(retry: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Have a conflict decided once more because a person asks for it, at once."""
    aggregate_id, own_hash = _meant(retry)
    try:
        _reconciler.retry(aggregate_id, own_hash, str(retry.get("by") or ""))
    except (NotForAPersonError, NotHomeError) as error:
        return _refused(error)
    _settled(aggregate_id, context)
    found = next(each for each in _conflicts.of(aggregate_id) if each.event.hash == own_hash)
    log.info("retried", extra=found.describe())
    return {"retried": found.describe()}


def _meant(request: Mapping[str, Any]) -> tuple[str, str]:
    return str(request.get("aggregateId")), str(request.get("hash"))


def _refused(error: NotForAPersonError | NotHomeError) -> dict[str, Any]:
    if isinstance(error, NotHomeError):
        return {"refused": {"code": error.code, "message": error.message, "region": error.region}}
    return {"refused": {"code": "NotForAPerson", "message": str(error)}}
