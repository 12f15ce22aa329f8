"""What the Lambda API does about aliases: what AWS refuses and moto takes, and what lives and dies with them."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from local.engine import backends, invoke_configs, provisioned
from local.engine.aliases import aliases_of, function_in, versions_of
from local.engine.api import ApiError, Response
from local.engine.functions import LATEST, FunctionRef, latest_of, record_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.engine.api import ApiRequest
    from local.engine.gateway import Gateway
    from local.engine.provisioned import ProvisionedConcurrency

_NAME = re.compile(r"(?!\d+$)[a-zA-Z0-9_-]{1,128}")


class AliasApi:
    """Checks what is asked of aliases, and gives each change a revision of its own."""

    def __init__(self, gateway: Gateway, provisioned: ProvisionedConcurrency) -> None:
        self._gateway = gateway
        self._provisioned = provisioned
        for operation in ("CreateAlias", "UpdateAlias"):
            gateway.seam("lambda", operation, self._change)
        gateway.seam("lambda", "DeleteAlias", self._delete)
        gateway.before("lambda", "DeleteFunction", self._check_deletion)

    def _change(self, request: ApiRequest) -> Response:
        asked = request.json()
        with self._gateway.lock:
            ref = FunctionRef.parse(function_in(request.path), request.region)
            _check(ref, asked, alias_in(request))
            response = self._gateway.moto(request)
            if response.status < 300:  # noqa: PLR2004 - a success
                alias = aliases_of(ref)[response.json()["Name"]]
                alias.revision_id = str(uuid.uuid4())
                response = Response.of_json(_told(alias), 201 if request.operation == "CreateAlias" else 200)
        self._provisioned.changed(ref)
        return response

    def _delete(self, request: ApiRequest) -> Response:
        """And what was kept for the alias: it is not the next one's of its name."""
        ref = FunctionRef.parse(function_in(request.path), request.region)
        with self._gateway.lock:
            latest_of(ref)
            self._gateway.moto(request)
            invoke_configs.forget(ref, alias_in(request))
            provisioned.forget(ref, alias_in(request))
        self._provisioned.changed(ref)
        return Response(204)

    def _check_deletion(self, request: ApiRequest) -> None:
        """A version that an alias points to stays."""
        ref = FunctionRef.parse(function_in(request.path), request.region, request.query("Qualifier"))
        with self._gateway.lock:
            if ref.qualifier is None or ref.name not in backends.functions_by_name(ref.region):
                return
            using = [alias.name for alias in aliases_of(ref).values() if ref.qualifier in versions_of(alias)]
        if using:
            text = f"Version {ref.qualifier} cannot be deleted: the following aliases reference it: {using}"
            raise ApiError("ResourceConflictException", text, 409)


def alias_in(request: ApiRequest) -> str:
    """The alias that a call names: in its path, or where it makes one, in what is asked for."""
    if request.operation == "CreateAlias":
        return str(request.json().get("Name"))
    return unquote(request.path.rstrip("/").rsplit("/", 1)[-1])


def _check(ref: FunctionRef, asked: Mapping[str, Any], name: str) -> None:
    if not _NAME.fullmatch(name):
        raise _invalid(f"'{name}' is no name of an alias: letters, digits, - and _, and not digits alone")
    latest_of(ref)
    there = aliases_of(ref).get(name)
    revision = asked.get("RevisionId")
    if there is not None and revision and revision != there.revision_id:
        text = "The Revision Id provided does not match the latest Revision Id. Call the GetAlias API to retrieve it"
        raise ApiError("PreconditionFailedException", text, 412)
    primary = str(asked.get("FunctionVersion") or (there and there.function_version))
    routing = asked.get("RoutingConfig", there and there.routing_config) or {}
    weights: Mapping[str, float] = routing.get("AdditionalVersionWeights") or {}
    for version in (primary, *weights):
        if version != LATEST and not version.isdecimal():
            raise _invalid(f"'{version}' is no version: an alias points to versions alone")
        record_of(FunctionRef(ref.region, ref.name, version))
    if weights:
        _check_weights(ref, primary, weights)


def _check_weights(ref: FunctionRef, primary: str, weights: Mapping[str, float]) -> None:
    versions = (primary, *weights)
    if len(weights) > 1:
        raise _invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
    if LATEST in versions:
        raise _invalid(f"{LATEST} is not supported for an alias pointing to more than 1 version")
    if primary in weights:
        raise _invalid(f"AdditionalVersionWeights must have another version than the alias itself, {primary}")
    if not all(0 <= weight <= 1 for weight in weights.values()):
        raise _invalid("The weights of AdditionalVersionWeights must be from 0.0 to 1.0")
    if len({record_of(FunctionRef(ref.region, ref.name, version)).role for version in versions}) > 1:
        raise _invalid("The versions of an alias must have the same execution role")


def _told(alias: Any) -> dict[str, Any]:
    return {name: value for name, value in alias.to_json().items() if value is not None}


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterValueException", message)
