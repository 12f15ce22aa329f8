"""Runs the Pulumi program against a recording monitor and returns the graph of what it declares."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import json
import runpy
import secrets
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pulumi
from pulumi.runtime import get_root_resource, rpc, set_all_config, set_mocks, settings
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks
from pulumi.runtime.stack import Stack, run_pulumi_func

from local.deploy import config as stack_config
from local.deploy.program import settle

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = "123456789012"
REGION = "us-east-1"
TOKEN = "event-sourcing:index:"

T = TypeVar("T")

# The types that the program may declare, with the ARN that AWS would give each; None has no ARN.
_ARNS: dict[str, str | None] = {
    "aws:cloudcontrol/resource:Resource": None,
    "aws:cloudwatch/dashboard:Dashboard": None,
    "aws:cloudwatch/eventArchive:EventArchive": "events:{place}:archive/{name}",
    "aws:cloudwatch/eventBus:EventBus": "events:{place}:event-bus/{name}",
    "aws:cloudwatch/eventRule:EventRule": "events:{place}:rule/{eventBusName}/{name}",
    "aws:cloudwatch/eventTarget:EventTarget": None,
    "aws:cloudwatch/logGroup:LogGroup": "logs:{place}:log-group:{name}",
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": None,
    "aws:cloudwatch/metricAlarm:MetricAlarm": "cloudwatch:{place}:alarm:{name}",
    "aws:dynamodb/resourcePolicy:ResourcePolicy": None,
    "aws:dynamodb/table:Table": "dynamodb:{place}:table/{name}",
    "aws:glue/registry:Registry": "glue:{place}:registry/{registryName}",
    "aws:glue/schema:Schema": "glue:{place}:schema/{schemaName}",
    "aws:iam/role:Role": "iam::123456789012:role/{name}",
    "aws:iam/rolePolicy:RolePolicy": None,
    "aws:lambda/eventSourceMapping:EventSourceMapping": "lambda:{place}:event-source-mapping:{name}",
    "aws:lambda/function:Function": "lambda:{place}:function:{name}",
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": None,
    "aws:lambda/layerVersion:LayerVersion": "lambda:{place}:layer:{layerName}:1",
    "aws:sns/topic:Topic": "sns:{place}:{name}",
    "aws:sns/topicPolicy:TopicPolicy": None,
    "aws:sns/topicSubscription:TopicSubscription": "sns:{place}:{name}",
    "aws:sqs/queue:Queue": "sqs:{place}:{name}",
    "aws:sqs/queuePolicy:QueuePolicy": None,
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": None,
}

_CALLS: dict[str, dict[str, str]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": ACCOUNT, "id": ACCOUNT},
    "aws:index/getRegion:getRegion": {"region": REGION, "id": REGION},
}


@dataclass(frozen=True)
class Resource:
    urn: str
    type: str
    name: str
    """The logical name."""
    parent: str
    """The parent's URN; empty for a child of the stack."""
    custom: bool
    protect: bool
    depends_on: frozenset[str]
    inputs: Mapping[str, Any] = field(repr=False)
    outputs: Mapping[str, Any] = field(repr=False)

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
            protect=request.protect,
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

    def __init__(self, *, is_preview: bool) -> None:
        self._is_preview = is_preview

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if not args.custom:
            if not args.typ.startswith(TOKEN):
                raise AssertionError(f"{args.name}: {args.typ} is no component of this project")
            return None, dict(args.inputs)
        if args.typ not in _ARNS:
            raise AssertionError(f"{args.name}: the unknown resource type {args.typ}")
        if self._is_preview:
            return None, dict(args.inputs)
        return f"{args.name}-id", {**args.inputs, **_computed(args)}

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        if args.token not in _CALLS:
            raise AssertionError(f"the unknown function {args.token}")
        return dict(_CALLS[args.token]), []


def configuration(stack: str, overrides: Mapping[str, str] | None = None) -> dict[str, str]:
    """What the Pulumi CLI would hand to the program: the schema's defaults under the stack's file."""
    return stack_config.load(ROOT, stack, overrides).values


def run(stack: str, overrides: Mapping[str, str] | None = None, *, is_preview: bool = False) -> Graph:
    """Run the whole program; in a preview nothing is known that AWS computes."""
    values = configuration(stack, overrides)
    main = str(ROOT / "__main__.py")
    return declare(lambda: runpy.run_path(main, run_name="__main__"), stack, values, is_preview=is_preview)


def declare(
    action: Callable[[], object],
    stack: str = "test",
    values: Mapping[str, str] | None = None,
    *,
    is_preview: bool = False,
) -> Graph:
    """Call something that declares resources and return what it declared. Raises what it, or a declaration, raises."""
    return in_fresh_context(lambda: asyncio.run(_declare(action, stack, dict(values or {}), is_preview=is_preview)))


@functools.cache
def graph(stack: str) -> Graph:
    """The graph of a stack as its file configures it; one run serves all tests."""
    return run(stack)


def in_fresh_context(action: Callable[[], T]) -> T:
    """Call in a thread and a context of its own, where all the state lives that the Pulumi SDK keeps."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(contextvars.Context().run, action).result()


async def _declare(action: Callable[[], object], stack: str, values: dict[str, str], *, is_preview: bool) -> Graph:
    monitor = RecordingMonitor(Cloud(is_preview=is_preview))
    settings.Settings("event-sourcing", stack)  # a task set and a lock for this context
    set_all_config(values)
    set_mocks(monitor.mocks, "event-sourcing", stack, preview=is_preview, monitor=monitor)
    try:
        with _calls_in_threads_with_loops():
            await run_pulumi_func(lambda: _complete(action))
    except Exception as error:
        raise (monitor.failures or [error])[0] from error
    root = get_root_resource()
    assert isinstance(root, Stack)
    exports = {name: await pulumi.Output.from_input(value).future() for name, value in root.outputs.items()}
    return Graph(tuple(monitor.recorded), exports, tuple(monitor.completed))


async def _complete(action: Callable[[], object]) -> None:
    action()
    await settle()


@contextlib.contextmanager
def _calls_in_threads_with_loops() -> Iterator[None]:
    """The mock monitor is called in the loop's threads and opens a loop in each; opened here, they are closed too."""
    loops: list[asyncio.AbstractEventLoop] = []

    def open_loop() -> None:
        loops.append(asyncio.new_event_loop())
        asyncio.set_event_loop(loops[-1])

    try:
        with ThreadPoolExecutor(max_workers=4, initializer=open_loop) as executor:
            asyncio.get_running_loop().set_default_executor(executor)
            yield
    finally:
        for loop in loops:
            loop.close()


def _computed(args: MockResourceArgs) -> dict[str, str]:
    """What AWS and Pulumi add to the inputs."""
    name = args.inputs.get("namePrefix", f"{args.name}-") + secrets.token_hex(4)[1:]
    template = _ARNS[args.typ]
    if template is None:
        return {}
    arn = "arn:aws:" + template.format_map({**args.inputs, "name": name, "place": f"{REGION}:{ACCOUNT}"})
    computed = {"name": name, "arn": arn}
    if args.typ.endswith(":Table"):
        computed["streamArn"] = f"{arn}/stream/2024-01-15T10:00:00.000"
    if args.typ.endswith(":Queue"):
        computed["url"] = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"
    return computed
