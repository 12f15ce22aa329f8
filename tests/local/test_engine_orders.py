"""A query answers as moto's, which looks at the whole table, whatever was written, changed, deleted or rolled back."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item

from local.engine import backends, item_sizes, partitions
from local.engine.gateway import Gateway
from local.engine.orders import Condition, Unordered
from local.engine.transactions import Transactions
from tests.local.calls import call

TABLE = "things"
STEPS = 150
INDEXES = (None, "Local", "Ranged", "Unranged")
_KEYS = {"H": "S", "R": "N", "L": "S", "G": "S", "GR": "N"}


def schema(*names: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"), strict=False)]


def index(name: str, *names: str) -> dict[str, Any]:
    return {"IndexName": name, "KeySchema": schema(*names), "Projection": {"ProjectionType": "ALL"}}


def create(gateway: Gateway, name: str, *keys: str, **more: Any) -> Any:
    attributes = [{"AttributeName": name, "AttributeType": kind} for name, kind in _KEYS.items()]
    wanted = {"TableName": name, "KeySchema": schema(*keys), "AttributeDefinitions": attributes, **more}
    wanted |= {"BillingMode": "PAY_PER_REQUEST"}
    if not more:
        wanted["AttributeDefinitions"] = [each for each in attributes if each["AttributeName"] in keys]
    assert gateway.handle(call("dynamodb", "CreateTable", wanted)).status == 200


def held(name: str = TABLE) -> Any:
    return dynamodb_backends["123456789012"]["us-east-1"].tables[name]


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    backends.reset()
    partitions.install()
    made = Gateway()
    Transactions(made)
    create(
        made,
        TABLE,
        "H",
        "R",
        LocalSecondaryIndexes=[index("Local", "H", "L")],
        GlobalSecondaryIndexes=[index("Ranged", "G", "GR"), index("Unranged", "G")],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    create(made, "flat", "H")
    yield made
    backends.reset()


class Chance:
    """Writes and questions as they come, out of few values, so that they meet."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - no secret

    def key(self) -> dict[str, Any]:
        return {"H": {"S": self._random.choice("ab")}, "R": {"N": self._random.choice(["1", "2", "10", "-3", "2.5"])}}

    def attributes(self) -> dict[str, Any]:
        found = {"L": {"S": self._random.choice(["x", "xy", "y"])}, "G": {"S": self._random.choice("gh")}}
        found |= {"GR": {"N": str(self._random.randrange(4))}, "V": {"N": str(self._random.randrange(99))}}
        return {name: value for name, value in found.items() if self._random.random() < 0.8}

    def write(self) -> tuple[str, Any]:
        item = {**self.key(), **self.attributes()}
        put = {"TableName": TABLE, "Item": item}
        update = self._update()
        kind = self._random.randrange(8)
        if kind < 3:
            return "PutItem", put
        if kind == 3:
            return "DeleteItem", {"TableName": TABLE, "Key": self.key()}
        if kind == 4:
            return "UpdateItem", update
        if kind == 5:
            return "BatchWriteItem", {"RequestItems": {TABLE: [{"PutRequest": {"Item": item}}]}}
        fails = {"ConditionExpression": "attribute_exists(Nothing)"} if kind == 6 else {}
        deletion = {"TableName": TABLE, "Key": self.key(), **fails}
        return "TransactWriteItems", {"TransactItems": [{"Put": put}, {"Update": update}, {"Delete": deletion}]}

    def _update(self) -> dict[str, Any]:
        value = self.attributes().get("G", {"S": "g"})
        expression = self._random.choice(["SET G = :v", "REMOVE G, L", "SET L = :v REMOVE GR", "SET V ="])
        values = {"ExpressionAttributeValues": {":v": value}} if ":v" in expression else {}
        return {"TableName": TABLE, "Key": self.key(), "UpdateExpression": expression, **values}

    def question(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        name = self._random.choice(INDEXES)
        partition, sort = {None: ("H", "R"), "Local": ("H", "L"), "Ranged": ("G", "GR"), "Unranged": ("G", None)}[name]
        value = DynamoType({"S": self._random.choice("abgh" if partition == "H" else "gh")})
        comparison = self._random.choice([None, "=", "<", "<=", ">", ">=", "BETWEEN", "BEGINS_WITH"]) if sort else None
        text = sort == "L"
        if comparison == "BEGINS_WITH" and not text:
            comparison = None
        one = [
            DynamoType({"S": each}) if text else DynamoType({"N": each})
            for each in (("x", "xy") if text else ("1", "3"))
        ]
        values = [] if comparison is None else one if comparison == "BETWEEN" else [self._random.choice(one)]
        ranged = [(sort, comparison, values)] if comparison else []
        start = {**self.key(), "L": {"S": "xy"}, "G": {"S": value.value}, "GR": {"N": "1"}}
        started = start if self._random.random() < 0.3 else None
        limit = self._random.choice([None, 1, 2, 3])
        forward = self._random.random() < 0.5
        given = (value, comparison, values, limit, started, forward, None, name, False, None)
        return given, {"hash_key_conditions": [(partition, value)], "range_key_conditions": ranged}


def answer(query: Any, table: Any, question: tuple[tuple[Any, ...], dict[str, Any]]) -> Any:
    given, conditions = question
    try:
        items, scanned, last = query(table, *given, **conditions)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is to be the same
        return type(error), str(error)
    return [item.to_json() for item in items], scanned, last


@pytest.mark.parametrize("seed", range(3))
def test_an_order_answers_as_a_look_at_every_item(gateway: Gateway, seed: int) -> None:
    chance = Chance(seed)
    statuses = set()
    for _ in range(STEPS):
        statuses.add(gateway.handle(call("dynamodb", *chance.write())).status)
        for _ in range(3):
            question = chance.question()
            whole = answer(partitions._query_of_the_whole_table, held(), question)
            assert (question, answer(partitions._query, held(), question)) == (question, whole)
    assert statuses == {200, 400}
    assert all(
        order is not None for orders in vars(held())["orders_of_the_engine"]._of.values() for order in orders.values()
    )


def test_items_that_do_not_compare_are_looked_at_one_by_one(gateway: Gateway) -> None:
    table = held()
    for number, value in enumerate([{"N": "1"}, {"S": "text"}, {"N": "3"}, {"L": []}]):
        table.put_item({"H": {"S": "a"}, "R": {"N": str(number)}, "G": {"S": "g"}, "GR": value})
    given = (DynamoType({"S": "g"}), "=", [DynamoType({"N": "3"})], None, None, True, None, "Ranged")
    question = given, {"hash_key_conditions": [("G", DynamoType({"S": "g"}))]}
    whole = answer(partitions._query_of_the_whole_table, table, question)
    assert answer(partitions._query, table, question) == whole
    asked = {"TableName": TABLE, "Key": {"H": {"S": "a"}, "R": {"N": "3"}}}
    assert gateway.handle(call("dynamodb", "GetItem", asked)).json()["Item"]["GR"] == {"L": []}


def test_a_table_without_a_sort_key_has_one_item_in_a_partition(gateway: Gateway) -> None:
    expression = {"KeyConditionExpression": "H = :h", "ExpressionAttributeValues": {":h": {"S": "a"}}}
    asked = call("dynamodb", "Query", {"TableName": "flat", **expression})
    counts = []
    for operation, content in (
        ("PutItem", {"Item": {"H": {"S": "a"}, "V": {"S": "1"}}}),
        ("PutItem", {"Item": {"H": {"S": "a"}, "V": {"S": "2"}}}),
        ("DeleteItem", {"Key": {"H": {"S": "a"}}}),
    ):
        gateway.handle(call("dynamodb", operation, {"TableName": "flat", **content}))
        counts.append([item["V"]["S"] for item in gateway.handle(asked).json()["Items"]])
    assert counts == [["1"], ["2"], []]


def test_a_page_is_looked_at_and_no_more(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    table = held()
    for number in range(100):
        table.put_item({"H": {"S": "a"}, "R": {"N": str(number)}, "G": {"S": "g"}, "GR": {"N": str(number)}})
    looked: list[int] = []
    whole = partitions._query_of_the_whole_table

    def counting(seen: Any, *given: Any, **more: Any) -> Any:
        looked.append(len(seen.all_items()))
        return whole(seen, *given, **more)

    monkeypatch.setattr(partitions, "_query_of_the_whole_table", counting)
    values = {":g": {"S": "g"}, ":n": {"N": "50"}}
    for name, condition in ((None, "H = :g AND R > :n"), ("Ranged", "G = :g AND GR > :n")):
        asked = {
            "TableName": TABLE,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "Limit": 3,
        }
        values = {**values, ":g": {"S": "a" if name is None else "g"}}
        asked |= {"ExpressionAttributeValues": values} | ({"IndexName": name} if name else {})
        assert gateway.handle(call("dynamodb", "Query", asked)).json()["Count"] == 3
    assert looked == [4, 4]


def test_what_follows_no_order_is_said() -> None:
    with pytest.raises(Unordered):
        Condition("CONTAINS", ["x"]).bounds([])


def test_an_item_has_the_size_that_moto_measures(gateway: Gateway) -> None:
    table = held()
    put = call(
        "dynamodb", "PutItem", {"TableName": TABLE, "Item": {"H": {"S": "é"}, "R": {"N": "1"}, "V": {"N": "1.5"}}}
    )
    gateway.handle(put)
    (item,) = table.items[DynamoType({"S": "é"})].values()
    assert item.size() == item_sizes._measured(item) == 9
    for expression, value in (("SET V = :v", {"L": [{"S": "longer"}]}), ("SET W = :v", {"B": "AAEC"})):
        values = {"UpdateExpression": expression, "ExpressionAttributeValues": {":v": value}}
        key = {"H": {"S": "é"}, "R": {"N": "1"}}
        assert gateway.handle(call("dynamodb", "UpdateItem", {"TableName": TABLE, "Key": key, **values})).status == 200
        assert item.size() == item_sizes._measured(item)


@pytest.mark.parametrize("values", [[{"S": "x" * 404_994}], [{"S": "x" * 200_001}, {"S": "y" * 204_992}]])
def test_the_largest_item_is_as_large_as_motos(gateway: Gateway, values: list[Any]) -> None:
    def put(*more: str) -> int:
        attributes = dict(zip("VW", values, strict=False))
        attributes["V"] = {"S": attributes["V"]["S"] + "".join(more)}
        content = {"TableName": TABLE, "Item": {"H": {"S": "aa"}, "R": {"N": "1"}, **attributes}}
        return gateway.handle(call("dynamodb", "PutItem", content)).status

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Item, "__init__", item_sizes._plain_make)
        own = [put(), put("x")]
    assert [put(), put("x")] == own == [200, 400]


def test_what_is_looked_for_in_vain_or_deleted_leaves_nothing_behind(gateway: Gateway) -> None:
    item = {"H": {"S": "a"}, "R": {"N": "1"}}
    for operation, content in (
        ("GetItem", {"Key": {**item, "H": {"S": "b"}}}),
        ("DeleteItem", {"Key": {**item, "H": {"S": "c"}}}),
        ("PutItem", {"Item": {**item, "H": {"S": "d"}}, "ConditionExpression": "attribute_exists(H)"}),
        ("PutItem", {"Item": item}),
        ("DeleteItem", {"Key": item}),
    ):
        gateway.handle(call("dynamodb", operation, {"TableName": TABLE, **content}))
    assert dict(held().items) == {}
