"""The bus's own policy, where it is asked for: who puts events, and that AWS's own services go on."""

from __future__ import annotations

import json
import re

import pytest

from components.append_guard import of_this_account
from components.settings import SettingsError
from local.engine.policy_documents import ALLOW_ALL, Access, decide
from local.engine.principals import Principal
from tests.infrastructure.plan.engine import State, up
from tests.infrastructure.policy import as_list
from tests.infrastructure.program import ACCOUNT, Graph, Resource, graph, run

ADMINISTRATOR = f"arn:aws:iam::{ACCOUNT}:role/Administrator"
OPERATOR = f"arn:aws:iam::{ACCOUNT}:role/operators/ledger"
FOUR_EYES = f"arn:aws:iam::{ACCOUNT}:role/four-eyes"


def guarded(stack: str = "dev", **settings: str) -> Graph:
    return run(stack, {f"event-sourcing:{key}": value for key, value in {"guardBus": "true", **settings}.items()})


@pytest.fixture(scope="module")
def guard() -> Graph:
    return guarded(busWriterArns=json.dumps([OPERATOR]), breakGlassArns=json.dumps([FOUR_EYES]))


def may_put(policy: Resource, bus: Resource, arn: str, *, is_service: bool = False) -> bool:
    """Whether somebody whose role allows everything is left to put an event."""
    context = (("aws:principalarn", arn),) if arn else ()
    of_aws = (("aws:principalisawsservice", str(is_service).lower()),)
    access = Access("events:PutEvents", bus.outputs["arn"], (*context, *of_aws))
    return decide(access, Principal("AWS", arn or ADMINISTRATOR), {"": ALLOW_ALL}, [policy.inputs["policy"]]).allowed


def publishers(declared: Graph) -> set[str]:
    """The roles whose own policies let them put events on a bus."""
    granted = {
        policy.inputs["role"]
        for policy in declared.of("RolePolicy")
        if any("events:PutEvents" in as_list(each["Action"]) for each in policy.statements())
    }
    return {role.outputs["arn"] for role in declared.of("Role") if role.outputs["name"] in granted}


def test_without_the_setting_the_bus_has_no_policy(stack: Graph) -> None:
    assert not [each for each in stack if each.type.endswith(":EventBusPolicy")]


def test_the_ledgers_roles_that_may_put_events_do_and_nobody_else(guard: Graph) -> None:
    (policy,), bus = guard.of("EventBusPolicy"), guard.named("events-bus")
    assert policy.inputs["eventBusName"] == bus.outputs["name"]
    putting = publishers(guard)
    assert len(putting) == 4, "command, relay, replayer and operations"
    for role in guard.of("Role"):
        assert may_put(policy, bus, role.outputs["arn"]) is (role.outputs["arn"] in putting), role.name
    assert not may_put(policy, bus, ADMINISTRATOR)
    assert not may_put(policy, bus, f"arn:aws:iam::{ACCOUNT}:root")


def test_operators_who_are_named_may_put_and_so_may_who_breaks_the_glass(guard: Graph) -> None:
    (policy,), bus = guard.of("EventBusPolicy"), guard.named("events-bus")
    assert may_put(policy, bus, OPERATOR)
    assert may_put(policy, bus, FOUR_EYES)


def test_eventbridge_itself_is_not_refused(guard: Graph) -> None:
    """What it replays from the archive it puts as a service, which has no ARN of a principal."""
    (policy,), bus = guard.of("EventBusPolicy"), guard.named("events-bus")
    assert may_put(policy, bus, "", is_service=True)
    assert {each["Effect"] for each in policy.statements()} == {"Deny"}
    assert {action for each in policy.statements() for action in as_list(each["Action"])} == {"events:PutEvents"}


def test_without_an_api_there_is_no_function_of_operators_to_admit() -> None:
    bare = guarded(httpApi="false", console="false")
    assert len(publishers(bare)) == 3
    (policy,), bus = bare.of("EventBusPolicy"), bare.named("events-bus")
    assert all(may_put(policy, bus, arn) for arn in publishers(bare))


def test_of_two_regions_each_bus_takes_what_crosses_from_the_other() -> None:
    two = guarded(regions=json.dumps(["us-east-1", "eu-west-1"]))
    for policy in two.of("EventBusPolicy"):
        second = ":Region$" in policy.urn
        (bus,) = (each for each in two if each.name == "events-bus" and (":Region$" in each.urn) is second)
        crossings = {(":Region$" in each.urn): each for each in two.of("Role") if each.name == "crossing-role"}
        assert policy.inputs["eventBusName"] == bus.outputs["name"]
        assert may_put(policy, bus, crossings[not second].outputs["arn"])
        relays = {(":Region$" in each.urn): each for each in two.of("Role") if each.name == "relay-role"}
        assert may_put(policy, bus, relays[second].outputs["arn"])


def test_it_comes_and_goes_alone_and_production_keeps_it() -> None:
    on = up(up(State(), graph("dev")).after, guarded())
    assert (on.created, on.updated, on.replaced) == ({"bus-guard-policy"}, {}, {})
    assert up(on.after, graph("dev")).deleted == {"bus-guard-policy"}
    assert "bus-guard-policy" in up(up(State(), guarded("prod")).after, graph("prod")).refused


@pytest.mark.parametrize(
    "arn", [OPERATOR.replace(ACCOUNT, "210987654321"), OPERATOR.replace("arn:aws:", "arn:aws-cn:")]
)
def test_a_writer_of_another_account_is_refused_by_name(arn: str) -> None:
    told = f"cannot be used:\n  event-sourcing:busWriterArns is '{arn}'; allowed: identities of the account {ACCOUNT} "
    with pytest.raises(SettingsError, match=re.escape(told)):
        of_this_account("busWriterArns", arn, "aws", ACCOUNT)
    with pytest.raises(SettingsError, match=re.escape(told)):
        guarded(busWriterArns=json.dumps([arn]))
    assert of_this_account("busWriterArns", OPERATOR, "aws", ACCOUNT) == OPERATOR
