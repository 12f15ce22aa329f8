"""How callers come to another version of a function: by CodeDeploy, some first, and back when an alarm rings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output

from components.handler_function import HandlerFunction
from components.limits import DEPLOYMENTS, DIRECT, check_choice
from components.policies import Grant, assume_role_policy, traffic_shift_policy

_ROLLS_BACK = ("DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST")


@dataclass(frozen=True)
class Shifted:
    function: HandlerFunction
    """With an alias that the deployment leaves where it is."""
    alarms: Sequence[Input[str]]
    """The names of those that stop it."""


@dataclass(frozen=True)
class TrafficShiftArgs:
    functions: Mapping[str, Shifted]
    """By the name that each goes by."""
    deployment: str
    """How fast, as CodeDeploy calls it behind `CodeDeployDefault.Lambda`."""


class TrafficShift(pulumi.ComponentResource):
    """An application of CodeDeploy with a group for each function. It moves nothing by itself: somebody has to ask."""

    application: pulumi.Output[str]
    groups: dict[str, pulumi.Output[str]]
    """By the name that each function goes by."""

    def __init__(self, name: str, args: TrafficShiftArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:TrafficShift", name, None, opts)
        check_choice(name, "deployment", args.deployment, [each for each in DEPLOYMENTS if each != DIRECT])
        # It holds nothing but how to deploy: what it deployed is at the functions.
        loose = pulumi.ResourceOptions(parent=self, protect=False)
        role = aws.iam.Role(
            f"{name}-role",
            description="What moves callers from version to version may do",
            assume_role_policy=assume_role_policy("codedeploy.amazonaws.com"),
            opts=loose,
        )
        policy = aws.iam.RolePolicy(
            f"{name}-policy", role=role.name, policy=traffic_shift_policy(_grants(args)), opts=loose
        )
        application = aws.codedeploy.Application(f"{name}-application", compute_platform="Lambda", opts=loose)
        child = pulumi.ResourceOptions(parent=self, protect=False, depends_on=[policy])
        self.groups = {
            label: _group(f"{name}-{label}", label, args, _Deployer(application.name, role.arn), child)
            for label in args.functions
        }
        self.application = application.name
        self.register_outputs({"application": self.application})


def _grants(args: TrafficShiftArgs) -> list[Grant]:
    functions = [each.function for each in args.functions.values()]
    # IAM has the function for what is done to an alias; and the alias for what is asked of its environments.
    aliases = Grant("MoveAlias", ("lambda:GetAlias", "lambda:UpdateAlias"), tuple(each.arn for each in functions))
    environments = ("lambda:GetProvisionedConcurrencyConfig",)
    return [aliases, Grant("SeeEnvironments", environments, tuple(each.called_arn for each in functions))]


class _Deployer(NamedTuple):
    application: Output[str]
    role_arn: Output[str]


def _group(
    name: str, label: str, args: TrafficShiftArgs, deployer: _Deployer, opts: pulumi.ResourceOptions
) -> Output[str]:
    alarms = args.functions[label].alarms
    group = aws.codedeploy.DeploymentGroup(
        name,
        app_name=deployer.application,
        deployment_group_name=label,
        deployment_config_name=f"CodeDeployDefault.Lambda{args.deployment}",
        service_role_arn=deployer.role_arn,
        deployment_style=aws.codedeploy.DeploymentGroupDeploymentStyleArgs(
            deployment_option="WITH_TRAFFIC_CONTROL", deployment_type="BLUE_GREEN"
        ),
        # Where the alarms cannot be asked, nothing is moved.
        alarm_configuration=aws.codedeploy.DeploymentGroupAlarmConfigurationArgs(
            alarms=list(alarms), enabled=True, ignore_poll_alarm_failure=False
        ),
        auto_rollback_configuration=aws.codedeploy.DeploymentGroupAutoRollbackConfigurationArgs(
            enabled=True, events=list(_ROLLS_BACK)
        ),
        opts=opts,
    )
    found: Output[str] = group.deployment_group_name
    return found
