"""Who still has an event: audit log, audit files, a table that was restored beside the store, or an export."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handlers.sourcing.errors import MalformedError, NotAnEventError
from handlers.sourcing.event import Event
from handlers.store.event_bus import delivered_event
from handlers.store.stored_events import event_of
from ops.bulk import jsonl, parquet
from ops.bulk.manifest import Format, Manifest
from ops.system import OperatorError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_logs import CloudWatchLogsClient

_PLAIN = re.compile(r"[A-Za-z0-9_.:@/+-]+")
"""Ids that a filter pattern takes for what they are."""
FILES = "events/"
"""What their names begin with; then comes the hour, in UTC."""
_EARLIER = 60_000
"""Milliseconds by which clocks may differ."""


class AuditLog:
    """The lines of the log group, as EventBridge wrote them."""

    def __init__(self, logs: CloudWatchLogsClient, group: str, aggregate_id: str, since: str | None) -> None:
        """`since`: nothing was logged before, as far as clocks agree."""
        self._logs, self._group, self._aggregate_id = logs, group, aggregate_id
        self._range: dict[str, Any] = {}
        if since is not None:
            self._range["startTime"] = max(0, int(datetime.fromisoformat(since).timestamp() * 1000) - _EARLIER)

    def __call__(self, sequence: int) -> Sequence[Event]:
        """The events that it has for a place: a FilterLogEvents for each megabyte of the log, behind `since`."""
        pattern = f"$.detail.EventSequence = {sequence}"
        if _PLAIN.fullmatch(self._aggregate_id):
            pattern += f' && $.detail.AggregateId = "{self._aggregate_id}"'
        pages = self._logs.get_paginator("filter_log_events").paginate(
            logGroupName=self._group, filterPattern=f"{{ {pattern} }}", **self._range
        )
        return _at(sequence, self._aggregate_id, (line["message"] for page in pages for line in page["events"]))


class AuditFiles:
    """The files of the bucket that nobody can change, as Firehose wrote them: by hour, and in an hour in any order."""

    def __init__(self, s3: Any, bucket: str, aggregate_id: str, since: str | None) -> None:
        """`since`: nothing was written before, as far as clocks agree."""
        self._s3, self._bucket, self._aggregate_id = s3, bucket, aggregate_id
        self._after: dict[str, Any] = {}
        if since is not None:
            began = datetime.fromisoformat(since).astimezone(UTC) - timedelta(milliseconds=_EARLIER)
            self._after["StartAfter"] = f"{FILES}{began:%Y/%m/%d/%H}"

    def __call__(self, sequence: int) -> Sequence[Event]:
        """The events that they have for a place, in the first hour in which there is one.

        A GetObject for each file from `since` to the end of that hour, and a ListObjectsV2 for each thousand.
        """
        found: list[str] = []
        hour = ""
        for key in self._keys():
            if found and not key.startswith(hour):
                break
            hour = key.rpartition("/")[0]
            found += (line for line in self._lines(key) if _at(sequence, self._aggregate_id, [line]))
        return _at(sequence, self._aggregate_id, found)

    def _keys(self) -> Iterator[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=FILES, **self._after)
        return (each["Key"] for page in pages for each in page.get("Contents", ()))

    def _lines(self, key: str) -> list[str]:
        content = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        return gzip.decompress(content).decode().splitlines()


class Beside:
    """Another table, such as one that was restored to an earlier moment."""

    def __init__(self, client: DynamoDBClient, table: str, aggregate_id: str) -> None:
        self._client, self._table, self._aggregate_id = client, table, aggregate_id

    def __call__(self, sequence: int) -> Sequence[Event]:
        """The event that it has at a place, if any: one GetItem. OperatorError where there is no such table."""
        key: Any = {"AggregateId": {"S": self._aggregate_id}, "EventSequence": {"N": str(sequence)}}
        try:
            item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        except self._client.exceptions.ResourceNotFoundException as error:
            raise OperatorError(f"there is no table {self._table} in this Region") from error
        try:
            return [event_of(item)] if item else []
        except NotAnEventError:
            return []


class Exported:
    """The files of an export, read once, with the aggregate's events in memory."""

    def __init__(self, folder: Path, aggregate_id: str) -> None:
        """OperatorError where it is no export."""
        manifest = Manifest.load(folder)
        self._events: dict[int, list[Event]] = {}
        for part in manifest.parts:
            for event in _read(folder / part.file, manifest.format):
                if event.aggregate_id == aggregate_id:
                    self._events.setdefault(event.sequence, []).append(event)

    def __call__(self, sequence: int) -> Sequence[Event]:
        """The events that it has for a place."""
        return self._events.get(sequence, [])


def _read(path: Path, how: Format) -> Iterator[Event]:
    if how is Format.PARQUET:
        yield from parquet.read(path)
    else:
        yield from (event for event, _ in jsonl.read(path))


def _at(sequence: int, aggregate_id: str, lines: Iterable[str]) -> list[Event]:
    """The events of a place in what was delivered, each once, however often it was."""
    found: dict[Any, Event] = {}
    for line in lines:
        try:
            event = delivered_event(line)
        except MalformedError:
            continue
        if (event.aggregate_id, event.sequence) == (aggregate_id, sequence):
            found.setdefault((event.hash, event.computed_hash()), event)
    return list(found.values())
