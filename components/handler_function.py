"""A Lambda function with a role and a log group of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output

from components.dead_letter_queue import DeadLetterQueue
from components.handler_package import HandlerPackage
from components.limits import (
    LOG_LEVELS,
    LOG_RETENTION_DAYS,
    SYSTEM_LOG_LEVELS,
    UNRESERVED,
    check_choice,
    check_concurrency,
    check_range,
)
from components.policies import Grant, assume_role_policy, role_policy

METRICS_NAMESPACE = "EventSourcing"
"""Where the handlers' own metrics go, each with the function's name as its one dimension."""

_ASYNC_RETRIES = 2
_ASYNC_MAX_AGE_SECONDS = 6 * 3600


LIVE = "live"
"""The alias that callers name."""


@dataclass(frozen=True)
class Versions:
    """Has callers name an alias of published versions. Without SnapStart and environments, these are as any."""

    shifted: bool = False
    """Whether something else than the deployment moves the alias from version to version, once it is there."""
    snap_start: bool = False
    """Begin environments from a snapshot of the loaded code, which is taken when a version is published."""
    provisioned: int = 0
    """Environments that stand all the time."""


@dataclass(frozen=True)
class Network:
    """Where in a VPC a function runs."""

    subnet_ids: Sequence[str]
    security_group_ids: Sequence[str]


@dataclass(frozen=True)
class HandlerFunctionArgs:
    package: HandlerPackage
    entry: str
    """The module of the handlers whose `lambda_handler` is called."""
    description: str
    dead_letters: DeadLetterQueue
    """Where an asynchronous invocation ends that failed for good, and what a feed gives up."""
    environment: Mapping[str, Input[str]] = field(default_factory=dict)
    """Names and numbers, never a secret."""
    grants: Sequence[Grant] = ()
    """All that the handler may call; logs, traces and dead letters come by themselves."""
    memory_size: Input[int] = 512
    """MB; the share of CPU grows with it."""
    timeout: Input[int] = 30
    """Seconds."""
    concurrency: Input[int] = UNRESERVED
    """Reserved concurrent executions."""
    log_level: Input[str] = "INFO"
    system_log_level: Input[str] = "INFO"
    """Of Lambda's own lines; INFO keeps the report of each invocation: duration, memory, cold start."""
    log_retention_days: Input[int] = 30
    tracing: bool = True
    """Trace with X-Ray, whoever calls."""
    versions: Versions | None = None
    """None to have the newest code called, by the function's name."""
    network: Network | None = None
    """None to run outside of any VPC."""
    kms_key_arn: Input[str] | None = None
    """A customer key for the log group and the environment, and under what the grants reach."""
    previous_kms_key_arns: Sequence[str] = ()
    """Keys that may still lie under what the grants reach."""


class HandlerFunction(pulumi.ComponentResource):
    """Runs one entry of the handlers' package, allowed its grants and nothing else."""

    name: pulumi.Output[str]
    arn: pulumi.Output[str]
    version: pulumi.Output[str]
    """The one that was published last; `$LATEST` where none is."""
    qualifier: pulumi.Output[str] | None
    """The alias that callers name; None where there is none."""
    called_name: pulumi.Output[str]
    """What callers name: `<function>:<alias>`, or the function."""
    called_arn: pulumi.Output[str]
    role_name: pulumi.Output[str]
    role_arn: pulumi.Output[str]
    log_group_name: pulumi.Output[str]
    dead_letters_arn: pulumi.Output[str]
    """Of the queue that the function's role may leave dead letters in."""

    def __init__(self, name: str, args: HandlerFunctionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:HandlerFunction", name, None, opts)
        check_range(name, "memory_size", args.memory_size, 128, 10_240)
        check_range(name, "timeout", args.timeout, 1, 900)
        check_concurrency(name, "concurrency", args.concurrency)
        check_choice(name, "log_level", args.log_level, LOG_LEVELS)
        check_choice(name, "system_log_level", args.system_log_level, SYSTEM_LOG_LEVELS)
        check_choice(name, "log_retention_days", args.log_retention_days, LOG_RETENTION_DAYS)
        child = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            f"{name}-role",
            description=f"What the {args.entry} function may do",
            assume_role_policy=assume_role_policy("lambda.amazonaws.com"),
            opts=child,
        )
        logs = aws.cloudwatch.LogGroup(
            f"{name}-logs", retention_in_days=args.log_retention_days, kms_key_id=args.kms_key_arn, opts=child
        )
        # Lambda names the log streams, hence the ending. No CreateLogGroup: it would make a group without retention.
        write_logs = Grant("WriteLogs", ("logs:CreateLogStream", "logs:PutLogEvents"), (Output.concat(logs.arn, ":*"),))
        policy = aws.iam.RolePolicy(
            f"{name}-policy",
            role=role.name,
            policy=role_policy(
                [write_logs, args.dead_letters.grant_send(), *args.grants],
                tracing=args.tracing,
                in_vpc=args.network is not None,
                kms_key_arn=args.kms_key_arn,
                previous_kms_key_arns=args.previous_kms_key_arns,
                dns_suffix=aws.get_partition_output().dns_suffix,
            ),
            opts=child,
        )
        function = aws.lambda_.Function(
            f"{name}-function",
            description=args.description,
            role=role.arn,
            code=args.package.code.archive,
            s3_bucket=args.package.code.bucket,
            s3_key=args.package.code.key,
            code_signing_config_arn=args.package.code_signing_config_arn,
            handler=f"{args.package.module}.{args.entry}.lambda_handler",
            runtime=args.package.runtime,
            architectures=[args.package.architecture],
            layers=[args.package.layer_arn],
            environment=aws.lambda_.FunctionEnvironmentArgs(
                variables={"METRICS_NAMESPACE": METRICS_NAMESPACE, **args.environment}
            ),
            kms_key_arn=args.kms_key_arn,
            publish=True if args.versions else None,
            snap_start=_snap_start(args.versions),
            vpc_config=_vpc_config(args.network),
            memory_size=args.memory_size,
            timeout=args.timeout,
            reserved_concurrent_executions=args.concurrency,
            tracing_config=aws.lambda_.FunctionTracingConfigArgs(mode="Active" if args.tracing else "PassThrough"),
            logging_config=aws.lambda_.FunctionLoggingConfigArgs(
                log_format="JSON",
                log_group=logs.name,
                application_log_level=args.log_level,
                system_log_level=args.system_log_level,
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
        self.qualifier, self.called_name, self.called_arn = None, function.name, function.arn
        _retry(f"{name}-async", function.name, None, args.dead_letters, child)
        if args.versions:
            alias = _alias(name, function, args.versions, self)
            # Of an alias retries and dead letters are its own: the function's do not count for it.
            _retry(f"{name}-live-async", function.name, alias.name, args.dead_letters, _loose(self))
            self.qualifier, self.called_arn = alias.name, alias.arn
            self.called_name = Output.concat(function.name, ":", alias.name)
        self.name = function.name
        self.arn = function.arn
        self.version = function.version
        self.role_name = role.name
        self.role_arn = role.arn
        self.log_group_name = logs.name
        self.dead_letters_arn = args.dead_letters.arn
        self.register_outputs({"name": self.name, "arn": self.arn, "logGroupName": self.log_group_name})


def _loose(parent: pulumi.Resource) -> pulumi.ResourceOptions:
    """Of what carries nothing, and comes and goes with the alias."""
    return pulumi.ResourceOptions(parent=parent, protect=False)


def _vpc_config(network: Network | None) -> aws.lambda_.FunctionVpcConfigArgs | None:
    if network is None:
        return None
    return aws.lambda_.FunctionVpcConfigArgs(
        subnet_ids=network.subnet_ids, security_group_ids=network.security_group_ids
    )


def _snap_start(versions: Versions | None) -> aws.lambda_.FunctionSnapStartArgs | None:
    """Said as well where it is off, once there are versions: the provider leaves alone what is not said."""
    if versions is None:
        return None
    return aws.lambda_.FunctionSnapStartArgs(apply_on="PublishedVersions" if versions.snap_start else "None")


def _alias(name: str, function: aws.lambda_.Function, versions: Versions, parent: pulumi.Resource) -> aws.lambda_.Alias:
    """The alias, with the environments that are to stand behind it. What moved it is not put back by a deployment."""
    moved = ["functionVersion", "routingConfig"] if versions.shifted else []
    alias = aws.lambda_.Alias(
        f"{name}-{LIVE}",
        name=LIVE,
        description="What callers are answered by",
        function_name=function.name,
        function_version=function.version,
        opts=pulumi.ResourceOptions.merge(_loose(parent), pulumi.ResourceOptions(ignore_changes=moved)),
    )
    if versions.provisioned:
        aws.lambda_.ProvisionedConcurrencyConfig(
            f"{name}-provisioned",
            function_name=function.name,
            qualifier=alias.name,
            provisioned_concurrent_executions=versions.provisioned,
            opts=_loose(parent),
        )
    return alias


def _retry(
    name: str,
    function_name: Input[str],
    qualifier: Input[str] | None,
    dead_letters: DeadLetterQueue,
    opts: pulumi.ResourceOptions,
) -> None:
    """Bound the retries of asynchronous invocations, and say where they end."""
    aws.lambda_.FunctionEventInvokeConfig(
        name,
        function_name=function_name,
        qualifier=qualifier,
        maximum_retry_attempts=_ASYNC_RETRIES,
        maximum_event_age_in_seconds=_ASYNC_MAX_AGE_SECONDS,
        destination_config=aws.lambda_.FunctionEventInvokeConfigDestinationConfigArgs(
            on_failure=aws.lambda_.FunctionEventInvokeConfigDestinationConfigOnFailureArgs(destination=dead_letters.arn)
        ),
        opts=opts,
    )
