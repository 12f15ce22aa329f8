"""Branches: what is tried on top of the ledger's history, kept apart from it, and gone some day by itself.

A branch copies nothing. Its head says on what it stands and how long it lives. Of each aggregate that somebody touches
on it, its base is fixed for good at that moment: so many events of the ledger's own, and no later one. What is decided
on the branch goes behind these, in the branch's own table (`overlay`).

The table has no stream: nothing that happens on a branch is ever published. All items of a branch expire with it.
Whatever AWS has not removed by then counts as gone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from botocore.exceptions import ClientError

from handlers.sourcing import times
from handlers.sourcing.errors import LedgerError, MalformedError, NotFoundError
from handlers.sourcing.event import Position, ordinal
from handlers.sourcing.fields import BRANCH_NAME
from handlers.sourcing.restoring import counted, text
from handlers.sourcing.values import Value

from .items import to_item, to_record

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PART, PLACE, EXPIRES_AT = "Part", "Place", "ExpiresAt"
"""The table's keys, and the Unix time at which an item lapses."""
COMMAND_INDEX = "CommandId-index"
"""By Part and CommandId: what became of a command on a branch."""
BATCH_WRITES = 25
"""BatchWriteItem's limit."""
MAX_PLACE_BYTES = 1024
"""Of a sort key, which an aggregate's id is here."""
_HEADS = "heads"
_BATCHES = 8


class BranchExistsError(LedgerError):
    """There is a branch of that name."""

    status = 409
    code = "BranchExists"


class DamagedBranchError(LedgerError):
    """An item of a branch is none that the ledger wrote. Only what was tried there is lost."""

    code = "DamagedBranch"

    def __init__(self, part: str, place: str) -> None:
        super().__init__(f"the item {place} of {part} in the branches' table is damaged; it can be deleted by hand")


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch's head."""

    name: str
    id: str
    """The name, and what tells it from an earlier branch of that name. It is hashed into the branch's events."""
    at: str | None
    """The moment that it stands on; None where each aggregate is taken as it is when it is first touched."""
    revision: str
    """Of the code that decided on it when it was made."""
    created_at: str
    expires_at: int
    """Unix time in seconds."""

    @classmethod
    def new(cls, name: str, at: str | None, revision: str, now: datetime, lasting: timedelta) -> Branch:
        """One that is made now, unlike any other of its name."""
        return cls(
            name=name,
            id=f"{name}.{uuid4().hex[:12]}",
            at=at,
            revision=revision,
            created_at=times.to_text(now),
            expires_at=int((now + lasting).timestamp()),
        )

    def describe(self) -> dict[str, Value]:
        """It as JSON."""
        return {
            "name": self.name,
            "id": self.id,
            "at": self.at,
            "revision": self.revision,
            "createdAt": self.created_at,
            "expiresAt": times.to_text(datetime.fromtimestamp(self.expires_at, UTC)),
        }

    def part(self, name: str) -> str:
        """The hash key of one of its parts."""
        return f"{self.id}/{name}"


def check_name(name: object, field: str) -> str:
    """`name` as a branch's, or MalformedError."""
    if not isinstance(name, str) or not BRANCH_NAME.fullmatch(name):
        raise MalformedError(field, "must be 1 to 40 small letters, digits and hyphens, and begin with no hyphen")
    return name


class Touched(NamedTuple):
    """An aggregate that somebody touched on a branch, and where its base ends."""

    aggregate_id: str
    end: Position

    def describe(self) -> dict[str, Value]:
        """It as JSON."""
        return {"aggregateId": self.aggregate_id, "base": self.end.sequence}


class Branches:
    """The table of branches. Reads are strongly consistent."""

    def __init__(self, client: DynamoDBClient, table: str, seconds: Callable[[], float] = time.time) -> None:
        self.client = client
        self.table = table
        self.seconds = seconds

    def create(self, branch: Branch) -> None:
        """Make a branch: one PutItem, one write unit, whatever the ledger's size. BranchExistsError."""
        head = {
            PART: _HEADS,
            PLACE: branch.name,
            "Id": branch.id,
            **({"At": branch.at} if branch.at else {}),
            "Revision": branch.revision,
            "CreatedAt": branch.created_at,
            EXPIRES_AT: branch.expires_at,
        }
        try:
            self.client.put_item(
                TableName=self.table,
                Item=to_item(head),
                ConditionExpression=f"attribute_not_exists({PART}) OR {EXPIRES_AT} <= :now",
                ExpressionAttributeValues={":now": {"N": str(int(self.seconds()))}},
            )
        except ClientError as error:
            if is_failed_condition(error):
                raise BranchExistsError(f"there is a branch {branch.name}", branch=branch.name) from error
            raise

    def get(self, name: str) -> Branch:
        """A branch by its name: one GetItem, one read unit. NotFoundError where there is none, or none any more;
        DamagedBranchError."""
        key: Any = {PART: {"S": _HEADS}, PLACE: {"S": name}}
        answer = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True)
        branch = self._alive(answer["Item"]) if "Item" in answer else None
        if branch is None:
            raise NotFoundError(f"there is no branch {name}, or none any more", branch=name)
        return branch

    def has(self, branch: Branch) -> bool:
        """Whether a branch is there still, and no later one of its name: one GetItem, one read unit."""
        try:
            return self.get(branch.name).id == branch.id
        except NotFoundError:
            return False

    def every(self) -> list[Branch]:
        """All branches that there are, by their names: one Query a megabyte."""
        return [branch for item in self.items(_HEADS) if (branch := self._alive(item))]

    def some(self, limit: int, after: str | None = None) -> tuple[list[Branch], str | None]:
        """Branches by their names, at most so many behind one, and the name behind which there may be more: one Query.

        There may be none, and more all the same: what has lapsed is left out.
        """
        items, rest = self.page(_HEADS, limit, after)
        return [branch for item in items if (branch := self._alive(item))], rest

    def touched(self, branch: Branch) -> Iterator[Touched]:
        """The aggregates that were touched on a branch, by their ids: one Query a megabyte."""
        for item in self.items(branch.part("aggregates")):
            yield _touched(to_record(item))

    def some_touched(self, branch: Branch, limit: int, after: str | None = None) -> tuple[list[Touched], str | None]:
        """So many of the aggregates that were touched, behind one, and behind which there may be more: one Query."""
        items, rest = self.page(branch.part("aggregates"), limit, after)
        return [_touched(to_record(item)) for item in items], rest

    def base(self, branch: Branch, aggregate_id: str, measure: Callable[[], Position]) -> Position:
        """Where an aggregate's base ends on a branch; as it is `measure`d at the first touch, and never again.

        One GetItem (one read unit); at the first touch a PutItem besides (one write unit), and what the measuring
        takes. Of several who touch it first, one measure counts.
        """
        fixed = self.fixed(branch, aggregate_id)
        if fixed is not None:
            return fixed
        key, end = self._touch(branch, aggregate_id), measure()
        record = {"Length": end.sequence, "Hash": end.hash, "Timestamp": end.timestamp, EXPIRES_AT: branch.expires_at}
        try:
            self.client.put_item(
                TableName=self.table,
                Item={**key, **to_item(record)},
                ConditionExpression=f"attribute_not_exists({PART})",
            )
        except ClientError as error:
            if not is_failed_condition(error):
                raise
            return self.base(branch, aggregate_id, measure)
        return end

    def fixed(self, branch: Branch, aggregate_id: str) -> Position | None:
        """Where an aggregate's base ends on a branch; None where nobody has touched it: one GetItem, one read unit."""
        answer = self.client.get_item(TableName=self.table, Key=self._touch(branch, aggregate_id), ConsistentRead=True)
        return _touched(to_record(answer["Item"])).end if "Item" in answer else None

    @staticmethod
    def _touch(branch: Branch, aggregate_id: str) -> Any:
        return {PART: {"S": branch.part("aggregates")}, PLACE: {"S": aggregate_id}}

    def drop(self, branch: Branch) -> None:
        """Remove a branch: first its head, so that nobody finds it any more, then all that was kept of it.

        One write unit for each item, two for an event. What a crash leaves expires with the branch.
        """
        self.client.delete_item(TableName=self.table, Key={PART: {"S": _HEADS}, PLACE: {"S": branch.name}})
        for each in self.touched(branch):
            self.clear(branch.part(f"events/{each.aggregate_id}"))
        self.clear(branch.part("aggregates"))

    def items(self, part: str) -> Iterator[Mapping[str, Any]]:
        """The items of a part, in order: one Query a megabyte, one read unit for each 4 KB."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression=f"{PART} = :part",
            ExpressionAttributeValues={":part": {"S": part}},
            ConsistentRead=True,
        )
        for page in pages:
            yield from page["Items"]

    def page(self, part: str, limit: int, after: str | None = None) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        """So many items of a part behind a place, in order, and the place behind which there may be more.

        One Query, which reads a megabyte at most; one read unit for each 4 KB.
        """
        start: Any = {} if after is None else {"ExclusiveStartKey": {PART: {"S": part}, PLACE: {"S": after}}}
        answer = self.client.query(
            TableName=self.table,
            KeyConditionExpression=f"{PART} = :part",
            ExpressionAttributeValues={":part": {"S": part}},
            ConsistentRead=True,
            Limit=limit,
            **start,
        )
        rest = answer.get("LastEvaluatedKey")
        return answer["Items"], str(rest[PLACE]["S"]) if rest else None

    def _alive(self, item: Mapping[str, Any]) -> Branch | None:
        """The branch of a head; None where it has lapsed: AWS may take days to remove it. DamagedBranchError."""
        record = to_record(item)
        try:
            branch = Branch(
                name=check_name(record[PLACE], PLACE),
                id=text(record["Id"]),
                at=None if record.get("At") is None else times.normalize(record["At"], "At"),
                revision=text(record["Revision"]),
                created_at=times.normalize(record["CreatedAt"], "CreatedAt"),
                expires_at=ordinal(record, EXPIRES_AT),
            )
        except (LookupError, MalformedError, ValueError) as error:
            raise DamagedBranchError(_HEADS, str(record.get(PLACE))) from error
        return branch if branch.expires_at > self.seconds() else None

    def clear(self, part: str) -> None:
        """Remove a part's items: a BatchWriteItem for 25, a write unit for each KB of it."""
        keys = [{"DeleteRequest": {"Key": {PART: item[PART], PLACE: item[PLACE]}}} for item in self.items(part)]
        for first in range(0, len(keys), BATCH_WRITES):
            undone: Any = {self.table: keys[first : first + BATCH_WRITES]}
            for _ in range(_BATCHES):
                if undone:
                    undone = self.client.batch_write_item(RequestItems=undone).get("UnprocessedItems")


def is_failed_condition(error: ClientError) -> bool:
    """Whether a write was refused for its condition."""
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"


def _touched(record: Mapping[str, Any]) -> Touched:
    try:
        length = counted(record["Length"])
        end = Position(length, text(record["Hash"]), text(record["Timestamp"])) if length else Position()
        return Touched(text(record[PLACE]), end)
    except (LookupError, ValueError) as error:
        raise DamagedBranchError(str(record.get(PART)), str(record.get(PLACE))) from error
