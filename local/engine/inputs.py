"""What a call is given, held against the description of its service: the same one that SDKs are made from.

SDKs check much of it before they send anything; who speaks HTTP, or leaves the SDK's checks out, hears it from AWS.
Moto takes what it can, drops the rest, or fails. Each description is made into checks once, so that a call costs
some microseconds. The codes are those of AWS where they are known; the wording of types that are wrong is our own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from botocore.exceptions import UnknownServiceError

from local.engine import attribute_values, backends
from local.engine.api import ApiError
from local.engine.attribute_values import wrong
from local.engine.moto_app import get_service_model

if TYPE_CHECKING:
    from local.engine.api import ApiRequest

_MOST = 4096
"""How many operations are remembered: all that are in use, and what callers make up."""

_Check = Callable[[Any], object]
"""Raises ApiError, of which the message begins with the path of what is wrong."""

_INVALID = {"logs": "InvalidParameterException", "sqs": "MissingParameter"}
"""How services call what is missing or out of range, where it is not a ValidationException."""
_BY_HAND = {("dynamodb", "AttributeValue"): attribute_values.check}


def check(request: ApiRequest) -> None:
    """Of a call in JSON, or in the form of the query protocol. Raises: ApiError for what its description rules out."""
    if request.region not in backends.regions():
        reason = f"Credential should be scoped to a valid Region, not '{request.region}'."
        raise ApiError("InvalidSignatureException", reason)
    if request.is_form:
        _check_form(request)
    elif "HTTP_X_AMZ_TARGET" in request.environ:
        _check_json(request)
    elif not request.operation and _model(request.service) is not None and _model(request.service).protocol == "json":
        raise _unknown()


def takes_no_signature(request: ApiRequest) -> bool:
    """Whether AWS takes the call from whoever makes it, such as a user's of a pool, who has a password or a token."""
    model = _model(request.service)
    known = model is not None and request.operation in model.operation_names
    return known and model.operation_model(request.operation).auth_type == "none"


def mistake(request: ApiRequest) -> ApiError | None:
    """What is wrong with a call that nobody could answer; None if that is not the fault of the call.

    For what is too rare to be looked for in each call.
    """
    encoding = request.header("content-encoding")
    if encoding:
        return ApiError("SerializationException", f"The body of the call is not what {encoding} makes")
    if request.service and _model(request.service) is None:
        return ApiError("NotImplemented", f"The embedded AWS does not have the service {request.service}", 501)
    try:
        if not request.is_form and (checked := _of_operation(request.service, request.operation)):
            checked(request.json())
    except ApiError as error:
        return error
    except (ValueError, RecursionError):
        return ApiError("SerializationException", "The body of the call is no JSON")
    return None


def _check_form(request: ApiRequest) -> None:
    """The query protocol writes Name.member.1 for what is in Name."""
    model = _model(request.service)
    if model is None:
        return
    if request.operation not in model.operation_names:
        raise ApiError("InvalidAction", f"The action {request.operation} is not valid for this endpoint.")
    shape = model.operation_model(request.operation).input_shape
    for name in shape.required_members if shape else ():
        written = _in_a_form(model.protocol, shape.members[name], name)
        if not any(f"{each}.".startswith(f"{written}.") for each in request.parameters):
            raise ApiError("MissingParameter", f"The request must contain the parameter {name}.")


def _in_a_form(protocol: str, member: Any, name: str) -> str:
    """Some parameters are written otherwise than SDKs call them; those of EC2 with a capital."""
    told = member.serialization
    if protocol != "ec2":
        return str(told.get("name", name))
    written = str(told.get("queryName") or told.get("name", name))
    return written[0].upper() + written[1:]


def _check_json(request: ApiRequest) -> None:
    checked = _of_operation(request.service, request.operation)
    try:
        content = request.content
        if b"\\u" in request.body:
            _check_text(content)
        if checked is not None:
            checked(content)
    except RecursionError as error:
        raise ApiError("SerializationException", "The body of the call is nested too deep") from error


def _check_text(content: Any) -> None:
    """A half of a character of two halves can be written in JSON, and nowhere else."""
    try:
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ApiError("SerializationException", "The body of the call has half of a character") from error


def _unknown() -> ApiError:
    return ApiError("UnknownOperationException", "The service has no such operation")


@lru_cache(_MOST)
def _model(service: str) -> Any:
    """None where the service has no description."""
    try:
        return get_service_model(service)
    except (UnknownServiceError, ValueError):
        return None


@lru_cache(_MOST)
def _of_operation(service: str, operation: str) -> _Check | None:
    """None where there is nothing to check. Raises: ApiError where the service has no such operation."""
    model = _model(service)
    if model is None:
        return None
    if operation not in model.operation_names:
        raise _unknown()
    shape = model.operation_model(operation).input_shape
    return None if shape is None or "payload" in shape.serialization else _Described(service).check(shape)


class _Described:
    """Makes the checks of a service's shapes, each once: shapes may be in themselves."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._made: dict[str, _Check] = {}

    def check(self, shape: Any) -> _Check:
        if by_hand := _BY_HAND.get((self._service, shape.name)):
            return by_hand
        name = shape.name
        if name not in self._made:
            self._made[name] = lambda value: self._made[name](value)  # noqa: PLW0108 - another one by then
            self._made[name] = self._make(shape)
        return self._made[name]

    def _make(self, shape: Any) -> _Check:
        match shape.type_name:
            case "structure":
                return self._structure(shape)
            case "list":
                return _list(self.check(shape.member))
            case "map":
                return _map(self.check(shape.value))
            case "blob":
                return attribute_values.blob
            case "integer" | "long":
                return self._whole(shape)
        return _SCALARS[shape.type_name]

    def _structure(self, shape: Any) -> _Check:
        in_body = {name: member for name, member in shape.members.items() if "location" not in member.serialization}
        written = {name: str(member.serialization.get("name", name)) for name, member in in_body.items()}
        members: Mapping[str, _Check] = {written[name]: self.check(member) for name, member in in_body.items()}
        required = tuple(written[name] for name in shape.required_members if name in in_body)

        def check(value: Any) -> None:
            if type(value) is not dict:
                raise wrong(value, "a structure")
            name = ""
            try:
                for name, each in value.items():
                    if each is not None and (checked := members.get(name)) is not None:
                        checked(each)
            except ApiError as error:
                raise _at(name, error) from error
            for name in required:
                if value.get(name) is None:
                    raise self._invalid(f"Value null at '{name}'", "Member must not be null")

        return check

    def _whole(self, shape: Any) -> _Check:
        low, high = shape.metadata.get("min"), shape.metadata.get("max")

        def check(value: Any) -> None:
            if type(value) is not int:
                raise wrong(value, "Integer")
            if low is not None and value < low:
                raise self._invalid(f"Value '{value}'", f"Member must have value greater than or equal to {low}")
            if high is not None and value > high:
                raise self._invalid(f"Value '{value}'", f"Member must have value less than or equal to {high}")

        return check

    def _invalid(self, what: str, rule: str) -> ApiError:
        reason = f"1 validation error detected: {what} failed to satisfy constraint: {rule}"
        return ApiError(_INVALID.get(self._service, "ValidationException"), reason)


def _list(element: _Check) -> _Check:
    def check(value: Any) -> None:
        if type(value) is not list:
            raise wrong(value, "a list")
        for each in value:
            element(each)

    return check


def _map(element: _Check) -> _Check:
    def check(value: Any) -> None:
        if type(value) is not dict:
            raise wrong(value, "a map")
        for each in value.values():
            element(each)

    return check


def _is(kinds: tuple[type, ...], wanted: str) -> _Check:
    def check(value: Any) -> None:
        if type(value) not in kinds:
            raise wrong(value, wanted)

    return check


def _at(name: str, error: ApiError) -> ApiError:
    """Says where; what DynamoDB says of values stays as DynamoDB says it."""
    if error.code != "SerializationException":
        where = error.message.replace("' failed to satisfy", f"' at '{name}' failed to satisfy")
        return error if " at '" in error.message else ApiError(error.code, where)
    joint = "." if ": " in error.message else ": "
    return ApiError(error.code, f"{name}{joint}{error.message}")


_NUMBERS = (int, float)
_SCALARS: Mapping[str, _Check] = {
    "string": _is((str,), "String"),
    "boolean": _is((bool,), "Boolean"),
    "float": _is(_NUMBERS, "Float"),
    "double": _is(_NUMBERS, "Double"),
    "timestamp": _is((*_NUMBERS, str), "Timestamp"),
}
