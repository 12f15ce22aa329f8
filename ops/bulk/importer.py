"""Writes an export's events into an empty store, as they were, in the order of their streams."""

from __future__ import annotations

import json
import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Event as Flag
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from zlib import crc32

from botocore.exceptions import ClientError

from handlers.domain import PROCESS
from handlers.sourcing.errors import LedgerError
from handlers.sourcing.event import Event
from handlers.store.event_store import EventStore
from ops.system import OperatorError
from tools.numbers import counted

from . import durable, jsonl, parquet
from .chains import Chains, Placed
from .manifest import Format, Manifest, Part, Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Seen = Callable[[int], None]

CHECKPOINT = 1000
"""Events between two checkpoints."""
_AHEAD = 32
"""Events per thread that wait for it."""
# A new on-demand table takes 4,000 writes a second and grows with what it is asked for: worth minutes of patience.
_THROTTLED = ("ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded")
ATTEMPTS = 12
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 20.0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far an import of this export into this table is: of each file, how many events in front are all written."""

    table: Table
    export: str
    written: tuple[int, ...]
    finished: bool = False

    def save(self, path: Path) -> None:
        """Replace the file."""
        durable.replace(path, json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """What was saved; None if nothing was."""
        try:
            content = json.loads(path.read_text("utf-8"))
            written = tuple(int(each) for each in content["written"])
            return cls(Table(**content["table"]), content["export"], written, content["finished"] is True)
        except FileNotFoundError:
            return None
        except (KeyError, TypeError, ValueError) as error:
            raise OperatorError(f"{path}: not an import's checkpoint: {error!r}") from error


class _Progress:
    """Which events are written, though they are neither read nor written file by file."""

    def __init__(self, written: Sequence[int]) -> None:
        self.begun = written
        self._read = list(written)
        self._open: list[set[int]] = [set() for _ in written]

    def read(self, placed: Placed) -> None:
        if placed.place > self.begun[placed.file]:
            self._read[placed.file] = placed.place
            self._open[placed.file].add(placed.place)

    def done(self, placed: Placed) -> None:
        self._open[placed.file].remove(placed.place)

    def written(self) -> tuple[int, ...]:
        """Of each file, how many events in front are all written."""
        pairs = zip(self._read, self._open, strict=True)
        return tuple(min(places) - 1 if places else read for read, places in pairs)


class _Lanes:
    """Threads that each write their own streams' events, one after the other."""

    def __init__(self, put: Callable[[Event], bool | None], progress: _Progress, threads: int, seen: Seen) -> None:
        self.new = 0
        self._put = put
        self._progress = progress
        self._seen = seen
        self._lanes = [ThreadPoolExecutor(1) for _ in range(threads)]
        self._pending: deque[tuple[Placed, Future[bool | None]]] = deque()

    def submit(self, placed: Placed) -> None:
        """Have an event written behind those of its stream submitted before; waits where too many are under way."""
        lane = self._lanes[crc32(placed.event.aggregate_id.encode()) % len(self._lanes)]
        self._pending.append((placed, lane.submit(self._put, placed.event)))
        while len(self._pending) > len(self._lanes) * _AHEAD:
            self._settle()

    def drain(self) -> None:
        """Wait for all that are under way. The error of one that failed, if any did."""
        while self._pending:
            self._settle()

    def close(self) -> None:
        """Call off what has not begun, and wait for the rest."""
        for _, future in self._pending:
            future.cancel()
        for lane in self._lanes:
            lane.shutdown()
        for placed, future in self._pending:
            if not future.cancelled() and future.exception() is None:
                self._count(placed, future.result())
        self._pending.clear()

    def _settle(self) -> None:
        placed, future = self._pending.popleft()
        self._count(placed, future.result())

    def _count(self, placed: Placed, put: bool | None) -> None:
        if put is not None:
            self.new += put
            self._progress.done(placed)
            self._seen(1)


class Checked(NamedTuple):
    """What is in an export: by aggregate, how long its stream is; and whether any process may have something to do."""

    lengths: Mapping[str, int]
    of_processes: bool


@dataclass(frozen=True, slots=True)
class Importer:
    """One import of one export. In memory are each stream's last position, and a few events per thread."""

    client: DynamoDBClient
    table: str
    store: EventStore
    folder: Path
    manifest: Manifest
    stop: Flag = field(default_factory=Flag)

    def check(self, seen: Seen) -> Checked:
        """Read everything and write nothing.

        OperatorError unless each file is what the manifest says, each event what its hash says, and each stream an
        unbroken chain from its first event on.
        """
        for part in self.manifest.parts:
            if durable.digest(self.folder / part.file) != part.sha256:
                raise OperatorError(f"{self.folder / part.file}: its SHA-256 is not the one in the manifest")
        chains, of_processes = Chains(), False
        for placed in self._read():
            for _ in chains.take(placed):
                pass
            of_processes = of_processes or _concerns_a_process(placed.event)
            seen(1)
        chains.finish()
        return Checked(chains.lengths(), of_processes)

    def write(self, path: Path, begun: Checkpoint, threads: int, seen: Seen) -> int:
        """Write what `begun` says is not written yet, saving checkpoints at `path`; how many events were put.

        A PutItem per event on the condition that its place is free: 3 write units for up to 1 KB. One thread writes all
        events of a stream, each after the one before is there, so that no moment shows a stream with a gap. The first
        error ends all threads; what is under way is waited for and counted.
        """
        progress, chains = _Progress(begun.written), Chains()
        lanes = _Lanes(self._put, progress, threads, seen)

        def save(*, finished: bool = False) -> None:
            Checkpoint(begun.table, begun.export, progress.written(), finished).save(path)

        save()
        try:
            for count, placed in enumerate(self._read(), 1):
                progress.read(placed)
                for ready in chains.take(placed):
                    if ready.place > begun.written[ready.file]:
                        lanes.submit(ready)
                    else:
                        seen(1)
                if count % CHECKPOINT == 0:
                    save()
            chains.finish()
            lanes.drain()
        finally:
            self.stop.set()
            lanes.close()
            save()
        save(finished=True)
        return lanes.new

    def _read(self) -> Iterator[Placed]:
        """The events of all files in turn, so that a long stream in one does not hold up those in the others."""
        read = [0] * len(self.manifest.parts)
        readers = deque((number, self._events(part)) for number, part in enumerate(self.manifest.parts))
        while readers:
            number, reader = readers.popleft()
            part = self.manifest.parts[number]
            try:
                event = next(reader, None)
            except ValueError as error:
                raise OperatorError(f"{self.folder / part.file}: {error}") from error
            if event is not None:
                read[number] += 1
                readers.append((number, reader))
                yield Placed(event, number, read[number])
            elif read[number] != part.events:
                problem = f"{counted(read[number], 'event')}, and {part.events:,} by the manifest"
                raise OperatorError(f"{self.folder / part.file}: {problem}")

    def _events(self, part: Part) -> Iterator[Event]:
        path = self.folder / part.file
        if self.manifest.format is Format.PARQUET:
            return parquet.read(path)
        return (event for event, _ in jsonl.read(path))

    def _put(self, event: Event) -> bool | None:
        """Whether the event was written (and was not there already); None once everything stops."""
        try:
            return self._patiently(event)
        except BaseException:
            self.stop.set()  # before this thread takes the next event, which may stand behind this one
            raise

    def _patiently(self, event: Event) -> bool | None:
        for attempt in range(ATTEMPTS):
            if self.stop.is_set():
                return None
            try:
                return self._put_once(event)
            except ClientError as error:
                if error.response["Error"]["Code"] not in _THROTTLED or attempt == ATTEMPTS - 1:
                    raise
            longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)
            self.stop.wait(random.uniform(0, longest))  # noqa: S311 -- spreads writers, hides nothing
        return None

    def _put_once(self, event: Event) -> bool:
        try:
            self.client.put_item(
                TableName=self.table,
                Item=self.store.item(event),
                ConditionExpression="attribute_not_exists(AggregateId)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except LedgerError as error:
            raise OperatorError(f"event {event.sequence} of {event.aggregate_id}: {error.message}") from error
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            there: Mapping[str, Any] = error.response.get("Item", {})  # type: ignore[assignment]
            if there.get("Hash") == {"S": event.hash}:
                return False  # put just before an interruption, or the answer to the put got lost
            raise OperatorError(
                f"event {event.sequence} of {event.aggregate_id}: another one is in its place; something else writes "
                "to the table"
            ) from error
        return True


def _concerns_a_process(event: Event) -> bool:
    try:
        return PROCESS.concerned(event) is not None
    except LedgerError:  # one of newer code's; a process's own events are known by their types
        return False


def is_empty(client: DynamoDBClient, table: str) -> bool:
    """Whether a table holds nothing. One strongly consistent Scan of one item."""
    answer = client.scan(TableName=table, Limit=1, ConsistentRead=True)
    return not answer["Items"] and "LastEvaluatedKey" not in answer
