"""A whole store gets the snapshots that it lacks, whatever is wrong with some of its streams."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import boto3
import pytest

from ..aws import around_every_call
from ..domain.builders import story
from ..handlers.conftest import SNAPSHOTS, STORE, Calls, Context, kept, record
from .conftest import Run, keep


def test_a_whole_store_gets_the_snapshots_that_it_lacks(aws: Any, run: Run) -> None:
    for name, transactions in (("a", 5), ("b", 2), ("short", 0)):
        keep(aws, story(name, [1] * transactions))

    result = run("snapshots", "--json")

    assert (result.code, result.json) == (0, {"aggregates": 3, "snapshots": 4, "broken": []})
    assert sorted(kept(aws)) == [("a", 2), ("a", 4), ("a", 6), ("b", 2)]
    assert run("verify", "--aggregate", "a", "--grace", "1000000000").code == 0


def test_what_is_there_is_not_made_again(aws: Any, run: Run, calls: Calls) -> None:
    events = story("a", [1] * 6)
    keep(aws, events[:5])
    run("snapshots")
    keep(aws, events[5:])
    calls.made.clear()

    result = run("snapshots")

    assert result.code == 0
    assert "1 aggregate, 1 snapshot made" in result.out
    assert [len(call["RequestItems"][SNAPSHOTS]) for call in calls.to("BatchWriteItem")] == [1]
    assert sorted(kept(aws)) == [("a", 2), ("a", 4), ("a", 6)]


def test_they_are_those_that_the_function_makes(aws: Any, run: Run, handlers: Callable[[str], ModuleType]) -> None:
    events = keep(aws, story("a", [1] * 7))
    run("snapshots")
    made = kept(aws)
    for _, sequence in made:
        key = {"AggregateId": {"S": "a"}, "SnapshotKey": {"S": made["a", sequence]["SnapshotKey"]}}
        aws.delete_item(TableName=SNAPSHOTS, Key=key)

    handlers("snapshot").lambda_handler({"Records": [record(events[7])]}, Context())

    assert len(made) == 4
    assert kept(aws) == made


def test_distance_and_retention_are_those_of_the_deployed_function(aws: Any, run: Run) -> None:
    keep(aws, story("a", [1] * 6))
    variables = {"SNAPSHOT_EVERY": "3", "SNAPSHOT_RETENTION_DAYS": "1"}
    boto3.client("lambda").update_function_configuration(
        FunctionName="snapshotFunction", Environment={"Variables": variables}
    )

    assert run("snapshots").code == 0

    assert {place: "ExpiresAt" in each for place, each in kept(aws).items()} == {("a", 3): True, ("a", 6): False}


def test_only_the_aggregates_asked_for_are_read(aws: Any, run: Run, calls: Calls) -> None:
    for name in ("a", "b", "c"):
        keep(aws, story(name, [1]))
    calls.made.clear()

    result = run("snapshots", "--aggregate", "c", "--aggregate", "a", "--aggregate", "c", "--json")

    assert result.json == {"aggregates": 2, "snapshots": 2, "broken": []}
    assert "Scan" not in calls.names
    assert sorted(kept(aws)) == [("a", 2), ("c", 2)]


def test_an_aggregate_without_events_is_refused(aws: Any, run: Run) -> None:
    result = run("snapshots", "--aggregate", "acount-1")

    assert result.code == 1
    assert "acount-1 has no events" in result.error


@pytest.mark.parametrize("damage", ["removed", "no event"])
def test_a_broken_stream_is_named_and_holds_up_no_other(aws: Any, run: Run, damage: str) -> None:
    for name in ("a", "broken", "z"):
        keep(aws, story(name, [1] * 3))
    key = {"AggregateId": {"S": "broken"}, "EventSequence": {"N": "3"}}
    aws.delete_item(TableName=STORE, Key=key)
    if damage == "no event":
        aws.put_item(TableName=STORE, Item={**key, "EventType": {"S": "TransactionProcessed"}})

    result = run("snapshots", "--json", "--segments", "1")

    assert result.code == 1
    assert [each["aggregateId"] for each in result.json["broken"]] == ["broken"]
    assert "broken broken: " in result.error
    assert sorted(kept(aws)) == [("a", 2), ("a", 4), ("z", 2), ("z", 4)]
    assert "1 stream broken" in run("snapshots").out


def test_a_table_that_writes_nothing_ends_the_command(aws: Any, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(aws, story("a", [1]))
    monkeypatch.setattr("handlers.store.snapshots._FIRST_PAUSE", 0)

    def refuse(_: Any, operation: str, arguments: dict[str, Any], proceed: Callable[[], Any]) -> Any:
        return {"UnprocessedItems": arguments["RequestItems"]} if operation == "BatchWriteItem" else proceed()

    with around_every_call(refuse):
        result = run("snapshots")

    assert result.code == 1
    assert "DynamoDB leaves 1 snapshot unwritten; run again" in result.error
