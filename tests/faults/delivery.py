"""Lambda's event sources and the queue between them: what brings events from the store to the read model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from handlers.domain import PROCESS
from handlers.store.event_bus import delivered_event

from ..aws import ENVIRONMENT
from .world import Fate, FunctionFailedError, World, all_well

SHARDS = 2
MAX_RECEIVES = 5
BATCH_SIZE = 100
QUEUE_BATCH_SIZE = 10


@dataclass(eq=False)
class Shard:
    """One shard of the store's stream on its way to a function: in order, a batch at a time, again until it is done.

    The events of one account are spread over the shards: a stream keeps the order of an item's changes, not more, once
    batches run side by side.
    """

    world: World
    function: str
    number: int
    multiple: int = 1
    """Only events whose sequence is one of it."""
    seen: int = 0
    records: list[dict[str, Any]] = field(default_factory=list)
    most: int = BATCH_SIZE
    busy: bool = False

    def fill(self) -> bool:
        """Take over what the stream has got since; whether there is anything to deliver."""
        new = self.world.stream[self.seen :]
        self.seen += len(new)
        self.records += [record for record in new if self._holds(record)]
        return bool(self.records)

    def deliver(self, size: int = BATCH_SIZE, fate: Fate = all_well) -> None:
        """Invoke the function with a batch. After a failure of all of it the next batch is half as large (bisect)."""
        batch = self.records[: min(size, self.most)]
        numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
        self.busy = True
        try:
            answer = self.world.invoke(self.function, {"Records": batch}, fate=fate)
        except FunctionFailedError:
            self.most = max(1, len(batch) // 2)
            return
        finally:
            self.busy = False
        failed = [numbers.index(identifier) for identifier in _reported(answer)]
        del self.records[: min(failed, default=len(batch))]
        self.most = BATCH_SIZE

    def _holds(self, record: Any) -> bool:
        keys = record["dynamodb"]["Keys"]
        sequence = int(keys["EventSequence"]["N"])
        here = crc32(f"{keys['AggregateId']['S']} {sequence}".encode()) % SHARDS == self.number
        return here and sequence % self.multiple == 0


@dataclass(eq=False)
class Message:
    """A message of a queue."""

    number: int
    body: str
    receives: int = 0


@dataclass(eq=False)
class Queue:
    """A function's queue: in any order, each message until it is done, or aside after too many receives."""

    world: World
    function: str = "projection"
    wants: Callable[[str], bool] = lambda _: True
    """Which messages its rule lets through."""
    waiting: list[Message] = field(default_factory=list)
    aside: list[Message] = field(default_factory=list)
    routed: int = 0
    sent: int = 0

    def fill(self) -> bool:
        """Take over what the bus delivered since; whether anything waits."""
        new = self.world.bus.delivered[self.routed :]
        self.routed += len(new)
        for body in filter(self.wants, new):
            self.send(body)
        return bool(self.waiting)

    def send(self, body: str) -> None:
        self.sent += 1
        self.waiting.append(Message(self.sent, body))

    def deliver(self, picks: Sequence[int] | None = None, fate: Fate = all_well) -> None:
        """Invoke the projection with the waiting messages at these places; by default with the first ones."""
        chosen = range(len(self.waiting))[:QUEUE_BATCH_SIZE] if picks is None else picks
        batch = [self.waiting[place] for place in chosen]
        self.waiting = [message for message in self.waiting if message not in batch]
        for message in batch:
            message.receives += 1
        records = [{"messageId": str(message.number), "body": message.body} for message in batch]
        ids = {record["messageId"] for record in records}
        try:
            failed = set(_reported(self.world.invoke(self.function, {"Records": records}, fate=fate)))
        except FunctionFailedError:
            failed = ids
        assert failed <= ids, "a message that was not in the batch is reported"
        for message in batch:
            if str(message.number) in failed:
                (self.aside if message.receives >= MAX_RECEIVES else self.waiting).append(message)

    def redrive(self) -> None:
        """What an operator does with messages set aside."""
        for message in self.aside:
            message.receives = 0
        self.waiting += self.aside
        self.aside = []


@dataclass(eq=False)
class SegmentQueue(Queue):
    """The replayer's queue, which it feeds itself: one message at a time."""

    function: str = "replayer"

    def fill(self) -> bool:
        """Take over what was sent since, once the time has come; whether anything waits."""
        new = self.world.segments.sent[self.routed :]
        self.routed += len(new)
        for body, later in new:
            self.world.now += later
            self.send(body)
        return bool(self.waiting)

    def deliver(self, picks: Sequence[int] | None = None, fate: Fate = all_well) -> None:
        """Invoke the replayer with the message that has waited longest."""
        super().deliver(picks or [0], fate)


@dataclass(eq=False)
class Delivery:
    """Everything between the store and what is made of it: the read model and the snapshots."""

    world: World
    relays: list[Shard] = field(init=False)
    snapshots: list[Shard] = field(init=False)
    queue: Queue = field(init=False)
    pokes: Queue = field(init=False)
    """The queue of the processes."""
    segments: SegmentQueue = field(init=False)

    def __post_init__(self) -> None:
        every = int(ENVIRONMENT["SNAPSHOT_EVERY"])
        self.relays = [Shard(self.world, "relay", number) for number in range(SHARDS)]
        self.snapshots = [Shard(self.world, "snapshot", number, every) for number in range(SHARDS)]
        self.queue = Queue(self.world)
        self.segments = SegmentQueue(self.world)
        self.pokes = Queue(self.world, "process", lambda body: PROCESS.concerned(delivered_event(body)) is not None)

    def drain(self) -> None:
        """Deliver until nothing is left to deliver; then let the last stragglers take effect, and deliver again."""
        self.world.arrive()
        self._drain()
        self.world.arrive_all()
        self._drain()

    def _drain(self) -> None:
        self._deliver_all()
        queues = (self.queue, self.pokes, self.segments)
        for queue in queues:
            queue.redrive()
        self._deliver_all()
        assert not any(queue.aside for queue in queues), "messages fail for good although nothing goes wrong any more"

    def _deliver_all(self) -> None:
        sources: list[Shard | Queue] = [*self.relays, *self.snapshots, self.queue, self.pokes, self.segments]
        while any(source.fill() for source in sources):  # processes cause events, which are to be delivered
            for source in sources:
                _until_done(source.fill, source.deliver)


def _until_done(left: Callable[[], bool], deliver: Callable[[], None], rounds: int = 1000) -> None:
    for _ in range(rounds):
        if not left():
            return
        deliver()
    raise AssertionError("deliveries go on without end")


def _reported(answer: Any) -> list[str]:
    assert answer.keys() == {"batchItemFailures"}
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
