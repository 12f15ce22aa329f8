"""Why a letter lies in a dead letter queue, what it is about, and what would help it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from handlers.domain.errors import MalformedError
from handlers.domain.event import Event
from handlers.domain.values import loads
from handlers.store.event_bus import delivered_event
from handlers.store.event_store import EventStore
from handlers.store.read_model import Key, ReadModel

from .queues import Letter
from .stretch import Stretch, from_stream

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient


class Remedy(StrEnum):
    """How a letter gets to where it was going."""

    PROJECT = "to the projection queue"
    LOG = "to the audit log"
    PUBLISH = "publish its events again"
    INVOKE = "invoke the function again"
    NONE = "none known"


class Place(NamedTuple):
    """An event's place; the sequence is None where only the aggregate is known."""

    aggregate_id: str
    sequence: int | None


@dataclass(frozen=True, slots=True)
class Case:
    """A letter with its diagnosis. `hopeless`: sent again, it would only come back."""

    letter: Letter
    reason: str
    remedy: Remedy
    hopeless: bool = False
    places: tuple[Place, ...] = ()
    stretch: Stretch | None = None
    events: tuple[Event, ...] | None = None
    """Those of the stretch; None where the stream has forgotten them."""

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
            "reason": self.reason,
            "remedy": self.remedy.value,
            "hopeless": self.hopeless,
            "events": [{"aggregateId": place.aggregate_id, "sequence": place.sequence} for place in self.places],
        }


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Looks at letters, and into the store, the read model and the stream for what they are about."""

    store: EventStore
    read_model: ReadModel
    projections: Sequence[str]
    streams: DynamoDBStreamsClient
    rule_arn: str
    """Of the rule that feeds the projections."""
    queue_arn: str
    """Of the projection queue."""

    def of(self, letter: Letter) -> Case:
        """One letter's case: up to a Query and a BatchGetItem, or the reading of a stretch of the stream."""
        examine: Mapping[str, Callable[[Letter], Case]] = {
            "projection": self._unprojected,
            "delivery": self._undelivered,
            "invocation": self._given_up,
        }
        return examine[letter.queue](letter)

    def _unprojected(self, letter: Letter) -> Case:
        """What the projection failed on."""
        try:
            event = delivered_event(letter.body)
        except MalformedError as error:
            return Case(letter, f"no event: {error.message}", Remedy.PROJECT, hopeless=True)
        wrong = self._contradiction(event)
        reason = wrong or self._progress(event)
        return Case(letter, reason, Remedy.PROJECT, hopeless=wrong is not None, places=_places([event]))

    def _undelivered(self, letter: Letter) -> Case:
        """What a rule could not hand to its target; EventBridge says why in the message's attributes."""
        told = letter.attributes
        target = told.get("TARGET_ARN", "")
        reason = f"{told.get('ERROR_CODE', 'no error code')}: {told.get('ERROR_MESSAGE', 'no message')}"
        if told.get("EXHAUSTED_RETRY_CONDITION"):
            reason += f" ({told['EXHAUSTED_RETRY_CONDITION']}, {told.get('RETRY_ATTEMPTS', '?')} retries)"
        try:
            event: Event | None = delivered_event(letter.body)
        except MalformedError as error:
            event, malformed = None, error.message
        places = _places([event] if event else [])
        if target == self.queue_arn or told.get("RULE_ARN") == self.rule_arn:
            wrong = self._contradiction(event) if event else f"no event: {malformed}"
            reason = f"{reason}; {wrong}" if wrong else reason
            return Case(letter, reason, Remedy.PROJECT, hopeless=wrong is not None, places=places)
        if ":log-group:" in target:
            return Case(letter, reason, Remedy.LOG, places=places)
        reason += f"; its target is none of ours: {target or 'not told'}"
        return Case(letter, reason, Remedy.NONE, places=places)

    def _given_up(self, letter: Letter) -> Case:
        """What Lambda gave up: a stretch of the stream, or an asynchronous invocation."""
        try:
            record = loads(letter.body, "body")
            context = record["requestContext"]
            reason = f"{context['condition']} after {context['approximateInvokeCount']} attempts"
            if "DDBStreamBatchInfo" in record:
                return self._stretch(letter, reason, Stretch.of(record["DDBStreamBatchInfo"]))
            payload, function = record["requestPayload"], context["functionArn"].split(":")[6]
        except (MalformedError, LookupError, AttributeError, TypeError, ValueError) as error:
            return Case(letter, f"no invocation record: {error!r}", Remedy.NONE, hopeless=True)
        answer = record.get("responsePayload")
        if isinstance(answer, dict) and "errorMessage" in answer:
            reason += f": {answer.get('errorType', 'error')}: {answer['errorMessage']}"
        aggregate_id = payload.get("aggregateId") if isinstance(payload, dict) else None
        places = (Place(aggregate_id, None),) if isinstance(aggregate_id, str) else ()
        return Case(letter, f"{function}: {reason}", Remedy.INVOKE, places=places)

    def _stretch(self, letter: Letter, reason: str, stretch: Stretch) -> Case:
        reason += f": {stretch.size} records of {stretch.shard_id}, arrived {stretch.first} to {stretch.last}"
        events = from_stream(self.streams, stretch)
        if events is None:
            reason += "; the stream has forgotten them, the store has not"
            return Case(letter, reason, Remedy.PUBLISH, stretch=stretch)
        return Case(letter, reason, Remedy.PUBLISH, places=_places(events), stretch=stretch, events=tuple(events))

    def _contradiction(self, event: Event) -> str | None:
        """Why the projection would refuse the event for ever, None where it would not."""
        place = f"event {event.sequence} of {event.aggregate_id}"
        try:
            stored = self.store.page(event.aggregate_id, after=event.sequence - 1, up_to=event.sequence).events
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            return f"{place} cannot be read in the store ({error!r}): verify"
        return None if stored else f"{place} is not in the store"

    def _progress(self, event: Event) -> str:
        keys = [Key(event.aggregate_id, projection) for projection in self.projections]
        rows = self.read_model.get_many(keys)
        if all(key in rows and rows[key].position.sequence >= event.sequence for key in keys):
            return "projected in the meantime"
        return "not projected yet: the projection's log says why"


def _places(events: Sequence[Event]) -> tuple[Place, ...]:
    return tuple(sorted({Place(event.aggregate_id, event.sequence) for event in events}))
