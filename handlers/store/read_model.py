"""The read model: one row per aggregate and projection, replaced only from the state it was computed from.

Beside its row a projection may have entries, an item for each event that leaves one. An entry follows from the stream
up to its event alone, so whoever writes it writes the same bytes, and it needs no condition. A row says how far its
entries are all there (EntriesSequence), and whoever writes the row has written them before. So with a row that stands
at n and says n are all entries of the events 1 to n, whoever crashes when. Entries above n may be there, of a process
that ended before it wrote the row: they are shown to nobody.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from botocore.exceptions import ClientError

from handlers.sourcing.command import MAX_SEQUENCE
from handlers.sourcing.errors import UnreadableRowError
from handlers.sourcing.event import Position, ordinal
from handlers.sourcing.projection import Row

from .deadline import SPARE_SECONDS
from .every_item import every_item
from .items import to_item, to_record

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH_KEYS = 100
"""BatchGetItem's limit."""
BATCH_WRITES = 25
"""BatchWriteItem's limit."""
ENTRIES_SEQUENCE = "EntriesSequence"
_KEYS = frozenset({"AccountId", "ProjectionType"})
MECHANICS = _KEYS | {"LastSequence", "LastHash", ENTRIES_SEQUENCE}
"""The attributes of a row that are not its projection's."""


class StaleRowError(Exception):
    """The row changed since it was read. Nothing was written."""


class Key(NamedTuple):
    """Which row: an aggregate's projection."""

    aggregate_id: str
    projection: str

    def item(self) -> dict[str, Any]:
        return {"AccountId": {"S": self.aggregate_id}, "ProjectionType": {"S": self.projection}}


class Entry(NamedTuple):
    """What an event left beside a row of its aggregate, under the name of such entries."""

    aggregate_id: str
    name: str
    sequence: int
    content: Row

    @property
    def key(self) -> Key:
        return Key(self.aggregate_id, entry_type(self.name, self.sequence))


class Entries(NamedTuple):
    """Entries, newest first, and the place at and below which there may be more; 0 where there are none."""

    newest_first: list[Entry]
    rest: int


class Stored(NamedTuple):
    """A row and the position in the stream that it stands for; both empty where there is no row.

    Of a damaged row: empty, too, where it does not say its place, since nobody can tell then which events it holds; and
    with UNKNOWN as the position's hash where it says its place, but not its event's hash.
    """

    row: Row
    position: Position
    odd_place: Any = None
    """LastSequence exactly as DynamoDB holds it, where that is no place in a stream."""
    entries: int = 0
    """EntriesSequence, 0 where the row says none: up to there all entries are stored."""

    @property
    def has_entries(self) -> bool:
        """Whether all entries up to the row's place are stored. Older code, which knows no entries, moves a row on and
        leaves EntriesSequence where it was."""
        return self.entries == self.position.sequence


class Rows(Protocol):
    """Where the rows of aggregates are, as they are stored."""

    def record(self, key: Key) -> dict[str, Any] | None:
        """A whole row, keys included; None where there is none."""
        ...


class WrittenEntries(Protocol):
    """Where what events left beside rows is kept."""

    def entries(self, aggregate_id: str, name: str, *, up_to: int, limit: int) -> Entries:
        """At most `limit` entries, those of events `up_to` and before. UnreadableRowError."""
        ...

    def entry_above(self, aggregate_id: str, name: str, place: int, *, up_to: int) -> list[Entry]:
        """The next entry behind that of event `place`, none above `up_to`. UnreadableRowError."""
        ...


NOTHING = Stored({}, Position())
UNKNOWN = ""
"""The hash of a position whose hash was lost. No event has it."""
_DIGITS = len(str(MAX_SEQUENCE))
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 2.0
_HASH = re.compile(r"[0-9a-f]{64}")


class ReadModel:
    """The table of projected rows. Reads are strongly consistent."""

    def __init__(self, client: DynamoDBClient, table: str, pause: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._table = table
        self._pause = pause

    def record(self, key: Key) -> dict[str, Any] | None:
        """A whole row as it is stored, keys included: one GetItem."""
        answer = self._client.get_item(TableName=self._table, Key=key.item(), ConsistentRead=True)
        return to_record(answer["Item"]) if "Item" in answer else None

    def get(self, key: Key) -> Stored:
        """One row, NOTHING where there is none: one GetItem."""
        answer = self._client.get_item(TableName=self._table, Key=key.item(), ConsistentRead=True)
        return stored_in(answer["Item"]) if "Item" in answer else NOTHING

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Stored]:
        """Rows that exist among `keys`: one BatchGetItem per 100 keys, and one more for each part AWS left undone."""
        return {_key_of(item): stored_in(item) for item in self._items(keys)}

    def records(self, keys: Iterable[Key]) -> dict[Key, dict[str, Any]]:
        """As `get_many`, whole rows as they are stored, keys included."""
        return {_key_of(item): to_record(item) for item in self._items(keys)}

    def _items(self, keys: Iterable[Key]) -> Iterator[dict[str, Any]]:
        wanted = [key.item() for key in dict.fromkeys(keys)]
        while wanted:
            request: Any = {self._table: {"Keys": wanted[:BATCH_KEYS], "ConsistentRead": True}}
            answer = self._client.batch_get_item(RequestItems=request)
            yield from answer["Responses"].get(self._table, [])
            undone: Any = answer.get("UnprocessedKeys") or {self._table: {"Keys": []}}
            wanted = [*undone[self._table]["Keys"], *wanted[BATCH_KEYS:]]

    def entries(self, aggregate_id: str, name: str, *, up_to: int, limit: int) -> Entries:
        """At most `limit` entries, those of events `up_to` and before: one Query, one read unit for each 4 KB.

        Raises UnreadableRowError where an item among them is none.
        """
        answer = self._query_entries(aggregate_id, name, 0, up_to, ScanIndexForward=False, Limit=limit)
        found = [entry_in(to_record(item), name) for item in answer["Items"]]
        rest = found[-1].sequence - 1 if "LastEvaluatedKey" in answer and found else 0
        return Entries(found, rest)

    def entry_above(self, aggregate_id: str, name: str, place: int, *, up_to: int) -> list[Entry]:
        """The next entry behind that of event `place`, none above `up_to`; empty where there is none: one Query.

        Raises UnreadableRowError where the item is none.
        """
        if place >= up_to:
            return []
        answer = self._query_entries(aggregate_id, name, place + 1, up_to, Limit=1)
        return [entry_in(to_record(item), name) for item in answer["Items"]]

    def _query_entries(self, aggregate_id: str, name: str, first: int, last: int, **how: Any) -> Any:
        return self._client.query(
            TableName=self._table,
            KeyConditionExpression="AccountId = :id AND ProjectionType BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":id": {"S": aggregate_id},
                ":first": {"S": entry_type(name, first)},
                ":last": {"S": entry_type(name, last)},
            },
            ConsistentRead=True,
            **how,
        )

    def put_entries(self, entries: Sequence[Entry], seconds_left: Callable[[], float] = lambda: math.inf) -> None:
        """Write entries, of whatever aggregates: one BatchWriteItem per 25, a write unit each up to 1 KB.

        What AWS leaves undone is asked for again, after pauses that grow, while there is time. Writing them again
        changes nothing. Raises TimeoutError: some may be written then.
        """
        items = [{"PutRequest": {"Item": _entry_item(entry)}} for entry in entries]
        pause = _FIRST_PAUSE
        while items:
            if len(items) < len(entries) and seconds_left() < SPARE_SECONDS:
                raise TimeoutError(f"too little time is left to write {len(items)} of {len(entries)} entries")
            request: Any = {self._table: items[:BATCH_WRITES]}
            answer: Any = self._client.batch_write_item(RequestItems=request)
            undone = answer.get("UnprocessedItems", {}).get(self._table, [])
            items = [*undone, *items[BATCH_WRITES:]]
            if undone:
                if seconds_left() < SPARE_SECONDS + pause:
                    raise TimeoutError(f"too little time is left for {len(items)} entries that AWS left unwritten")
                self._pause(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                pause = _FIRST_PAUSE

    def entries_from(self, aggregate_id: str, name: str, first: int) -> Iterator[Entry]:
        """Those of event `first` and behind it, the oldest first: a Query a megabyte. UnreadableRowError."""
        asked = {"aggregate_id": aggregate_id, "name": name, "first": first, "last": MAX_SEQUENCE}
        return (entry_in(to_record(item), name) for item in every_item(self._query_entries, asked))

    def drop_entry(self, entry: Entry) -> None:
        """Delete an entry, if it is still what was read: one DeleteItem."""
        names = {f"#{number}": name for number, name in enumerate(entry.content)}
        values = to_item({f":{number}": value for number, value in enumerate(entry.content.values())})
        condition = " AND ".join(f"#{number} = :{number}" for number in range(len(names)))
        try:
            self._client.delete_item(
                TableName=self._table,
                Key=entry.key.item(),
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise

    def put(self, key: Key, new: Stored, seen: Position, odd_place: Any = None) -> None:
        """Replace the row if it still stands at `seen`, the start being no row at all or one without a position.

        With two Regions another event may have come to that place: so its hash counts, too, where it is known. Where
        its place is damaged: if it still holds `odd_place`, to the type. Whoever makes a row again gives it a sound
        place, so that of several who read the damage only one writes. One PutItem. Raises StaleRowError.
        """
        record = record_of(key, new)
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(LastSequence)"}
        if seen.sequence or odd_place is not None:
            condition = {
                "ConditionExpression": "LastSequence = :seen",
                "ExpressionAttributeValues": {":seen": odd_place or {"N": str(seen.sequence)}},
            }
        if seen.sequence and seen.hash != UNKNOWN:
            condition["ConditionExpression"] += " AND LastHash = :hash"
            condition["ExpressionAttributeValues"][":hash"] = {"S": seen.hash}
        try:
            self._client.put_item(TableName=self._table, Item=to_item(record), **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                raise StaleRowError from error
            raise


def record_of(key: Key, stored: Stored) -> dict[str, Any]:
    """A row as it lies in the table."""
    return {
        **stored.row,
        "AccountId": key.aggregate_id,
        "ProjectionType": key.projection,
        "LastSequence": stored.position.sequence,
        "LastHash": stored.position.hash,
        **({ENTRIES_SEQUENCE: stored.entries} if stored.has_entries else {}),
    }


def stored_in(item: Mapping[str, Any]) -> Stored:
    """The row in an item of the table, whatever is damaged in it."""
    stored = stored_of(to_record(item))
    return stored if stored.position.sequence else stored._replace(row={}, odd_place=item.get("LastSequence"))


def stored_of(record: Mapping[str, Any]) -> Stored:
    """The row in a record of the table, with what it says even where it does not say its place."""
    row = {name: value for name, value in record.items() if name not in MECHANICS}
    return Stored(row, position_in(record), entries=_ordinal(record, ENTRIES_SEQUENCE))


def position_in(record: Mapping[str, Any]) -> Position:
    """Where a row says that it stands: at the start if it says no place, with the hash UNKNOWN if it says no hash."""
    sequence = _ordinal(record, "LastSequence")
    if not sequence:
        return Position()
    last_hash = record.get("LastHash")
    is_hash = isinstance(last_hash, str) and _HASH.fullmatch(last_hash)
    return Position(sequence, str(last_hash) if is_hash else UNKNOWN)


def entry_type(name: str, sequence: int) -> str:
    """The ProjectionType of an event's entry. Their order is that of their events."""
    return f"{name}#{sequence:0{_DIGITS}}"


def entry_in(record: Mapping[str, Any], name: str) -> Entry:
    """The entry in a record of the table. UnreadableRowError where its key is that of no event."""
    aggregate_id, key = record["AccountId"], record["ProjectionType"]
    digits = key.removeprefix(f"{name}#")
    if not (digits.isascii() and digits.isdigit() and key == entry_type(name, int(digits))):
        raise UnreadableRowError(name, aggregate_id, [key], healed_by="a repair removes it")
    content = {each: value for each, value in record.items() if each not in _KEYS}
    return Entry(aggregate_id, name, int(digits), content)


def _key_of(item: Mapping[str, Any]) -> Key:
    return Key(item["AccountId"]["S"], item["ProjectionType"]["S"])


def _entry_item(entry: Entry) -> Any:
    aggregate_id, projection = entry.key
    return to_item({**entry.content, "AccountId": aggregate_id, "ProjectionType": projection})


def _ordinal(record: Mapping[str, Any], name: str) -> int:
    """A place that a row says; 0 where it says none."""
    try:
        return ordinal(record, name)
    except ValueError:
        return 0
