"""The operations of the Lambda API that moto leaves out or answers in part."""

from __future__ import annotations

import base64
import json
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from local.engine import exact_json
from local.engine.api import ApiError, ApiRequest, Response
from local.engine.execution import MAX_PAYLOAD
from local.engine.functions import FunctionRef, Logging, hold_once, record_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.engine.async_invoke import AsyncInvoker
    from local.engine.gateway import Gateway
    from local.engine.invoke import Invoker

MAX_ASYNC_PAYLOAD = 1024 * 1024
_KINDS = ("DryRun", "Event", "RequestResponse")

# Moto drops these settings of a function; we keep them on its record, where they live and die with it.
_DROPPED = {"LoggingConfig": "logging_config", "DeadLetterConfig": "dead_letter_config"}

# What moto takes when a function is created, and drops when it is changed: on its record as well.
_UPDATED: dict[str, Callable[[Any, Any], None]] = {
    "Architectures": lambda record, value: setattr(record, "architectures", value),
    "EphemeralStorage": lambda record, value: setattr(record, "ephemeral_storage", value["Size"]),
    "KMSKeyArn": lambda record, value: setattr(record, "kms_key_arn", value),
    "TracingConfig": lambda record, value: setattr(record, "tracing_config", value),
}

_ANSWER_FUNCTIONS = (
    "GetFunction",
    "GetFunctionConfiguration",
    "ListFunctions",
    "ListVersionsByFunction",
    "PublishVersion",
)


class LambdaApi:
    def __init__(self, gateway: Gateway, invoker: Invoker, asynchronous: AsyncInvoker) -> None:
        self._gateway = gateway
        self._invoker = invoker
        self._async = asynchronous
        gateway.seam("lambda", "Invoke", self._invoke)
        gateway.seam("lambda", "CreateFunction", self._change_function)
        gateway.seam("lambda", "UpdateFunctionConfiguration", self._change_function)
        gateway.seam("lambda", "UpdateFunctionCode", self._change_function)
        gateway.seam("lambda", "DeleteFunction", self._delete_function)
        for operation in _ANSWER_FUNCTIONS:
            gateway.seam("lambda", operation, self._answer_functions)
        for operation in ("PutFunctionEventInvokeConfig", "UpdateFunctionEventInvokeConfig"):
            gateway.seam("lambda", operation, self._put_event_invoke_config)

    def _invoke(self, request: ApiRequest) -> Response:
        ref = FunctionRef.parse(_function_in(request.path), request.region, request.query("Qualifier"))
        kind = request.header("x-amz-invocation-type", "RequestResponse")
        check_invocation(request.body, kind)
        if kind == "DryRun":
            self._invoker.find(ref)
            return Response(204)
        trace_id = request.header("x-amzn-trace-id") or None
        if kind == "Event":
            request_id = str(uuid.uuid4())
            self._async.submit(ref, request.body, request_id=request_id, trace_id=trace_id)
            return Response(202, headers={"x-amzn-requestid": request_id})
        context = base64.b64decode(request.header("x-amz-client-context")).decode()
        outcome = self._invoker.invoke(ref, request.body, trace_id=trace_id, client_context=context)
        headers = {
            "content-type": "application/json",
            "x-amz-executed-version": outcome.version,
            "x-amzn-requestid": outcome.request_id,
        }
        if outcome.failed:
            headers["x-amz-function-error"] = "Unhandled"
        if request.header("x-amz-log-type") == "Tail":
            headers["x-amz-log-result"] = base64.b64encode(outcome.log_tail).decode()
        return Response(200, outcome.payload, headers)

    def _change_function(self, request: ApiRequest) -> Response:
        with self._gateway.lock:
            response = self._gateway.moto(request)
            if response.status >= 300:  # noqa: PLR2004 - not a success
                return response
            name = json.loads(response.body)["FunctionName"]
            ref = FunctionRef(request.region, name)
            settings = request.json()
            for setting, attribute in _DROPPED.items():
                if setting in settings:
                    setattr(record_of(ref), attribute, settings[setting])
            for setting in _UPDATED.keys() & settings.keys():
                _UPDATED[setting](record_of(ref), settings[setting])
            hold_once(ref)
            return self._with_dropped(response, request.region)

    def _delete_function(self, request: ApiRequest) -> Response:
        response = self._gateway.moto(request)
        self._invoker.forget()
        return response

    def _answer_functions(self, request: ApiRequest) -> Response:
        with self._gateway.lock:
            return self._with_dropped(self._gateway.moto(request), request.region)

    def _with_dropped(self, response: Response, region: str) -> Response:
        if response.status >= 300:  # noqa: PLR2004 - not a success
            return response
        answer = response.json()
        for configuration in _configurations(answer):
            self._add_dropped(configuration, region)
        return Response(response.status, json.dumps(answer).encode(), response.headers)

    def _add_dropped(self, configuration: dict[str, Any], region: str) -> None:
        name, version = configuration["FunctionName"], configuration["Version"]
        record = record_of(FunctionRef(region, name, None if version == "$LATEST" else version))
        logging = Logging.of(name, getattr(record, "logging_config", {}))
        configuration["LoggingConfig"] = {"LogFormat": "JSON" if logging.json else "Text", "LogGroup": logging.group}
        if logging.json:
            configuration["LoggingConfig"]["ApplicationLogLevel"] = logging.application_level
            configuration["LoggingConfig"]["SystemLogLevel"] = logging.system_level
        configuration["Architectures"] = record.architectures
        configuration["EphemeralStorage"] = {"Size": record.ephemeral_storage}
        configuration["TracingConfig"] = record.tracing_config
        if record.kms_key_arn:
            configuration["KMSKeyArn"] = record.kms_key_arn
        dead_letters = getattr(record, "dead_letter_config", None)
        if dead_letters and dead_letters.get("TargetArn"):
            configuration["DeadLetterConfig"] = dead_letters

    def _put_event_invoke_config(self, request: ApiRequest) -> Response:
        """Moto keeps every configuration ever put and answers the first one; on AWS there is one."""
        with self._gateway.lock:
            response = self._gateway.moto(request)
            if response.status < 300:  # noqa: PLR2004 - a success
                record = record_of(FunctionRef.parse(_function_in(request.path), request.region))
                *earlier, latest = record.event_invoke_config
                if request.operation.startswith("Update") and earlier:
                    latest.config = {**earlier[-1].config, **latest.config}
                record.event_invoke_config[:] = [latest]
        return response


def _function_in(path: str) -> str:
    return unquote(path.split("/functions/", 1)[1].split("/", 1)[0])


def check_invocation(payload: bytes, kind: str) -> None:
    """Raises: ApiError for what Lambda hands to no function."""
    if kind not in _KINDS:
        text = f"Value '{kind}' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set"
        raise ApiError("ValidationException", f"1 validation error detected: {text}: {', '.join(_KINDS)}")
    limit = MAX_ASYNC_PAYLOAD if kind == "Event" else MAX_PAYLOAD
    if len(payload) > limit:
        text = f"{len(payload)} byte payload is too large for the {kind} invocation type (limit {limit} bytes)"
        raise ApiError("RequestTooLargeException", text, 413)
    try:
        exact_json.loads(payload or b"{}")
    except (ValueError, RecursionError) as error:
        text = f"Could not parse request body into json: {error}"
        raise ApiError("InvalidRequestContentException", text) from error


def _configurations(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The function configurations in an answer of any of the operations."""
    if "Configuration" in answer:
        return [answer["Configuration"]]
    if "FunctionName" in answer:
        return [answer]
    found: list[dict[str, Any]] = answer.get("Functions", answer.get("Versions", []))
    return found
