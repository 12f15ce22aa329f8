"""What a stack is without the parts that its settings can leave out: nothing of them is left.

That all else is as it was, plan/test_life.py says.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.infrastructure.policy import as_list, may
from tests.infrastructure.program import Graph, Resource, altered, graph, run
from tests.lean import lean_settings

KEYS = {"AggregateId", "EventSequence", "CommandId"}
BY_CORRELATION = {f"monitoring-event-store-by-correlation-{kind}-throttles" for kind in ("read", "write")}
BY_TYPE = {f"monitoring-event-store-by-type-{kind}-throttles" for kind in ("read", "write")}


def without(setting: str) -> Graph:
    return run("dev", {f"event-sourcing:{setting}": "false"})


def names(declared: Graph) -> set[str]:
    return {resource.name for resource in declared}


def widgets(declared: Graph) -> list[dict[str, Any]]:
    (dashboard,) = declared.of("Dashboard")
    body: dict[str, Any] = json.loads(dashboard.inputs["dashboardBody"])
    return body["widgets"]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def unaudited() -> Graph:
    return without("auditLog")


@pytest.fixture(scope="module")
def unindexed() -> Graph:
    return without("typeIndex")


def test_without_the_audit_log_its_rules_its_group_and_their_alarms_are_gone(unaudited: Graph) -> None:
    gone = names(graph("dev")) - names(unaudited)

    assert gone == {name for name in names(graph("dev")) if name.startswith(("audit-log", "monitoring-audit-"))}
    assert {"audit-log-group", "audit-log-rule", "audit-log-apart-rule", "audit-log-admission"} < gone
    assert names(unaudited) < names(graph("dev"))
    assert "audit" not in json.dumps(widgets(unaudited))


def test_without_the_audit_log_refusals_go_to_the_bus_as_ever(unaudited: Graph) -> None:
    (command,) = (each for each in unaudited.of("RolePolicy") if each.name == "command-policy")
    assert "events:PutEvents" in {action for each in command.statements() for action in as_list(each["Action"])}


def test_without_the_type_index_the_table_has_none_and_nobody_may_or_does_ask_it(unindexed: Graph) -> None:
    table = unindexed.named("event-store-table").inputs

    assert [each["name"] for each in table["globalSecondaryIndexes"]] == ["Correlation-Timestamp-index"]
    # DynamoDB refuses a definition of an attribute that is in no key.
    assert {each["name"] for each in table["attributes"]} == {*KEYS, "Correlation", "Timestamp"}
    assert names(graph("dev")) - names(unindexed) == BY_TYPE
    assert not any("EventType-Timestamp-index" in json.dumps(dict(each.inputs), default=str) for each in unindexed)
    assert _variables(unindexed.named("query-function"))["TYPE_INDEX"] == "false"


def test_without_the_index_by_correlation_the_table_has_none_and_nobody_may_or_does_ask_it() -> None:
    uncorrelated = without("correlationIndex")
    table = uncorrelated.named("event-store-table").inputs

    assert [each["name"] for each in table["globalSecondaryIndexes"]] == ["EventType-Timestamp-index"]
    assert {each["name"] for each in table["attributes"]} == {*KEYS, "TypeBucket", "Timestamp"}
    assert names(graph("dev")) - names(uncorrelated) == BY_CORRELATION
    assert not any("Correlation-Timestamp" in json.dumps(dict(each.inputs), default=str) for each in uncorrelated)
    assert _variables(uncorrelated.named("query-function"))["CORRELATION_INDEX"] == "false"


def test_events_keep_the_key_of_an_index_that_is_left_out(unindexed: Graph) -> None:
    """DynamoDB fills an index that is made later from the items that have its key."""
    assert _variables(unindexed.named("command-function"))["TYPE_BUCKETS"] == "4"


def test_without_tracing_no_function_begins_a_trace_or_may_send_one() -> None:
    untraced = altered()

    assert {each.inputs["tracingConfig"]["mode"] for each in untraced.of("Function")} == {"PassThrough"}
    actions = {a for each in untraced.of("RolePolicy") for s in each.statements() for a in as_list(s["Action"])}
    assert not any(action.startswith("xray:") for action in actions)


def test_without_lambdas_own_lines_a_function_logs_what_it_says_itself_metrics_too() -> None:
    quiet = altered()

    levels = {
        tuple(each.inputs["loggingConfig"][f"{of}LogLevel"] for of in ("application", "system"))
        for each in quiet.of("Function")
    }
    assert levels == {("DEBUG", "WARN")}


def test_the_example_of_a_lean_stack_leaves_out_what_it_says_and_no_guarantee() -> None:
    lean = run("dev", lean_settings())

    assert not any(name.startswith("audit-log") for name in names(lean))
    assert {each.inputs["tracingConfig"]["mode"] for each in lean.of("Function")} == {"PassThrough"}
    assert _variables(lean.named("snapshot-function"))["SNAPSHOT_EVERY"] == "100"
    assert lean.named("event-store-table").inputs["globalSecondaryIndexes"]
    for type_ in ("Queue", "QueuePolicy", "RedriveAllowPolicy", "EventArchive", "ResourcePolicy"):
        assert {each.name for each in lean.of(type_)} == {each.name for each in graph("dev").of(type_)}


def _variables(function: Resource) -> dict[str, str]:
    variables: dict[str, str] = function.inputs["environment"]["variables"]
    return variables


def test_without_the_statement_its_functions_know_and_may_not_touch_entries() -> None:
    unstated = without("statement")
    denied = {"projection": "dynamodb:BatchWriteItem", "query": "dynamodb:Query"}

    for function, action in denied.items():
        variables = unstated.named(f"{function}-function").inputs["environment"]["variables"]
        assert variables["STATEMENT"] == "false"
        for declared, granted in ((graph("dev"), True), (unstated, False)):
            statements = declared.named(f"{function}-policy").statements()
            table = declared.named("read-model-table").outputs["arn"]
            assert may(statements, action, table) is granted
    assert names(unstated) == names(graph("dev"))
