"""A lane of a stream: batches of records one after the other, each until it is done or given up.

With more than one lane, the items of one partition are spread over them, as AWS promises the order of an item alone.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from local.engine import exact_json
from local.engine.api import ApiError
from local.engine.mapping import MAX_BATCH_BYTES, Settings, reported_failures
from local.engine.mapping_status import FUNCTION_FAILED, OK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.engine.destinations import Destinations
    from local.engine.execution import Outcome
    from local.engine.invoke import Invoker
    from local.engine.mapping_status import MappingStatus

_logger = logging.getLogger(__name__)

BACKOFF_SECONDS = (0.05, 2.0)
"""First and longest wait after a failure, doubling. On AWS: up to minutes."""


@dataclass(frozen=True)
class Record:
    """A stream record. `text` is its JSON as the function gets it; `created` in seconds since 1970."""

    sequence: str
    item: str
    """The key of the item that changed: what a stream keeps in order is the changes of one item, no more."""
    created: float
    text: str
    shard: str


class Poller(Protocol):
    """What a lane needs of the poller that it belongs to."""

    invoker: Invoker
    destinations: Destinations
    status: MappingStatus

    def disorder(self, settings: Settings) -> None:
        """Waits for a moment at random, so that lanes overtake each other."""

    def settings(self) -> Settings | None:
        """The mapping as it is now; None if it was deleted or the engine stops."""

    def enabled_settings(self) -> Settings | None:
        """The mapping as it is now, waiting while it is disabled; None if it was deleted or the engine stops."""

    def done(self, records: Sequence[Record]) -> None:
        """These are seen through or given up, and need not come again."""

    def pause(self, seconds: float) -> None:
        """Waits, but not beyond the engine's stop."""


class Lane:
    """Takes records in order, and gets a batch done with before it begins the next."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller
        self._pending: deque[Record] = deque()
        self._condition = threading.Condition()
        self._closed = False
        self._failures = 0  # in a row

    def put(self, record: Record) -> None:
        with self._condition:
            self._pending.append(record)
            self._condition.notify()

    def close(self) -> None:
        with self._condition:
            self._closed = True
            self._condition.notify()

    def run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._pending or self._closed)
            settings = self._poller.enabled_settings()
            if settings is None:
                return
            batch = self._batch(settings)
            try:
                self._process(batch)
            except Exception:
                with self._condition:
                    self._pending.extendleft(reversed(batch))  # it begins again with them
                raise

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
            self._poller.disorder(settings)
            try:
                outcome = self._poller.invoker.invoke(settings.function, _payload(records))
            except ApiError:  # throttled, or the function is not there: no attempt was made
                self._back_off()
                todo.appendleft((records, retries))
                continue
            except Exception:  # a fault of the engine is a failed attempt: begun again for ever, it would stop the lane
                _logger.exception("%s could not be given a batch", settings.function.name)
                todo.extendleft(reversed(self._after_failure(settings, records, retries, None, progressed=False)))
                continue
            if outcome.failed and self._poller.settings() is None:
                return  # it was killed because the engine stops: no attempt of the function's
            self._poller.status.report(FUNCTION_FAILED if outcome.failed else OK)
            done = _done(settings, records, outcome)
            self._poller.done(records[:done])
            rest = records[done:]
            if not rest:
                self._failures = 0
                continue
            todo.extendleft(reversed(self._after_failure(settings, rest, retries, outcome, progressed=done > 0)))

    def _after_failure(
        self, settings: Settings, rest: list[Record], retries: int, outcome: Outcome | None, *, progressed: bool
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
        if settings.on_failure is not None:
            content = _letter(settings, records, condition, count, outcome)
            try:
                self._poller.destinations.send_record(settings.on_failure, content, settings.session, succeeded=False)
            except Exception:  # such as an ARN that is none: what is given up is not to be begun again for that
                _logger.exception("%s: what was given up could not be told", settings.function.name)
        self._poller.done(records)


def _letter(
    settings: Settings, records: Sequence[Record], condition: str, count: int, outcome: Outcome | None
) -> dict[str, Any]:
    content: dict[str, Any] = {
        "requestContext": {
            "requestId": outcome.request_id if outcome else str(uuid.uuid4()),
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
            "shardId": records[0].shard,
            "startSequenceNumber": records[0].sequence,
            "endSequenceNumber": records[-1].sequence,
            "approximateArrivalOfFirstRecord": _arrival(records[0]),
            "approximateArrivalOfLastRecord": _arrival(records[-1]),
            "batchSize": len(records),
            "streamArn": settings.source_arn,
        },
    }
    return content


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


def _arrival(record: Record) -> str:
    return datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
