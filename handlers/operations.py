"""Entry point for operators: how the pipeline is, what lies in the dead letter queues, whether a copy is true, how far
replays are and whether they go on, and what other rules would have decided on a branch.

Over the HTTP API alone, for callers with the scope to operate. Nothing here may write to the event store, to rows or to
branches.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any

from .answers import Query, SecondsLeft, answered, kind_in, members_of, no_aggregate, refuse
from .domain import KINDS, PROCESS
from .http_api.serving import serving
from .regional import wired_standings
from .runtime import Context, log, seconds_left
from .settings import ENVIRONMENT, flag, number, optional, setting
from .sourcing import times
from .sourcing.errors import MalformedError, OutOfTimeError, Violation
from .sourcing.fields import check_identifier, identifier, whole
from .sourcing.kinds import Kind
from .sourcing.values import Value, dumps, loads
from .store import clients, tokens
from .store.branches import Branches
from .store.conflict_queue import ConflictQueue
from .store.conflicts import Conflicts
from .store.due_index import DueIndex
from .store.event_bus import EventBus
from .store.event_store import EventStore
from .store.read_model import ReadModel
from .store.replays import Replays, State
from .store.type_index import TypeIndex
from .upkeep.branch_answers import BranchAnswers
from .upkeep.health import Lags, depth, due, seconds_between
from .upkeep.letters.between import Between
from .upkeep.letters.diagnosis import Case, Cause, Diagnosis, Remedy
from .upkeep.letters.groups import Sort, diagnosed, grouped
from .upkeep.letters.queues import Holding, held
from .upkeep.letters.sending import Sender
from .upkeep.replay_answers import ReplayAnswers
from .upkeep.replays import Runs
from .upkeep.verification.examination import Begun, Examiner, Stretch

LETTERS = 100
"""Of a queue that one call looks at, where it says no other number."""
MOST_LETTERS = 500
EVENTS = 5_000
"""Of a stream that one call goes through, and the rest of its last page."""
HIDDEN_SECONDS = 60
"""How long letters stay hidden where the function is killed, which always ends before, and those that a redrive looked
at and left where there are more."""
_RECEIVING, _LOOKING, _SENDING, _READING = 0.6, 0.45, 0.3, 0.4
"""With a smaller part of the time left no more letters are received, none is looked at, nothing more is sent, and no
further page of events is read."""
_GRACE = timedelta(seconds=60)
_MOST_TOKEN = 5_000
"""Characters of a nextToken, of which the API makes a third more: behind a distribution a URL may have 8 KB."""
_MOST_UNPACKED = 250_000
_PROBLEMS = 10


def _told(queue: str, variable: str) -> dict[str, str]:
    """A queue that only a ledger in two Regions has."""
    url = optional(variable)
    return {queue: url} if url else {}


def _wired_between() -> Between | None:
    standings = wired_standings(_dynamodb)
    if standings is None:
        return None
    conflicts = Conflicts(_dynamodb, setting("CONFLICTS_TABLE"))
    return Between(ConflictQueue(_sqs, setting("CONFLICT_QUEUE_URL")), conflicts, standings.now)


_buckets = number("TYPE_BUCKETS")
_dynamodb = clients.dynamodb(_buckets)
_sqs = clients.sqs()
_bus = EventBus(clients.eventbridge(), setting("EVENT_BUS_NAME"))
_store = EventStore(_dynamodb, setting("EVENT_STORE_TABLE"))
_read_model = ReadModel(_dynamodb, setting("READ_MODEL_TABLE"))
_types = TypeIndex(_dynamodb, setting("EVENT_STORE_TABLE"), _buckets) if flag("TYPE_INDEX") else None
_due = DueIndex(_dynamodb, setting("READ_MODEL_TABLE"))
_projections = KINDS.projections(ENVIRONMENT)
_ROW_KINDS: Mapping[str | None, Kind[Any]] = {each.name: each.kind for each in _projections}
_WORK_QUEUES: Mapping[str, str] = MappingProxyType(
    {
        "projection": setting("PROJECTION_QUEUE_URL"),
        "process": setting("PROCESS_QUEUE_URL"),
        "replay": setting("REPLAY_QUEUE_URL"),
        **_told("conflict", "CONFLICT_QUEUE_URL"),
    }
)
_between = _wired_between()
_DEAD_LETTERS: Mapping[str, str] = MappingProxyType(
    {
        "projection": setting("PROJECTION_DEAD_LETTERS_URL"),
        "process": setting("PROCESS_DEAD_LETTERS_URL"),
        "replay": setting("REPLAY_DEAD_LETTERS_URL"),
        "delivery": setting("DELIVERY_DEAD_LETTERS_URL"),
        "invocation": setting("DEAD_LETTER_QUEUE_URL"),
        **_told("conflict", "CONFLICT_DEAD_LETTERS_URL"),
    }
)
_TO_QUEUES: Mapping[Remedy, str] = MappingProxyType(
    {
        Remedy.PROJECT: _WORK_QUEUES["projection"],
        Remedy.POKE: _WORK_QUEUES["process"],
        Remedy.REPLAY: _WORK_QUEUES["replay"],
        **({Remedy.SETTLE: _WORK_QUEUES["conflict"]} if _between else {}),
    }
)
_runs = Replays(_dynamodb, setting("REPLAYS_TABLE"))
_diagnosis = Diagnosis(
    settings=ENVIRONMENT,
    store=_store,
    bus=_bus,
    read_model=_read_model,
    streams=clients.streams(),
    rule_arn=setting("PROJECTION_RULE_ARN"),
    queue_arn=setting("PROJECTION_QUEUE_ARN"),
    process_queue_arn=setting("PROCESS_QUEUE_ARN"),
    store_table=setting("EVENT_STORE_TABLE"),
    functions=frozenset(setting("FUNCTIONS").split(",")),
    command_function=setting("COMMAND_FUNCTION"),
    replays=_runs,
    between=_between,
)

_replays = ReplayAnswers(Runs(_runs, _sqs, _WORK_QUEUES["replay"]), setting("EVENT_STORE_TABLE"))
_branches = BranchAnswers(Branches(_dynamodb, setting("BRANCHES_TABLE")))


def _now() -> datetime:
    return datetime.now(UTC)


_examiner = Examiner(
    client=_dynamodb,
    store_table=setting("EVENT_STORE_TABLE"),
    rows_table=setting("READ_MODEL_TABLE"),
    projections=_projections,
    type_buckets=_buckets,
    grace=_GRACE,
    now=_now,
)


def _get_pipeline_health(_: Mapping[str, Any], __: SecondsLeft) -> Value:
    """How many messages wait, how many letters lie, how far the projections are behind, and which processes are due.

    A request for each queue, of which there are eight, or ten with two Regions; a Query for each bucket of the due
    index; and what `Lags.of` takes, nothing where the ledger keeps no index by type.
    """
    now = times.to_text(_now())
    with ThreadPoolExecutor(len(_WORK_QUEUES) + len(_DEAD_LETTERS)) as pool:
        asked = [*_WORK_QUEUES.values(), *_DEAD_LETTERS.values()]
        depths = dict(zip(asked, pool.map(partial(depth, _sqs), asked), strict=True))
    processes = due(_due, PROCESS.buckets, now)
    return {
        "at": now,
        "queues": [
            {"queue": name, **depths[url], "deadLetters": _letters_in(depths[_DEAD_LETTERS[name]])}
            for name, url in _WORK_QUEUES.items()
        ],
        "deadLetters": [{"queue": name, "letters": _letters_in(depths[url])} for name, url in _DEAD_LETTERS.items()],
        "projections": Lags(_types, _read_model, _projections).of(now) if _types else None,
        "processes": {
            "kind": PROCESS.kind,
            "underWay": processes.under_way,
            "overdue": processes.overdue,
            "overdueSince": processes.since,
            "secondsOverdue": seconds_between(processes.since, now) if processes.since else 0,
            "complete": processes.whole,
        },
    }


def _get_dead_letters(request: Mapping[str, Any], left: SecondsLeft) -> Value:
    """`{queue?, limit?}`: what lies in the dead letter queues, or in one, by what went wrong.

    At most so many letters of each queue, 100 where nobody says; a receive for ten of them, and for each what
    `Diagnosis.of` takes. They are hidden from others meanwhile, and each is counted as received once more.
    """
    queues = [_queue(request)] if request.get("queue") is not None else list(_DEAD_LETTERS)
    limit = whole(request, "limit", 1, MOST_LETTERS, default=LETTERS) or 0
    at_first = left()
    with _holding(queues, limit, left) as holdings:
        cases = list(diagnosed(_diagnosis, holdings, lambda: left() > _LOOKING * at_first))
        seen = [_seen(holding, cases) for holding in holdings]
    return {"groups": grouped(cases), "queues": seen, "complete": all(each["complete"] for each in seen)}


def _redrive_dead_letters(request: Mapping[str, Any], left: SecondsLeft) -> Value:
    """`{queue, cause?, limit?}`: send letters of a queue to where they were going, then delete them.

    At most so many are looked at. Sent first, deleted after: whoever repeats it sends a letter twice at the worst, and
    whoever takes them is idempotent. Those stay that would only come back, and those that take an operator's command.
    Where there are more than were looked at, those that stay are not put back: hidden for the rest of their time, they
    do not stand in the way of the others when somebody asks again.
    """
    queue, cause, at_first = _queue(request), _cause(request), left()
    limit = whole(request, "limit", 1, MOST_LETTERS, default=LETTERS) or 0
    with _holding([queue], limit, left) as holdings:
        cases = list(diagnosed(_diagnosis, holdings, lambda: left() > _LOOKING * at_first))
        seen = _seen(holdings[0], cases)
        meant = [case for case in cases if cause is None or case.cause is cause]
        chosen = [case for case in meant if Sort.of(case).is_sent_on]
        sender = Sender(
            sqs=_sqs,
            bus=_bus,
            queues=_TO_QUEUES,
            holdings={queue: holdings[0]},
            between=_between,
        )
        results = []
        for result in sender.send(chosen):
            results.append(result)
            if left() < _SENDING * at_first:
                break
        if seen["left"]:
            holdings[0].leave_hidden(case.letter for case in cases if case not in chosen)
    moved = sum(result.moved for result in results)
    problems = [
        {"messageId": each.case.letter.message_id, "problem": each.problem} for each in results if not each.moved
    ]
    log.info("redriven", extra={"queue": queue, "cause": cause, "moved": moved, "failed": len(problems)})
    return {
        "queue": queue,
        "cause": cause and cause.value,
        "moved": moved,
        "failed": len(problems),
        "problems": problems[:_PROBLEMS],
        "skipped": len(meant) - len(chosen),
        "complete": seen["complete"] and len(results) == len(chosen),
    }


def _verify_aggregate(request: Mapping[str, Any], left: SecondsLeft) -> Value:
    """`{aggregateId, kind?, nextToken?}`: whether a stream is one chain, and whether its rows are what its events make.

    About 5,000 events a call; what `Examiner.begin` takes the first time, and `Examiner.go_on`. 404 where there is
    neither an event nor a row, or where it is of another kind than `kind`; one of which nothing tells the kind is
    answered. Only where a later stretch begins with an event of another kind, that takes a further Query.
    """
    kind = kind_in(request)
    aggregate_id, at_first = identifier(request, "aggregateId"), left()
    subject = ["verifyAggregate", aggregate_id]
    begun = tokens.decode(request.get("nextToken"), subject, _unpacked)
    is_first = begun is None
    begun = begun or _examiner.begin(aggregate_id)
    try:
        done = _examiner.go_on(aggregate_id, begun, lambda seen: seen < EVENTS and left() > _READING * at_first)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        if is_first:
            raise
        raise MalformedError("nextToken", "is not a token that was given out") from None
    findings = [finding for finding in done.findings if kind is None or _ROW_KINDS.get(finding.row, kind) is kind]
    if (begun.end is None and not findings) or not _is_of(kind, aggregate_id, done, is_first=is_first):
        raise no_aggregate(aggregate_id)
    answer = {
        "aggregateId": aggregate_id,
        "kind": done.kind,
        "asOf": begun.at,
        "fromSequence": done.first,
        "upToSequence": done.last,
        "inFlight": done.in_flight,
        "findings": [finding.describe() for finding in findings],
        "complete": done.begun is None,
    }
    return answer if done.begun is None else {**answer, "nextToken": _token(subject, done.begun)}


def _is_of(kind: Kind[Any] | None, aggregate_id: str, done: Stretch, *, is_first: bool) -> bool:
    """Whether an aggregate is of that kind, or nothing tells its kind. A token is not believed: anybody can make it."""
    if kind is None or {done.kind, done.told} <= {None, kind.name}:
        return True
    if is_first:
        return False
    told = KINDS.of_events(_store.read(aggregate_id, limit=1, unreadable=lambda _: None))
    return told is None or told is kind


def _token(subject: Value, begun: Begun) -> str:
    advice = "an operator's `verify --aggregate` reads it in one go"
    try:
        packed = zlib.compress(dumps(list(begun)).encode())
    except (ArithmeticError, TypeError, ValueError) as error:
        raise OutOfTimeError(f"a row cannot be written into a token ({error!r}); {advice}") from error
    token = tokens.encode(subject, base64.b85encode(packed).decode())
    if len(token) > _MOST_TOKEN:
        raise OutOfTimeError(f"its rows are too large for a token, and its stream for one call; {advice}")
    return token


def _unpacked(place: Value) -> Begun:
    """Raises as a conversion does where it was never packed."""
    unpacking = zlib.decompressobj()
    try:
        text = unpacking.decompress(base64.b85decode(place), _MOST_UNPACKED)
    except zlib.error as error:
        raise ValueError("not packed") from error
    return Begun.of(loads(text, "nextToken"))


@contextmanager
def _holding(queues: Sequence[str], limit: int, left: SecondsLeft) -> Iterator[list[Holding]]:
    """Letters of some queues, received side by side; shown to everyone again in the end."""

    at_first = left()

    def enough() -> bool:
        return left() < _RECEIVING * at_first

    def letters_of(name: str) -> AbstractContextManager[Holding]:
        return held(_sqs, _DEAD_LETTERS[name], name, enough=enough, most=limit, hidden_for=HIDDEN_SECONDS)

    with ExitStack() as stack, ThreadPoolExecutor(len(queues)) as pool:
        entered = [letters_of(name) for name in queues]
        yield list(pool.map(stack.enter_context, entered))


def _seen(holding: Holding, cases: Sequence[Case]) -> dict[str, Value]:
    """What was seen of a queue: `left` is about how many letters were not looked at, `hidden` how many others held."""
    looked_at = sum(case.letter.queue == holding.queue for case in cases)
    left = holding.left + len(holding.letters) - looked_at
    return {
        "queue": holding.queue,
        "lookedAt": looked_at,
        "left": left,
        "hidden": holding.hidden,
        "complete": not left and not holding.hidden,
    }


def _letters_in(depths: Mapping[str, int]) -> int:
    return sum(depths.values())


def _queue(request: Mapping[str, Any]) -> str:
    queue = identifier(request, "queue")
    if queue not in _DEAD_LETTERS:
        raise MalformedError("queue", f"must be one of {', '.join(_DEAD_LETTERS)}")
    return queue


def _cause(request: Mapping[str, Any]) -> Cause | None:
    if request.get("cause") is None:
        return None
    given = check_identifier(request["cause"], "cause")
    try:
        return Cause(given)
    except ValueError:
        raise MalformedError("cause", f"must be one of {', '.join(Cause)}") from None


_QUERIES: Mapping[str, Query] = MappingProxyType(
    {
        "getPipelineHealth": Query(_get_pipeline_health, ()),
        "getDeadLetters": Query(_get_dead_letters, ("queue", "limit")),
        "redriveDeadLetters": Query(_redrive_dead_letters, ("queue", "cause", "limit")),
        "verifyAggregate": Query(_verify_aggregate, ("aggregateId", "kind", "nextToken")),
        "getReplays": Query(_replays.every, ("limit", "nextToken")),
        "getReplay": Query(_replays.one, ("replayId",)),
        "pauseReplay": Query(partial(_replays.changed, State.PAUSED), ("replayId",)),
        "resumeReplay": Query(partial(_replays.changed, State.RUNNING), ("replayId",)),
        "cancelReplay": Query(partial(_replays.changed, State.CANCELLED), ("replayId",)),
        "getBranches": Query(_branches.every, ("limit", "nextToken")),
        "getBranch": Query(_branches.one, ("branch", "limit", "nextToken")),
        "getBranchDiff": Query(_branches.diff, ("branch", "limit", "nextToken")),
        "getBranchDecisions": Query(_branches.decisions, ("branch", "aggregateId", "limit", "nextToken")),
    }
)


@serving("operations", members_of(_QUERIES))
def lambda_handler(request: Mapping[str, Any], misplaced: Sequence[Violation], context: Context) -> Value:
    """`{queryType, ...}` to the answer of that type."""
    refuse(misplaced)
    return answered(_QUERIES, request, seconds_left(context))
