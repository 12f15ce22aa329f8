"""The engine's half of the conversation with the Pulumi SDK: what it registers is created before it is answered."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pulumi
from pulumi.runtime import rpc
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks
from pulumi.runtime.proto import resource_pb2

from local.deploy.errors import DeployError
from local.deploy.progress import DeployedResource, OnProgress, Progress
from local.deploy.provider import Provider
from local.deploy.registry import Inputs, plain

T = TypeVar("T")

_STACK = "pulumi:pulumi:Stack"


class _Unreachable(Mocks):
    """The monitor below answers everything itself; the base class still wants somebody to ask."""

    def call(self, args: MockCallArgs) -> Any:
        raise NotImplementedError(args.token)

    def new_resource(self, args: MockResourceArgs) -> Any:
        raise NotImplementedError(args.typ)


class Monitor(MockMonitor):
    """Registers resources one at a time. After the first failure it refuses every other one.

    The SDK calls it from the threads of its executor. What those raise can arrive at the program in several wrappings,
    so the first failure is kept for whoever runs the program.
    """

    def __init__(self, provider: Provider, on_progress: OnProgress) -> None:
        super().__init__(_Unreachable())
        self.deployed: list[DeployedResource] = []
        self.failure: Exception | None = None
        self._provider = provider
        self._on_progress = on_progress
        self._urns: set[str] = set()
        self._lock = threading.Lock()

    def cancel(self) -> None:
        """Refuse whatever is registered from now on."""
        self.failure = self.failure or DeployError("the deployment was interrupted")

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """The URN that the Pulumi engine gives, with the types of all ancestors but the stack."""
        ancestors = parent.split("::")[2] if parent else _STACK
        chain = type_ if ancestors == _STACK else f"{ancestors}${type_}"
        return f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{chain}::{name}"

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802  the RPC's name
        with self._lock:
            return self._once(lambda: self._register(request))

    def Invoke(self, request: Any) -> Any:  # noqa: N802
        with self._lock:
            return self._once(lambda: self._invoke(request))

    def ReadResource(self, request: Any) -> Any:  # noqa: N802
        return self._once(lambda: _unsupported(f"{request.type} {request.name!r}", "reading what another stack owns"))

    def RegisterStackTransform(self, request: Any) -> Any:  # noqa: N802
        return self._once(lambda: _unsupported(str(request.token), "a stack transform"))

    def RegisterStackInvokeTransform(self, request: Any) -> Any:  # noqa: N802
        return self._once(lambda: _unsupported(str(request.token), "a stack invoke transform"))

    def _once(self, action: Callable[[], Any]) -> Any:
        if self.failure:
            # A new exception each time: one that is raised again gathers frames, and the SDK prints them all, so that
            # hundreds of waiting resources would take minutes to refuse.
            raise DeployError("an earlier resource has failed")
        try:
            return action()
        except Exception as exc:
            self.failure = exc
            raise

    def _register(self, request: Any) -> Any:
        urn = self.make_urn(request.parent, request.type, request.name)
        if urn in self._urns:
            raise DeployError(f"{urn}: the program registers this URN twice")
        self._urns.add(urn)
        if not request.custom:  # components, and the stack itself, exist in the engine only
            return resource_pb2.RegisterResourceResponse(urn=urn, object=request.object)
        if request.importId:
            _unsupported(urn, "importing a resource")
        if request.transforms:
            _unsupported(urn, "a transform")
        return self._create(urn, request)

    def _create(self, urn: str, request: Any) -> Any:
        self._on_progress(Progress("creating", request.name, request.type))
        started = time.monotonic()
        inputs, secret = _inputs(request.object, urn)
        created = self._provider.create(urn, request.type, request.name, inputs, request.provider)
        seconds = time.monotonic() - started
        self.deployed.append(
            DeployedResource(
                request.type, request.name, urn, created.id, seconds, request.protect, request.retainOnDelete, created
            )
        )
        state = {key: rpc.wrap_rpc_secret(value) if key in secret else value for key, value in created.outputs.items()}
        self._on_progress(Progress("created", request.name, request.type, seconds))
        return resource_pb2.RegisterResourceResponse(urn=urn, id=created.id, object=_serialized(state))

    def _invoke(self, request: Any) -> Any:
        args, _ = _inputs(request.args, request.tok)
        answer = self._provider.call(request.tok, args, request.provider)
        return resource_pb2.ResourceInvokeResponse(**{"return": _serialized(answer)})


def _unsupported(what: str, feature: str) -> None:
    raise DeployError(f"{what}: {feature} is beyond the embedded AWS")


def _inputs(struct: Any, what: str) -> tuple[Inputs, set[str]]:
    """The properties in plain types, and the names of those that were secret."""

    async def deserialize() -> Inputs:  # some of the SDK's values are made on a running loop
        return dict(rpc.deserialize_properties(struct))

    wrapped = _complete(deserialize())
    secret = {key for key, value in wrapped.items() if rpc.is_rpc_secret(value)}
    try:
        return {
            key: plain(rpc.unwrap_rpc_secret(value), key) for key, value in wrapped.items() if value is not None
        }, secret
    except DeployError as exc:
        raise DeployError(f"{what}: {exc}") from exc


def _serialized(properties: dict[str, Any]) -> Any:
    return _complete(rpc.serialize_properties(properties, {}))


def _complete(work: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`, which at its end would look for leftovers among the tasks of all loops: a program has many."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()
