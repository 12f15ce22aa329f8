"""The stand-in for the AWS provider as a plugin of Pulumi's own engine: it calls nobody and keeps its world in a file.

`python -m tests.infrastructure.plan.plugin WORLD` serves it, and prints its port as the engine wants it.
"""

from __future__ import annotations

import json
import sys
import threading
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
from google.protobuf import empty_pb2, json_format, struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime import rpc
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from tests.infrastructure.plan import provider
from tests.infrastructure.program import REGION, Cloud, computed, physical_name

_ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
_ASSET = "c44067f5952c0a294b673a41bacd8c17"
_SIGNATURE = "4dabf18193072939515e22adb298388d"
"""The key under which the engine says that a value is more than JSON, and what it says of an archive."""


class World:
    """What was created: how often by URN, and the further versions of each schema, by its ARN."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def create(self, urn: str, type_: str, inputs: dict[str, Any]) -> int:
        """Note a creation; how often that URN was created before."""
        with self._lock:
            world = json.loads(self._path.read_text()) if self._path.exists() else {"created": {}, "versions": {}}
            before: int = world["created"].get(urn, 0)
            world["created"][urn] = before + 1
            if provider.short(type_) == "Resource":
                schema_arn = json.loads(inputs["desiredState"])["Schema"]["SchemaArn"]
                world["versions"].setdefault(schema_arn, []).append(inputs)
            self._path.write_text(json.dumps(world))
            return before

    def versions(self, schema_arn: str) -> list[dict[str, Any]]:
        with self._lock:
            found: list[dict[str, Any]] = json.loads(self._path.read_text())["versions"].get(schema_arn, [])
            return found


class Plugin(provider_pb2_grpc.ResourceProviderServicer):
    """The engine's questions, answered from `provider`. Names are the gRPC service's."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._region = REGION

    def GetPluginInfo(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo(version="7.51.0")

    def CheckConfig(self, request: Any, _context: Any) -> Any:  # noqa: N802
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, _context: Any) -> Any:  # noqa: N802
        before, after = _plain(request.olds), _plain(request.news)
        return _changes({key for key in {*before, *after} if before.get(key) != after.get(key)}, set())

    def Configure(self, request: Any, _context: Any) -> Any:  # noqa: N802
        self._region = _plain(request.args).get("region", REGION)
        # Without previews of its own, the engine would take all outputs of what changes for unknown.
        return provider_pb2.ConfigureResponse(acceptSecrets=False, supportsPreview=True)

    def Invoke(self, request: Any, _context: Any) -> Any:  # noqa: N802
        answers, _ = Cloud(self._region, {}, is_preview=False).call(MockCallArgs(request.tok, {}, ""))
        return provider_pb2.InvokeResponse(**{"return": _struct(answers)})

    def Check(self, request: Any, _context: Any) -> Any:  # noqa: N802
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, _context: Any) -> Any:  # noqa: N802
        type_ = _type(request.urn)
        before, after, standing = _plain(request.old_inputs), _plain(request.news), _plain(request.olds)
        changed = {key for key in {*before, *after} if _comparable(before.get(key)) != _comparable(after.get(key))}
        forced = provider.forced(type_, changed, standing, after)
        if provider.is_regional(type_) and standing.get("region", self._region) != self._region:
            forced.add("region")
        return _changes(changed, forced)

    def Create(self, request: Any, _context: Any) -> Any:  # noqa: N802
        type_, name, inputs = _type(request.urn), request.urn.rsplit("::", 1)[1], _plain(request.properties)
        made = computed(MockResourceArgs(type_, name, inputs), self._region)
        if request.preview:
            unknown = dict.fromkeys(made.keys() - inputs.keys(), rpc.UNKNOWN)
            return provider_pb2.CreateResponse(properties=_struct({**inputs, **unknown}))
        generation = self._world.create(request.urn, type_, inputs)
        prefix = inputs.get("namePrefix")
        first, this = physical_name(name, prefix), physical_name(name, prefix, generation)
        exchanged = {key: value.replace(first, this) for key, value in made.items()}
        outputs = provider.numbered(type_, exchanged, generation)
        if provider.is_regional(type_):
            outputs["region"] = self._region
        return provider_pb2.CreateResponse(id=f"{name}-{generation}", properties=_struct({**inputs, **outputs}))

    def Read(self, request: Any, _context: Any) -> Any:  # noqa: N802
        type_, inputs, outputs = _type(request.urn), _plain(request.inputs), _plain(request.properties)
        versions = self._world.versions(outputs["arn"]) if provider.short(type_) == "Schema" else []
        found = provider.read(type_, inputs, versions)
        return provider_pb2.ReadResponse(id=request.id, inputs=_struct(found), properties=_struct({**outputs, **found}))

    def Update(self, request: Any, _context: Any) -> Any:  # noqa: N802
        # In a preview as well: what AWS computed (a name, an ARN) is known to outlast every change in place.
        return provider_pb2.UpdateResponse(properties=_struct({**_plain(request.olds), **_plain(request.news)}))

    def Delete(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()

    def Cancel(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()


def _changes(changed: set[str], forced: set[str]) -> Any:
    every = changed | forced
    answer = provider_pb2.DiffResponse
    return answer(replaces=sorted(forced), diffs=sorted(every), changes=answer.DIFF_SOME if every else answer.DIFF_NONE)


def _type(urn: str) -> str:
    return urn.split("::")[2].rsplit("$", 1)[-1]


def _plain(struct: Any) -> dict[str, Any]:
    """A message's properties as they came, the engine's own marks among them."""
    properties: dict[str, Any] = json_format.MessageToDict(struct)
    return properties


def _struct(properties: dict[str, Any]) -> Any:
    struct = struct_pb2.Struct()
    json_format.ParseDict(properties, struct)
    return struct


def _comparable(value: Any) -> Any:
    """Archives and files compare by the hash of what they hold, which the engine has computed."""
    if isinstance(value, dict) and value.get(_SIGNATURE) in (_ARCHIVE, _ASSET):
        return value.get("hash")
    return value


def serve(world: Path) -> None:
    """Serve until the engine ends the process."""
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=8), options=[("grpc.max_receive_message_length", 400 * 1024 * 1024)]
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Plugin(World(world)), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
