"""DynamoDB streams to Lambda: one reader per mapping, and lanes in which batches keep the order of their records."""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from local.engine import backends, exact_json
from local.engine.api import ApiError
from local.engine.invoke import Invoker, Outcome
from local.engine.mapping import MAX_BATCH_BYTES, Settings, reported_failures, settings_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from local.engine.background import Background
    from local.engine.changes import Changes
    from local.engine.destinations import Destinations
    from local.engine.gateway import Gateway

BACKOFF_SECONDS = (0.05, 2.0)
"""First and longest wait after a failure, doubling. On AWS: up to minutes."""


@dataclass(frozen=True)
class Record:
    """A stream record. `text` is its JSON as the function gets it; `created` in seconds since 1970."""

    sequence: str
    partition: str
    created: float
    text: str


class StreamPoller:
    """Feeds one mapping's function from the stream of one table."""

    def __init__(
        self,
        region: str,
        uuid: str,
        *,
        gateway: Gateway,
        background: Background,
        changes: Changes,
        invoker: Invoker,
        destinations: Destinations,
    ) -> None:
        """Holds the gateway's lock: what LATEST means is settled here."""
        self._region = region
        self._uuid = uuid
        self._gateway = gateway
        self._background = background
        self._changes = changes
        self.invoker = invoker
        self.destinations = destinations
        self._lanes: dict[int, _Lane] = {}
        settings = settings_of(region, uuid)
        self._position = 0
        if settings is not None and not settings.from_start:
            self._position = len(backends.table_of_stream(settings.source_arn).stream_shard.items)
        background.spawn(f"stream-{uuid}", self._read)

    def settings(self) -> Settings | None:
        """The mapping as it is now; None if it was deleted or the engine stops."""
        if self._background.closing.is_set():
            return None
        with self._gateway.lock:
            return settings_of(self._region, self._uuid)

    def pause(self, seconds: float) -> None:
        self._background.closing.wait(seconds)

    def enabled_settings(self) -> Settings | None:
        """The mapping as it is now, waiting while it is disabled; None if it was deleted or the engine stops."""
        while True:
            seen = self._changes.version("mappings")
            settings = self.settings()
            if settings is None or settings.enabled:
                return settings
            self._changes.wait("mappings", seen)

    def spawn(self, name: str, work: Callable[[], None]) -> None:
        self._background.spawn(name, work)

    def _read(self) -> None:
        while True:
            seen = self._changes.version("dynamodb")
            settings = self.settings()
            if settings is None:
                for lane in self._lanes.values():
                    lane.close()
                return
            if settings.enabled:
                for record in self._new_records(settings):
                    index = zlib.crc32(record.partition.encode()) % settings.lanes
                    if index not in self._lanes:
                        self._lanes[index] = _Lane(self, f"lane-{self._uuid}-{index}")
                    self._lanes[index].put(record)
            self._changes.wait("dynamodb", seen)

    def _new_records(self, settings: Settings) -> list[Record]:
        with self._gateway.lock:
            table = backends.table_of_stream(settings.source_arn)
            if table is None:
                return []
            raw = [item.record for item in table.stream_shard.items[self._position :]]
            self._position += len(raw)
            key = table.hash_key_attr
        shaped = [(_shaped(record, settings.source_arn), record["dynamodb"]) for record in raw]
        return [
            Record(
                sequence=stream["SequenceNumber"],
                partition=json.dumps(stream["Keys"][key]),
                created=_seconds(stream["ApproximateCreationDateTime"]),
                text=json.dumps(record),
            )
            for record, stream in shaped
            if not _changes_nothing(stream) and settings.filters.keep(record)
        ]


class _Lane:
    """Takes records in order, and gets a batch done with before it begins the next."""

    def __init__(self, poller: StreamPoller, name: str) -> None:
        self._poller = poller
        self._pending: deque[Record] = deque()
        self._condition = threading.Condition()
        self._closed = False
        self._failures = 0  # in a row
        poller.spawn(name, self._run)

    def put(self, record: Record) -> None:
        with self._condition:
            self._pending.append(record)
            self._condition.notify()

    def close(self) -> None:
        with self._condition:
            self._closed = True
            self._condition.notify()

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._pending or self._closed)
            settings = self._poller.enabled_settings()
            if settings is None:
                return
            self._process(self._batch(settings))

    def _batch(self, settings: Settings) -> list[Record]:
        deadline = time.monotonic() + settings.window
        with self._condition:
            self._condition.wait_for(
                lambda: self._closed or len(self._pending) >= settings.batch_size,
                max(0.0, deadline - time.monotonic()),
            )
            batch = [self._pending.popleft()]
            size = len(batch[0].text)
            while self._pending and len(batch) < settings.batch_size:
                size += len(self._pending[0].text)
                if size > MAX_BATCH_BYTES:
                    break
                batch.append(self._pending.popleft())
        return batch

    def _process(self, batch: list[Record]) -> None:
        """Invokes until every record is done or given up. The parts of a split batch keep their order."""
        todo: deque[tuple[list[Record], int]] = deque([(batch, 0)])
        while todo:
            records, retries = todo.popleft()
            settings = self._poller.enabled_settings()
            if settings is None:
                return
            records = self._drop_expired(settings, records)
            if not records:
                continue
            try:
                outcome = self._poller.invoker.invoke(settings.function, _payload(records))
            except ApiError:  # throttled, or the function is not there: no attempt was made
                self._back_off()
                todo.appendleft((records, retries))
                continue
            done = _done(settings, records, outcome)
            rest = records[done:]
            if not rest:
                self._failures = 0
                continue
            todo.extendleft(reversed(self._after_failure(settings, rest, retries, outcome, progressed=done > 0)))

    def _after_failure(
        self, settings: Settings, rest: list[Record], retries: int, outcome: Outcome, *, progressed: bool
    ) -> list[tuple[list[Record], int]]:
        """What is to be tried next of the records that are not done. Splitting a batch does not count as a retry."""
        if settings.bisect and len(rest) > 1:
            middle = len(rest) // 2
            parts = [rest] if progressed else [rest[:middle], rest[middle:]]
            return [(part, retries) for part in parts]
        if 0 <= settings.max_retries <= retries:
            self._give_up(settings, rest, "RetryAttemptsExhausted", retries + 1, outcome)
            return []
        self._back_off()
        return [(rest, retries + 1)]

    def _back_off(self) -> None:
        first, longest = BACKOFF_SECONDS
        self._poller.pause(min(first * 2**self._failures, longest))
        self._failures += 1

    def _drop_expired(self, settings: Settings, records: list[Record]) -> list[Record]:
        if settings.max_age < 0:
            return records
        oldest = time.time() - settings.max_age
        expired = [record for record in records if record.created < oldest]
        if expired:
            self._give_up(settings, expired, "RecordAgeExceeded", 0, None)
        return [record for record in records if record.created >= oldest]

    def _give_up(
        self, settings: Settings, records: Sequence[Record], condition: str, count: int, outcome: Outcome | None
    ) -> None:
        """Tells the on-failure destination which records: like AWS, where to find them, not what they are."""
        self._failures = 0
        if settings.on_failure is None:
            return
        content: dict[str, Any] = {
            "requestContext": {
                "requestId": outcome.request_id if outcome else None,
                "functionArn": settings.function_arn,
                "condition": condition,
                "approximateInvokeCount": count,
            }
        }
        if outcome is not None:
            content["responseContext"] = {"statusCode": 200, "executedVersion": outcome.version}
            content["responseContext"]["functionError"] = "Unhandled" if outcome.failed else None
        content |= {
            "version": "1.0",
            "timestamp": exact_json.timestamp(time.time()),
            "DDBStreamBatchInfo": {
                "shardId": SHARD,
                "startSequenceNumber": records[0].sequence,
                "endSequenceNumber": records[-1].sequence,
                "approximateArrivalOfFirstRecord": _arrival(records[0]),
                "approximateArrivalOfLastRecord": _arrival(records[-1]),
                "batchSize": len(records),
                "streamArn": settings.source_arn,
            },
        }
        self._poller.destinations.send_record(settings.on_failure, content, succeeded=False)


SHARD = "shardId-00000001541626099285-f35f62ef"
"""Moto's streams have one shard, and this is its name."""


def _payload(records: Sequence[Record]) -> bytes:
    return ('{"Records":[' + ",".join(record.text for record in records) + "]}").encode()


def _done(settings: Settings, records: Sequence[Record], outcome: Outcome) -> int:
    """How many records, from the first on, are done with: up to the lowest that the function reports as failed."""
    if outcome.failed:
        return 0
    if not settings.reports_failures:
        return len(records)
    failed = reported_failures(outcome.payload, [record.sequence for record in records])
    return next((index for index, record in enumerate(records) if record.sequence in failed), len(records))


def _shaped(record: dict[str, Any], stream_arn: str) -> dict[str, Any]:
    """Moto's record as Lambda hands it to a function."""
    stream = dict(record["dynamodb"])
    stream["ApproximateCreationDateTime"] = int(_seconds(stream["ApproximateCreationDateTime"]))
    return {
        "eventID": record["eventID"],
        "eventName": record["eventName"],
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": stream_arn.split(":")[3],
        "dynamodb": stream,
        "eventSourceARN": stream_arn,
    }


def _changes_nothing(stream: dict[str, Any]) -> bool:
    """DynamoDB writes no record for a write that leaves the item as it was; moto does."""
    return "OldImage" in stream and stream["OldImage"] == stream.get("NewImage")


def _seconds(moment: datetime) -> float:
    return moment.replace(tzinfo=UTC).timestamp()


def _arrival(record: Record) -> str:
    return datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
