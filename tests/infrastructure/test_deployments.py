"""Published versions behind an alias: who calls by it, who moves it, and what a deployment leaves where it is."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from components import limits
from tests.infrastructure.plan.engine import State, refresh, up
from tests.infrastructure.program import Graph, Resource, graph, run

CALLED = ("command", "validate", "query")
ALIASES = {f"{label}-live" for label in CALLED}


def with_settings(**settings: str) -> Graph:
    return run("dev", {f"event-sourcing:{key}": value for key, value in settings.items()})


@pytest.fixture(scope="module")
def shifted() -> Graph:
    return with_settings(
        deployment="Canary10Percent5Minutes", commandProvisionedConcurrency="3", queryProvisionedConcurrency="2"
    )


def one(declared: Graph, name: str) -> Resource:
    (found,) = (each for each in declared if each.name == name)
    return found


def published(declared: Graph, version: str) -> Graph:
    """The same program with other code, of which AWS has made this version."""
    changed = {}
    for label in CALLED:
        function, alias = one(declared, f"{label}-function"), one(declared, f"{label}-live")
        changed[function.urn] = replace(
            function,
            inputs={**function.inputs, "memorySize": 1024},
            outputs={**function.outputs, "memorySize": 1024, "version": version},
        )
        changed[alias.urn] = replace(alias, inputs={**alias.inputs, "functionVersion": version})
    return replace(declared, resources=tuple(changed.get(each.urn, each) for each in declared))


def test_without_the_settings_nothing_is_published() -> None:
    dev = graph("dev")
    assert not [each for each in dev if ":codedeploy/" in each.type or each.type.endswith(":Alias")]
    assert not [each for each in dev.of("Function") if "publish" in each.inputs or "snapStart" in each.inputs]
    assert "releases" not in dev.exports


def test_callers_reach_the_alias_and_nothing_but_it(shifted: Graph) -> None:
    aliases = {each.name.removesuffix("-live"): each for each in shifted.of("Alias")}
    assert aliases.keys() == set(CALLED)
    for integration in shifted.of("Integration"):
        label = integration.name.rpartition("-to-")[2]
        target = aliases[label] if label in aliases else one(shifted, f"{label}-function")
        assert integration.inputs["integrationUri"] == target.outputs["arn"]
    for permission in shifted.of("Permission"):
        label = permission.name.removesuffix("-admission").rpartition("routes-")[2]
        assert permission.inputs.get("qualifier") == ("live" if label in aliases else None), permission.name
    for label in CALLED:
        name = one(shifted, f"{label}-function").outputs["name"]
        assert shifted.exports[f"{label}Function"] == f"{name}:live"
        retried = one(shifted, f"{label}-live-async").inputs
        assert retried["qualifier"] == "live"
        assert retried["destinationConfig"] == one(shifted, f"{label}-async").inputs["destinationConfig"]


def test_what_follows_a_stream_a_queue_or_a_clock_has_no_versions(shifted: Graph) -> None:
    assert {each.name for each in shifted.of("Function") if each.inputs.get("publish")} == {
        f"{label}-function" for label in CALLED
    }


def test_environments_stand_behind_the_alias(shifted: Graph) -> None:
    standing = {
        each.name: (each.inputs["qualifier"], each.inputs["provisionedConcurrentExecutions"])
        for each in shifted.of("ProvisionedConcurrencyConfig")
    }
    assert standing == {"command-provisioned": ("live", 3), "query-provisioned": ("live", 2)}


def test_a_group_moves_each_alias_and_the_alarms_of_whom_it_answers_stop_it(shifted: Graph) -> None:
    groups = {each.inputs["deploymentGroupName"]: each.inputs for each in shifted.of("DeploymentGroup")}
    assert groups.keys() == set(CALLED)
    names = {each.outputs["name"]: each.name.removeprefix("monitoring-") for each in shifted.of("MetricAlarm")}
    for label, group in groups.items():
        assert group["deploymentConfigName"] == "CodeDeployDefault.LambdaCanary10Percent5Minutes"
        assert group["deploymentStyle"] == {
            "deploymentOption": "WITH_TRAFFIC_CONTROL",
            "deploymentType": "BLUE_GREEN",
        }
        assert group["autoRollbackConfiguration"]["enabled"]
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["autoRollbackConfiguration"]["events"]
        brakes = group["alarmConfiguration"]
        assert (brakes["enabled"], brakes["ignorePollAlarmFailure"]) == (True, False)
        assert {f"{label}-errors", f"{label}-throttles", "people-api-faults", "machine-api-latency"} <= {
            names[each] for each in brakes["alarms"]
        }


def test_what_moves_aliases_may_move_those_and_look_at_alarms(shifted: Graph) -> None:
    (policy,) = (each for each in shifted if each.name == "traffic-shift-policy")
    statements = {each["Sid"]: each for each in json.loads(policy.inputs["policy"])["Statement"]}
    arns = {one(shifted, f"{label}-function").outputs["arn"] for label in CALLED}
    assert set(statements["MoveAlias"]["Resource"]) == arns
    assert set(statements["SeeEnvironments"]["Resource"]) == {f"{arn}:live" for arn in arns}
    assert {action for each in statements.values() for action in each["Action"] if len(action) > 1} == {
        "lambda:GetAlias",
        "lambda:UpdateAlias",
        "lambda:GetProvisionedConcurrencyConfig",
    }
    assert statements["WatchAlarms"]["Action"] == "cloudwatch:DescribeAlarms"


def test_every_speed_is_one_that_codedeploy_has() -> None:
    assert limits.DEPLOYMENTS == (
        "direct",
        "AllAtOnce",
        "Canary10Percent5Minutes",
        "Canary10Percent10Minutes",
        "Canary10Percent15Minutes",
        "Canary10Percent30Minutes",
        "Linear10PercentEvery1Minute",
        "Linear10PercentEvery2Minutes",
        "Linear10PercentEvery3Minutes",
        "Linear10PercentEvery10Minutes",
    )


def test_an_up_publishes_and_leaves_the_alias_where_it_is(shifted: Graph) -> None:
    standing = up(State(), shifted).after
    assert up(standing, shifted).is_empty()

    plan = up(standing, published(shifted, "2"))

    assert ALIASES.isdisjoint(plan.updated)
    assert (plan.created, plan.replaced, plan.deleted, plan.refused) == (set(), {}, set(), set())
    assert up(refresh(plan.after), published(shifted, "2")).is_empty()


def test_where_nobody_else_moves_the_alias_the_up_does() -> None:
    snapped = with_settings(snapStart="true")
    assert {each.inputs["snapStart"]["applyOn"] for each in snapped.of("Function") if "publish" in each.inputs} == {
        "PublishedVersions"
    }
    assert not [each for each in snapped if ":codedeploy/" in each.type]

    plan = up(up(State(), snapped).after, published(snapped, "2"))

    assert plan.updated.items() >= {alias: {"functionVersion"} for alias in ALIASES}.items()


def test_the_setting_makes_the_alias_and_takes_it_away_and_the_functions_stay() -> None:
    """In production, too."""
    declared = run("prod", {"event-sourcing:deployment": "Linear10PercentEvery1Minute"})
    there = up(up(State(), graph("prod")).after, declared)
    assert there.created >= ALIASES
    assert (there.deleted, there.refused) == (set(), set())
    admissions = {name for name in there.replaced if name.endswith("-admission")}
    assert there.replaced.keys() == admissions
    assert there.updated.keys() >= {f"{label}-function" for label in CALLED}

    back = up(there.after, graph("prod"))

    assert back.deleted == there.created
    assert set(back.replaced) == admissions
    assert not back.refused
