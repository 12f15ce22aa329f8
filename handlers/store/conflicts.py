"""Lost events: acknowledged in one Region, and replaced in the store by what another Region wrote at their place.

    open --> check ---------------------> closed         it is in the stream again
    open --> refused --> person --accept--> closed       it is not, and a person says what became of it
                         person --retry---> open         or has it decided once more

The ledger decides what is `open`, and nothing else. It passes on from `check` and `refused` when it looks once more,
when nobody can write any more who had read the stream before. So what is for a `person` is in nobody else's hands: only
she has it decided again, or closes it; and of the two, whichever comes first rules the other out.

The table is replicated as well. The evidence is an item under the event's place and hash that says the event verbatim,
so both Regions may keep one: they keep the same. What became of it is the *word* of the Region that decides, in an item
beside it. So evidence that comes late (the later of two items wins) takes no word back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from handlers.sourcing.event import Event
from handlers.sourcing.values import Value

from .every_item import every_item
from .items import to_item, to_record
from .stored_events import event_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DUE_INDEX = "Due-KeptAt-index"
"""By Due and KeptAt: what is not closed yet."""


_WORD = "#word"
"""Behind the place of the evidence: where its word lies."""
_SAID = "#said#"
"""Behind the place of the evidence: where each word of a person lies, by when and where it was said. Nothing replaces
one, so a word is there still when a later one of the other Region has taken its place."""


class Status(StrEnum):
    """How far a lost event is settled."""

    OPEN = "open"
    REFUSED = "refused"
    PERSON = "person"
    CHECKED = "check"
    CLOSED = "closed"

    @property
    def words(self) -> str:
        """It as operators read it."""
        return _WORDS[self]


_WORDS = {
    Status.OPEN: "the ledger decides it again",
    Status.REFUSED: "the ledger looks once more",
    Status.PERSON: "needs a person",
    Status.CHECKED: "in the stream again",
    Status.CLOSED: "closed",
}


class Bar(StrEnum):
    """What no second decision gets over: such a lost event is to be closed."""

    OPENING = "opening"
    """Another opening stands under its id."""
    BEHIND = "behind"
    """It rests on an opening, or another event for a person, that is not in the stream: it was asked of that one."""
    REUSED = "reused"
    """Under its commandId another command stands."""
    OVER = "over"
    """What it belongs to ended without it, or was carried out without it."""


UNSETTLED = (Status.OPEN, Status.REFUSED, Status.PERSON)
"""Of what is neither in its stream again nor closed."""


class OvertakenError(Exception):
    """Somebody else said what became of it meanwhile. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A lost event; `since` is when it reached its status, `why` says what stands against it, or what became of it.

    `stands`: one that was not lost, and contradicts what stands elsewhere. `by`: the person whose word that is."""

    event: Event
    item: Mapping[str, Value]
    """The record of the item that held the event, with what is no part of the event: its keys in the indexes."""
    kept_at: str
    kept_in: str
    status: Status = Status.OPEN
    since: str = ""
    why: str = ""
    sequence: int | None = None
    """Where it is in the stream again."""
    by: str = ""
    stands: bool = False
    bar: Bar | None = None
    """As of when it was last decided."""
    word: str | None = None
    """Since when its word is that; None where nobody has said one, and it is as it was kept."""
    said: tuple[Conflict, ...] = ()
    """It with each word of a person, the oldest first; only as a whole stream's are read."""
    is_fresh: bool = True
    """Whether the evidence still asks for a first word."""
    is_overlaid: bool = False
    """Whether the note of a Region that had not heard of it lies in the place of the person's word that it is."""

    @property
    def is_due(self) -> bool:
        return self.status is not Status.CLOSED

    @property
    def is_unsettled(self) -> bool:
        return self.status in UNSETTLED

    @property
    def closing(self) -> Conflict | None:
        """It as a person closed it, also where another word has taken that one's place."""
        if self.status is Status.CLOSED and self.by:
            return self
        if self.status not in (Status.CHECKED, Status.CLOSED):
            return None
        return next((each for each in self.said if each.status is Status.CLOSED), None)

    def heeding(self, said: tuple[Conflict, ...]) -> Conflict:
        """It with what persons said, the oldest first. No schedule opens again what the last of them closed. That it is
        in the stream all the same is news to her, unless she closed it as one that is."""
        heard = replace(self, said=said)
        last = said[-1] if said else self
        if last.status is not Status.CLOSED or self.by or not self.is_unsettled:
            return heard
        if self.sequence is not None and last.sequence is None:
            return heard
        return replace(heard.now(last.status, last.since, last.why, last.sequence, last.by), is_overlaid=True)

    @property
    def counts_twice(self) -> bool:
        """Whether it is in the stream though a person had closed it: she is to see which of the two is to count."""
        return self.status is Status.PERSON and self.sequence is not None

    def record(self) -> dict[str, Value]:
        """It as it is stored."""
        return {
            "AggregateId": self.event.aggregate_id,
            "Place": place_of(self.event),
            "Event": dict(self.item),
            "KeptAt": self.kept_at,
            "KeptIn": self.kept_in,
            "Since": self.since or self.kept_at,
            "Why": self.why,
            **({"AgainAt": self.sequence} if self.sequence else {}),
            **({"By": self.by} if self.by else {}),
            **({"Stands": True} if self.stands else {}),
            **({"Bar": self.bar.value} if self.bar else {}),
            **({"Due": self.status.value} if self.is_due else {}),
        }

    @classmethod
    def of(cls, item: Any) -> Conflict:
        """Read an item. NotAnEventError, LookupError, ValueError where it is none."""
        record: dict[str, Any] = to_record(item)
        again = record.get("AgainAt")
        return cls(
            event=event_of(to_item(record["Event"])),
            item=record["Event"],
            kept_at=record["KeptAt"],
            kept_in=record["KeptIn"],
            status=Status(record.get("Due") or record.get("Said", Status.CLOSED)),
            since=record["Since"],
            why=record["Why"],
            sequence=int(again) if again else None,
            by=record.get("By", ""),
            stands=record.get("Stands", False),
            bar=Bar(record["Bar"]) if "Bar" in record else None,
            word=record["Since"] if record["Place"].endswith(_WORD) else None,
            is_fresh="Due" in record and not record["Place"].endswith(_WORD) and _SAID not in record["Place"],
        )

    def now(self, status: Status, at: str, why: str, sequence: int | None = None, by: str = "") -> Conflict:
        """It with another status."""
        return replace(self, status=status, since=at, why=why, sequence=sequence, by=by)

    def describe(self) -> dict[str, Value]:
        """It as operators see it."""
        event = self.event
        return {
            "aggregateId": event.aggregate_id,
            "sequence": event.sequence,
            "hash": event.hash,
            "eventId": event.event_id,
            "eventType": event.event_type,
            "commandId": event.command_id,
            "region": event.stamp.region,
            "epoch": event.stamp.epoch,
            "decidedAt": event.timestamp,
            "status": "resolved" if self.status is Status.CHECKED else self.status.value,
            "since": self.since or self.kept_at,
            "stands": self.stands,
            "bar": self.bar and self.bar.value,
            "keptAt": self.kept_at,
            "why": self.why,
            "by": self.by or None,
            "againAt": self.sequence,
        }


def place_of(event: Event) -> str:
    """What a lost event is kept under: no two of one aggregate have the same."""
    return f"{event.sequence:016d}#{event.hash}"


@dataclass(frozen=True, slots=True)
class Conflicts:
    """The table of lost events."""

    client: DynamoDBClient
    table: str

    def keep(self, conflict: Conflict) -> bool:
        """Keep a lost event that is not kept yet; whether that is news. One PutItem."""
        try:
            self.client.put_item(
                TableName=self.table,
                Item=to_item(conflict.record()),
                ConditionExpression="attribute_not_exists(AggregateId)",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def note(self, conflict: Conflict) -> Conflict:
        """Note what became of a lost event that is kept, as long as its word is the one that was read: a PutItem, and
        one more with the first word. Raises OvertakenError where it is another one."""
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(AggregateId)"}
        if conflict.word is not None:
            condition = {
                "ConditionExpression": "Since = :since",
                "ExpressionAttributeValues": {":since": {"S": conflict.word}},
            }
        record = {**conflict.record(), "Place": place_of(conflict.event) + _WORD}
        try:
            self.client.put_item(TableName=self.table, Item=to_item(record), **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                raise OvertakenError(f"somebody else settles {conflict.event.aggregate_id} at the same time") from error
            raise
        noted = replace(conflict, word=conflict.since, is_overlaid=False)
        return self.quiet(noted) if noted.is_fresh else noted

    def say(self, conflict: Conflict, region: str) -> Conflict:
        """Note a person's word, and keep it for good: one PutItem more. OvertakenError."""
        noted = self.note(conflict)
        record = {name: value for name, value in conflict.record().items() if name != "Due"}
        place = f"{place_of(conflict.event)}{_SAID}{conflict.since}#{region}"
        self.client.put_item(
            TableName=self.table, Item=to_item({**record, "Place": place, "Said": conflict.status.value})
        )
        return noted

    def quiet(self, conflict: Conflict) -> Conflict:
        """Have the evidence ask for no word any more, which was said: one PutItem."""
        record = {name: value for name, value in conflict.record().items() if name != "Due"}
        self.client.put_item(TableName=self.table, Item=to_item(record))
        return replace(conflict, is_fresh=False)

    def of(self, aggregate_id: str) -> list[Conflict]:
        """All of one stream, in the order of their places: one Query a megabyte, strongly consistent."""
        asked: dict[str, Any] = {
            "TableName": self.table,
            "KeyConditionExpression": "AggregateId = :id",
            "ExpressionAttributeValues": {":id": {"S": aggregate_id}},
            "ConsistentRead": True,
        }
        found: dict[str, Conflict] = {}
        said: dict[str, tuple[Conflict, ...]] = {}
        for item in every_item(self.client.query, asked):  # a word lies behind its evidence
            conflict = Conflict.of(item)
            place = place_of(conflict.event)
            if _SAID in item["Place"]["S"]:
                said[place] = (*said.get(place, ()), conflict)
                continue
            evidence = found.get(place)
            found[place] = replace(conflict, is_fresh=evidence.is_fresh) if evidence else conflict
        return [each.heeding(said.get(place, ())) for place, each in found.items()]

    def unsettled(self) -> Iterator[Conflict]:
        """All that are neither in their streams again nor closed: those for a person last."""
        for status in UNSETTLED:
            yield from self.due(status)

    def due(self, status: Status) -> Iterator[Conflict]:
        """All of a status that is not closed, the oldest first: one Query a megabyte of the index."""
        asked: dict[str, Any] = {
            "TableName": self.table,
            "IndexName": DUE_INDEX,
            "KeyConditionExpression": "Due = :due",
            "ExpressionAttributeValues": {":due": {"S": status.value}},
        }
        return map(Conflict.of, every_item(self.client.query, asked))
