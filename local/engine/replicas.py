"""The replicas of a global table, and how a change of one becomes a change of the others: the last writer wins.

Nothing here waits or has a thread; `global_tables` decides when a change crosses. All of it needs the gateway's lock.

What a Region wrote is read off the stream of its replica, as of any table's, so that what is rolled back never was. The
write time of an item is that of the last change that it shows, be it from here or from elsewhere. It is kept for items
that are gone as well: an older put that arrives later is older than the deletion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any, NamedTuple

from local.engine import item_records
from local.engine.backends import DynamoType
from local.engine.orders import Key, key_of

ItemKey = tuple[Key, ...]
"""The key of an item, of one part or two."""

_TICKS = 1_000_000
"""Of write times in a second."""


class WriteTime(NamedTuple):
    """When a change was made by the clock of its Region, in microseconds since 1970. The Region settles what is equal:
    AWS does not say what does; both sides need to say the same."""

    ticks: int
    region: str


class Change(NamedTuple):
    """What a Region wrote itself: `image` is the item that it left, None where it deleted the item."""

    key: ItemKey
    keys: Mapping[str, Any]
    written: WriteTime
    image: Mapping[str, Any] | None
    at: float
    """In seconds since 1970 by this machine's clock, which no skew concerns."""


@dataclass
class Replica:
    """The table of one Region: what was written there, and the write times of its items."""

    region: str
    find: Callable[[], Any]
    """Gives moto's table: another takes its place when a transaction is rolled back."""
    skew: float = 0.0
    """Seconds by which the Region's clock is ahead."""
    changes: list[Change | None] = field(default_factory=list)
    """One for each record of the stream; None where the change came from elsewhere."""
    times: dict[ItemKey, WriteTime] = field(default_factory=dict)

    @property
    def table(self) -> Any:
        return self.find()

    def note(self) -> None:
        """Takes in what was written since it was called last."""
        for record in self.table.stream_shard.items[len(self.changes) :]:
            self.changes.append(self._own(record.record["dynamodb"]))

    def _own(self, record: Mapping[str, Any]) -> Change:
        at = record["ApproximateCreationDateTime"].replace(tzinfo=UTC).timestamp()
        key = self._key(record["Keys"])
        # An item's own writes follow each other, whatever its clock says; or a Region would not see what it wrote last.
        ticks = max(round((at + self.skew) * _TICKS), self.times.get(key, WriteTime(0, "")).ticks + 1)
        self.times[key] = WriteTime(ticks, self.region)
        return Change(key, record["Keys"], self.times[key], record.get("NewImage"), at)

    def take(self, change: Change) -> None:
        """Makes another Region's change, unless what is here was written later."""
        if self.times.get(change.key, WriteTime(0, "")) >= change.written:
            return
        self.times[change.key] = change.written
        if change.image is None:
            self.table.delete_item(*self._parts(change.keys))
        else:
            self.table.put_item(dict(change.image))
        self.changes += [None] * (len(self.table.stream_shard.items) - len(self.changes))

    def copy(self, other: Replica) -> None:
        """Has the items that `other` has, without a record of the stream."""
        self.times = dict(other.times)
        table = self.table
        with item_records.withheld(table):
            for item in other.table.all_items():
                table.put_item(item.to_json()["Attributes"])

    def expire(self, now: float) -> int:
        """Deletes what the table's TTL says was due by `now`, in seconds since 1970. Returns how many items."""
        name = self.table.ttl.get("AttributeName") if self.table.ttl["TimeToLiveStatus"] == "ENABLED" else None
        due = [item for item in self.table.all_items() if name is not None and _is_due(item.attrs.get(name), now)]
        for item in due:
            self.table.delete_item(item.hash_key, item.range_key)
            self.table.stream_shard.items[-1].record["userIdentity"] = {
                "Type": "Service",
                "PrincipalId": "dynamodb.amazonaws.com",
            }
        return len(due)

    def _parts(self, keys: Mapping[str, Any]) -> list[Any]:
        names = [self.table.hash_key_attr, self.table.range_key_attr]
        return [None if name is None else DynamoType(keys[name]) for name in names]

    def _key(self, keys: Mapping[str, Any]) -> ItemKey:
        return tuple(key_of(part) for part in self._parts(keys) if part is not None)


def _is_due(value: Any, now: float) -> bool:
    """AWS leaves what expired more than five years ago, which is rather a mistake than a time."""
    return value is not None and value.type == "N" and now - 5 * 365 * 86_400 <= float(value.value) <= now


@dataclass
class _Told:
    """Of the changes of one replica, those that another one was told of: all up to a place, and some behind it."""

    place: int
    early: set[int] = field(default_factory=set)


class Group:
    """The replicas of one global table, and how far each has told each other of its changes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.replicas: dict[str, Replica] = {}
        self._told: dict[tuple[str, str], _Told] = {}

    def add(self, region: str, find: Callable[[], Any]) -> Replica:
        """A further replica, which gets what the first one has."""
        made = Replica(region, find)
        made.note()
        if self.replicas:
            first = next(iter(self.replicas.values()))
            first.note()
            made.copy(first)
            # What others have told the first by now came with the copy; the rest they have yet to tell both.
            for other in self.replicas.values():
                known = _Told(len(other.changes))
                if other is not first:
                    of_first = self._told[other.region, first.region]
                    known = _Told(of_first.place, set(of_first.early))
                self._told[other.region, region] = known
                self._told[region, other.region] = _Told(len(made.changes))
        self.replicas[region] = made
        return made

    def remove(self, region: str) -> None:
        del self.replicas[region]
        self._told = {pair: told for pair, told in self._told.items() if region not in pair}

    def pending(self, source: str, target: str) -> list[Change]:
        """What `target` was not told yet, the oldest first."""
        return [change for _, change in self._pending(source, target)]

    def tell(self, source: str, target: str, is_due: Callable[[Change], bool]) -> list[Change]:
        """Tells `target` of the changes that are due, and returns them.

        Of changes of one item that arrive together, the last one is seen. Those of different items are in no order.
        """
        sender, receiver, told = self.replicas[source], self.replicas[target], self._told[source, target]
        due = [(place, change) for place, change in self._pending(source, target) if is_due(change)]
        receiver.note()
        for change in {change.key: change for _, change in due}.values():
            receiver.take(change)
        told.early |= {place for place, _ in due}
        while told.place < len(sender.changes) and (sender.changes[told.place] is None or told.place in told.early):
            told.early.discard(told.place)
            told.place += 1
        return [change for _, change in due]

    def _pending(self, source: str, target: str) -> list[tuple[int, Change]]:
        """With their places."""
        replica, told = self.replicas[source], self._told[source, target]
        replica.note()
        behind = enumerate(replica.changes[told.place :], told.place)
        return [(place, change) for place, change in behind if change is not None and place not in told.early]
