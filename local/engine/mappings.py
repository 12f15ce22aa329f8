"""Event source mappings: a poller for each that the Lambda API holds, in place of moto's own triggering."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from local.engine import backends
from local.engine.api import ApiError, Response
from local.engine.changes import source
from local.engine.functions import FunctionRef
from local.engine.mapping import settings_of
from local.engine.mapping_status import check_creation, last_result
from local.engine.queue_poller import QueuePoller
from local.engine.stream_poller import StreamPoller

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.engine.api import ApiRequest
    from local.engine.aws import ServiceClients
    from local.engine.background import Background
    from local.engine.changes import Changes
    from local.engine.destinations import Destinations
    from local.engine.gateway import Gateway
    from local.engine.invoke import Invoker
    from local.engine.stream_source import OpenStream

_CHANGES = ("CreateEventSourceMapping", "UpdateEventSourceMapping", "DeleteEventSourceMapping")
_READS = ("GetEventSourceMapping", "ListEventSourceMappings")
_AT_ONCE = 10
"""Messages that one receive of a queue gives; a larger batch has to be waited for."""


class Mappings:
    """Pollers look at their mapping's record whenever they do something, and end when it is gone."""

    def __init__(
        self,
        *,
        gateway: Gateway,
        background: Background,
        changes: Changes,
        invoker: Invoker,
        clients: ServiceClients,
        destinations: Destinations,
        open_stream: OpenStream,
        stream_disorder: float,
    ) -> None:
        self._gateway = gateway
        self._background = background
        self._changes = changes
        self._invoker = invoker
        self._clients = clients
        self._destinations = destinations
        self._open_stream = open_stream
        self._stream_disorder = stream_disorder
        self._pollers: dict[str, StreamPoller | QueuePoller] = {}
        for operation in _CHANGES:
            gateway.seam("lambda", operation, self._change)
        for operation in _READS:
            gateway.seam("lambda", operation, self._read)

    def _change(self, request: ApiRequest) -> Response:
        with self._gateway.lock:
            if request.operation == "CreateEventSourceMapping":
                check_creation(self._gateway.authorizer, request.json(), request.region)
                _check_new(request.json(), request.region)
            response = self._read(request)
            backends.forget_moto_triggers(request.region)
            for mapping in backends.functions(request.region).list_event_source_mappings("", ""):
                if mapping.uuid not in self._pollers and (poller := self._poller(request.region, mapping)) is not None:
                    self._pollers[mapping.uuid] = poller
            if request.operation == "DeleteEventSourceMapping" and response.status < 300:  # noqa: PLR2004 - a success
                deleted = self._pollers.pop(response.json()["UUID"], None)
                if isinstance(deleted, StreamPoller):
                    deleted.forget()  # at once: the next mapping of that stream and function may come any moment
        if response.status < 300:  # noqa: PLR2004 - a success
            changed = response.json()
            for topic in (source(changed["EventSourceArn"]), changed["UUID"]):  # its poller looks at it again
                self._changes.notify(topic)
        return response

    def _read(self, request: ApiRequest) -> Response:
        named = request.query("FunctionName") if request.operation == "ListEventSourceMappings" else None
        with self._gateway.lock:
            # Moto takes a function by its name and by its ARN for two.
            response = self._gateway.moto(request.without_query("FunctionName") if named else request)
            if response.status >= 300:  # noqa: PLR2004 - not a success
                return response
            answer = response.json()
            if named:
                wanted = FunctionRef.parse(named, request.region)
                answer["EventSourceMappings"] = [
                    each
                    for each in answer["EventSourceMappings"]
                    if FunctionRef.parse(each["FunctionArn"], request.region) == wanted
                ]
            described: list[dict[str, Any]] = answer.get("EventSourceMappings", [answer])
            for mapping in described:
                mapping.pop("Tags", None)  # which AWS tells with ListTags
                mapping["LastProcessingResult"] = last_result(request.region, mapping["UUID"])
            return Response(response.status, json.dumps(answer).encode(), response.headers)

    def _poller(self, region: str, mapping: Any) -> StreamPoller | QueuePoller | None:
        source_arn = mapping.event_source_arn
        kind = source_arn.split(":")[2]
        if kind == "sqs":
            return QueuePoller(
                region,
                mapping.uuid,
                gateway=self._gateway,
                background=self._background,
                changes=self._changes,
                invoker=self._invoker,
                clients=self._clients,
                queue_arn=source_arn,
            )
        if kind == "dynamodb" and (settings := settings_of(region, mapping.uuid)) is not None:
            return StreamPoller(
                region,
                mapping.uuid,
                gateway=self._gateway,
                background=self._background,
                changes=self._changes,
                invoker=self._invoker,
                destinations=self._destinations,
                open_stream=self._open_stream,
                settings=settings,
                longest_disorder=self._stream_disorder,
            )
        return None


def _check_new(asked: Mapping[str, Any], region: str) -> None:
    """Needs the gateway's lock. Raises: ApiError for what Lambda takes from nobody."""
    arn, ref = str(asked.get("EventSourceArn")), FunctionRef.parse(str(asked["FunctionName"]), region)
    for mapping in backends.functions(region).list_event_source_mappings("", ""):
        if mapping.event_source_arn == arn and FunctionRef.parse(mapping.function_arn, region) == ref:
            there = f'event source (" {arn} ") and function (" {ref.name} ") already exists'
            text = f"An event source mapping with {there}. Please update or delete the existing mapping with UUID"
            raise ApiError("ResourceConflictException", f"{text} {mapping.uuid}", 409)
    waits = asked.get("MaximumBatchingWindowInSeconds")
    if ":sqs:" in arn and (asked.get("BatchSize") or 0) > _AT_ONCE and not waits:
        text = (
            f"Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than {_AT_ONCE}"
        )
        raise ApiError("InvalidParameterValueException", text)
