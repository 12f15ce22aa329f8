"""How asynchronous invocations are retried and where they end: by qualifier, of which each has its own or none.

Moto keeps one list for a function and all of its versions, and answers its first; on AWS an alias without a
configuration has Lambda's defaults, and no destination.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from local.engine.aliases import function_in
from local.engine.api import Response
from local.engine.functions import LATEST, FunctionRef, latest_of, record_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.engine.api import ApiRequest
    from local.engine.gateway import Gateway

_OPERATIONS = (
    "DeleteFunctionEventInvokeConfig",
    "GetFunctionEventInvokeConfig",
    "PutFunctionEventInvokeConfig",
    "UpdateFunctionEventInvokeConfig",
)


class InvokeConfigs:
    """Lends moto the list of the qualifier that a call is about."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        for operation in _OPERATIONS:
            gateway.seam("lambda", operation, self._answer)
        gateway.seam("lambda", "ListFunctionEventInvokeConfigs", self._list)

    def _answer(self, request: ApiRequest) -> Response:
        named = FunctionRef.parse(function_in(request.path), request.region)
        ref = FunctionRef(named.region, named.name, named.qualifier or request.query("Qualifier"))
        with self._gateway.lock:
            record_of(ref)
            lent, kept = record_of(named), _kept(ref)
            lent.event_invoke_config = kept.get(ref.qualifier or LATEST, [])
            response = self._gateway.moto(request)
            left, lent.event_invoke_config = lent.event_invoke_config, []
            if request.operation.startswith("Update") and len(left) > 1:
                left[-1].config = {**left[-2].config, **left[-1].config}
            if response.status < 300:  # noqa: PLR2004 - a success
                kept[ref.qualifier or LATEST] = left[-1:]
            return _of(response, ref)

    def _list(self, request: ApiRequest) -> Response:
        ref = FunctionRef.parse(function_in(request.path), request.region)
        with self._gateway.lock:
            latest_of(ref)
            configs = {qualifier: held[-1].response() for qualifier, held in _kept(ref).items() if held}
            arn = latest_of(ref).function_arn
        told = [{**config, "FunctionArn": _arn(arn, qualifier)} for qualifier, config in configs.items()]
        return Response(200, json.dumps({"FunctionEventInvokeConfigs": told}, default=str).encode())


def invoke_config(ref: FunctionRef) -> Mapping[str, Any]:
    """The settings of what was invoked, which Lambda's defaults fill up. Needs the gateway's lock. Raises: ApiError."""
    record_of(ref)
    held = _kept(ref).get(ref.qualifier or LATEST)
    return dict(held[-1].config) if held else {}


def forget(ref: FunctionRef, qualifier: str) -> None:
    """With the alias. Needs the gateway's lock."""
    _kept(ref).pop(qualifier, None)


def _kept(ref: FunctionRef) -> dict[str, list[Any]]:
    """Moto's configurations by qualifier, on the function's own record: with it they live and die."""
    record = latest_of(ref)
    if not hasattr(record, "invoke_configs"):
        record.invoke_configs = {}
    kept: dict[str, list[Any]] = record.invoke_configs
    return kept


def _of(response: Response, ref: FunctionRef) -> Response:
    if response.status >= 300 or not response.body:  # noqa: PLR2004 - not a success
        return response
    told = response.json()
    if "FunctionArn" in told:
        told["FunctionArn"] = _arn(latest_of(ref).function_arn, ref.qualifier or LATEST)
    return Response(response.status, json.dumps(told).encode(), response.headers)


def _arn(function_arn: str, qualifier: str) -> str:
    return f"{function_arn}:{qualifier}"
