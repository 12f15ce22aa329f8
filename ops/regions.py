"""Two Regions as an operator moves the deciding from one to the other.

Where both can be reached, nothing is lost: the one is fenced, everybody who may still write there is waited for, and
the other one is opened once it has all events. Where the one cannot be reached, or its events do not come, the operator
says that the loss is accepted. It is none for good: what has not come comes later, and is settled then.
"""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from handlers.sourcing.errors import NotAnEventError, NotHomeError
from handlers.sourcing.event import Event, Stamp
from handlers.sourcing.oversight import Flaw
from handlers.sourcing.standing import Mode, Role, Standing, common_epoch, own_epoch
from handlers.store.conflict_queue import ConflictQueue
from handlers.store.conflicts import Conflict, Conflicts, Status, place_of
from handlers.store.items import to_item
from handlers.store.standings import OvertakenError, Standings, fenced
from handlers.store.stored_events import event_of
from handlers.store.waiting import Wait, Waiting, spans
from handlers.upkeep.letters.between import Between
from ops.system import OperatorError, System, UsageError
from ops.timeline import ByTime
from tools.numbers import counted, noun, verb

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_RUNBOOK = "docs/operations.md#streams-that-wait"
_KEYS = 100
"""BatchGetItem's limit."""
_POLL_SECONDS = 1.0
_FAULTS = 500
"""From this status on an answer says nothing but that the Region fails."""

_JUST_THE_HASH = {"ProjectionExpression": "#hash", "ExpressionAttributeNames": {"#hash": "Hash"}}

Told = Callable[[str], None]
"""Hears how far it is."""


class UnreachableError(OperatorError):
    """The Region does not tell what it is asked."""


class RefusedError(UnreachableError):
    """It answers, but does not tell whoever asks."""


@dataclass(frozen=True, slots=True)
class Region:
    """One of the stack's Regions."""

    system: System
    order: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.system.region

    def standings(self) -> Standings:
        """Where it stands; a client that gives up soon."""
        return Standings(self.system.quick("dynamodb"), self.system.output("standingsTable"), self._initial())

    def _initial(self) -> Standing:
        mode = Mode(self.system.output("regionMode"))
        active = self.name == self.order[0] or mode is Mode.HOME
        return Standing(self.name, Role.ACTIVE if active else Role.STANDBY, 1, mode, self.order[0])

    def standing(self) -> Standing:
        """Where it stands now: one GetItem. UnreachableError."""
        with self._answering():
            return self.standings().read()

    def seen(self) -> Seen:
        """What is to be known of it: a GetItem, and a Query a megabyte of the lost events and of the streams that wait.
        UnreachableError, within a quarter of a minute for each."""
        with self._answering():
            client = self.system.quick("dynamodb")
            standing = self.standings().read()
            waiting = Waiting(client, self.system.output("standingsTable"))
            return Seen(standing, len(list(self._conflicts(client).unsettled())), tuple(waiting.every()))

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except BotoCoreError as error:
            raise UnreachableError(f"{self.name} cannot be reached: {error}") from error
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] < _FAULTS:
                raise RefusedError(f"{self.name} refuses to tell: {error}") from error
            raise UnreachableError(f"{self.name} cannot be reached: {error}") from error

    def stand(self, change: Callable[[Standing], Standing]) -> Standing:
        """Change where it stands, as an operator's act; what that is now. OperatorError where somebody else does so at
        the same time."""
        standings = self.standings()
        seen = standings.read()
        new = replace(change(seen), acts=seen.acts + 1)
        try:
            standings.change(seen, new)
        except OvertakenError as error:
            raise OperatorError(f"somebody else changed the standing of {self.name} at the same time") from error
        return new

    def unsettled(self) -> list[Conflict]:
        """What was lost and is neither in its stream again nor closed, as persons' words have it, which the index does
        not know: a Query or more of that, and one a megabyte of each stream's conflicts."""
        conflicts = self._conflicts(self.system.client("dynamodb"))
        streams = dict.fromkeys(each.event.aggregate_id for each in conflicts.unsettled())
        return [each for aggregate_id in streams for each in conflicts.of(aggregate_id) if each.is_unsettled]

    def first_of(self, aggregate_id: str) -> Event | None:
        """The event that stands first under an id; None where none can be read: a GetItem, strongly consistent."""
        key = to_item({"AggregateId": aggregate_id, "EventSequence": 1})
        table = self.system.output("eventStoreTable")
        answer = self.system.client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True)
        try:
            return event_of(answer["Item"]) if "Item" in answer else None
        except NotAnEventError:
            return None

    def conflicts_of(self, aggregate_id: str) -> list[Conflict]:
        """All that was ever lost of a stream: a Query a megabyte of the conflicts."""
        return self._conflicts(self.system.client("dynamodb")).of(aggregate_id)

    def _conflicts(self, client: DynamoDBClient) -> Conflicts:
        return Conflicts(client, self.system.output("conflictsTable"))

    def lacks(self, events: Sequence[Event]) -> list[Event]:
        """Those of these events that this Region neither has nor keeps among the conflicts: a BatchGetItem for each
        hundred, strongly consistent, and a Query of the conflicts for each aggregate of which one is not there."""
        client, table = self.system.client("dynamodb"), self.system.output("eventStoreTable")
        missing: list[Event] = []
        rest = iter(events)
        while some := list(islice(rest, _KEYS)):
            found: set[str] = set()
            wanted = [to_item({"AggregateId": each.aggregate_id, "EventSequence": each.sequence}) for each in some]
            while wanted:
                request = {"Keys": wanted, "ConsistentRead": True, **_JUST_THE_HASH}
                answer = client.batch_get_item(RequestItems={table: request})
                found |= {item["Hash"]["S"] for item in answer["Responses"].get(table, []) if "Hash" in item}
                wanted = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
            missing += [each for each in some if each.hash not in found]
        conflicts = self._conflicts(client)
        lost = {
            conflict.event.hash
            for aggregate_id in dict.fromkeys(each.aggregate_id for each in missing)
            for conflict in conflicts.of(aggregate_id)
        }
        return [each for each in missing if each.hash not in lost]

    def wake(self) -> None:
        """Have it look at once for what is due, and tell the other Region its epoch: two asynchronous invocations."""
        for output in ("sweepFunction", "reconcileFunction"):
            function = self.system.output(output)
            self.system.client("lambda").invoke(FunctionName=function, InvocationType="Event", Payload=b"{}")

    def reconcile(self, request: dict[str, Any]) -> dict[str, Any]:
        """Call the function: one invocation, waited for. OperatorError where it fails."""
        answer = self.system.client("lambda").invoke(
            FunctionName=self.system.output("reconcileFunction"), Payload=json.dumps(request).encode()
        )
        told: Any = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise OperatorError(f"reconcile failed in {self.name}: {told.get('errorMessage', told)}")
        done: dict[str, Any] = told
        return done


class Seen(NamedTuple):
    """What a Region told of itself: where it stands, how many lost events are open, which streams wait."""

    standing: Standing
    open: int
    waiting: tuple[Wait, ...]

    def describe(self) -> dict[str, Any]:
        """It as JSON."""
        standing = self.standing
        return {
            "role": standing.role.value,
            "epoch": standing.epoch,
            "mode": standing.mode.value,
            "decides": standing.decides,
            "covers": sorted(standing.covers),
            "openConflicts": self.open,
            "waiting": [wait.describe() for wait in self.waiting],
        }


def together(kept: Iterable[Iterable[Conflict]]) -> list[Conflict]:
    """What Regions keep of one stream, each lost event once: as the latest of them has it, with the words of all."""
    found: dict[str, list[Conflict]] = {}
    for conflict in chain.from_iterable(kept):
        found.setdefault(place_of(conflict.event), []).append(conflict)
    return [_as_one(found[place]) for place in sorted(found)]


def _as_one(same: Sequence[Conflict]) -> Conflict:
    said = {(word.since, word.by, word.why): word for each in same for word in each.said}
    latest = max(same, key=lambda each: each.since or each.kept_at)
    return latest.heeding(tuple(said[key] for key in sorted(said)))


def seen_in(regions: Mapping[str, Region]) -> dict[str, Seen | UnreachableError]:
    """What each Region tells, or why it does not; side by side, so that nobody waits for two that do not answer."""

    def look(region: Region) -> Seen | UnreachableError:
        try:
            return region.seen()
        except UnreachableError as error:
            return error

    for region in regions.values():  # no two threads may make a client
        region.system.quick("dynamodb")
    with ThreadPoolExecutor(len(regions)) as pool:
        return dict(zip(regions, pool.map(look, regions.values()), strict=True))


def disagreement(seen: Mapping[str, Seen | UnreachableError]) -> str:
    """What is wrong with who decides, in words; empty where nothing is, as far as the Regions answer."""
    told = {name: each.standing for name, each in seen.items() if isinstance(each, Seen)}
    active = {name: standing for name, standing in told.items() if standing.is_active}
    at_home = {standing.mode for standing in told.values()} == {Mode.HOME}
    if len(active) > 1 and not (at_home and _are_in_step(active.values())):
        return f"{' and '.join(active)} both decide: the one of the higher epoch stands; demote the other one"
    if len(seen) == 1 or len(told) < len(seen):
        return ""
    if not active:
        return "nobody decides: promote one by `python -m ops region promote`"
    left = [name for name in told if name not in active and not any(name in each.covers for each in active.values())]
    if at_home and left:
        return f"nobody decides what is at home in {' and '.join(left)}: `region share`, or promote the other one"
    return ""


def _are_in_step(standings: Iterable[Standing]) -> bool:
    """Whether Regions that decide side by side leave each other what is at home there."""
    return len({(standing.epoch, standing.covers) for standing in standings}) == 1


@dataclass(frozen=True, slots=True)
class Promoted:
    """What became of it: the standing, and the events of the other Region that had not come."""

    standing: Standing
    was_reached: bool
    missing: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """Moves the deciding to `to`, from `source`. `pause` waits, `events` finds the source's events since a time."""

    to: Region
    source: Region
    fence_seconds: int
    told: Told
    events: Callable[[System], ByTime]
    pause: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.monotonic

    def promote(
        self, since: datetime, until: Callable[[], datetime], *, accept_loss: bool, wait_seconds: float, above: int = 0
    ) -> Promoted:
        """Fence the source, wait until all that it decided has come, and open the other one in a higher epoch.

        It is higher than `above`, too: events may tell of one that no Region knows any more. OperatorError where the
        source cannot be reached, or its events do not come in time, and that is not accepted: then nobody decides who
        was fenced, and it can be gone on from by the same command. Or where somebody else acted on either Region since
        this began: then it opens nobody.
        """
        here = self.to.standing()
        known, reached = max(here.known, above), True
        before = {self.to.name: here.acts}
        try:
            there = self.source.standing()
        except UnreachableError as error:
            if not accept_loss:
                raise OperatorError(
                    f"{error}; what it decided and has not sent cannot be listed. It may still decide: say "
                    "--accept-loss to promote all the same"
                ) from error
            self.told(str(error))
            reached = False
        missing: tuple[Event, ...] = ()
        if reached:
            known = max(known, there.known)
            epoch = own_epoch(known, self.to.name, self.to.order)
            stands = self.source.stand(
                lambda seen: fenced(seen, self.to.name, epoch) if seen.is_active else _told(seen, epoch)
            )
            before[self.source.name] = stands.acts
            if there.is_active:
                self.told(f"{self.source.name} is fenced")
            self._wait_for_the_fence()
            missing = self._wait_for_events(since, until, 0 if accept_loss else wait_seconds)
            if missing and not accept_loss:
                raise OperatorError(
                    f"{_not_come(missing, self.source.name)} to {self.to.name} in "
                    f"{wait_seconds:g} s, such as {_place(missing[0])}. {self.source.name} stays fenced, and nobody "
                    "decides: say it again, or with --accept-loss, or promote the other one"
                )
        epoch = own_epoch(known, self.to.name, self.to.order)
        covers = frozenset({self.source.name}) if here.mode is Mode.HOME else frozenset[str]()
        opened = self._open(self.to, epoch, before, covers)
        self.told(f"{self.to.name} decides, in epoch {epoch}")
        self.to.wake()
        return Promoted(opened, reached, missing)

    def share(self, since: datetime, until: Callable[[], datetime], wait_seconds: float) -> Promoted:
        """Have both decide what is at home with them, in a common epoch: behind a failover, in the mode home.

        `to` is the one that decides for both until then. OperatorError as for `promote`.
        """
        here, there = self.to.standing(), self.source.standing()
        if here.mode is not Mode.HOME:
            raise OperatorError("with the mode standby one Region decides: promote it")
        before = {self.source.name: there.acts, self.to.name: here.acts}
        epoch = common_epoch(max(here.known, there.known), self.to.order)
        if here.covers or here.epoch != epoch:
            self._require_untouched(self.to, here.acts)
            before[self.to.name] = self.to.stand(lambda seen: replace(seen, epoch=epoch, covers=frozenset())).acts
            self.told(f"{self.to.name} decides what is at home there, in epoch {epoch}")
        back = Change(self.source, self.to, self.fence_seconds, self.told, self.events, self.pause, self.now)
        self._wait_for_the_fence()
        if missing := back._wait_for_events(since, until, wait_seconds):
            raise OperatorError(
                f"{_not_come(missing, self.to.name)} to {self.source.name}, such as "
                f"{_place(missing[0])}; {self.source.name} decides nothing yet: say it again"
            )
        opened = self._open(self.source, epoch, before, frozenset())
        self.told(f"{self.source.name} decides what is at home there, in epoch {epoch}")
        self.source.wake()
        return Promoted(opened, was_reached=True, missing=())

    def _open(self, which: Region, epoch: int, before: Mapping[str, int], covers: frozenset[str]) -> Standing:
        """Have a Region decide, unless somebody acted on either one behind what was seen there: two GetItems, and a
        PutItem on condition that nobody does in between."""
        for region in (self.to, self.source):
            if region is not which and region.name in before:
                self._require_untouched(region, before[region.name])

        def change(seen: Standing) -> Standing:
            if seen.acts != before[which.name] or seen.known > epoch:
                raise OperatorError(_interfered(which))
            return replace(seen, role=Role.ACTIVE, epoch=epoch, decides=which.name, covers=covers)

        return which.stand(change)

    def _require_untouched(self, region: Region, acts: int) -> None:
        """OperatorError where somebody acted on it. Where it cannot be reached any more, what was done there holds."""
        try:
            seen = region.standing()
        except UnreachableError as error:
            self.told(str(error))
            return
        if seen.acts != acts:
            raise OperatorError(_interfered(region))

    def _wait_for_the_fence(self) -> None:
        """Until nobody can write any more who read before the fence that the Region decides."""
        end = self.now() + self.fence_seconds
        while (left := end - self.now()) > 0:
            self.told(f"waiting {left:.0f} s for what is under way in {self.source.name}")
            self.pause(min(_POLL_SECONDS, left))

    def _wait_for_events(self, since: datetime, until: Callable[[], datetime], seconds: float) -> tuple[Event, ...]:
        """The source's events that have not come, once none is missing or the time is over."""
        end = self.now() + seconds
        missing = self._missing(self._of_source(since, until()))
        while missing and self.now() < end:
            self.told(f"{_not_come(missing, self.source.name)} yet")
            self.pause(_POLL_SECONDS)
            missing = self._missing(missing)
        return tuple(missing)

    def _missing(self, events: Sequence[Event]) -> list[Event]:
        return self.to.lacks(events)

    def _of_source(self, since: datetime, until: datetime) -> list[Event]:
        """The events that the source decided since then, and that this Region lacks; a page of them in memory."""
        found: list[Event] = []
        for batch in self.events(self.source.system).read(since, until):
            found += self.to.lacks([each for each in batch.events if each.stamp.region == self.source.name])
        return found


def regions_of(system: System) -> dict[str, Region]:
    """The Regions of a stack by their names, its own first. OperatorError where there is one.
    UsageError for the stack in its second Region alone."""
    if system.first:
        raise UsageError(f"leave --region out: this is about {system.first} and {system.region} at once")
    systems = system.regions()
    if len(systems) == 1:
        raise OperatorError("the stack has one Region: its setting regions names no second one")
    return {name: Region(each, tuple(systems)) for name, each in systems.items()}


def region_of(system: System) -> Region:
    """The one Region that a command is about."""
    return Region(system, tuple(dict.fromkeys((system.first or system.region, system.region))))


def has_two_regions(system: System) -> bool:
    """Whether a stack has what only one in two Regions has; asked of it in either."""
    return "conflictQueueUrl" in system.outputs


def require_home(system: System, newest: Stamp) -> None:
    """OperatorError unless this Region decides what comes behind an event of this stamp: one GetItem, none of a stack
    in one Region. What another Region decides, it may be deciding just now."""
    if not has_two_regions(system):
        return
    mode = Mode(system.output("regionMode"))
    role = Role.ACTIVE if system.outputs.get("regions") or mode is Mode.HOME else Role.STANDBY
    initial = Standing(system.region, role, 1, mode, first=system.first or system.region)
    try:
        Standings(system.client("dynamodb"), system.output("standingsTable"), initial).read().require_own(newest)
    except NotHomeError as error:
        where = (
            f"--region {error.region}" if error.region else "--region with the one that `region status` calls active"
        )
        raise OperatorError(
            f"{system.region} does not decide this: {error.why}. Put it back where it is decided: {where}"
        ) from error


def between_of(system: System) -> Between | None:
    """What a letter about lost events takes; None of a stack in one Region. No request."""
    if not has_two_regions(system):
        return None
    dynamodb = system.client("dynamodb")
    initial = Standing(system.region, Role.STANDBY, 1)  # of what it says, letters are looked at by the epoch alone
    return Between(
        queue=ConflictQueue(system.client("sqs"), system.output("conflictQueueUrl")),
        conflicts=Conflicts(dynamodb, system.output("conflictsTable")),
        standing=Standings(dynamodb, system.output("standingsTable"), initial).now,
    )


def waits_in(system: System) -> dict[str, Wait]:
    """The streams that wait in this Region, by their aggregates: a Query a megabyte, none of a stack in one Region."""
    if not has_two_regions(system):
        return {}
    waiting = Waiting(system.client("dynamodb"), system.output("standingsTable"))
    return {wait.aggregate_id: wait for wait in waiting.every()}


def awaited(wait: Wait) -> str:
    """What a stream waits for, and what to do where that never comes."""
    if not wait.lacks:
        return f"{_since(wait)} what the other Region makes of it ({_RUNBOOK})"
    give_up = f"python -m ops region reconcile --aggregate {shlex.quote(wait.aggregate_id)} --give-up"
    return (
        f"{_since(wait)} {noun(len(wait.lacks), 'event')} {spans(wait.lacks)}; "
        f"only if the Region that has it is gone for good: {give_up} ({_RUNBOOK})"
    )


def _since(wait: Wait) -> str:
    return f"{wait.aggregate_id} waits since {wait.since[:19]}Z for"


def seen_to_in(system: System) -> Callable[[Flaw], bool]:
    """What tells whether a person has closed a step that stands and does not fit its process: a Query for each of them,
    in a stack in two Regions alone."""
    if not has_two_regions(system):
        return lambda _: False
    region = region_of(system)

    def is_closed(flaw: Flaw) -> bool:
        return flaw.sequence is not None and any(
            each.stands and each.status is Status.CLOSED and each.event.sequence == flaw.sequence
            for each in region.conflicts_of(flaw.aggregate_id)
        )

    return is_closed


def described(events: Sequence[Event]) -> Iterator[dict[str, Any]]:
    """Events that have not come, for an operator."""
    for event in events:
        yield {
            "aggregateId": event.aggregate_id,
            "sequence": event.sequence,
            "eventId": event.event_id,
            "eventType": event.event_type,
            "commandId": event.command_id,
        }


def _interfered(region: Region) -> str:
    return (
        f"somebody else promoted, shared or demoted meanwhile: {region.name} is not as it was. This act opened nobody; "
        "see `region status`, agree who acts, and say it again"
    )


def _told(standing: Standing, epoch: int) -> Standing:
    """A standing that knows of another Region's epoch."""
    return replace(standing, seen=max(standing.seen, epoch))


def _place(event: Event) -> str:
    return f"{event.aggregate_id} #{event.sequence}"


def _not_come(missing: Sized, region: str) -> str:
    return f"{counted(len(missing), 'event')} of {region} {verb(len(missing), 'has', 'have')} not come"
