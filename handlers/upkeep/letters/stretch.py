"""A stretch of the event store's stream that the relay gave up, and the events in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from handlers.sourcing import times
from handlers.sourcing.errors import MalformedError, NotAnEventError
from handlers.sourcing.event import Event
from handlers.sourcing.fields import check_whole
from handlers.store.lost import Lost, lost_by
from handlers.store.stored_events import event_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

FORGOTTEN = ("TrimmedDataAccessException", "ResourceNotFoundException")
"""How DynamoDB says that a stream does not have a record any more, or that there is no such stream or shard."""
MARGIN = timedelta(minutes=2)
"""An event's Timestamp is taken before it is stored, on another clock, and arrivals are told in whole seconds."""
PAGE = 1000
EMPTY_PAGES = 50
"""Of a shard, in a row, after which what was looked for is taken to be forgotten."""
MAX_SIZE = 10_000
"""Records that Lambda hands over at once, at most."""
KEPT = timedelta(days=1)
"""How long a stream remembers."""
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""Between which a window can be reckoned around a stretch."""
ARN_LENGTH, SHARD_LENGTH, NUMBER_LENGTH = (37, 1024), (28, 65), (21, 40)
"""What GetShardIterator takes for a stream, a shard and a sequence number, from the shortest to the longest."""
_ARN_PARTS = 4
_DIGITS = re.compile("[0-9]+")


@dataclass(frozen=True, slots=True)
class Stretch:
    """What Lambda notes of a batch that it gave up: where it lies in the stream, and when it arrived there."""

    stream_arn: str
    shard_id: str
    start: str
    end: int
    first: datetime
    last: datetime
    size: int

    @classmethod
    def of(cls, info: Any) -> Stretch:
        """Read the DDBStreamBatchInfo of an invocation record. MalformedError where it is none."""
        if not isinstance(info, dict):
            raise MalformedError("DDBStreamBatchInfo", "must be an object")
        stretch = cls(
            stream_arn=_text(info, "streamArn", ARN_LENGTH),
            shard_id=_text(info, "shardId", SHARD_LENGTH),
            start=_number(info, "startSequenceNumber"),
            end=int(_number(info, "endSequenceNumber")),
            first=_moment(info, "approximateArrivalOfFirstRecord"),
            last=_moment(info, "approximateArrivalOfLastRecord"),
            size=check_whole(info.get("batchSize"), "DDBStreamBatchInfo.batchSize", 1, MAX_SIZE),
        )
        if not timedelta(0) <= stretch.last - stretch.first <= KEPT:
            raise MalformedError("DDBStreamBatchInfo", "its first and last record arrived at times that cannot be")
        return stretch

    @property
    def table(self) -> str | None:
        """Whose stream it is of: arn:aws:dynamodb:region:account:table/NAME/stream/LABEL."""
        parts = self.stream_arn.split("/")
        return parts[1] if len(parts) == _ARN_PARTS and parts[0].endswith(":table") else None

    @property
    def window(self) -> tuple[datetime, datetime]:
        """The Timestamps between which its events are."""
        return self.first - MARGIN, self.last + MARGIN


class Found(NamedTuple):
    """What the records of a stretch tell. What is neither is left out: it is nothing that the ledger does."""

    inserted: tuple[Event, ...] = ()
    lost: tuple[Lost, ...] = ()
    """Events that were there before a change, which may be told by this stretch alone."""
    replacing: tuple[Event, ...] = ()
    """Those that stand in their places."""


def from_stream(client: DynamoDBStreamsClient, stretch: Stretch) -> Found | None:
    """What a stretch tells, and what lies between in the shard; None where the stream has forgotten any of it.

    A stream remembers for 24 hours, also the old images, which are nowhere else.
    """
    try:
        iterator: str | None = client.get_shard_iterator(
            StreamArn=stretch.stream_arn,
            ShardId=stretch.shard_id,
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=stretch.start,
        )["ShardIterator"]
        records: list[Any] = []
        empty = seen = 0
        while iterator and empty < EMPTY_PAGES:
            answer = client.get_records(ShardIterator=iterator, Limit=PAGE)
            for record in answer["Records"]:
                number = int(record["dynamodb"]["SequenceNumber"])
                if number <= stretch.end:
                    records.append(record)
                    seen += 1
                if number >= stretch.end:
                    return _told_by(records) if seen >= stretch.size else None
            empty = 0 if answer["Records"] else empty + 1
            iterator = answer.get("NextShardIterator")
    except ClientError as error:
        if error.response["Error"]["Code"] not in FORGOTTEN:
            raise
    return None


def _told_by(records: Iterable[Any]) -> Found:
    inserted: list[Event] = []
    lost: list[Lost] = []
    replacing: list[Event] = []
    for record in records:
        change = record["dynamodb"]
        try:
            if record["eventName"] == "INSERT":
                inserted.append(event_of(change.get("NewImage")))
            elif taken := lost_by(change):
                lost.append(taken)
                replacing += [] if taken.removed else [event_of(change["NewImage"])]
        except NotAnEventError:
            continue
    return Found(tuple(inserted), tuple(lost), tuple(replacing))


def _text(info: Mapping[str, Any], name: str, length: tuple[int, int]) -> str:
    value = info.get(name)
    shortest, longest = length
    if not isinstance(value, str) or not shortest <= len(value) <= longest:
        raise MalformedError(f"DDBStreamBatchInfo.{name}", f"must be a text of {shortest} to {longest} characters")
    return value


def _number(info: Mapping[str, Any], name: str) -> str:
    """A sequence number as it is spelled: a stream may begin at one with leading zeros."""
    text = _text(info, name, NUMBER_LENGTH)
    if not _DIGITS.fullmatch(text):
        raise MalformedError(f"DDBStreamBatchInfo.{name}", "must be a text of digits")
    return text


def _moment(info: Mapping[str, Any], name: str) -> datetime:
    path = f"DDBStreamBatchInfo.{name}"
    moment = datetime.fromisoformat(times.normalize(info.get(name), path))
    if not EARLIEST <= moment <= LATEST:
        raise MalformedError(path, "is no time at which a record could have arrived")
    return moment


def windows(stretches: Iterable[Stretch]) -> list[tuple[datetime, datetime]]:
    """The windows of several stretches, those that overlap made one: each event is read once."""
    merged: list[tuple[datetime, datetime]] = []
    for start, end in sorted(stretch.window for stretch in stretches):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((start, end))
    return merged
