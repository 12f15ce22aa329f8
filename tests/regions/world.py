"""Two Regions in memory, whose tables are replicated item by item, the later one winning, as a global table's are.

Deterministic: what is on its way between them arrives when it is told to, in any order. Each Region stamps what is
written there by a clock of its own, which may be off; a write in a Region is later than what it replaces there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from typing import Any

import pytest

from handlers.sourcing.event import Event
from handlers.sourcing.standing import Mode, Role, Standing, common_epoch, own_epoch
from handlers.store.conflicts import Conflict, place_of
from handlers.store.epochs import PART as EPOCHS
from handlers.store.items import to_item, to_record
from handlers.store.replica import ReplicaStore
from handlers.store.standings import Standings, fenced
from handlers.store.stored_events import event_of

from ..aws import ROWS, STORE, TABLES
from ..faults.dynamodb import DynamoDB, Item, Key, Table
from ..faults.faults import NONE, Call, Fault
from ..faults.world import Fate, FunctionFailedError, World
from ..tables import region_tables

CONFLICTS, STANDINGS = "conflicts", "standings"
PRIMARY, OTHER = "us-east-1", "eu-west-1"
REGIONS = (PRIMARY, OTHER)
FENCE_SECONDS = 39
REPLICATED = (STORE, CONFLICTS)
_DEFINITIONS = (*TABLES, *region_tables(CONFLICTS, STANDINGS))
_QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/conflicts"

Version = tuple[float, str]


@dataclass(frozen=True)
class Change:
    """A write on its way to the other Region."""

    table: str
    key: Key
    version: Version
    item: Item | None


@dataclass
class Replica(Table):
    """A table whose items say when and where they were written."""

    name: str = ""
    region: str = ""
    clock: Callable[[], float] = lambda: 0.0
    versions: dict[Key, Version] = field(default_factory=dict)
    sent: list[Change] = field(default_factory=list)

    def replace(self, key: Key, item: Item | None) -> None:
        before = self.versions.get(key, (0.0, ""))
        version = (max(self.clock(), before[0] + 0.001), self.region)
        self.versions[key] = version
        super().replace(key, item)
        self.sent.append(Change(self.name, key, version, self.items.get(key)))

    def receive(self, change: Change) -> None:
        """Take what was written elsewhere, if it is later than what is here."""
        if change.version > self.versions.get(change.key, (0.0, "")):
            self.versions[change.key] = change.version
            super().replace(change.key, change.item)


@dataclass
class Queue:
    """The queue of `reconcile`."""

    messages: list[str] = field(default_factory=list)

    def call(self, operation: str, request: Mapping[str, Any]) -> Any:
        assert operation == "SendMessage"
        assert request["QueueUrl"] == _QUEUE
        self.messages.append(request["MessageBody"])
        return {"MessageId": str(len(self.messages))}


@dataclass
class Region:
    """A Region's functions and tables, and how far its stream was handed to the relay."""

    name: str
    world: World
    queue: Queue
    skew: float = 0.0
    relayed: int = 0
    projected: int = 0
    worked: int = 0
    mode: Mode = Mode.STANDBY
    calls: list[str] = field(default_factory=list)
    """What the functions asked of AWS."""
    fates: dict[str, Fate] = field(default_factory=dict)
    """What happens to the calls of a function, by its name; all goes well with the others."""

    @property
    def role(self) -> str:
        """As the program gives it."""
        return "active" if self.name == PRIMARY or self.mode is Mode.HOME else "standby"

    def replica(self, table: str) -> Replica:
        found = self.world.dynamodb.tables[table]
        assert isinstance(found, Replica)
        return found

    def invoke(self, function: str, event: Any) -> Any:
        """A function's answer, in this Region's environment."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {
                "REGION": self.name,
                "REGION_ROLE": self.role,
                "REGION_MODE": self.mode.value,
                "PRIMARY_REGION": PRIMARY,
                "REGIONS": ",".join(REGIONS),
                "REGION_TABLE": STANDINGS,
                "CONFLICTS_TABLE": CONFLICTS,
                "CONFLICT_QUEUE_URL": _QUEUE,
                "STILL_WRITING_SECONDS": str(FENCE_SECONDS),
            }.items():
                patch.setenv(name, value)
            clock = lambda: self.world.now  # noqa: E731 -- this Region's, for whoever is started now
            patch.setattr("handlers.regional.Standings", partial(Standings, clocks=(clock, clock)))
            patch.setattr("handlers.regional.ReplicaStore", partial(ReplicaStore, pause=self.world._pause))
            with self.world.running():
                return self.world.invoke(function, event, fate=self._see)

    def _see(self, call: Call) -> Fault:
        self.calls.append(call.operation)
        fate = self.fates.get(call.invocation.function)
        return fate(call) if fate else NONE

    def send(self, command: Mapping[str, Any]) -> tuple[int, Any]:
        """Status and body of a command; 500 where it failed."""
        try:
            answer = self.invoke("command", command)
        except FunctionFailedError as error:
            return 500, {"error": {"code": error.code}}
        return answer["statusCode"], json.loads(answer["body"])

    def relay(self) -> None:
        """Hand what is new on the stream to the relay."""
        stream = self.world.stream
        if new := stream[self.relayed :]:
            answer = self.invoke("relay", {"Records": new})
            assert answer == {"batchItemFailures": []}
            self.relayed += len(new)

    def reconcile(self, attempts: int = 1) -> dict[str, Any]:
        """Hand the queue's messages to `reconcile`, those that failed again, and call it as its schedule does.

        What fails altogether is handed over again, too, and the schedule's call is made up for by the next.
        """
        for attempt in range(attempts):
            bodies, self.queue.messages = self.queue.messages, []
            records = [
                {"messageId": str(index), "body": body, "attributes": {"ApproximateReceiveCount": str(attempt + 1)}}
                for index, body in enumerate(bodies)
            ]
            if records:
                try:
                    answer = self.invoke("reconcile", {"Records": records})
                except FunctionFailedError:
                    answer = {"batchItemFailures": [{"itemIdentifier": each["messageId"]} for each in records]}
                failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
                self.queue.messages = [*(bodies[int(each)] for each in sorted(failed)), *self.queue.messages]
        try:
            told: dict[str, Any] = self.invoke("reconcile", {})
        except FunctionFailedError:
            return {}
        return told

    def work(self) -> None:
        """Hand what is new on the bus to the processes, and call the sweep."""
        delivered = self.world.bus.delivered
        if new := delivered[self.worked :]:
            records = [{"messageId": str(index), "body": body} for index, body in enumerate(new)]
            self.invoke("process", {"Records": records})
            self.worked += len(new)
        self.invoke("sweep", {})

    def project(self) -> None:
        """Hand what is new on the bus to the projections; what fails comes again later."""
        delivered = self.world.bus.delivered
        if new := delivered[self.projected :]:
            records = [{"messageId": str(index), "body": body} for index, body in enumerate(new)]
            self.invoke("projection", {"Records": records})
            self.projected += len(new)

    def stored(self, aggregate_id: str | None = None) -> dict[str, list[Event]]:
        """The streams, each in order of its places."""
        streams: dict[str, list[Event]] = {}
        for key, item in sorted(self.world.dynamodb.tables[STORE].items.items()):
            if aggregate_id in (None, key[0]):
                streams.setdefault(str(key[0]), []).append(event_of(item))
        return streams

    def conflicts(self) -> list[Conflict]:
        """What became of each lost event: its word, where there is one, else the evidence."""
        found = {}
        for (part, *_), item in sorted(self.world.dynamodb.tables[CONFLICTS].items.items()):
            if part != EPOCHS:
                conflict = Conflict.of(item)
                found[conflict.event.aggregate_id, place_of(conflict.event)] = conflict
        return list(found.values())

    def read_model(self) -> dict[Key, Item]:
        return self.world.dynamodb.tables[ROWS].items

    def rows(self) -> dict[Key, Item]:
        """The read model, without the entries."""
        return {key: item for key, item in self.read_model().items() if "#" not in str(key[1])}

    @property
    def standing(self) -> Standing:
        item = self.world.dynamodb.tables[STANDINGS].items.get(("standing", "now"))
        if item:
            return Standing.of(to_record(item))
        return Standing(self.name, Role(self.role), 1, self.mode, decides=PRIMARY)

    def stand(self, standing: Standing) -> None:
        """Change the standing, as an operator does; what processes remember of it lasts for a while."""
        table = self.world.dynamodb.tables[STANDINGS]
        table.replace(("standing", "now"), to_item({"Part": "standing", "Place": "now", **standing.record()}))


@dataclass
class Pair:
    """Two Regions and what lies between them."""

    regions: dict[str, Region] = field(default_factory=dict)
    on_their_way: dict[str, list[Change]] = field(default_factory=lambda: {name: [] for name in REGIONS})
    """By the Region that they go to."""
    numbers: Iterator[int] = field(default_factory=count)

    @classmethod
    def new(cls, mode: Mode = Mode.STANDBY) -> Pair:
        pair = cls()
        for name in REGIONS:
            world = World(dynamodb=DynamoDB(_DEFINITIONS))
            region = Region(name, world, Queue(), mode=mode)
            world.segments = region.queue  # type: ignore[assignment]
            for table in REPLICATED:
                plain = world.dynamodb.tables[table]
                replica = Replica(plain.keys, plain.indexes, name=table, region=name)
                replica.clock = lambda region=region: region.world.now + region.skew  # type: ignore[misc]
                world.dynamodb.tables[table] = replica
            pair.regions[name] = region
        return pair

    def __getitem__(self, name: str) -> Region:
        return self.regions[name]

    def pass_time(self, seconds: float) -> None:
        """Both clocks go on, and are at one."""
        now = max(region.world.now for region in self.regions.values()) + seconds
        for region in self.regions.values():
            region.world.now = now

    def collect(self) -> None:
        """Put what was written on its way to the other Region."""
        for name, region in self.regions.items():
            (other,) = (each for each in REGIONS if each != name)
            for table in REPLICATED:
                replica = region.replica(table)
                self.on_their_way[other] += replica.sent
                replica.sent = []

    def held_back(self, region: str, *keys: Key) -> list[Change]:
        """What is on its way to a Region of these items, taken out: it comes when somebody puts it back."""
        self.collect()
        held = [change for change in self.on_their_way[region] if change.key in keys]
        self.on_their_way[region] = [change for change in self.on_their_way[region] if change not in held]
        return held

    def arrive(self, region: str, choose: Callable[[int], int] = lambda _: 0, most: int | None = None) -> None:
        """Let changes arrive in a Region, in the order that `choose` makes of them; those of one item in theirs."""
        self.collect()
        waiting = self.on_their_way[region]
        while waiting and most != 0:
            change = waiting.pop(choose(len(waiting)))
            self.regions[region].replica(change.table).receive(change)
            most = None if most is None else most - 1

    def quiet(self, rounds: int = 12, *, working: bool = True) -> None:
        """Let all come to rest: it arrives, is relayed, reconciled, projected and worked on, and time passes."""
        for number in range(rounds):
            for region in self.regions.values():
                if number == rounds // 2:
                    region.world.arrive_all()
                self.arrive(region.name)
                region.relay()
                region.reconcile(attempts=4)
                region.project()
                if working:
                    region.work()
            self.pass_time(FENCE_SECONDS / 2)

    def promote(self, name: str, *, reach_the_other: bool) -> None:
        """What an operator does: fence the other Region if it can be reached, and open this one in a higher epoch."""
        (other,) = (each for each in REGIONS if each != name)
        known = self[name].standing.known
        if reach_the_other:
            known = max(known, self[other].standing.known)
            epoch = own_epoch(known, name, REGIONS)
            self[other].stand(fenced(self[other].standing, name, epoch))
            self.pass_time(FENCE_SECONDS)
        epoch = own_epoch(known, name, REGIONS)
        mode = self[name].mode
        covers = frozenset({other}) if mode is Mode.HOME else frozenset[str]()
        self[name].stand(Standing(name, Role.ACTIVE, epoch, mode, name, covers))

    def share(self) -> None:
        """What an operator does behind a failover, in the mode home, where both Regions can be reached: the one that
        decides for both leaves the other what is at home there, once that has all events."""
        active = [region for region in self.regions.values() if region.standing.is_active]
        if len(active) != 1:
            return  # the command refuses that
        (to,) = active
        (source,) = (region for region in self.regions.values() if region is not to)
        epoch = common_epoch(max(to.standing.known, source.standing.known), REGIONS)
        to.stand(replace(to.standing, epoch=epoch, covers=frozenset()))
        self.pass_time(FENCE_SECONDS)
        self.arrive(source.name)
        source.stand(replace(source.standing, role=Role.ACTIVE, epoch=epoch, decides=source.name, covers=frozenset()))
