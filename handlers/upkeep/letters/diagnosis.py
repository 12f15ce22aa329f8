"""Why a letter lies in a dead letter queue, what it is about, and what would help it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from handlers.sourcing.counts import counted
from handlers.sourcing.errors import MalformedError, NotAnEventError
from handlers.sourcing.event import Event
from handlers.sourcing.fields import check_identifier, check_whole
from handlers.sourcing.payload import request_of
from handlers.sourcing.told import Settings
from handlers.sourcing.values import loads
from handlers.store.conflict_queue import told_in
from handlers.store.event_bus import EventBus, delivered_event
from handlers.store.event_store import EventStore
from handlers.store.lost import Lost
from handlers.store.read_model import Key, ReadModel
from handlers.store.replay_work import work_of
from handlers.store.replays import Replays, State
from handlers.store.stored_events import event_of
from handlers.store.streams import kind_of
from handlers.store.unpublishable import Unpublishable, as_ascii

from .between import Between
from .invocation import Invocation, told, undelivered
from .queues import BATCH_BYTES, Letter
from .stretch import Found, Stretch, from_stream

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient


WAITS_FOR_NOTHING = "what it is about waits for nothing any more"
_FURTHEST = 10**12
"""No stream comes to such a place."""


class Remedy(StrEnum):
    """How a letter gets to where it was going."""

    PROJECT = "to the projection queue"
    POKE = "to the process queue"
    REPLAY = "to the replay queue"
    SETTLE = "to the conflict queue"
    LOG = "to the audit log"
    FILES = "to the audit files"
    PUBLISH = "publish its events again"
    SEARCH = "publish what the store has of its time; the letter stays without --force"
    INVOKE = "invoke the function again"
    CALL = "invoke the function once, for all letters of its schedule"
    LATER = "none yet: look again"
    NONE = "none known"


class Cause(StrEnum):
    """Why a letter lies there, without what tells it from others of its sort."""

    NO_EVENT = "no-event"
    """It holds nothing that is an event, or a record of an invocation."""
    CONTRADICTED = "not-in-the-store"
    """The store has no such event, or none that can be read."""
    PROJECTED = "projected-meanwhile"
    NOT_PROJECTED = "not-projected"
    DAMAGED_ROW = "damaged-row"
    NOT_CARRIED_ON = "not-carried-on"
    NOT_DELIVERED = "not-delivered"
    FOREIGN_TARGET = "foreign-target"
    """It was for somebody that is not of this stack."""
    UNPUBLISHABLE = "unpublishable"
    """The bus would not take the event for what it is."""
    NOT_RELAYED = "not-relayed"
    """The relay gave up a part of the stream, or the snapshots' function did."""
    STREAM_FORGOTTEN = "stream-forgotten"
    """So it did, and the stream has it no more."""
    INVOCATION = "invocation-failed"
    NOT_SETTLED = "not-settled"
    """A stream that two Regions wrote was not put together."""
    NOT_KEPT = "not-kept"
    """It holds an event that was acknowledged and lost, and is not among the conflicts: perhaps all that is left."""
    NOT_CALLED = "not-called"
    """A schedule could not call its function."""
    UNTOLD = "untold"
    """AWS would not tell enough of it."""


class Place(NamedTuple):
    """An event's place; the sequence is None where only the aggregate is known."""

    aggregate_id: str
    sequence: int | None


@dataclass(frozen=True, slots=True)
class Case:
    """A letter with its diagnosis. `hopeless`: sent again, it would only come back."""

    letter: Letter
    cause: Cause
    reason: str
    remedy: Remedy
    hopeless: bool = False
    places: tuple[Place, ...] = ()
    stretch: Stretch | None = None
    events: tuple[Event, ...] | None = None
    """Those to publish; None where a stream has forgotten them."""
    message: str | None = None
    """What is sent to a queue in the letter's place; None is the letter itself."""
    invocation: Invocation | None = None
    lost: tuple[Lost, ...] = ()
    """Events that others have taken the places of, to be handed to `reconcile` before anything is published."""
    unsettled: tuple[tuple[str, int], ...] = ()
    """Aggregates whose streams are to be looked at, too."""

    @property
    def order(self) -> tuple[str, int]:
        """By aggregate and sequence."""
        first = min(self.places, default=Place("", None), key=lambda place: (place.aggregate_id, place.sequence or 0))
        return first.aggregate_id, first.sequence or 0

    def concerns(self, aggregate_id: str) -> bool:
        """Whether it is known to be about that aggregate."""
        return any(place.aggregate_id == aggregate_id for place in self.places)

    def describe(self) -> dict[str, Any]:
        """The case as JSON."""
        return {
            "queue": self.letter.queue,
            "messageId": self.letter.message_id,
            "since": self.letter.since.isoformat(timespec="milliseconds"),
            "receives": self.letter.receives,
            "cause": self.cause.value,
            "reason": self.reason,
            "remedy": self.remedy.value,
            "hopeless": self.hopeless,
            "events": [{"aggregateId": place.aggregate_id, "sequence": place.sequence} for place in self.places],
        }


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Looks at letters, and into the store, the read model and the stream for what they are about."""

    settings: Settings
    """Of the projection."""
    store: EventStore
    bus: EventBus
    read_model: ReadModel
    streams: DynamoDBStreamsClient
    rule_arn: str
    """Of the rule that feeds the projections."""
    queue_arn: str
    """Of the projection queue."""
    process_queue_arn: str
    store_table: str
    functions: Collection[str]
    """The names of the stack's functions."""
    command_function: str
    replays: Replays | None = None
    """None for whoever does not look at letters of replays."""
    between: Between | None = None
    """None where the ledger is in one Region."""
    waits: Callable[[Event], bool] = lambda _: True
    """Whether the process that an event belongs to waits for anything."""

    def of(self, letter: Letter) -> Case:
        """One letter's case: up to a Query and a BatchGetItem, or the reading of a stretch of the stream.

        A letter that cannot be read, and one about which AWS does not answer, is a case like any other.
        """
        examine: Mapping[str, Callable[[Letter], Case]] = {
            "projection": self._unprojected,
            "process": self._not_carried_on,
            "replay": self._not_replayed,
            "delivery": self._undelivered,
            "invocation": self._given_up,
            "conflict": self._not_settled,
        }
        try:
            return examine[letter.queue](letter)
        except ParamValidationError as error:
            return Case(letter, Cause.UNTOLD, f"AWS cannot be asked about it: {error}", Remedy.NONE, hopeless=True)
        except (BotoCoreError, ClientError) as error:
            return Case(letter, Cause.UNTOLD, f"AWS would not tell: {error}", Remedy.LATER)

    def _unprojected(self, letter: Letter) -> Case:
        """What the projection failed on."""
        try:
            event = delivered_event(letter.body)
        except MalformedError as error:
            where = _claimed(letter.body)
            reason = f"no event: {error.message}"
            return Case(letter, Cause.NO_EVENT, reason, Remedy.PROJECT, hopeless=True, places=where)
        wrong = self._contradiction(event)
        cause, reason = (Cause.CONTRADICTED, wrong) if wrong else self._progress(event)
        return Case(letter, cause, reason, Remedy.PROJECT, hopeless=wrong is not None, places=_places([event]))

    def _not_carried_on(self, letter: Letter) -> Case:
        """What process failed on. Sent again or not, the sweep goes on trying what it is about."""
        try:
            event = delivered_event(letter.body)
        except MalformedError as error:
            where = _claimed(letter.body)
            return Case(letter, Cause.NO_EVENT, f"no event: {error.message}", Remedy.POKE, hopeless=True, places=where)
        wrong = self._contradiction(event)
        if wrong is None and not self.waits(event):
            return Case(letter, Cause.NOT_CARRIED_ON, WAITS_FOR_NOTHING, Remedy.POKE, places=_places([event]))
        reason = wrong or "not carried on: process's log says why; the sweep tries again all the same"
        cause = Cause.CONTRADICTED if wrong else Cause.NOT_CARRIED_ON
        return Case(letter, cause, reason, Remedy.POKE, hopeless=wrong is not None, places=_places([event]))

    def _not_replayed(self, letter: Letter) -> Case:
        """A segment that replayer failed on. `replay resume` sends another message for it just as well."""
        try:
            work = work_of(letter.body)
        except MalformedError as error:
            reason = f"no segment of a replay: {error.message}"
            return Case(letter, Cause.NO_EVENT, reason, Remedy.REPLAY, hopeless=True)
        run = self.replays.read(work.replay_id) if self.replays else None
        segment = run.segments.get(work.segment) if run else None
        which = f"segment {work.segment} of the replay {work.replay_id}"
        if run is None or segment is None:
            return Case(letter, Cause.CONTRADICTED, f"{which}: there is none", Remedy.REPLAY, hopeless=True)
        if segment.done or run.head.state is not State.RUNNING:
            how = "done" if segment.done else str(run.head.state)
            reason = f"{which}, which is {how}: nothing is to be done"
            return Case(letter, Cause.NOT_CARRIED_ON, reason, Remedy.REPLAY, hopeless=True)
        reason = f"{which}: replayer's log says why; it goes on where it stopped"
        return Case(letter, Cause.NOT_CARRIED_ON, reason, Remedy.REPLAY)

    def _not_settled(self, letter: Letter) -> Case:
        """What `reconcile` failed on: a lost event, or a stream to be put together."""
        try:
            aggregate_id, item, removed, _ = told_in(letter.body)
            event = None if item is None else event_of(item)
        except (MalformedError, NotAnEventError) as error:
            reason = f"neither a stream nor a lost event: {error.message}"
            return Case(letter, Cause.NO_EVENT, reason, Remedy.SETTLE, hopeless=True)
        if event is None:
            reason = "its stream is no chain, or was none: reconcile's log says what it waits for"
            place = Place(aggregate_id, None)
            return Case(letter, Cause.NOT_SETTLED, reason, Remedy.SETTLE, places=(place,))
        which = f"event {event.sequence}, which {'was removed' if removed else 'another one replaced'}"
        kept = self.between.kept(event) if self.between else None
        if kept is None:
            reason = f"{which}: it is not among the conflicts, so this letter may be all that is left of it"
            return Case(letter, Cause.NOT_KEPT, reason, Remedy.SETTLE, places=_places([event]))
        reason = f"{which}: it is among the conflicts, {kept.describe()['status']}; reconcile's log says why"
        return Case(letter, Cause.NOT_SETTLED, reason, Remedy.SETTLE, places=_places([event]))

    def _undelivered(self, letter: Letter) -> Case:
        """What a rule could not hand to its target; EventBridge says why in the message's attributes."""
        told = letter.attributes
        target = told.get("TARGET_ARN", "")
        reason = undelivered(told)
        try:
            event: Event | None = delivered_event(letter.body)
        except MalformedError as error:
            event, malformed = None, error.message
        places = _places([event]) if event else _claimed(letter.body)
        if target in (self.queue_arn, self.process_queue_arn) or told.get("RULE_ARN") == self.rule_arn:
            remedy = Remedy.POKE if target == self.process_queue_arn else Remedy.PROJECT
            wrong = self._contradiction(event) if event else f"no event: {malformed}"
            reason = f"{reason}; {wrong}" if wrong else reason
            cause = Cause.CONTRADICTED if wrong else Cause.NOT_DELIVERED
            return Case(letter, cause, reason, remedy, hopeless=wrong is not None, places=places)
        if ":log-group:" in target:
            return Case(letter, Cause.NOT_DELIVERED, reason, Remedy.LOG, places=places)
        if ":deliverystream/" in target:
            return Case(letter, Cause.NOT_DELIVERED, reason, Remedy.FILES, places=places)
        reason += f"; its target is none of ours: {target or 'not told'}"
        return Case(letter, Cause.FOREIGN_TARGET, reason, Remedy.NONE, places=places)

    def _given_up(self, letter: Letter) -> Case:
        """What Lambda gave up, a stretch of the stream or an asynchronous invocation; or the relay, a single event; or
        a schedule, a call."""
        if "SCHEDULE_ARN" in letter.attributes:
            return self._uncalled(letter)
        try:
            record = request_of({"body": letter.body})
            if about := Unpublishable.of(record):
                return self._unpublished(letter, about)
            if "DDBStreamBatchInfo" in record:
                return self._stretch(letter, record, Stretch.of(record["DDBStreamBatchInfo"]))
            invocation = Invocation.of(record, self.functions, self.command_function)
        except MalformedError as error:
            return Case(letter, Cause.NO_EVENT, f"no invocation record: {error.message}", Remedy.NONE, hopeless=True)
        places = (Place(invocation.aggregate_id, None),) if invocation.aggregate_id is not None else ()
        cause = Cause.INVOCATION
        return Case(letter, cause, invocation.reason, Remedy.INVOKE, places=places, invocation=invocation)

    def _uncalled(self, letter: Letter) -> Case:
        """What a schedule could not hand to its function. Its next call does the same work."""
        try:
            invocation = Invocation.of_schedule(letter.attributes, letter.body, self.functions)
        except MalformedError as error:
            reason = f"{undelivered(letter.attributes)}; its target is none of ours: {error.message}"
            return Case(letter, Cause.FOREIGN_TARGET, reason, Remedy.NONE)
        reason = f"{invocation.reason}; the schedule's next call does its work"
        return Case(letter, Cause.NOT_CALLED, reason, Remedy.CALL, invocation=invocation)

    def _unpublished(self, letter: Letter, about: Unpublishable) -> Case:
        """What the bus would not take. The event itself is the store's, which has the truth."""
        place = Place(about.aggregate_id, about.sequence)
        cause, reason = Cause.UNPUBLISHABLE, f"the bus would not take it: {about.reason}"
        events, problem = self._stored(place)
        if problem or not events:
            return Case(letter, cause, f"{reason}; {problem}", Remedy.NONE, hopeless=True, places=(place,))
        try:
            self.bus.entry(events[0])
        except (MalformedError, ValueError) as error:
            reason += "; it still would not" + ("" if str(error) in about.reason else f" ({error})")
            poke = _poke(events[0])
            if poke is None:
                reason += "; nor would the projection take its message: `verify --repair-read-model` makes the rows"
                return Case(letter, cause, reason, Remedy.NONE, hopeless=True, places=(place,))
            reason += "; --force brings the projections up to it without the bus"
            return Case(letter, cause, reason, Remedy.PROJECT, hopeless=True, places=(place,), message=poke)
        return Case(letter, cause, reason, Remedy.PUBLISH, places=(place,), events=tuple(events))

    def _stretch(self, letter: Letter, record: Mapping[str, Any], stretch: Stretch) -> Case:
        context = record.get("requestContext")
        reason = f"{told(context if isinstance(context, dict) else {})}: {counted(stretch.size, 'record')} of "
        reason += f"{stretch.shard_id}, "
        reason += f"arrived {stretch.first} to {stretch.last}"
        # Another table's stream holds events of another store. This one's own, of that time, can do no harm.
        found = from_stream(self.streams, stretch) if stretch.table == self.store_table else None
        if found is None:
            reason += "; the stream has forgotten them; the store has them, but not when they arrived"
            if self.between:
                reason += ". WHAT WAS OVERWRITTEN AMONG THEM IS NOWHERE ELSE IN THE TABLES: see the runbook"
            return Case(letter, Cause.STREAM_FORGOTTEN, reason, Remedy.SEARCH, stretch=stretch)
        if self.between is None:
            return self._not_relayed(letter, stretch, found, reason)
        events = (*found.inserted, *found.replacing)
        return Case(
            letter,
            Cause.NOT_RELAYED,
            reason + (f"; {len(found.lost)} of them took the place of acknowledged events" if found.lost else ""),
            Remedy.PUBLISH,
            places=_places([*events, *(each.event for each in found.lost)]),
            stretch=stretch,
            events=events,
            lost=found.lost,
            unsettled=self.between.unsettled(events),
        )

    def _not_relayed(self, letter: Letter, stretch: Stretch, found: Found, reason: str) -> Case:
        """With one Region nothing of the ledger changes an event, so no change is published: `verify` shows it."""
        if found.lost:
            places = sorted({f"{each.event.aggregate_id} #{each.event.sequence}" for each in found.lost})
            reason += f"; among them changes of stored events, such as {places[0]}: an incident, verify"
        where = _places(found.inserted)
        cause = Cause.NOT_RELAYED
        return Case(letter, cause, reason, Remedy.PUBLISH, places=where, stretch=stretch, events=found.inserted)

    def _contradiction(self, event: Event) -> str | None:
        """Why the projection would refuse the event for ever, None where it would not."""
        return self._stored(Place(event.aggregate_id, event.sequence))[1]

    def _stored(self, place: Place) -> tuple[list[Event], str | None]:
        """The event that the store has at a place, and what is wrong where it has none."""
        aggregate_id, sequence = place
        name = f"event {sequence} of {aggregate_id}"
        try:
            stored = self.store.page(aggregate_id, after=(sequence or 1) - 1, up_to=sequence).events
        except NotAnEventError as error:
            return [], f"{name} cannot be read in the store: {error.message}; verify"
        return stored, None if stored else f"{name} is not in the store"

    def _progress(self, event: Event) -> tuple[Cause, str]:
        try:
            kind = kind_of(self.store, event.aggregate_id, [event])
            projections = kind.projections(self.settings) if kind else ()
            keys = [Key(event.aggregate_id, projection.name) for projection in projections]
            rows = self.read_model.get_many(keys)
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            return Cause.DAMAGED_ROW, f"a row of {event.aggregate_id} cannot be read ({error!r}): verify"
        if all(key in rows and rows[key].position.sequence >= event.sequence for key in keys):
            return Cause.PROJECTED, "projected in the meantime"
        return Cause.NOT_PROJECTED, "not projected yet: the projection's log says why"


def _poke(event: Event) -> str | None:
    """A message that brings the projections up to an event; None where they would take none.

    With nothing but its place and type it is another event than the stored one, so that the projection reads the store:
    any event can be announced so, however large.
    """
    place = Event(
        aggregate_id=event.aggregate_id,
        sequence=event.sequence,
        event_id="",
        event_type=event.event_type,
        data={},
        timestamp=event.timestamp,
        version=event.version,
        command_id="",
        command_digest="",
        correlation_id="",
        causation_id="",
        actor="",
        previous_hash="",
        hash="",
    )
    for announced in (event, place):
        message = as_ascii({"detail": announced.record()})
        if len(message) <= BATCH_BYTES and _is_taken(message):
            return message
    return None


def _is_taken(message: str) -> bool:
    try:
        delivered_event(message)
    except MalformedError:
        return False
    return True


def _places(events: Sequence[Event]) -> tuple[Place, ...]:
    return tuple(sorted({Place(event.aggregate_id, event.sequence) for event in events}))


def _claimed(body: str) -> tuple[Place, ...]:
    """The place that what is no event says it has; whoever wrote it may say anything."""
    try:
        envelope = loads(body, "body")
        detail = envelope.get("detail") if isinstance(envelope, dict) else None
        if not isinstance(detail, dict):
            return ()
        aggregate_id = check_identifier(detail.get("AggregateId"), "body.detail.AggregateId")
    except MalformedError:
        return ()
    try:
        return (Place(aggregate_id, check_whole(detail.get("EventSequence"), "EventSequence", 1, _FURTHEST)),)
    except MalformedError:
        return (Place(aggregate_id, None),)
