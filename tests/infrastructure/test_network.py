"""Functions in a VPC: all of them or none, with leave to be there, and ways to what they call and to nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.infrastructure.plan.engine import State, up
from tests.infrastructure.policy import as_list
from tests.infrastructure.program import ACCOUNT, Graph, graph, run

SUBNETS, GROUPS = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"], ["sg-0123456789abcdef0"]
VPC, ROUTES = "vpc-0123456789abcdef0", ["rtb-0123456789abcdef0"]
INSIDE = {"subnetIds": json.dumps(SUBNETS), "securityGroupIds": json.dumps(GROUPS)}
CONNECTED = {**INSIDE, "vpcEndpoints": "create", "vpcId": VPC, "routeTableIds": json.dumps(ROUTES)}
BY_LAMBDA = {"logs", "xray", "kms"}
"""What functions' roles allow and no function calls by itself: Lambda and the services do, outside of the VPC."""
STREAMING = {"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"}


def declared(stack: str = "dev", **settings: str) -> Graph:
    return run(stack, {f"event-sourcing:{key}": value for key, value in settings.items()})


@pytest.fixture(scope="module")
def connected() -> Graph:
    return declared(**CONNECTED, heartbeatMinutes="5")


def role_of(stack: Graph, function: Any) -> str:
    return str(stack.by("arn", function.inputs["role"]).outputs["name"])


def test_without_subnets_no_function_is_in_a_vpc_and_no_role_knows_of_one() -> None:
    assert not [each for each in graph("dev").of("Function") if "vpcConfig" in each.inputs]
    assert "ec2:" not in json.dumps([each.inputs["policy"] for each in graph("dev").of("RolePolicy")])


def test_every_function_is_in_the_subnets_and_lambda_alone_may_keep_interfaces(connected: Graph) -> None:
    roles = set()
    for function in connected.of("Function"):
        assert function.inputs["vpcConfig"] == {"subnetIds": SUBNETS, "securityGroupIds": GROUPS}, function.name
        statements = {each["Sid"]: each for each in connected.policies_of(role_of(connected, function))}
        keep, not_by_code = statements["KeepInterfaces"], statements["NotByCode"]
        assert "ec2:CreateNetworkInterface" in keep["Action"]
        assert not_by_code["Effect"] == "Deny"
        assert set(not_by_code["Action"]) == set(keep["Action"])
        assert not_by_code["Condition"] == {"Null": {"lambda:SourceFunctionArn": "false"}}
        roles.add(role_of(connected, function))
    others = {each.outputs["name"] for each in connected.of("Role")} - roles
    assert others
    assert not [name for name in others if "ec2:" in json.dumps(connected.policies_of(name))]


def test_there_is_an_endpoint_for_every_service_that_a_function_calls(connected: Graph) -> None:
    called = set()
    for function in connected.of("Function"):
        for statement in connected.policies_of(role_of(connected, function)):
            for action in as_list(statement["Action"]):
                called.add("dynamodb-streams" if action in STREAMING else action.split(":")[0])
    names = {
        each.inputs["serviceName"].removeprefix("com.amazonaws.us-east-1.") for each in connected.of("VpcEndpoint")
    }
    assert names == called - BY_LAMBDA - {"ec2"}


def test_an_endpoint_is_in_every_subnet_or_route_and_lets_nobody_reach_more_than_the_ledger(connected: Graph) -> None:
    own = {each.outputs.get("arn") for each in connected if each.custom}
    for endpoint in connected.of("VpcEndpoint"):
        inputs = endpoint.inputs
        assert inputs["vpcId"] == VPC
        if inputs["vpcEndpointType"] == "Gateway":
            assert inputs["serviceName"].endswith(".dynamodb")
            assert inputs["routeTableIds"] == ROUTES
        else:
            assert (inputs["subnetIds"], inputs["securityGroupIds"]) == (SUBNETS, GROUPS)
            assert inputs["privateDnsEnabled"] is True
        (statement,) = endpoint.statements()
        assert statement["Condition"] == {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}
        for arn in statement["Resource"]:
            assert arn.removesuffix("/index/*").split("/stream/")[0].removesuffix(":live") in own, arn


def test_everything_that_roles_name_is_reached_through_the_endpoints(connected: Graph) -> None:
    reached = {arn for each in connected.of("VpcEndpoint") for arn in each.statements()[0]["Resource"]}
    for function in connected.of("Function"):
        for statement in connected.policies_of(role_of(connected, function)):
            services = {action.split(":")[0] for action in as_list(statement["Action"])}
            if services <= BY_LAMBDA | {"ec2"}:
                continue
            for arn in as_list(statement["Resource"]):
                if arn.split("/index/")[0] != arn:
                    assert f"{arn.split('/index/')[0]}/index/*" in reached, arn
                else:
                    assert arn in reached, (function.name, statement["Sid"], arn)


def test_the_setting_moves_functions_where_they_are_and_comes_and_goes_in_production_too() -> None:
    inside = declared("prod", **CONNECTED)
    there = up(up(State(), graph("prod")).after, inside)
    assert {name for name in there.created if not name.startswith("endpoints-")} == set()
    assert (there.replaced, there.deleted, there.refused) == ({}, set(), set())
    assert {each.name for each in inside.of("Function")} <= set(there.updated)

    back = up(there.after, graph("prod"))

    assert back.deleted == there.created
    assert (back.replaced, back.refused) == ({}, set())
