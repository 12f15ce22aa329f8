"""One stream, item by item: is it the chain that the ledger wrote?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from typing import Any

from handlers.sourcing.command import MAX_SEQUENCE
from handlers.sourcing.counts import counted
from handlers.sourcing.errors import NotAnEventError
from handlers.sourcing.event import GENESIS, UNSTAMPED, Event, Stamp
from handlers.sourcing.values import Value, check_holdable, dumps
from handlers.store.event_store import CORRELATION, bucket_of, correlation_of
from handlers.store.stored_events import record_of

from .findings import BROKEN, Finding, Kind

_UNSEALED = frozenset({"Hash", "TypeBucket", CORRELATION})


@dataclass(slots=True)
class StreamCheck:
    """Takes a stream's items in the order of their keys and keeps no event: the last place, and the command ids.

    What it cannot see: events removed from the end, and a history rewritten with all the hashes behind it. The rows of
    the read model, which remember a place and its hash, give both away.
    """

    aggregate_id: str
    buckets: int
    """How many there are now; there were never more."""
    latest: Callable[[], str]
    """The latest Timestamp that an event can have by now."""
    sequence: int = 0
    hash: str | None = GENESIS
    """That of the last event; None where it could not be read."""
    intact: bool = True
    """Whether what was seen so far is one unbroken chain that can be folded."""
    findings: list[Finding] = field(default_factory=list)
    _latest: str = ""
    _future: Event | None = None
    """The first event from the future, `_in_future` how many there are."""
    _in_future: int = 0
    _timestamp: str = ""
    _event_id: str = ""
    _stamp: Stamp = UNSTAMPED
    """Of the last event."""
    _commands: dict[str, int] = field(default_factory=dict)

    def kept(self) -> list[Value]:
        """What a check that goes on behind this place must know. It does not know the commands up to here."""
        stamped: Sequence[Value] = list(self._stamp) if self._stamp.region else []
        return [self.sequence, self.hash, self._timestamp, self._event_id, self.intact, *stamped]

    def go_on(self, kept: Sequence[Any]) -> None:
        """Go on as a check that was kept. Raises as a conversion does where that was never kept."""
        sequence, own_hash, timestamp, event_id, intact, *stamped = kept
        if stamped:
            region, epoch = stamped
            self._stamp = Stamp(str(region), int(epoch))
        self.sequence, self.hash = int(sequence), None if own_hash is None else str(own_hash)
        self._timestamp, self._event_id, self.intact = str(timestamp), str(event_id), intact is True

    def take(self, item: Mapping[str, Any]) -> Event | None:
        """Check the next item; the event in it, None where there is none."""
        number = Decimal(item["EventSequence"]["N"])
        if not 1 <= number <= MAX_SEQUENCE or number != int(number):  # the range first, as in `ordinal`
            self.find(Kind.UNREADABLE, None, f"an item has the EventSequence {number}, which no event has")
            return None
        sequence = int(number)
        follows = sequence == self.sequence + 1
        if not follows:
            first, last = self.sequence + 1, sequence - 1
            which = f"event {first} is" if first == last else f"events {first} to {last} are"
            self.find(Kind.GAP, first, f"{which} missing")
        self.sequence = sequence
        try:
            record = record_of(item)
            event = Event.of(record)
            computed = _computed_hash(record)
        except NotAnEventError as error:
            self.find(Kind.UNREADABLE, sequence, f"the item is no event: {error.problem}")
            self.hash = None
            return None
        self._check(event, record, computed, follows=follows)
        self.hash, self._timestamp, self._event_id = event.hash, event.timestamp, event.event_id
        self._commands[event.command_id] = sequence
        return event

    def _check(self, event: Event, record: Mapping[str, Any], computed: str, *, follows: bool) -> None:
        if event.hash != computed:
            self.find(Kind.HASH, event.sequence, f"Hash is {event.hash}, its content's is {computed}")
        if follows and self.hash is not None and event.previous_hash != self.hash:
            detail = f"PreviousHash is {event.previous_hash}, the event before has {self.hash}"
            self.find(Kind.LINK, event.sequence, detail)
        if event.timestamp < self._timestamp:
            detail = f"Timestamp {event.timestamp} is earlier than {self._timestamp} before it"
            self.find(Kind.TIME, event.sequence, detail)
        self._look_ahead(event)
        self._check_stamp(event)
        bucket = record.get("TypeBucket")
        if not self._is_bucket(bucket, event):
            detail = f"TypeBucket is {_told(bucket)}, and would be {bucket_of(event, self.buckets)} today"
            self.find(Kind.BUCKET, event.sequence, detail)
        correlation = record.get(CORRELATION)  # events of older code have none
        if correlation is not None and correlation != correlation_of(event).get(CORRELATION):
            detail = f"{CORRELATION} is {_told(correlation)}, and its CorrelationId {event.correlation_id}"
            self.find(Kind.CORRELATION, event.sequence, detail)
        earlier = self._commands.get(event.command_id)
        # One command's events stand next to each other, each under an id of its own.
        if earlier is not None and (earlier != event.sequence - 1 or event.event_id == self._event_id):
            detail = f"command {event.command_id} was carried out by event {earlier} already"
            self.find(Kind.COMMAND, event.sequence, detail)

    def _check_stamp(self, event: Event) -> None:
        """Epochs only rise along a stream, and in one of them one Region decides it. An event without a stamp was
        decided when the ledger had one Region: what comes behind it counts epochs from anew."""
        before, now = self._stamp, event.stamp
        if now.epoch and now.epoch < before.epoch:
            detail = f"Epoch {now.epoch} ({now.region}) is behind {before.epoch} ({before.region}) before it"
            self.find(Kind.EPOCH, event.sequence, detail)
        elif now.epoch == before.epoch and now.region != before.region:
            detail = f"Region {now.region} decided it, in epoch {now.epoch}, and {before.region} what is before it"
            self.find(Kind.REGION, event.sequence, detail)
        self._stamp = now

    def _look_ahead(self, event: Event) -> None:
        if event.timestamp > self._latest:
            self._latest = self.latest()
        if event.timestamp > self._latest:
            self._future = self._future or event
            self._in_future += 1

    def finish(self) -> None:
        """Judge what only shows at the end of the stream."""
        if self._future:
            more = f", as that of {counted(self._in_future - 1, 'event')} behind it" if self._in_future > 1 else ""
            detail = f"Timestamp {self._future.timestamp} is later than now{more}"
            self.find(Kind.FUTURE, self._future.sequence, detail)

    def _is_bucket(self, bucket: Any, event: Event) -> bool:
        if bucket == bucket_of(event, self.buckets):
            return True
        return any(bucket == bucket_of(event, fewer) for fewer in range(1, self.buckets))

    def fold(self, event: Event, folds: Iterable[tuple[str, Callable[[Event], None]]]) -> None:
        """Hand an event to all that follow the stream, each with its name; what cannot take it is a finding."""
        for name, take in folds:
            try:
                take(event)
            except Exception as error:  # noqa: BLE001 -- whatever a projection or the state raises is the finding
                self.find(Kind.UNFOLDABLE, event.sequence, f"{name} cannot take the event: {error!r}")

    def find(self, kind: Kind, sequence: int | None, detail: str) -> None:
        """Note something that is wrong with the stream."""
        self.intact = self.intact and kind not in BROKEN
        self.findings.append(Finding(self.aggregate_id, kind, detail, sequence))


def _computed_hash(record: Mapping[str, Any]) -> str:
    """What `Event.computed_hash` gives, but over all that is stored: an attribute that was added shows as well."""
    sealed = {name: value for name, value in record.items() if name not in _UNSEALED}
    try:
        check_holdable(sealed, "the item")
    except ValueError as error:
        raise NotAnEventError(str(error)) from error
    return sha256(dumps(sealed).encode()).hexdigest()


def _told(value: object) -> str:
    """An attribute that is to be text. boto3's Binary, for one, cannot be made into any."""
    return value if isinstance(value, str) else "no text"
