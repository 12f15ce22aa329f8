"""The in-memory DynamoDB answers as moto does: call by call at random, and over every scenario."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from itertools import chain, groupby
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ..aws import ROWS, STORE, TABLES
from ..quick_moto import boto_alone, make_tables
from .dynamodb import DynamoDB
from .scenarios import SCENARIOS, Scenario
from .story import Story
from .world import World

# LastEvaluatedKey: moto knows whether anything follows a full page, DynamoDB and ours leave that open.
NOT_COMPARED = ("ResponseMetadata", "ConsumedCapacity", "ItemCollectionMetrics", "LastEvaluatedKey")

Request = tuple[str, dict[str, Any]]
Answer = Callable[[str, dict[str, Any]], Any]


@pytest.fixture
def moto() -> Iterator[Callable[[], Answer]]:
    """Makes a DynamoDB of moto with empty tables."""
    with boto_alone():
        client: Any = boto3.client("dynamodb")
        make_call: Answer = client._make_api_call  # before a world takes every call for itself
        make_tables(TABLES)

        def fresh() -> Answer:
            for table in make_call("ListTables", {})["TableNames"]:
                make_call("DeleteTable", {"TableName": table})
            make_tables(TABLES)
            return make_call

        yield fresh


def outcome(answer: Answer, operation: str, request: dict[str, Any]) -> Any:
    """What a call gives, in a form that compares: the answer or the error's code, and for each write why."""
    try:
        result = answer(operation, deepcopy(request))  # botocore adds a token to it
    except ClientError as error:
        reasons = error.response.get("CancellationReasons", [])
        return error.response["Error"]["Code"], [reason["Code"] for reason in reasons]
    result = {name: value for name, value in result.items() if name not in NOT_COMPARED}
    for items in result.get("Responses", {}).values():
        items.sort(key=json.dumps)  # BatchGetItem promises no order
    return result


def pages(answer: Answer, request: dict[str, Any]) -> list[Any]:
    """A query's pages; not the empty one that may or may not follow a full one."""
    found = []
    start: dict[str, Any] | None = {}
    while start is not None:
        result = answer("Query", {**request, **start})
        found.append(result["Items"])
        start = {"ExclusiveStartKey": result["LastEvaluatedKey"]} if "LastEvaluatedKey" in result else None
    return found if found[-1] else found[:-1]


def whole_table(answer: Answer, request: dict[str, Any]) -> list[tuple[str, list[Any]]]:
    """The items of all segments of a parallel scan: collection by collection, each in its order."""
    whole = {name: value for name, value in request.items() if name not in ("ExclusiveStartKey", "Limit")}
    segments = [answer("Scan", {**whole, "Segment": number})["Items"] for number in range(whole["TotalSegments"])]
    collections = groupby(chain.from_iterable(segments), key=lambda item: str(item["AggregateId"]))
    return sorted((name, list(items)) for name, items in collections)


names = st.sampled_from(["a", "b"])
sequences = st.integers(1, 6).map(lambda number: {"N": str(number)})


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    aggregate_id, sequence = draw(names), draw(sequences)
    second = int(sequence["N"]) + (10 if aggregate_id == "b" else 20)  # no two alike: their order would be open
    item = {"AggregateId": {"S": aggregate_id}, "EventSequence": sequence, "Timestamp": {"S": f"10:{second}"}}
    if draw(st.booleans()):
        item["TypeBucket"] = {"S": draw(st.sampled_from(["Created#0", "Created#1"]))}
    if draw(st.booleans()):
        item["CommandId"] = {"S": f"command-{second}"}
    return {**item, "EventData": {"M": {"amount": {"N": draw(st.sampled_from(["1", "-2.5"]))}}}}


@st.composite
def appends(draw: st.DrawFn) -> Request:
    condition = draw(
        st.sampled_from(["attribute_not_exists(AggregateId)", "attribute_exists(AggregateId)", ""]).map(
            lambda text: {"ConditionExpression": text} if text else {}
        )
    )
    put = {"TableName": STORE, **condition}
    if draw(st.booleans()):
        return "PutItem", {**put, "Item": draw(events())}
    items = draw(st.lists(events(), min_size=1, max_size=4))
    return "TransactWriteItems", {"TransactItems": [{"Put": {**put, "Item": item}} for item in items]}


@st.composite
def row_writes(draw: st.DrawFn) -> Request:
    item = {"AccountId": {"S": draw(names)}, "ProjectionType": {"S": "Summary"}, "LastSequence": draw(sequences)}
    condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(LastSequence)"}
    if draw(st.booleans()):
        seen = {":seen": draw(sequences)}
        condition = {"ConditionExpression": "LastSequence = :seen", "ExpressionAttributeValues": seen}
    return "PutItem", {"TableName": ROWS, "Item": item, **condition}


@st.composite
def row_reads(draw: st.DrawFn) -> Request:
    ids = draw(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3))
    keys = [{"AccountId": {"S": each}, "ProjectionType": {"S": "Summary"}} for each in ids]
    if len(keys) == 1:
        return "GetItem", {"TableName": ROWS, "Key": keys[0], "ConsistentRead": True}
    return "BatchGetItem", {"RequestItems": {ROWS: {"Keys": keys, "ConsistentRead": True}}}


@st.composite
def queries(draw: st.DrawFn) -> Request:
    low, high = draw(sequences), draw(sequences)
    condition, values, index = draw(
        st.sampled_from(
            [
                ("AggregateId = :id AND EventSequence >= :low", {":low": low}, None),
                ("AggregateId = :id AND EventSequence BETWEEN :low AND :high", {":low": low, ":high": high}, None),
                ("AggregateId = :id", {}, None),
                ("AggregateId = :id AND CommandId = :command", {":command": {"S": "command-23"}}, "CommandId-index"),
                (
                    "TypeBucket = :bucket AND #at BETWEEN :since AND :until",
                    {":since": {"S": "10:12"}, ":until": {"S": "10:24"}},
                    "EventType-Timestamp-index",
                ),
            ]
        )
    )
    of_type = index == "EventType-Timestamp-index"
    subject = {":bucket": {"S": "Created#0"}} if of_type else {":id": {"S": draw(names)}}
    request: dict[str, Any] = {
        "TableName": STORE,
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": {**values, **subject},
        "ScanIndexForward": draw(st.booleans()),
    }
    request |= {"IndexName": index} if index else {}
    request |= {"ExpressionAttributeNames": {"#at": "Timestamp"}} if of_type else {}
    request |= draw(st.sampled_from([{}, {"Limit": 1}, {"Limit": 2}]))
    return "Query", request


FILLED: list[Request] = [
    (
        "PutItem",
        {
            "TableName": STORE,
            "Item": {
                "AggregateId": {"S": "a"},
                "EventSequence": {"N": str(number)},
                "Timestamp": {"S": f"10:{number + 20}"},
                "TypeBucket": {"S": "Created#0"},
            },
        },
    )
    for number in range(1, 7, 2)
]
requests = st.lists(st.one_of(appends(), row_writes(), row_reads(), queries()), min_size=8, max_size=25)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(story=requests)
def test_any_calls_are_answered_as_moto_answers_them(moto: Callable[[], Answer], story: list[Request]) -> None:
    theirs, ours = moto(), DynamoDB(TABLES).call
    for operation, request in [*FILLED, *story]:
        if operation == "Query":
            assert pages(ours, request) == pages(theirs, request), request
        else:
            assert outcome(ours, operation, request) == outcome(theirs, operation, request), (operation, request)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_the_handlers_calls_are_answered_as_moto_answers_them(moto: Callable[[], Answer], scenario: Scenario) -> None:
    theirs = moto()
    compared = 0

    class Compared(DynamoDB):
        def call(self, operation: str, request: Any) -> Any:
            nonlocal compared
            compared += 1
            given: list[Any] = []

            def ours(*call: Any) -> Any:
                given.append(DynamoDB.call(self, *call))
                return given[0]

            if operation == "Scan":  # which segment a collection of items is in, each decides by itself
                assert whole_table(partial(DynamoDB.call, self), request) == whole_table(theirs, request), request
            else:
                assert outcome(ours, operation, request) == outcome(theirs, operation, request), (operation, request)
            return given[0] if given else DynamoDB.call(self, operation, request)  # refused: it changed nothing

    story = Story(world=World(dynamodb=Compared(TABLES)))
    with story.world.running():
        scenario(story)
        story.finish()

    assert compared
