"""Events as Parquet, by pyarrow, which is loaded only when it is needed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from handlers.sourcing import times
from handlers.sourcing.copies import MARK
from handlers.sourcing.errors import MalformedError, NotAnEventError
from handlers.sourcing.event import Event
from handlers.sourcing.values import dumps, loads
from ops.system import OperatorError

from .jsonl import strictly

ROWS = 10_000
GROUP_BYTES = 32 * 1024 * 1024
"""A row group ends with either; it is what is in memory at a time."""
_PAGE = 500
_COLUMNS = {
    "AggregateId": "string",
    "EventSequence": "int64",
    "EventId": "string",
    "EventType": "string",
    "EventData": "string",
    "Timestamp": "timestamp",
    "Version": "int64",
    "CommandId": "string",
    "CommandDigest": "string",
    "CorrelationId": "string",
    "CausationId": "string",
    "Actor": "string",
    "PreviousHash": "string",
    "Hash": "string",
}


_OF_REGIONS = {"Region": "string", "Epoch": "int64"}
"""Of events of two Regions; null where one was stored before there were two."""
_OF_COPIES = {
    **{name: kind for name, kind in _COLUMNS.items() if name not in ("PreviousHash", "Hash")},
    MARK: "string",
}


def available() -> None:
    """OperatorError where pyarrow is not installed."""
    _pyarrow()


def write(path: Path, events: Iterable[tuple[Event, int]], *, of_regions: bool = False) -> None:
    """Write a file of events, each given with the length of its JSON, row group by row group.

    With the columns of two Regions where any may be `of_regions`.

    EventData is a column of canonical JSON text, since no column type holds its numbers with all their digits;
    Timestamp is a UTC timestamp in microseconds, EventSequence and Version are 64-bit integers.
    """
    columns = {**_COLUMNS, **_OF_REGIONS} if of_regions else _COLUMNS
    _write(path, columns, ((_row(event), size) for event, size in events))


def write_copies(path: Path, records: Iterable[tuple[dict[str, Any], int]]) -> None:
    """Write a file of a replay's copies, likewise: they have no hashes, but the JSON text of `Replay`."""
    _write(path, _OF_COPIES, ((_copy_row(record), size) for record, size in records))


def _write(path: Path, columns: Mapping[str, str], rows: Iterable[tuple[dict[str, Any], int]]) -> None:
    pa, parquet = _pyarrow()
    types = {"string": pa.string(), "int64": pa.int64(), "timestamp": pa.timestamp("us", "UTC")}
    schema = pa.schema([(name, types[kind]) for name, kind in columns.items()])
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for group in _groups(columns, rows):
            writer.write_table(pa.Table.from_pydict(group, schema))


def read(path: Path) -> Iterator[Event]:
    """The events of a file, a row group in memory at a time. ValueError where it holds something else."""
    pa, parquet = _pyarrow()
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(_PAGE):
                for row in batch.to_pylist():
                    yield _event(row)
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa  # noqa: PLC0415 -- large, and only this format needs it
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise OperatorError("Parquet needs pyarrow: `make extras` adds it; or use --format jsonl") from error
    return pa, parquet


def _groups(names: Collection[str], rows: Iterable[tuple[dict[str, Any], int]]) -> Iterator[dict[str, list[Any]]]:
    """The columns of one row group after the other. A row is let go as soon as its values are in them."""
    columns: dict[str, list[Any]] = {name: [] for name in names}
    count = size = 0
    for row, its_size in rows:
        for name in names:
            columns[name].append(row[name])
        count += 1
        size += its_size
        if count == ROWS or size >= GROUP_BYTES:
            yield columns
            columns, count, size = {name: [] for name in names}, 0, 0
    if count:
        yield columns


def _copy_row(record: dict[str, Any]) -> dict[str, Any]:
    moment = datetime.fromisoformat(record["Timestamp"])
    texts = {name: dumps(record[name]) for name in ("EventData", MARK)}
    numbers = {name: int(record[name]) for name in ("EventSequence", "Version")}
    return {**record, **texts, **numbers, "Timestamp": moment}


def _row(event: Event) -> dict[str, Any]:
    moment = datetime.fromisoformat(event.timestamp)
    if times.to_text(moment) != event.timestamp:
        raise OperatorError(f"event {event.sequence} of {event.aggregate_id}: Timestamp {event.timestamp} is not UTC")
    return {**dict.fromkeys(_OF_REGIONS), **event.record(), "EventData": dumps(event.data), "Timestamp": moment}


def _event(row: dict[str, Any]) -> Event:
    try:
        moment = times.to_text(row["Timestamp"])
        row = {name: value for name, value in row.items() if value is not None or name not in _OF_REGIONS}
        return strictly({**row, "EventData": loads(row["EventData"], "EventData"), "Timestamp": moment})
    except NotAnEventError as error:
        raise ValueError(error.message) from error
    except (KeyError, TypeError, AttributeError, ValueError, MalformedError) as error:
        raise ValueError(f"not an event: {error!r}") from error
