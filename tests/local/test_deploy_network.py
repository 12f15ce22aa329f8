"""The stack in a VPC of the embedded AWS, where there is the word of it alone: it deploys, and runs as ever."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from local.client import StackClient, eventually
from local.deploy import Deployment, deploy
from local.engine import Engine
from tests.local.conftest import PROJECT, Workshop, package

pytestmark = pytest.mark.slow

pytest.importorskip("awslambdaric", reason="AWS's Lambda runtime client has no wheel for this platform")

SOON = 30.0


@pytest.fixture(scope="module")
def deployment(engine: Engine) -> Iterator[Deployment]:
    ec2 = engine.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{each}.0/24")["Subnet"]["SubnetId"] for each in (1, 2)]
    of_vpc = [{"Name": "vpc-id", "Values": [vpc]}]
    (group,) = ec2.describe_security_groups(Filters=of_vpc)["SecurityGroups"]
    (routes,) = ec2.describe_route_tables(Filters=of_vpc)["RouteTables"]
    settings = {
        "httpApi": "false",
        "subnetIds": json.dumps(subnets),
        "securityGroupIds": json.dumps([group["GroupId"]]),
        "vpcEndpoints": "create",
        "vpcId": vpc,
        "routeTableIds": json.dumps([routes["RouteTableId"]]),
    }
    made = deploy(engine.endpoint, "local", PROJECT, config_overrides=settings)
    yield made
    made.destroy(force=True)
    assert standing(engine) == set()


def standing(engine: Engine) -> set[str]:
    """The services that have an endpoint."""
    endpoints = engine.client("ec2").describe_vpc_endpoints()["VpcEndpoints"]
    return {each["ServiceName"] for each in endpoints if each["State"] != "deleted"}


def test_a_command_in_a_vpc_comes_through_to_where_it_is_read(engine: Engine, deployment: Deployment) -> None:
    ledger = StackClient({**deployment.outputs, "endpoint": engine.endpoint})
    function = engine.client("lambda").get_function_configuration(FunctionName=ledger.outputs["commandFunction"])
    assert len(function["VpcConfig"]["SubnetIds"]) == 2

    assert ledger.command("inside", "AccountCreated", {})[0] == 200

    assert eventually(lambda: ledger.row("inside"), bool, SOON)
    assert {name.rsplit(".", 1)[1] for name in standing(engine)} == {"dynamodb", "events", "sqs"}


def test_a_role_without_leave_for_interfaces_is_refused_as_on_aws(workshop: Workshop) -> None:
    role = workshop.make_role([{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}])
    with pytest.raises(ClientError, match="does not have permissions to call CreateNetworkInterface on EC2"):
        workshop.lambda_.create_function(
            FunctionName="shut-out",
            Runtime="python3.13",
            Handler="main.handler",
            Code={"ZipFile": package({"main.py": "def handler(*_): pass"})},
            Role=role,
            VpcConfig={"SubnetIds": ["subnet-01234567"], "SecurityGroupIds": ["sg-01234567"]},
        )
