"""The keys and indexes on which the handlers rely, and what they cost."""

from __future__ import annotations

from handlers.store.branches import COMMAND_INDEX as BRANCH_COMMANDS
from handlers.store.branches import EXPIRES_AT, PART, PLACE
from handlers.store.due_index import AT, BUCKET, INDEX
from tests.infrastructure.program import Graph, altered, run


def test_the_event_store_is_keyed_by_aggregate_and_sequence(stack: Graph) -> None:
    store = stack.named("event-store-table").inputs
    assert (store["hashKey"], store["rangeKey"]) == ("AggregateId", "EventSequence")
    assert {a["name"]: a["type"] for a in store["attributes"]} == {
        "AggregateId": "S",
        "EventSequence": "N",
        "TypeBucket": "S",
        "Correlation": "S",
        "Timestamp": "S",
        "CommandId": "S",
    }


def test_events_are_found_by_type_and_time(stack: Graph) -> None:
    index, _ = stack.named("event-store-table").inputs["globalSecondaryIndexes"]
    assert (index["name"], index["projectionType"]) == ("EventType-Timestamp-index", "ALL")
    assert index["keySchemas"] == [
        {"attributeName": "TypeBucket", "keyType": "HASH"},
        {"attributeName": "Timestamp", "keyType": "RANGE"},
    ]


def test_events_are_found_by_what_they_belong_to(stack: Graph) -> None:
    _, index = stack.named("event-store-table").inputs["globalSecondaryIndexes"]
    assert (index["name"], index["projectionType"]) == ("Correlation-Timestamp-index", "ALL")
    assert index["keySchemas"] == [
        {"attributeName": "Correlation", "keyType": "HASH"},
        {"attributeName": "Timestamp", "keyType": "RANGE"},
    ]


def test_a_commands_fate_is_found_with_strong_consistency(stack: Graph) -> None:
    """Only a local index can be read so."""
    (index,) = stack.named("event-store-table").inputs["localSecondaryIndexes"]
    assert index == {"name": "CommandId-index", "rangeKey": "CommandId", "projectionType": "KEYS_ONLY"}


def test_the_read_model_is_keyed_by_account_and_projection(stack: Graph) -> None:
    model = stack.named("read-model-table").inputs
    assert (model["hashKey"], model["rangeKey"]) == ("AccountId", "ProjectionType")


def test_what_is_due_is_found_in_an_index_of_nothing_else(stack: Graph) -> None:
    """By the names that the handlers write and ask: an item without these attributes is not in it."""
    model = stack.named("read-model-table").inputs
    assert {each["name"] for each in model["attributes"]} == {"AccountId", "ProjectionType", BUCKET, AT}
    (index,) = model["globalSecondaryIndexes"]
    assert (index["name"], index["projectionType"]) == (INDEX, "ALL")
    assert index["keySchemas"] == [
        {"attributeName": BUCKET, "keyType": "HASH"},
        {"attributeName": AT, "keyType": "RANGE"},
    ]


def test_snapshots_are_found_by_sequence_and_by_time_and_lapse(stack: Graph) -> None:
    snapshots = stack.named("snapshots-table").inputs
    assert (snapshots["hashKey"], snapshots["rangeKey"]) == ("AggregateId", "SnapshotKey")
    assert snapshots["localSecondaryIndexes"] == [
        {"name": "TimeKey-index", "rangeKey": "TimeKey", "projectionType": "ALL"}
    ]
    assert snapshots["ttl"] == {"attributeName": "ExpiresAt", "enabled": True}


def test_tables_are_paid_by_request_unless_capacity_is_provisioned(stack: Graph) -> None:
    for table in stack.of("Table"):
        assert table.inputs["billingMode"] == "PAY_PER_REQUEST"
        assert "readCapacity" not in table.inputs


def test_provisioned_capacity_reaches_tables_and_indexes() -> None:
    provisioned = altered()
    store, model = (provisioned.named(f"{name}-table").inputs for name in ("event-store", "read-model"))
    for holder in (store, model, *store["globalSecondaryIndexes"], *model["globalSecondaryIndexes"]):
        assert (holder["readCapacity"], holder["writeCapacity"]) == (7, 9)
    assert store["billingMode"] == model["billingMode"] == "PROVISIONED"


def test_provisioned_capacity_scales_where_that_is_asked_for_of_every_table_and_index(stack: Graph) -> None:
    provisioned = altered()
    wanted = set()
    for table in provisioned.of("Table"):
        name = table.outputs["name"]
        indexes = [f"table/{name}/index/{each['name']}" for each in table.inputs.get("globalSecondaryIndexes", [])]
        for kind, places in (("table", [f"table/{name}"]), ("index", indexes)):
            wanted |= {(place, f"dynamodb:{kind}:ReadCapacityUnits", 7, 70) for place in places}
            wanted |= {(place, f"dynamodb:{kind}:WriteCapacityUnits", 9, 90) for place in places}
        assert table.options.ignore_changes == {"readCapacity", "writeCapacity"}, "or an up would take back what scaled"
    targets = [target.inputs for target in provisioned.of("appautoscaling/target:Target")]
    assert {(t["resourceId"], t["scalableDimension"], t["minCapacity"], t["maxCapacity"]) for t in targets} == wanted
    followed = {
        (p.inputs["resourceId"], p.inputs["scalableDimension"]) for p in provisioned.of("appautoscaling/policy:Policy")
    }
    assert followed == {(place, dimension) for place, dimension, _, _ in wanted}
    assert not [each for each in stack if "appautoscaling" in each.type]
    assert all(table.options.ignore_changes == set() for table in stack.of("Table"))


def test_what_is_billed_by_request_can_be_limited_and_warm() -> None:
    limited = run(
        "dev",
        {
            "event-sourcing:maxReadUnits": "1000",
            "event-sourcing:warmReadUnits": "20000",
            "event-sourcing:warmWriteUnits": "8000",
            "event-sourcing:recoveryDays": "7",
        },
    )
    for table in limited.of("Table"):
        for holder in (table.inputs, *table.inputs.get("globalSecondaryIndexes", [])):
            assert holder["onDemandThroughput"] == {"maxReadRequestUnits": 1000, "maxWriteRequestUnits": -1}
            warm = holder.get("warmThroughput")
            hot = table.name in ("event-store-table", "read-model-table")
            assert warm == ({"readUnitsPerSecond": 20_000, "writeUnitsPerSecond": 8000} if hot else None)
        assert table.inputs["pointInTimeRecovery"] == {"enabled": True, "recoveryPeriodInDays": 7}


def test_branches_have_no_stream_and_every_one_lapses(stack: Graph) -> None:
    """Nothing that is decided on a branch can be published, and none stays for ever."""
    branches = stack.named("branches-table").inputs
    assert (branches["hashKey"], branches["rangeKey"]) == (PART, PLACE)
    assert "streamEnabled" not in branches
    assert branches["localSecondaryIndexes"] == [
        {"name": BRANCH_COMMANDS, "rangeKey": "CommandId", "projectionType": "KEYS_ONLY"}
    ]
    assert branches["ttl"] == {"attributeName": EXPIRES_AT, "enabled": True}
    assert not [each for each in stack if "EventSourceMapping" in each.type and "branch" in each.name]
