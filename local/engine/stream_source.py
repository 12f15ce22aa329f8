"""Where a stream's records come from: all that its poller knows of whoever holds the stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from local.engine import backends

if TYPE_CHECKING:
    from collections.abc import Iterable
    from threading import RLock

Raw = dict[str, Any]
"""A record as GetRecords answers it; binary values may be bytes, its time a datetime in UTC or seconds since 1970.

Where a stream has several shards, "shardId" says in which it is.
"""

MOTO_SHARD = "shardId-00000001541626099285-f35f62ef"
"""Moto's streams have one shard, and this is its name."""


class StreamSource(Protocol):
    """One stream, read from one place on. Used by one thread. Any error is tried again by whoever reads.

    Whoever writes to the table tells `Changes` of it, by the table's ARN.
    """

    def has_records(self) -> bool:
        """Whether there is something to read."""

    def read(self) -> list[Raw]:
        """The records from the present place on, or the first of them; the place stays where it is."""

    def move_past(self, count: int) -> None:
        """What was read is on its way: the next `read` begins behind that many records."""

    def done(self, sequences: Iterable[str]) -> None:
        """These records, which were read, are not needed again. Called by any thread, in any order, also twice."""

    def forget(self) -> None:
        """The mapping was deleted: where it has got to is of no use any more, nor what is done after. Any thread."""


class OpenStream(Protocol):
    """Opens the stream of that ARN for that function, at its first record or behind its last.

    Called with the gateway's lock held. Who keeps how far the function has got goes on there instead.
    """

    def __call__(self, stream_arn: str, function_arn: str, *, from_start: bool) -> StreamSource: ...


class MotoStream:
    """The stream of a table that moto holds. A stream that is gone has no records."""

    def __init__(self, lock: RLock, stream_arn: str, function_arn: str, *, from_start: bool) -> None:
        """Holds `lock`: what LATEST means is settled here."""
        del function_arn
        self._lock = lock
        self._arn = stream_arn
        with lock:
            self._position = 0 if from_start else len(self._records())

    def has_records(self) -> bool:
        with self._lock:
            return len(self._records()) > self._position

    def read(self) -> list[Raw]:
        with self._lock:
            return [item.record for item in self._records()[self._position :]]

    def move_past(self, count: int) -> None:
        self._position += count

    def done(self, sequences: Iterable[str]) -> None:
        """How far it has got is kept by nobody."""

    def forget(self) -> None:
        """There is nothing to forget."""

    def _records(self) -> list[Any]:
        table = backends.table_of_stream(self._arn)
        records: list[Any] = [] if table is None else table.stream_shard.items
        return records
