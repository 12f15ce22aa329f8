"""Whatever is written where and told when, replicas come to hold the last writer's items; streams account for it.

A link that is cut or slow is one on which nothing is told for a while, so any order of writing and telling is a
schedule of partitions, delays and heals. The clocks are wrong by whatever the schedule says.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.engine import arrivals, backends, item_sizes, partitions
from local.engine.gateway import Gateway
from local.engine.replicas import Group
from local.engine.transactions import Transactions
from tests.local.calls import call

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-2")
PAIRS = tuple(itertools.permutations(REGIONS, 2))
KEYS = ("1", "1.0", "2")
"""Of which two are one."""
ALL = 2**40 - 1
SKEW_SECONDS = 1000.0
"""By which a tick of a drawn clock is longer than any run of this test."""


class Write(NamedTuple):
    """`clock` is what the Region's clock says, roughly."""

    region: str
    kind: str
    key: str
    clock: int


class Tell(NamedTuple):
    """Those of the changes on their way arrive, whose bits are set."""

    pair: tuple[str, str]
    which: int


writes = st.builds(
    Write,
    st.sampled_from(REGIONS),
    st.sampled_from(["put", "put", "update", "delete", "same", "rolled back"]),
    st.sampled_from(KEYS),
    st.integers(0, 5),
)
schedules = st.lists(writes | st.builds(Tell, st.sampled_from(PAIRS), st.integers(1, 15)), min_size=6, max_size=30)


class Stamp(NamedTuple):
    """When something was written: by the clock, in the order of the test, and after what it overwrote."""

    clock: int
    step: int
    after: int


Held = dict[int, tuple[Stamp, str | None]]
"""What a Region has by key, in the model: the stamp of the last write, and its value; None where it deleted."""


@dataclass
class World:
    """Three replicas, and beside them the model: each Region has the value with the highest stamp that it heard of."""

    gateway: Gateway = field(default_factory=Gateway)
    group: Group = field(default_factory=lambda: Group("t"))
    held: dict[str, Held] = field(default_factory=lambda: {region: {} for region in REGIONS})
    on_the_way: dict[tuple[str, str], list[tuple[int, Stamp, str | None]]] = field(
        default_factory=lambda: {pair: [] for pair in PAIRS}
    )
    written: list[tuple[int, Stamp, str | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        Transactions(self.gateway)
        for region in REGIONS:
            self.ask(
                region,
                "CreateTable",
                KeySchema=[{"AttributeName": "K", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "K", "AttributeType": "N"}],
                BillingMode="PAY_PER_REQUEST",
                StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
            )
            self.group.add(region, partial(backends.table, region, "t"))

    def ask(self, region: str, operation: str, status: int = 200, **asked: Any) -> Any:
        scope = f"AWS4-HMAC-SHA256 Credential=test/20260101/{region}/dynamodb/aws4_request, SignedHeaders=host"
        content = {"TableName": "t", **asked} if "TransactItems" not in asked else asked
        answer = self.gateway.handle(call("dynamodb", operation, content, HTTP_AUTHORIZATION=f"{scope}, Signature=0"))
        assert answer.status == status, answer.body
        return answer.json()

    def write(self, step: int, write: Write) -> None:
        replica, key = self.group.replicas[write.region], {"K": {"N": write.key}}
        replica.note()
        replica.skew = write.clock * SKEW_SECONDS
        before = self.held[write.region].get(int(float(write.key)), (Stamp(-1, 0, 0), None))
        value: str | None = str(step)
        match write.kind:
            case "put":
                self.ask(write.region, "PutItem", Item={**key, "V": {"S": value}})
            case "update":
                values = {":v": {"S": value}}
                self.ask(
                    write.region,
                    "UpdateItem",
                    Key=key,
                    UpdateExpression="SET V = :v",
                    ExpressionAttributeValues=values,
                )
            case "delete":
                value = None
                self.ask(write.region, "DeleteItem", Key=key)
            case "same":
                (item,) = self.ask(write.region, "BatchGetItem", RequestItems={"t": {"Keys": [key]}})["Responses"][
                    "t"
                ] or [None]
                if item is not None:
                    self.ask(write.region, "PutItem", Item=item)
                return
            case _:
                put = {"Put": {"TableName": "t", "Item": {**key, "V": {"S": "never"}}}}
                none = {"TableName": "t", "Key": {"K": {"N": "7"}}, "ConditionExpression": "attribute_exists(K)"}
                self.ask(write.region, "TransactWriteItems", 400, TransactItems=[put, {"ConditionCheck": none}])
                return
        if value is None and before[1] is None:
            return  # there was nothing to delete, so nothing was written
        stamp = Stamp(write.clock, step, 0)
        if stamp < before[0]:
            stamp = before[0]._replace(after=before[0].after + 1)
        change = (int(float(write.key)), stamp, value)
        self.held[write.region][change[0]] = change[1:]
        self.written.append(change)
        for pair in PAIRS:
            if pair[0] == write.region:
                self.on_the_way[pair].append(change)

    def tell(self, pair: tuple[str, str], which: int = ALL) -> None:
        waiting, model = self.group.pending(*pair), self.on_the_way[pair]
        assert len(waiting) == len(model)
        arriving = [change for place, change in enumerate(waiting) if which >> place & 1]
        assert self.group.tell(*pair, lambda change: change in arriving) == arriving
        for key, stamp, value in [each for place, each in enumerate(model) if which >> place & 1]:
            if stamp > self.held[pair[1]].get(key, (Stamp(-1, 0, 0), None))[0]:
                self.held[pair[1]][key] = (stamp, value)
        self.on_the_way[pair] = [each for place, each in enumerate(model) if not which >> place & 1]

    def items(self, region: str) -> dict[int, str]:
        found = self.ask(region, "Scan")["Items"]
        return {int(float(item["K"]["N"])): item["V"]["S"] for item in found}

    def records(self, region: str) -> list[Any]:
        return [each.record for each in backends.table(region, "t").stream_shard.items]


@pytest.fixture(autouse=True, scope="module")
def quick() -> Iterator[None]:
    partitions.install()
    item_sizes.install()
    arrivals.install(lambda _: None)
    yield
    backends.reset()


def test_what_a_region_wrote_stands_in_its_own_stream_once_and_the_winner_is_told_of_no_loser() -> None:
    backends.reset()
    world = World()
    here, there, _ = REGIONS
    world.write(0, Write(here, "put", "1", 0))
    world.write(1, Write(there, "put", "1", 1))
    for pair in PAIRS:
        world.tell(pair)
    told = {region: [r["dynamodb"]["NewImage"]["V"]["S"] for r in world.records(region)] for region in REGIONS}
    assert told[here] == ["0", "1"]
    assert told[there] == ["1"]


def test_what_a_region_has_not_been_told_is_not_passed_over_for_what_it_wrote_itself() -> None:
    backends.reset()
    world = World()
    here, there, _ = REGIONS
    world.write(0, Write(here, "put", "1", 0))
    world.write(1, Write(here, "put", "2", 0))
    world.write(2, Write(there, "put", "1", 1))
    world.tell((there, here), 1)
    world.tell((here, there), 1)
    world.tell((here, there), 1)
    assert world.items(there) == {1: "2", 2: "1"}


def test_an_older_write_changes_neither_a_newer_item_nor_a_newer_deletion() -> None:
    backends.reset()
    world = World()
    here, there, far = REGIONS
    world.write(0, Write(here, "put", "1", 0))
    world.tell((here, far), 1)
    world.write(1, Write(far, "delete", "1", 1))
    world.tell((far, there), 1)
    world.tell((here, there), 1)
    assert world.items(there) == {}
    world.write(2, Write(there, "put", "1", 0))  # after the deletion that it found, whatever the clock says
    world.tell((there, here), 1)
    world.tell((far, here), 1)
    assert world.items(here) == {1: "2"}


def test_what_arrives_together_is_seen_as_the_last_of_each_item_and_in_no_order() -> None:
    backends.reset()
    world = World()
    here, there, far = REGIONS
    for step, key in enumerate(("1", "2", "1", "2")):
        world.write(step, Write(here, "put", key, 0))
    world.tell((here, there))
    world.tell((here, far), 0b1010)  # 2 alone, twice
    assert [(r["eventName"], r["dynamodb"]["NewImage"]["V"]["S"]) for r in world.records(there)] == [
        ("INSERT", "2"),
        ("INSERT", "3"),
    ]
    assert world.items(far) == {2: "3"}
    world.tell((here, far), 0b1)
    assert world.items(far) == {1: "0", 2: "3"}


def test_two_writes_of_one_moment_end_the_same_on_both_sides() -> None:
    backends.reset()
    world = World()
    here, there, _ = REGIONS
    for region in (here, there):
        world.ask(region, "PutItem", Item={"K": {"N": "1"}, "V": {"S": region}})
        moment = world.records(here)[0]["dynamodb"]["ApproximateCreationDateTime"]
        world.records(region)[0]["dynamodb"]["ApproximateCreationDateTime"] = moment
    for pair in ((here, there), (there, here)):
        world.group.tell(*pair, lambda _: True)
    assert world.items(here) == world.items(there) == {1: max(here, there)}


@settings(max_examples=60, deadline=None)
@given(schedule=schedules)
def test_every_schedule_ends_with_the_last_writers_items_in_every_region(schedule: list[Write | Tell]) -> None:
    backends.reset()
    world = World()
    for step, each in enumerate(schedule):
        if isinstance(each, Write):
            world.write(step, each)
        else:
            world.tell(*each)
        for region in REGIONS:
            known = {key: value for key, (_, value) in world.held[region].items() if value is not None}
            assert world.items(region) == known, (step, region)
    for pair in PAIRS:
        world.tell(pair)
        assert list(world.group.pending(*pair)) == []

    last: dict[int, tuple[Stamp, str | None]] = {}
    for key, stamp, value in world.written:
        if key not in last or stamp > last[key][0]:
            last[key] = (stamp, value)
    winners = {key: value for key, (_, value) in last.items() if value is not None}
    own = {value for _, _, value in world.written if value is not None}
    for region in REGIONS:
        assert world.items(region) == winners
        told: dict[int, Any] = {}
        for record in world.records(region):
            change = record["dynamodb"]
            key = int(float(change["Keys"]["K"]["N"]))
            assert told.get(key) == change.get("OldImage"), "each record begins where the one before it ended"
            told[key] = change.get("NewImage")
            assert told[key] is None or told[key]["V"]["S"] in own
        assert {key: image["V"]["S"] for key, image in told.items() if image is not None} == winners
