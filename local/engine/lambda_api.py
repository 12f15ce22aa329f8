"""The operations of the Lambda API that moto leaves out or answers in part."""

from __future__ import annotations

import base64
import json
import uuid
from typing import TYPE_CHECKING, Any

from local.engine import backends, exact_json
from local.engine.aliases import function_in
from local.engine.api import ApiError, ApiRequest, Response
from local.engine.execution import MAX_PAYLOAD
from local.engine.functions import LATEST, FunctionRef, Logging, hold_once, latest_of, record_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.engine.async_invoke import AsyncInvoker
    from local.engine.gateway import Gateway
    from local.engine.invoke import Invoker

MAX_ASYNC_PAYLOAD = 1024 * 1024
_SNAP_START = ("None", "PublishedVersions")
_WITHOUT_SNAP_START = tuple(f"python3.{minor}" for minor in range(6, 12))
_KINDS = ("DryRun", "Event", "RequestResponse")

# Moto drops these settings of a function; we keep them on its record, where they live and die with it.
_DROPPED = {"LoggingConfig": "logging_config", "DeadLetterConfig": "dead_letter_config", "SnapStart": "snap_start"}

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
        gateway.seam("lambda", "PublishVersion", self._publish)
        for operation in _ANSWER_FUNCTIONS:
            gateway.seam("lambda", operation, self._answer_functions)
        for operation in ("CreateFunction", "UpdateFunctionConfiguration"):
            gateway.before("lambda", operation, self._check_snap_start)

    def _invoke(self, request: ApiRequest) -> Response:
        ref = FunctionRef.parse(function_in(request.path), request.region, request.query("Qualifier"))
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
        settings = request.json()
        with self._gateway.lock:
            if settings.get("Publish") and request.operation == "UpdateFunctionCode":
                return self._publish_changed(request)
            response = self._gateway.moto(request)
            if response.status >= 300:  # noqa: PLR2004 - not a success
                return response
            made = response.json()
            ref = FunctionRef(request.region, made["FunctionName"])
            records = [record_of(ref)]
            if made["Version"] != LATEST:  # it was published on the way
                records.append(record_of(FunctionRef(ref.region, ref.name, made["Version"])))
            for record in records:
                for setting, attribute in _DROPPED.items():
                    if setting in settings:
                        setattr(record, attribute, settings[setting])
                for setting in _UPDATED.keys() & settings.keys():
                    _UPDATED[setting](record, settings[setting])
            hold_once(ref)
            for record in records[1:]:
                record.code_bytes = records[0].code_bytes
            return self._with_dropped(response, request.region)

    def _publish_changed(self, request: ApiRequest) -> Response:
        """The code first and the version of it then: by moto the settings that it drops would be missing in it."""
        changed = self._change_function(request.with_body(json.dumps({**request.json(), "Publish": False}).encode()))
        if changed.status >= 300:  # noqa: PLR2004 - not a success
            return changed
        return self._published(FunctionRef.parse(function_in(request.path), request.region), 200)

    def _publish(self, request: ApiRequest) -> Response:
        asked, ref = request.json(), FunctionRef.parse(function_in(request.path), request.region)
        with self._gateway.lock:
            digest = asked.get("CodeSha256")
            if digest and digest != latest_of(ref).code_sha_256:
                text = f"CodeSHA256 ({digest}) is different from the code that $LATEST has"
                raise ApiError("InvalidParameterValueException", text)
            return self._published(ref, 201, asked.get("Description", ""))

    def _published(self, ref: FunctionRef, status: int, description: str = "") -> Response:
        """A new version, or the one before it where nothing has changed since. Needs the gateway's lock."""
        latest = latest_of(ref)
        versions = backends.functions_by_name(ref.region)[ref.name]["versions"]
        latest.code_or_config_updated = not versions or _content(versions[-1]) != _content(latest)
        made = backends.functions(ref.region).publish_version(ref.name, description)
        latest.code_or_config_updated = False
        return self._with_dropped(Response.of_json(made.get_configuration(), status), ref.region)

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
        record = record_of(FunctionRef(region, name, None if version == LATEST else version))
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
        applied = getattr(record, "snap_start", {}).get("ApplyOn", "None")
        is_on = applied != "None" and version != LATEST
        configuration["SnapStart"] = {"ApplyOn": applied, "OptimizationStatus": "On" if is_on else "Off"}
        dead_letters = getattr(record, "dead_letter_config", None)
        if dead_letters and dead_letters.get("TargetArn"):
            configuration["DeadLetterConfig"] = dead_letters

    def _check_snap_start(self, request: ApiRequest) -> None:
        asked = request.json()
        wanted = (asked.get("SnapStart") or {}).get("ApplyOn", "None")
        if wanted not in _SNAP_START:
            text = (
                f"Value '{wanted}' at 'snapStart.applyOn' failed to satisfy constraint: Member must be in {_SNAP_START}"
            )
            raise ApiError("ValidationException", text)
        if wanted == "None":
            return
        runtime = asked.get("Runtime")
        if runtime is None:  # an update that leaves it
            with self._gateway.lock:
                runtime = record_of(FunctionRef.parse(function_in(request.path), request.region)).run_time
        if runtime in _WITHOUT_SNAP_START:
            text = f"{runtime} is not supported for SnapStart enabled functions."
            raise ApiError("InvalidParameterValueException", text)


def _content(record: Any) -> dict[str, Any]:
    """All that tells one version from another."""
    own = ("FunctionArn", "LastModified", "Version", "LastUpdateStatus", "Description")
    told = {name: value for name, value in record.get_configuration().items() if name not in own}
    return {**told, **{attribute: getattr(record, attribute, None) for attribute in _DROPPED.values()}}


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
