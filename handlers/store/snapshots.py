"""Snapshots: states kept along a stream, so that nobody has to fold it from its beginning.

A snapshot is a copy and never the truth: it can be thrown away at any time, and costs only the folding. One of another
STATE_VERSION than this code's lies under other keys, so that what an older or newer `evolve` made is not even seen; and
so does one of another kind of aggregate.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from handlers.domain import KINDS
from handlers.sourcing.counts import counted
from handlers.sourcing.errors import IntegrityError
from handlers.sourcing.event import Event, Position, ordinal
from handlers.sourcing.kinds import Kind, State
from handlers.sourcing.restoring import UNFOLDABLE, amount, text

from .deadline import Deadline
from .every_item import every_item
from .items import Item, to_item, to_record
from .streams import Streams

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

log = logging.getLogger("ledger")

T = TypeVar("T")

TIME_INDEX = "TimeKey-index"
BATCH_WRITES = 25
"""BatchWriteItem's limit."""
FURTHER_BACK = 100
"""How many snapshots before an unusable one are looked at: 5 read units. Behind them the stream is folded whole."""
_ATTEMPTS = 8
_FIRST_PAUSE = 0.05
_LAST = "~"
"""Sorts behind every digit and time."""


class Snapshot(NamedTuple):
    """The state right after the event at `position`."""

    state: State
    position: Position


BEGINNING = Snapshot(None, Position())
"""Where every stream starts, of whatever kind."""


def fold_from(snapshot: Snapshot | None, fold: Callable[[Snapshot], T]) -> T:
    """`fold(snapshot)`, or from BEGINNING where there is none, the chain does not continue it or `evolve` cannot.

    The second happens where the store was restored to an earlier moment and went on from there: its own events are the
    truth, so the snapshot is passed over. The third, where it holds what no check of it foresaw. Raises IntegrityError
    where the chain itself is broken, and what `fold` raises of the events.
    """
    if snapshot is None:
        return fold(BEGINNING)
    try:
        return fold(snapshot)
    except IntegrityError as error:
        log.warning("a snapshot is not of this stream: %s", error.message, extra=dict(error.details))
    except UNFOLDABLE:
        log.warning("a snapshot at %s cannot be gone on from", snapshot.position.sequence, exc_info=True)
    return fold(BEGINNING)


def events_behind(
    store: Streams,
    aggregate_id: str,
    start: Snapshot,
    *,
    up_to: int | None = None,
    limit: int | None = None,
    deadline: Deadline | None = None,
) -> Iterator[Event]:
    """The events that follow a snapshot, as `Streams.read`, which reads its own event first to know it again.

    Raises IntegrityError where that is another one, or none: then the snapshot is not of this stream.
    """
    sequence = start.position.sequence
    events = store.read(aggregate_id, after=max(0, sequence - 1), up_to=up_to, limit=limit, deadline=deadline)
    if sequence:
        own = next(events, None)
        if own is None or (own.sequence, own.hash, own.timestamp) != start.position:
            raise IntegrityError(
                f"the stream of {aggregate_id} has another event {sequence}, or none",
                aggregateId=aggregate_id,
                sequence=sequence,
            )
    yield from events


class UnwrittenError(Exception):
    """DynamoDB kept leaving snapshots unwritten. Those before them are written; all can be written again."""


@dataclass(frozen=True, slots=True)
class Snapshots:
    """The table of snapshots: several per aggregate, under the state's kind and version and the sequence
    they stand at.

    `seconds` gives the Unix time, `pause` waits some seconds. Reads are eventually consistent: one that misses the
    newest snapshot finds the one before it, which leads to the same state.
    """

    client: DynamoDBClient
    table: str
    seconds: Callable[[], float] = time.time
    pause: Callable[[float], None] = time.sleep

    def nearest(self, aggregate_id: str, up_to: int | None = None, kind: Kind[Any] | None = None) -> Snapshot | None:
        """The newest snapshot at or before sequence `up_to` (None: of all).

        One Query, half a read unit per 4 KB; a second one where the newest has lapsed or is damaged. Where the `kind`
        of the aggregate is not said, that for one kind after the other, until there is a snapshot.
        """
        last = _LAST if up_to is None else f"{up_to:016d}"
        return self._newest(aggregate_id, kind, "SnapshotKey", last)

    def nearest_in_time(self, aggregate_id: str, as_of: str) -> Snapshot | None:
        """The newest snapshot of an event at or before `as_of`, at the cost of `nearest`."""
        return self._newest(aggregate_id, None, "TimeKey", as_of, IndexName=TIME_INDEX)

    def write(self, aggregate_id: str, snapshots: Sequence[Snapshot], expires_at: float | None = None) -> None:
        """Keep snapshots, until a Unix time where it is given.

        One BatchWriteItem per 25, two write units each up to 1 KB (table and time index), and more calls for what AWS
        leaves undone. Writing the same again changes nothing. Raises UnwrittenError.
        """
        expiry = {} if expires_at is None else {"ExpiresAt": int(expires_at)}
        items = [to_item({**record_of(aggregate_id, each), **expiry}) for each in snapshots]
        for first in range(0, len(items), BATCH_WRITES):
            self._write_batch(items[first : first + BATCH_WRITES])

    def drop(self, aggregate_id: str, first: int) -> int:
        """Delete the snapshots at event `first` and behind it, of this version of their state; how many.

        One Query a kind and megabyte, one BatchWriteItem per 25. They are copies: what of them was right is made again.
        """
        keys: list[Any] = []
        for kind in KINDS.all:
            asked: dict[str, Any] = {
                "TableName": self.table,
                "KeyConditionExpression": "AggregateId = :id AND SnapshotKey BETWEEN :first AND :last",
                "ExpressionAttributeValues": {
                    ":id": {"S": aggregate_id},
                    ":first": {"S": key_of(kind, first)},
                    ":last": {"S": kind.key_prefix + _LAST},
                },
            }
            found = every_item(self.client.query, asked)
            keys += [{name: item[name] for name in ("AggregateId", "SnapshotKey")} for item in found]
        for start in range(0, len(keys), BATCH_WRITES):
            self._write_all([{"DeleteRequest": {"Key": key}} for key in keys[start : start + BATCH_WRITES]])
        return len(keys)

    def _newest(self, aggregate_id: str, kind: Kind[Any] | None, key: str, last: str, **index: Any) -> Snapshot | None:
        kinds = KINDS.all if kind is None else (kind,)
        found = (self._newest_of(aggregate_id, each.key_prefix, key, last, **index) for each in kinds)
        return next(filter(None, found), None)

    def _newest_of(self, aggregate_id: str, prefix: str, key: str, last: str, **index: Any) -> Snapshot | None:
        place: dict[str, Any] = index
        for limit in (1, FURTHER_BACK):
            answer = self.client.query(
                TableName=self.table,
                KeyConditionExpression=f"AggregateId = :id AND {key} BETWEEN :first AND :last",
                ExpressionAttributeValues={
                    ":id": {"S": aggregate_id},
                    ":first": {"S": prefix},
                    ":last": {"S": prefix + last},
                },
                ScanIndexForward=False,
                Limit=limit,
                **place,
            )
            usable = map(self._usable, answer["Items"])
            if found := next(filter(None, usable), None):
                return found
            if "LastEvaluatedKey" not in answer:
                break
            place = {**index, "ExclusiveStartKey": answer["LastEvaluatedKey"]}
        return None

    def _usable(self, item: Mapping[str, Any]) -> Snapshot | None:
        """The snapshot in an item; None where it is damaged, however, or has lapsed: AWS may take days to remove it."""
        try:
            record = to_record(item)
            snapshot = _snapshot_in(record)
            expiry = amount(record["ExpiresAt"]) if "ExpiresAt" in record else None
        except ValueError:
            return None
        return None if expiry is not None and expiry <= self.seconds() else snapshot

    def _write_batch(self, items: Sequence[Item]) -> None:
        self._write_all([{"PutRequest": {"Item": item}} for item in items])

    def _write_all(self, requests: Sequence[Any]) -> None:
        undone: Any = {self.table: list(requests)}
        for attempt in range(_ATTEMPTS):
            undone = self.client.batch_write_item(RequestItems=undone).get("UnprocessedItems")
            if not undone:
                return
            self.pause(_FIRST_PAUSE * 2**attempt)
        raise UnwrittenError(counted(len(undone[self.table]), "snapshot"))


def _snapshot_in(record: Mapping[str, Any]) -> Snapshot:
    """The snapshot that a record is. ValueError where it is damaged: not only in its types, but where its parts say
    different things, too.
    """
    sequence = ordinal(record, "EventSequence")
    last_hash, timestamp = text(record.get("Hash")), text(record.get("Timestamp"))
    kind = kind_in(text(record.get("SnapshotKey")))
    if kind is None:
        raise ValueError("of no kind and version that is known here")
    snapshot = Snapshot(kind.state.restore(record.get("State")), Position(sequence, last_hash, timestamp))
    if not snapshot.state.fits(sequence):
        raise ValueError("so many events do not lead to such a state")
    for name, value in _places_of(kind, snapshot.position).items():
        if record.get(name) != value:
            raise ValueError(f"{name} does not go with the rest")
    return snapshot


def is_sound(record: Mapping[str, Any]) -> bool:
    """Whether a record can be a snapshot that the ledger made."""
    try:
        _snapshot_in(record)
    except ValueError:
        return False
    return True


def kind_in(key: str) -> Kind[Any] | None:
    """Of which kind a snapshot's SnapshotKey is; None where of none in the version that its state has here."""
    return next((kind for kind in KINDS.all if key.startswith(kind.key_prefix)), None)


def key_of(kind: Kind[Any], sequence: int) -> str:
    """The SnapshotKey, in this version of the state, of a kind's snapshot at a place in the stream."""
    return f"{kind.key_prefix}{sequence:016d}"


def record_of(aggregate_id: str, snapshot: Snapshot) -> dict[str, Any]:
    """A snapshot as it is stored, besides ExpiresAt. There is none of an aggregate whose kind is not known."""
    sequence, last_hash, timestamp = snapshot.position
    kind = KINDS.of_state(snapshot.state)
    if kind is None:
        raise ValueError("an aggregate of unknown kind has no snapshot")
    return {
        "AggregateId": aggregate_id,
        **_places_of(kind, snapshot.position),
        "EventSequence": sequence,
        "Timestamp": timestamp,
        "Hash": last_hash,
        "State": snapshot.state.snapshot(),
    }


def _places_of(kind: Kind[Any], position: Position) -> dict[str, Any]:
    """What follows from a snapshot's place: its keys, by sequence and by time, under kind and version of the state."""
    return {
        "SnapshotKey": key_of(kind, position.sequence),
        "TimeKey": f"{kind.key_prefix}{position.timestamp}",
        "StateVersion": kind.state_version,
    }
