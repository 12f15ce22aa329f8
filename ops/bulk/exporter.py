"""Writes the events that were asked for into files, several side by side, and goes on where it was interrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event as Flag
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from handlers.sourcing.errors import NotAnEventError
from handlers.sourcing.event import Event
from handlers.store.event_store import CORRELATION
from handlers.store.stored_events import record_of
from handlers.upkeep.foreign import Foreign

from . import durable, jsonl, pages, parquet
from .durable import Spool
from .manifest import Checkpoints, Format, Manifest, Part, Replayed, Request, Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Seen = Callable[[int], None]
"""Hears how many events are done, besides those before."""


class Lines(NamedTuple):
    """What is written of a page, a line of JSON each, and how much was left out, which was told."""

    lines: Sequence[bytes]
    left_out: int = 0


class Contents(Protocol):
    """What the files hold."""

    def pages(self, manifest: Manifest, part: int, after: Mapping[str, Any] | None) -> Iterator[pages.Page]:
        """The pages of one part, behind a key."""
        ...

    def lines(self, items: Sequence[Mapping[str, Any]]) -> Lines:
        """What is written of a page's items; for several threads."""
        ...

    def as_parquet(self, spool: Path, target: Path) -> None:
        """Make a Parquet file of the lines of a part."""
        ...


@dataclass(frozen=True, slots=True)
class Events:
    """The events that a manifest's request asks for."""

    client: DynamoDBClient
    table: str
    left_out: Callable[[Foreign], None]
    """Hears, from several threads, of each item that is no event: the export goes on without it."""

    def pages(self, manifest: Manifest, part: int, after: Mapping[str, Any] | None) -> Iterator[pages.Page]:
        """As `pages.read`."""
        return pages.read(self.client, self.table, manifest.request, part=part, parts=len(manifest.parts), after=after)

    def lines(self, items: Sequence[Mapping[str, Any]]) -> Lines:
        """Each event in the canonical JSON that its hash is computed over."""
        lines = [jsonl.line(event) for event in self._events(items)]
        return Lines(lines, len(items) - len(lines))

    def as_parquet(self, spool: Path, target: Path) -> None:
        """With a column for each attribute of an event."""
        with spool.open("rb") as lines:
            of_regions = any(b'"Epoch":' in line for line in lines)
        parquet.write(target, jsonl.read(spool), of_regions=of_regions)

    def _events(self, items: Sequence[Mapping[str, Any]]) -> Iterator[Event]:
        for item in items:
            try:
                record = record_of(item)
                for name in ("TypeBucket", CORRELATION):  # say how this table is laid out, and nothing about the event
                    record.pop(name, None)
                yield jsonl.strictly(record)
            except NotAnEventError as error:
                self.left_out(Foreign.of(error))


@dataclass(frozen=True, slots=True)
class Exporter:
    """One export into one folder, as its manifest says.

    A page's events are on the disk before the manifest counts them, so that an interruption at any moment leaves whole
    lines that count and, behind them, what is cut off and read once more. In memory is one page per thread.
    """

    folder: Path
    contents: Contents
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
        with Spool(path, part.bytes, part.sha256) as spool:
            for page in self.contents.pages(manifest, number, part.after):
                found = self.contents.lines(page.items)
                for line in found.lines:
                    spool.append(line)
                spool.sync()
                part = replace(
                    part,
                    events=part.events + len(found.lines),
                    left_out=part.left_out + found.left_out,
                    bytes=spool.size,
                    sha256=spool.sha256,
                    after=page.after,
                )
                seen(len(found.lines))
                if page.after is None:
                    break
                checkpoints.record(number, part)
                if self.stop.is_set():
                    return
        # The last page counts only together with the finished file: until then it is read once more.
        if manifest.format is Format.PARQUET:
            with self._converting:
                part = self._as_parquet(path, part)
        checkpoints.record(number, replace(part, finished=True))

    def _as_parquet(self, spool: Path, part: Part) -> Part:
        target = spool.with_name(part.file)
        fresh = target.with_name(f"{target.name}.tmp")
        self.contents.as_parquet(spool, fresh)
        durable.sync(fresh)
        durable.rename(fresh, target)
        return replace(part, bytes=target.stat().st_size, sha256=durable.digest(target))


def planned(request: Request, how: Format, table: Table, parts: int, started: str) -> Manifest:
    """An export that nothing is written of yet."""
    return Manifest(table, request, how, started, _files("events", how, parts))


def planned_replay(replay: Replayed, how: Format, table: Table, parts: int, started: str) -> Manifest:
    """A replay into files, likewise."""
    return Manifest(table, Request(), how, started, _files("copies", how, parts), replay)


def _files(name: str, how: Format, parts: int) -> tuple[Part, ...]:
    return tuple(Part(f"{name}-{number:03}.{how}") for number in range(parts))


def _spool_of(folder: Path, part: Part) -> Path:
    """Where a part's lines go. A Parquet file cannot grow once it is closed, so it is made of these at the end."""
    return (folder / part.file).with_suffix(f".{Format.JSONL}")
