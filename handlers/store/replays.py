"""The table of replays: what each was asked to do and whether it may go on, and how far each of its segments is.

A replay is an item that operators write, and an item for each segment that workers write. Every write is one PutItem on
the condition that the item is still the one that was read (its Revision): of two who would move a segment on, one does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from handlers.sourcing import times
from handlers.sourcing.errors import shortened
from handlers.sourcing.replays import FILE, ReplaySpec
from handlers.sourcing.values import Value, loads

from .every_item import every_item
from .items import to_item, to_record
from .replay_source import Place

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_HEAD = "head"
_SEGMENT = "segment#"


class State(StrEnum):
    """What an operator wants of a replay. That it is completed is told by its segments alone."""

    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"


class ChangedMeanwhileError(Exception):
    """Somebody else has written the item since it was read. Nothing was written."""


class ReplayExistsError(Exception):
    """There is a replay by this id."""


class Counts(NamedTuple):
    """What has become of a segment's items so far."""

    scanned: int = 0
    selected: int = 0
    sent: int = 0
    """Copies; of the projection's target, messages."""
    left_out: int = 0
    """No events, or such that the target will never take."""

    def plus(self, other: Counts) -> Counts:
        """Both together."""
        return Counts(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    def minus(self, other: Counts) -> Counts:
        """What came since."""
        return Counts(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))

    def describe(self) -> dict[str, Value]:
        """They as JSON."""
        return {"scanned": self.scanned, "selected": self.selected, "sent": self.sent, "leftOut": self.left_out}


NOTHING = Counts()


@dataclass(frozen=True, slots=True)
class Head:
    """What a replay was asked to do, and whether it may go on."""

    replay_id: str
    spec: ReplaySpec
    started_at: str
    changed_at: str
    state: State = State.RUNNING
    queue_url: str = ""
    """Of the target, where that is a queue."""
    branch_id: str = ""
    """Of the target, where that is a branch: a later one of its name is another one."""
    revision: int = 0
    """0 of one that is not stored yet."""

    @property
    def is_of_files(self) -> bool:
        """Whether a program of an operator's writes its copies, and so no message moves it."""
        return self.spec.target is not None and self.spec.target.kind == FILE

    @property
    def age(self) -> tuple[str, str]:
        """What replays are in order by: when it was started, and its id."""
        return self.started_at, self.replay_id


@dataclass(frozen=True, slots=True)
class Segment:
    """How far a segment is: everything up to its place has gone out."""

    replay_id: str
    number: int
    changed_at: str
    after: Place | None = None
    """Goes on behind it; None at the beginning."""
    done: bool = False
    owner: str = ""
    """The message by which it is worked on; empty where by none. It is one message's, not one process's: should the
    process end, the message comes again and goes on, and any other message finds that it has nothing to do."""
    lease_until: str = ""
    """Then anybody may take it: its owner's message came to nothing."""
    due: str = ""
    """When its next copies may go out: its share of the rate, whoever sends them."""
    counts: Counts = NOTHING
    problem: str = ""
    """The last thing that was left out, and why."""
    moved_by: str = ""
    """The message that moved it on last; empty where none has."""
    revision: int = 0

    def is_held(self, by: str, now: str) -> bool:
        """Whether another message than this one works on it."""
        return self.owner not in ("", by) and now <= self.lease_until

    def taken(self, by: str, until: str) -> Segment:
        """As a message's that begins to work on it."""
        return replace(self, owner=by, lease_until=until)

    def moved(self, after: Place | None, *, done: bool = False) -> Segment:
        """As its owner's message moves it on."""
        return replace(self, after=after, done=done, moved_by=self.owner)

    def released(self) -> Segment:
        """As nobody's."""
        return replace(self, owner="", lease_until="")


@dataclass(frozen=True, slots=True)
class Run:
    """A replay with its segments, as they are at one moment."""

    head: Head
    segments: Mapping[int, Segment]

    @property
    def unfinished(self) -> list[Segment]:
        """The segments that are not gone through yet."""
        return [each for each in self.segments.values() if not each.done]

    @property
    def counts(self) -> Counts:
        """Of all segments."""
        total = NOTHING
        for each in self.segments.values():
            total = total.plus(each.counts)
        return total


@dataclass(frozen=True, slots=True)
class Replays:
    """Reads and writes the table. Reads are strongly consistent."""

    client: DynamoDBClient
    table: str

    def create(self, head: Head, segments: Sequence[int], apart: float) -> Run:
        """A replay and its segments, all or nothing: one TransactWriteItems, two write units for each item.

        The segments begin one after the other, so many seconds apart. Raises ReplayExistsError.
        """
        parts = {
            number: Segment(
                *(head.replay_id, number, head.changed_at),
                due=times.later(head.started_at, turn * apart),
                revision=1,
            )
            for turn, number in enumerate(segments)
        }
        run = Run(replace(head, revision=1), parts)
        records = [_of_head(run.head), *map(_of_segment, parts.values())]
        try:
            self.client.transact_write_items(
                TransactItems=[
                    {
                        "Put": {
                            "TableName": self.table,
                            "Item": to_item(record),
                            "ConditionExpression": "attribute_not_exists(ReplayId)",
                        }
                    }
                    for record in records
                ]
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "TransactionCanceledException":
                raise
            raise ReplayExistsError(head.replay_id) from error
        return run

    def read(self, replay_id: str) -> Run | None:
        """A replay; None where there is none by this id. One Query, a read unit for each 4 KB: two as a rule."""
        asked: dict[str, Any] = {
            "TableName": self.table,
            "ConsistentRead": True,
            "KeyConditionExpression": "ReplayId = :id",
            "ExpressionAttributeValues": {":id": {"S": replay_id}},
        }
        return next(iter(_runs(every_item(self.client.query, asked))), None)

    def every(self, allow: Callable[[], object] = lambda: None) -> list[Run]:
        """All replays, the newest first: a Scan of the table, which is small: one request a megabyte, and each may be
        forbidden by what `allow` raises. For operators."""
        items: list[Mapping[str, Any]] = []
        place: dict[str, Any] = {}
        while True:
            allow()
            answer = self.client.scan(TableName=self.table, ConsistentRead=True, **place)
            items += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return sorted(_runs(items), key=lambda run: run.head.age, reverse=True)
            place = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def save_head(self, head: Head) -> Head:
        """Write a replay's state over the one that was read: one PutItem. Raises ChangedMeanwhileError."""
        saved = replace(head, revision=head.revision + 1)
        self._put(_of_head(saved), head.revision)
        return saved

    def save(self, segment: Segment) -> Segment:
        """Write a segment over the one that was read: one PutItem, one write unit. Raises ChangedMeanwhileError."""
        saved = replace(segment, revision=segment.revision + 1)
        self._put(_of_segment(saved), segment.revision)
        return saved

    def _put(self, record: Mapping[str, Value], read: int) -> None:
        try:
            self.client.put_item(
                TableName=self.table,
                Item=to_item(record),
                ConditionExpression="Revision = :read",
                ExpressionAttributeValues={":read": {"N": str(read)}},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            raise ChangedMeanwhileError(f"{record['Part']} of {record['ReplayId']}") from error


def _runs(items: Iterable[Mapping[str, Any]]) -> list[Run]:
    heads: list[Head] = []
    segments: dict[str, dict[int, Segment]] = {}
    for record in map(to_record, items):
        if record["Part"] == _HEAD:
            heads.append(_head(record))
        elif record["Part"].startswith(_SEGMENT):  # what else somebody put there is nobody's
            segment = _segment(record)
            segments.setdefault(segment.replay_id, {})[segment.number] = segment
    return [Run(head, segments.get(head.replay_id, {})) for head in heads]


def _of_head(head: Head) -> dict[str, Value]:
    return {
        "ReplayId": head.replay_id,
        "Part": _HEAD,
        "Revision": head.revision,
        "State": str(head.state),
        "Spec": head.spec.canonical(),
        "SpecDigest": head.spec.digest(),
        "QueueUrl": head.queue_url,
        "BranchId": head.branch_id,
        "StartedAt": head.started_at,
        "ChangedAt": head.changed_at,
    }


def _head(record: Mapping[str, Any]) -> Head:
    return Head(
        replay_id=record["ReplayId"],
        spec=ReplaySpec.of(loads(record["Spec"], "Spec")),
        started_at=record["StartedAt"],
        changed_at=record["ChangedAt"],
        state=State(record["State"]),
        queue_url=record["QueueUrl"],
        branch_id=record.get("BranchId", ""),
        revision=int(record["Revision"]),
    )


def _of_segment(segment: Segment) -> dict[str, Value]:
    return {
        "ReplayId": segment.replay_id,
        "Part": f"{_SEGMENT}{segment.number:02}",
        "Revision": segment.revision,
        "Done": segment.done,
        "Owner": segment.owner,
        "LeaseUntil": segment.lease_until,
        "Due": segment.due,
        "Problem": shortened(segment.problem),
        "MovedBy": segment.moved_by,
        "ChangedAt": segment.changed_at,
        **dict(zip(_COUNTS, segment.counts, strict=True)),
        **({} if segment.after is None else {"AfterId": segment.after.aggregate_id, "After": segment.after.sequence}),
    }


_COUNTS = ("Scanned", "Selected", "Sent", "LeftOut")


def _segment(record: Mapping[str, Any]) -> Segment:
    return Segment(
        replay_id=record["ReplayId"],
        number=int(record["Part"].removeprefix(_SEGMENT)),
        changed_at=record["ChangedAt"],
        after=Place(record["AfterId"], Decimal(record["After"])) if "AfterId" in record else None,
        done=record["Done"],
        owner=record["Owner"],
        lease_until=record["LeaseUntil"],
        due=record["Due"],
        counts=Counts(*(int(record[name]) for name in _COUNTS)),
        problem=record["Problem"],
        moved_by=record.get("MovedBy", ""),
        revision=int(record["Revision"]),
    )
