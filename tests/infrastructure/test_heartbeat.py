"""The heartbeat is there where it is asked for, and may no more than a caller."""

from __future__ import annotations

import pytest

from tests.infrastructure.plan.engine import State, up
from tests.infrastructure.policy import as_list
from tests.infrastructure.program import Graph, graph, run

OWN = ("heartbeat-", "monitoring-heartbeat")


@pytest.fixture(scope="module")
def beating() -> Graph:
    return run("dev", {"event-sourcing:heartbeatMinutes": "4"})


def test_it_adds_its_function_its_schedule_and_its_alarms_and_changes_the_dashboard_alone(beating: Graph) -> None:
    """What operators ask over HTTP knows the name of each function that may leave a dead letter."""
    before, after = ({each.name for each in it if each.custom} for it in (graph("dev"), beating))
    assert before < after
    assert {name for name in after - before if not name.startswith(OWN)} == set()
    assert {"heartbeat-function", "heartbeat-schedule-schedule", "monitoring-heartbeat"} < after - before

    on = up(up(State(), graph("dev")).after, beating)
    assert (on.created, set(on.updated)) == (after - before, {"monitoring-dashboard", "operations-function"})
    off = up(on.after, graph("dev"))
    assert off.deleted == after - before
    assert (on.replaced, off.replaced, on.refused, off.refused) == ({}, {}, set(), set())


def test_it_may_invoke_what_callers_may_and_reaches_no_data(beating: Graph) -> None:
    (policy,) = (each for each in beating.of("RolePolicy") if each.name == "heartbeat-policy")
    allowed = {action: as_list(each["Resource"]) for each in policy.statements() for action in as_list(each["Action"])}

    callable_ones = {beating.named(f"{each}-function").outputs["arn"] for each in ("command", "query")}
    assert set(allowed.pop("lambda:InvokeFunction")) == callable_ones
    assert {each.split(":")[0] for each in allowed} <= {"logs", "sqs", "xray"}
    assert not {each for each in allowed if each.startswith("sqs:")} - {"sqs:SendMessage"}


def test_it_is_called_every_minute_and_its_alarm_takes_silence_for_a_fault(beating: Graph) -> None:
    assert beating.named("heartbeat-schedule-schedule").inputs["scheduleExpression"] == "rate(1 minute)"
    variables = beating.named("heartbeat-function").inputs["environment"]["variables"]
    assert (variables["HEARTBEAT_SECONDS"], variables["HEARTBEAT_ID"]) == ("240", "ledger-heartbeat-us-east-1")
    alarm = beating.named("monitoring-heartbeat").inputs
    assert (alarm["statistic"], alarm["comparisonOperator"], alarm["threshold"]) == (
        "Maximum",
        "GreaterThanThreshold",
        300,
    )
    assert (alarm["period"], alarm["evaluationPeriods"], alarm["treatMissingData"]) == (60, 2, "breaching")


def test_it_calls_what_callers_call_where_these_have_versions() -> None:
    """Else it would prove code that nobody is answered by."""
    declared = run("dev", {"event-sourcing:heartbeatMinutes": "4", "event-sourcing:deployment": "AllAtOnce"})
    variables = declared.named("heartbeat-function").inputs["environment"]["variables"]
    for entry, variable in (("command", "COMMAND_FUNCTION"), ("query", "QUERY_FUNCTION")):
        function = declared.named(f"{entry}-function").outputs["name"]
        assert variables[variable].startswith(f"{function}:")
