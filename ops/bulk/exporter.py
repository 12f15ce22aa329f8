"""Writes the events that were asked for into files, several side by side, and goes on where it was interrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event as Flag
from threading import Lock
from typing import TYPE_CHECKING, Any

from handlers.sourcing.errors import NotAnEventError
from handlers.sourcing.event import Event
from handlers.store.event_store import CORRELATION
from handlers.store.stored_events import record_of
from handlers.upkeep.foreign import Foreign

from . import durable, jsonl, pages, parquet
from .durable import Spool
from .manifest import Checkpoints, Format, Manifest, Part, Request, Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Seen = Callable[[int], None]
"""Hears how many events are done, besides those before."""


@dataclass(frozen=True, slots=True)
class Exporter:
    """One export into one folder, as its manifest says.

    A page's events are on the disk before the manifest counts them, so that an interruption at any moment leaves whole
    lines that count and, behind them, what is cut off and read once more. In memory is one page per thread.
    """

    client: DynamoDBClient
    table: str
    folder: Path
    left_out: Callable[[Foreign], None]
    """Hears, from several threads, of each item that is no event: the export goes on without it."""
    stop: Flag = field(default_factory=Flag)
    _converting: Lock = field(default_factory=Lock)
    """One row group in memory at a time, however many parts there are."""

    def run(self, manifest: Manifest, threads: int, seen: Seen) -> Manifest:
        """Write what is not finished yet; the finished manifest.

        The first error ends all parts, each at a checkpoint.
        """
        checkpoints = Checkpoints(self.folder, manifest)
        with ThreadPoolExecutor(threads) as pool:
            futures = [
                pool.submit(self._write, number, checkpoints, seen)
                for number, part in enumerate(manifest.parts)
                if not part.finished
            ]
            try:
                for future in as_completed(futures):
                    future.result()
            finally:
                self.stop.set()
                pool.shutdown(cancel_futures=True)
        if manifest.format is Format.PARQUET:
            for part in manifest.parts:
                _spool_of(self.folder, part).unlink(missing_ok=True)
        return checkpoints.manifest

    def _write(self, number: int, checkpoints: Checkpoints, seen: Seen) -> None:
        manifest = checkpoints.manifest
        part = manifest.parts[number]
        path = _spool_of(self.folder, part)
        following = pages.read(
            self.client, self.table, manifest.request, part=number, parts=len(manifest.parts), after=part.after
        )
        with Spool(path, part.bytes, part.sha256) as spool:
            for page in following:
                count = 0
                for event in self._events(page.items):
                    spool.append(jsonl.line(event))
                    count += 1
                spool.sync()
                part = replace(
                    part,
                    events=part.events + count,
                    left_out=part.left_out + len(page.items) - count,
                    bytes=spool.size,
                    sha256=spool.sha256,
                    after=page.after,
                )
                seen(count)
                if page.after is None:
                    break
                checkpoints.record(number, part)
                if self.stop.is_set():
                    return
        # The last page counts only together with the finished file: until then it is read once more.
        if manifest.format is Format.PARQUET:
            with self._converting:
                part = _as_parquet(path, part)
        checkpoints.record(number, replace(part, finished=True))

    def _events(self, items: Sequence[Mapping[str, Any]]) -> Iterator[Event]:
        for item in items:
            try:
                record = record_of(item)
                for name in ("TypeBucket", CORRELATION):  # say how this table is laid out, and nothing about the event
                    record.pop(name, None)
                yield jsonl.strictly(record)
            except NotAnEventError as error:
                self.left_out(Foreign.of(error))


def planned(request: Request, how: Format, table: Table, parts: int, started: str) -> Manifest:
    """An export that nothing is written of yet."""
    files = tuple(Part(f"events-{number:03}.{how}") for number in range(parts))
    return Manifest(table, request, how, started, files)


def _spool_of(folder: Path, part: Part) -> Path:
    """Where a part's lines go. A Parquet file cannot grow once it is closed, so it is made of these at the end."""
    return (folder / part.file).with_suffix(f".{Format.JSONL}")


def _as_parquet(spool: Path, part: Part) -> Part:
    target = spool.with_name(part.file)
    fresh = target.with_name(f"{target.name}.tmp")
    parquet.write(fresh, jsonl.read(spool))
    durable.sync(fresh)
    durable.rename(fresh, target)
    return replace(part, bytes=target.stat().st_size, sha256=durable.digest(target))
