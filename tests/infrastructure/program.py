"""Runs the Pulumi program against a recording monitor and returns the graph of what it declares."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import hashlib
import json
import runpy
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar

import pulumi
import pytest
from pulumi.runtime import get_root_resource, mocks, rpc, set_all_config, set_mocks, settings
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks
from pulumi.runtime.settings import get_project, get_stack
from pulumi.runtime.stack import Stack, run_pulumi_func

from components.limits import SIGN_IN_IN_ONE_REGION
from local.deploy import config as stack_config
from local.deploy.program import settle

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "event-sourcing"
ACCOUNT = "123456789012"
REGION = "us-east-1"
TOKEN = "event-sourcing:index:"
ONCALL = "oncall@example.com"
NEUTRAL = (PROJECT, "test")
"""The names of project and stack where no test gives others."""
# What a stack's file leaves to its operator, and is refused without.
_ASKED_FOR = {"prod": {"event-sourcing:alarmEmails": json.dumps([ONCALL])}}

_runs: dict[tuple[str, frozenset[tuple[str, str]], bool, str], Graph] = {}
"""What runs of the program declared, by all that they depend on."""

Calls = Mapping[str, Mapping[str, Any] | Exception | Callable[[Mapping[str, Any]], Mapping[str, Any]]]
"""Answers of the provider's functions by token, by what is asked or always the same, or what they raise."""

T = TypeVar("T")

# The types that the program may declare, with the ARN that AWS would give each; None has no ARN.
_ARNS: dict[str, str | None] = {
    "aws:appautoscaling/policy:Policy": "autoscaling:{place}:scalingPolicy:{name}",
    "aws:appautoscaling/target:Target": "application-autoscaling:{place}:scalable-target/{name}",
    "aws:apigatewayv2/api:Api": "apigateway:{region}::/apis/{name}",
    "aws:apigatewayv2/apiMapping:ApiMapping": None,
    "aws:apigatewayv2/authorizer:Authorizer": None,
    "aws:apigatewayv2/domainName:DomainName": "apigateway:{region}::/domainnames/{domainName}",
    "aws:apigatewayv2/integration:Integration": None,
    "aws:apigatewayv2/route:Route": None,
    "aws:apigatewayv2/stage:Stage": None,
    "aws:backup/plan:Plan": "backup:{place}:backup-plan:{name}",
    "aws:backup/selection:Selection": None,
    "aws:backup/vault:Vault": "backup:{place}:backup-vault:{name}",
    "aws:backup/vaultLockConfiguration:VaultLockConfiguration": None,
    "aws:cloudcontrol/resource:Resource": None,
    "aws:cloudfront/distribution:Distribution": "cloudfront::{account}:distribution/{name}",
    "aws:cloudfront/originAccessControl:OriginAccessControl": "cloudfront::{account}:origin-access-control/{name}",
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": (
        "cloudfront::{account}:response-headers-policy/{name}"
    ),
    "aws:cloudwatch/dashboard:Dashboard": None,
    "aws:cloudwatch/eventArchive:EventArchive": "events:{place}:archive/{name}",
    "aws:cloudwatch/eventBus:EventBus": "events:{place}:event-bus/{name}",
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy": None,
    "aws:cloudwatch/eventRule:EventRule": "events:{place}:rule/{bus}{name}",
    "aws:cloudwatch/eventTarget:EventTarget": None,
    "aws:cloudwatch/logGroup:LogGroup": "logs:{place}:log-group:{name}",
    "aws:cloudwatch/logStream:LogStream": "logs:{place}:log-group:{logGroupName}:log-stream:{name}",
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": None,
    "aws:cloudwatch/metricAlarm:MetricAlarm": "cloudwatch:{place}:alarm:{name}",
    "aws:codedeploy/application:Application": "codedeploy:{place}:application:{name}",
    "aws:codedeploy/deploymentGroup:DeploymentGroup": "codedeploy:{place}:deploymentgroup:{appName}/{name}",
    "aws:cognito/resourceServer:ResourceServer": None,
    "aws:cognito/userGroup:UserGroup": None,
    "aws:cognito/userPool:UserPool": "cognito-idp:{place}:userpool/{name}",
    "aws:cognito/userPoolClient:UserPoolClient": None,
    "aws:cognito/userPoolDomain:UserPoolDomain": None,
    "aws:dynamodb/resourcePolicy:ResourcePolicy": None,
    "aws:dynamodb/contributorInsights:ContributorInsights": "dynamodb:{place}:insights/{name}",
    "aws:dynamodb/table:Table": "dynamodb:{place}:table/{name}",
    "aws:ec2/vpcEndpoint:VpcEndpoint": "ec2:{place}:vpc-endpoint/{name}",
    "aws:glue/registry:Registry": "glue:{place}:registry/{registryName}",
    "aws:glue/schema:Schema": "glue:{place}:schema/{registry}/{schemaName}",
    "aws:iam/role:Role": "iam::{account}:role/{name}",
    "aws:iam/rolePolicy:RolePolicy": None,
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": "firehose:{place}:deliverystream/{name}",
    "aws:kms/key:Key": "kms:{place}:key/{name}",
    "aws:lambda/alias:Alias": "lambda:{place}:function:{functionName}:{name}",
    "aws:lambda/eventSourceMapping:EventSourceMapping": "lambda:{place}:event-source-mapping:{name}",
    "aws:lambda/function:Function": "lambda:{place}:function:{name}",
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": None,
    "aws:lambda/layerVersion:LayerVersion": "lambda:{place}:layer:{layerName}:1",
    "aws:lambda/permission:Permission": None,
    "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig": None,
    "aws:s3/bucket:Bucket": "s3:::{name}",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": None,
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": None,
    "aws:s3/bucketObjectv2:BucketObjectv2": None,
    "aws:s3/bucketPolicy:BucketPolicy": None,
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": None,
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": None,
    "aws:s3/bucketVersioning:BucketVersioning": None,
    "aws:scheduler/schedule:Schedule": "scheduler:{place}:schedule/{groupName}/{name}",
    "aws:scheduler/scheduleGroup:ScheduleGroup": "scheduler:{place}:schedule-group/{name}",
    "aws:sns/topic:Topic": "sns:{place}:{name}",
    "aws:sns/topicPolicy:TopicPolicy": None,
    "aws:sns/topicSubscription:TopicSubscription": "sns:{place}:{name}",
    "aws:sqs/queue:Queue": "sqs:{place}:{name}",
    "aws:sqs/queuePolicy:QueuePolicy": None,
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": None,
    "pulumi:providers:aws": None,
}


TYPES = frozenset(_ARNS)
"""Of all resources that the program may declare."""


@dataclass(frozen=True)
class Options:
    """What a declaration says of a resource's life."""

    protect: bool
    retain_on_delete: bool
    deleted_with: str
    """The URN of the resource whose deletion takes this one along; empty for none."""
    ignore_changes: frozenset[str]
    replace_on_changes: frozenset[str]
    delete_before_replace: bool
    aliases: frozenset[str]


@dataclass(frozen=True)
class Resource:
    urn: str
    type: str
    name: str
    """The logical name."""
    parent: str
    """The parent's URN; empty for a child of the stack."""
    custom: bool
    options: Options
    depends_on: frozenset[str]
    inputs: Mapping[str, Any] = field(repr=False)
    outputs: Mapping[str, Any] = field(repr=False)

    @property
    def protect(self) -> bool:
        return self.options.protect

    @cached_property
    def plain_inputs(self) -> dict[str, Any]:
        """Of which nothing is changed: one run of the program is what many plans are computed from."""
        return _plain(self.inputs)  # type: ignore[no-any-return]

    @cached_property
    def plain_outputs(self) -> dict[str, Any]:
        return _plain(self.outputs)  # type: ignore[no-any-return]

    def document(self, name: str) -> dict[str, Any]:
        """An input that is JSON text."""
        document = json.loads(self.inputs[name])
        assert isinstance(document, dict)
        return document

    def statements(self, name: str = "policy") -> list[dict[str, Any]]:
        """The statements of an input that is a policy."""
        statements: list[dict[str, Any]] = self.document(name)["Statement"]
        return statements


@dataclass(frozen=True)
class Graph:
    """All that one run of the program declares."""

    resources: tuple[Resource, ...]
    exports: Mapping[str, Any]
    completed: tuple[str, ...]
    """The URNs of the components, each time that one registered its outputs."""
    stack: str
    project: str
    region: str

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.resources)

    def of(self, type_: str) -> list[Resource]:
        """The resources whose type ends in `:<type_>`, of which there must be some."""
        found = [resource for resource in self if resource.type.endswith(f":{type_}")]
        assert found, f"the program declares no {type_}"
        return found

    def named(self, name: str) -> Resource:
        """The one custom resource of that logical name."""
        (found,) = (resource for resource in self if resource.name == name and resource.custom)
        return found

    def by(self, output: str, value: str) -> Resource:
        """The one resource with that output, such as an ARN."""
        (found,) = (r for r in self if r.custom and r.outputs.get(output) == value and r.inputs.get(output) != value)
        return found

    def policies_of(self, role_name: str) -> list[dict[str, Any]]:
        """All statements of a role."""
        policies = [policy for policy in self.of("RolePolicy") if policy.inputs["role"] == role_name]
        return [statement for policy in policies for statement in policy.statements()]


class RecordingMonitor(MockMonitor):
    """Sees of each registration also what mocks are not told: protection, parent and dependencies."""

    def __init__(self, mocks: Mocks) -> None:
        super().__init__(mocks)
        self.recorded: list[Resource] = []
        self.completed: list[str] = []
        self.failures: list[Exception] = []

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """As the engine makes it: with the types of all parents, of which the SDK's mocks take the last alone."""
        chain = parent.split("::")[2] if parent else ""
        whole = type_ if not chain or chain == "pulumi:pulumi:Stack" else f"{chain}${type_}"
        return "::".join((f"urn:pulumi:{get_stack()}", get_project(), whole, name))

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - gRPC's name
        with self._noting_failures():
            urn = self.make_urn(request.parent, request.type, request.name)
            if urn in self.resources:
                raise AssertionError(f"two resources share the URN {urn}")
            response = super().RegisterResource(request)  # type: ignore[no-untyped-call]
            if urn in self.resources:  # the stack itself is not among them
                self.recorded.append(self._resource(urn, request))
            return response

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        self.completed.append(request.urn)
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]

    def Invoke(self, request: Any) -> Any:  # noqa: N802
        with self._noting_failures():
            return super().Invoke(request)  # type: ignore[no-untyped-call]

    def _resource(self, urn: str, request: Any) -> Resource:
        return Resource(
            urn=urn,
            type=request.type,
            name=request.name,
            parent=request.parent if request.parent in self.resources else "",
            custom=request.custom,
            options=_options(request),
            depends_on=frozenset(request.dependencies),
            inputs=rpc.deserialize_properties(request.object),
            outputs=self.resources[urn].state,
        )

    @contextlib.contextmanager
    def _noting_failures(self) -> Iterator[None]:
        """The SDK reports a failed call far from its cause, if at all."""
        try:
            yield
        except Exception as error:
            self.failures.append(error)
            raise


class Cloud(Mocks):
    """Answers what AWS would compute. Raises on a type or function that it does not know."""

    def __init__(self, region: str, calls: Calls, *, is_preview: bool) -> None:
        self._is_preview = is_preview
        self._region = region
        self._calls: Calls = {
            "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": ACCOUNT, "id": ACCOUNT},
            "aws:index/getPartition:getPartition": _partition(region),
            "aws:index/getRegion:getRegion": {"region": region, "id": region},
            "aws:servicequotas/getServiceQuota:getServiceQuota": {"value": 1000.0, "id": "quota"},
            **calls,
        }

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if not args.custom:
            if not args.typ.startswith(TOKEN):
                raise AssertionError(f"{args.name}: {args.typ} is no component of this project")
            return None, dict(args.inputs)
        if args.typ not in _ARNS:
            raise AssertionError(f"{args.name}: the unknown resource type {args.typ}")
        if self._is_preview:
            return None, dict(args.inputs)
        return f"{args.name}-id", {**args.inputs, **computed(args, _region_of(args, self._region))}

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        if args.token not in self._calls:
            raise AssertionError(f"the unknown function {args.token}")
        answer = self._calls[args.token]
        if callable(answer):
            answer = answer(args.args)
        if isinstance(answer, Exception):
            raise answer
        return dict(answer), []


def configuration(stack: str, overrides: Mapping[str, str] | None = None) -> dict[str, str]:
    """What the Pulumi CLI would hand to the program: the schema's defaults under the stack's file.

    The files are read once for all who ask for the same: no test changes them.
    """
    return dict(_configuration(stack, frozenset((overrides or {}).items())))


@cache
def _configuration(stack: str, overrides: frozenset[tuple[str, str]]) -> Mapping[str, str]:
    return stack_config.load(ROOT, stack, dict(overrides)).values


def run(
    stack: str,
    overrides: Mapping[str, str] | None = None,
    *,
    is_preview: bool = False,
    project: str = PROJECT,
    renamed: str | None = None,
    calls: Calls | None = None,
    anew: bool = False,
) -> Graph:
    """What the whole program declares; in a preview nothing is known that AWS computes.

    `project` and `renamed` are the names that project and stack go by by now, with the stack's file as it was. A run
    takes most of a second, so one serves all who ask for the same; `anew` is for a test that has changed the program.
    """
    configured = configuration(stack, {**_ASKED_FOR.get(stack, {}), **(overrides or {})})
    values = {key.replace(f"{PROJECT}:", f"{project}:", 1): value for key, value in configured.items()}
    main = str(ROOT / "__main__.py")
    key = (renamed or stack, frozenset(values.items()), is_preview, project)
    is_same_for_all = calls is None and not anew
    if is_same_for_all and key in _runs:
        return _runs[key]
    declared = declare(
        lambda: runpy.run_path(main, run_name="__main__"),
        renamed or stack,
        values,
        is_preview=is_preview,
        project=project,
        calls=calls,
    )
    if is_same_for_all:
        _runs[key] = declared
    return declared


def declare(
    action: Callable[[], object],
    stack: str = "test",
    values: Mapping[str, str] | None = None,
    *,
    is_preview: bool = False,
    project: str = PROJECT,
    calls: Calls | None = None,
) -> Graph:
    """Call something that declares resources and return what it declared. Raises what it, or a declaration, raises."""
    with _outputs_let_go(), _answers_at_once():
        return in_fresh_context(
            lambda: asyncio.run(
                _declare(action, project, stack, dict(values or {}), calls or {}, is_preview=is_preview)
            )
        )


def of_two_regions() -> Graph:
    """The graph of production in two Regions, each under a key of its own: one run for many tests."""
    settings = {
        "regions": json.dumps([REGION, "eu-west-1"]),
        "kmsKey": "create",
        "acceptedRisks": json.dumps([SIGN_IN_IN_ONE_REGION]),
    }
    return run("prod", {f"event-sourcing:{key}": value for key, value in settings.items()})


def graph(stack: str) -> Graph:
    """The graph of a stack as its file configures it."""
    return run(stack)


# Other values than the stack's file has.
_ALTERED = {
    "auditFilesDays": "9",
    "alarmEmails": '["oncall@example.com", "ledger-team@example.com"]',
    "billingMode": "PROVISIONED",
    "concurrencyAlarmPercent": "70",
    "heartbeatMinutes": "4",
    "maxReadCapacity": "70",
    "maxWriteCapacity": "90",
    "recoveryDays": "9",
    "processMaxConcurrency": "7",
    "readCapacity": "7",
    "snapshotEvery": "10",
    "sweepMinutes": "1",
    "systemLogLevel": "WARN",
    "tracing": "false",
    "writeCapacity": "9",
}


def altered(**others: str) -> Graph:
    """The graph of dev with many settings altered, none of which has to do with another: one run for many tests.

    `ALTERED_AGAIN` are others, for what a single value could meet by chance.
    """
    given = {**_ALTERED, **others}
    return run("dev", {f"event-sourcing:{key}": value for key, value in given.items()})


ALTERED_AGAIN = {"snapshotEvery": "1000", "sweepMinutes": "7"}


def in_fresh_context(action: Callable[[], T]) -> T:
    """Call in a thread and a context of its own, where all the state lives that the Pulumi SDK keeps."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(fresh_context().run, action).result()


def fresh_context() -> contextvars.Context:
    """A context without state of the SDK's but names.

    The first name that a context gets is from then on every other context's default (`pulumi._utils.ContextProperty`),
    so it is always the same.
    """
    context = contextvars.Context()
    context.run(settings.Settings, *NEUTRAL)
    return context


async def _declare(
    action: Callable[[], object], project: str, stack: str, values: dict[str, str], calls: Calls, *, is_preview: bool
) -> Graph:
    # Once anything has failed, all that waits for it fails too, unfetched; the one that matters is raised below.
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    region = values.get("aws:region", REGION)
    monitor = RecordingMonitor(Cloud(region, calls, is_preview=is_preview))
    settings.Settings(project, stack)  # a task set and a lock for this context
    set_all_config(values)
    set_mocks(monitor.mocks, project, stack, preview=is_preview, monitor=monitor)
    _call_at_once(asyncio.get_running_loop())
    try:
        await run_pulumi_func(lambda: _complete(action))
    except Exception as error:
        raise (monitor.failures or [error])[0] from error
    root = get_root_resource()
    assert isinstance(root, Stack)
    exports = {name: await pulumi.Output.from_input(value).future() for name, value in root.outputs.items()}
    return Graph(tuple(monitor.recorded), exports, tuple(monitor.completed), stack, project, region)


async def _complete(action: Callable[[], object]) -> None:
    action()
    await settle()


def _result(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine gives that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    raise AssertionError("a mock's answer waits for something")


def _call_at_once(loop: asyncio.AbstractEventLoop) -> None:
    """Have the mock monitor be called in the program's own thread: it keeps nobody waiting, and threads take turns.

    For as long as there is the loop: what a failed program leaves under way would else begin loops in threads.
    """

    def at_once(_: None, call: Callable[..., T], *arguments: Any) -> asyncio.Future[T]:
        done = loop.create_future()
        try:
            done.set_result(call(*arguments))
        except Exception as error:  # noqa: BLE001 - whoever waits gets it
            done.set_exception(error)
        return done

    loop.run_in_executor = at_once  # type: ignore[assignment, method-assign]


@contextlib.contextmanager
def _answers_at_once() -> Iterator[None]:
    """Have the mocks' answers be taken as they are: there is nothing to wait for, and no loop in a loop."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mocks, "_sync_await", _result)
        yield


@contextlib.contextmanager
def _outputs_let_go() -> Iterator[None]:
    """Have outputs forget the resources that have them in the end: only a collection would find that nobody needs
    either."""
    resources: list[pulumi.Resource] = []
    transfer = rpc.transfer_properties

    def noting(resource: pulumi.Resource, *arguments: Any) -> Any:
        resources.append(resource)
        return transfer(resource, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rpc, "transfer_properties", noting)
        try:
            yield
        finally:
            for output in (value for each in resources for value in vars(each).values()):
                if isinstance(output, pulumi.Output):
                    vars(output).clear()


def _plain(value: Any) -> Any:
    """Archives compare by what they hold: the names of ours are hashes of it. Files compare by their names."""
    if isinstance(value, str | int | float | None):
        return value
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, pulumi.FileAsset):
        return {"asset": str(value.path)}
    if isinstance(value, pulumi.FileArchive):
        return {"archive": str(value.path)}
    return value


def _options(request: Any) -> Options:
    return Options(
        protect=request.protect,
        retain_on_delete=request.retainOnDelete,
        deleted_with=request.deletedWith,
        ignore_changes=frozenset(request.ignoreChanges),
        replace_on_changes=frozenset(request.replaceOnChanges),
        delete_before_replace=request.deleteBeforeReplace,
        aliases=frozenset([*request.aliasURNs, *(_alias(alias, request) for alias in request.aliases)]),
    )


def _alias(alias: Any, request: Any) -> str:
    """The URN that a resource went by: what the alias leaves out is as it is now."""
    if alias.urn:
        return str(alias.urn)
    old = alias.spec
    stack, project, chain, _ = (old.parentUrn or request.parent).removeprefix("urn:pulumi:").split("::")
    return f"urn:pulumi:{stack}::{project}::{chain}${old.type or request.type}::{old.name or request.name}"


def physical_name(logical_name: str, prefix: str | None = None, generation: int = 0) -> str:
    """The name that Pulumi makes up for a resource, and after it is replaced for the next: its own, but repeatable."""
    digest = hashlib.sha256(f"{logical_name} {generation}".encode()).hexdigest()
    return f"{logical_name}-{digest[:7]}" if prefix is None else prefix + digest[:26]


def _partition(region: str) -> dict[str, str]:
    """The part of AWS that a Region belongs to."""
    if region.startswith("cn-"):
        return {"partition": "aws-cn", "id": "aws-cn", "dnsSuffix": "amazonaws.com.cn"}
    name = "aws-us-gov" if region.startswith("us-gov-") else "aws"
    return {"partition": name, "id": name, "dnsSuffix": "amazonaws.com"}


def _replicas(args: MockResourceArgs, arn: str, region: str) -> dict[str, Any]:
    """What AWS says of a table in other Regions."""
    there = []
    for each in args.inputs.get("replicas") or ():
        beside = arn.replace(f":{region}:", f":{each['regionName']}:")
        there.append({**each, "arn": beside, "streamArn": f"{beside}/stream/replica"})
    return {"replicas": there} if there else {}


def _region_of(args: MockResourceArgs, region: str) -> str:
    """Where a resource is: its provider is called by the Region, unless it is the stack's own."""
    name = args.provider.split("::")[-2] if args.provider else ""
    return region if name.startswith("default") or not name else name


def computed(args: MockResourceArgs, region: str) -> dict[str, Any]:
    """What AWS and Pulumi add to the inputs."""
    is_named = args.typ.endswith(":Alias")  # as the program says, and nothing of Pulumi's behind it
    name = args.inputs["name"] if is_named else physical_name(args.name, args.inputs.get("namePrefix"))
    template = _ARNS[args.typ]
    suffix = _partition(region)["dnsSuffix"]
    if template is None:
        # Of the distribution behind a user pool's own sign-in pages.
        return (
            {"cloudfrontDistribution": "d111111abcdef8.cloudfront.net"} if args.typ.endswith(":UserPoolDomain") else {}
        )
    place = {"place": f"{region}:{ACCOUNT}", "account": ACCOUNT, "region": region}
    bus = args.inputs.get("eventBusName")
    registry = str(args.inputs.get("registryArn", "")).rpartition("/")[2]
    partition = _partition(region)
    arn = f"arn:{partition['partition']}:" + template.format_map(
        {**args.inputs, "name": name, "registry": registry, "bus": f"{bus}/" if bus else "", **place}
    )
    computed: dict[str, Any] = {"name": name, "arn": arn}
    if args.typ.endswith(":Api"):
        computed["apiEndpoint"] = f"https://{name}.execute-api.{region}.{suffix}"
        computed["executionArn"] = f"arn:{partition['partition']}:execute-api:{region}:{ACCOUNT}:{name}"
    if args.typ.endswith(":Bucket"):
        computed["bucket"] = name
        computed["bucketRegionalDomainName"] = f"{name}.s3.{region}.{suffix}"
    if args.typ.endswith(":Function"):
        computed["version"] = "1" if args.inputs.get("publish") else "$LATEST"
    if args.typ.endswith(":Distribution"):
        # Distributions are of no Region: one that another Region's provider makes is another one.
        computed["domainName"] = f"{'d333333' if args.provider else 'd222222'}abcdef8.cloudfront.net"
    if args.typ.endswith(":UserPool"):
        computed["endpoint"] = f"cognito-idp.{region}.{suffix}/{region}_{name}"
    if args.typ.endswith(":Table"):
        computed["streamArn"] = f"{arn}/stream/2024-01-15T10:00:00.000"
        computed |= _replicas(args, arn, region)
    if args.typ.endswith(":Queue"):
        computed["url"] = f"https://sqs.{region}.{partition['dnsSuffix']}/{ACCOUNT}/{name}"
    return computed
