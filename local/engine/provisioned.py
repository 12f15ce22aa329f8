"""Provisioned concurrency: environments of a version that stand before anybody invokes it.

What was asked for is kept for each alias and version. As many environments are started as this machine is to have of
one function (`MAX_WORKERS`), whatever was asked for; the others are told of as if they stood.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from local.engine.aliases import aliases_of, function_in, versions_of
from local.engine.api import ApiError, Response
from local.engine.functions import LATEST, FunctionRef, latest_of, record_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.engine.api import ApiRequest
    from local.engine.background import Background
    from local.engine.gateway import Gateway
    from local.engine.invoke import Invoker


_LOOK_SECONDS = 5.0
"""Between looks at whether all of them stand."""


class ProvisionedConcurrency:
    def __init__(self, gateway: Gateway, background: Background, invoker: Invoker) -> None:
        self._gateway = gateway
        self._background = background
        self._invoker = invoker
        gateway.seam("lambda", "PutProvisionedConcurrencyConfig", self._put)
        gateway.seam("lambda", "GetProvisionedConcurrencyConfig", self._get)
        gateway.seam("lambda", "DeleteProvisionedConcurrencyConfig", self._delete)
        gateway.seam("lambda", "ListProvisionedConcurrencyConfigs", self._list)
        self._known: set[FunctionRef] = set()
        background.spawn("engine-provisioned", self._top_up)

    def changed(self, ref: FunctionRef) -> None:
        """To be told when an alias of the function may point to another version: its environments move along."""
        function = FunctionRef(ref.region, ref.name)
        if function in self._known:
            self._background.spawn("engine-provision", lambda: self._provide(function))

    def _top_up(self) -> None:
        """Of those that failed or were ended others are begun, as on AWS."""
        while not self._background.closing.wait(_LOOK_SECONDS):
            for function in list(self._known):
                self._provide(function)

    def _provide(self, function: FunctionRef) -> None:
        try:
            with self._gateway.lock:
                wanted = provisioned_versions(function)
        except ApiError:  # it is gone
            self._known.discard(function)
            return
        self._invoker.provision(function, wanted)

    def _put(self, request: ApiRequest) -> Response:
        ref = _ref(request)
        wanted = int(request.json()["ProvisionedConcurrentExecutions"])
        with self._gateway.lock:
            _check(ref, wanted)
            _kept(ref)[str(ref.qualifier)] = (wanted, datetime.now(UTC).isoformat(timespec="seconds"))
            self._known.add(FunctionRef(ref.region, ref.name))
        self.changed(ref)
        return Response.of_json({**self._told(ref), "Status": "IN_PROGRESS"}, 202)

    def _get(self, request: ApiRequest) -> Response:
        return Response.of_json(self._told(_ref(request)))

    def _delete(self, request: ApiRequest) -> Response:
        ref = _ref(request)
        with self._gateway.lock:
            latest_of(ref)
            _kept(ref).pop(str(ref.qualifier), None)
        self.changed(ref)
        return Response(204)

    def _list(self, request: ApiRequest) -> Response:
        ref = FunctionRef.parse(function_in(request.path), request.region)
        with self._gateway.lock:
            arn, qualifiers = latest_of(ref).function_arn, list(_kept(ref))
        told = [
            {"FunctionArn": f"{arn}:{each}", **self._told(FunctionRef(ref.region, ref.name, each))}
            for each in qualifiers
        ]
        return Response.of_json({"ProvisionedConcurrencyConfigs": told})

    def _told(self, ref: FunctionRef) -> dict[str, Any]:
        with self._gateway.lock:
            record_of(ref)
            kept = _kept(ref).get(str(ref.qualifier))
            if kept is None:
                text = "No Provisioned Concurrency Config found for this function"
                raise ApiError("ProvisionedConcurrencyConfigNotFoundException", text, 404)
            wanted, modified = kept
            versions = _versions(ref)
        lacking = self._invoker.lacking(ref, versions)
        failure = lacking.failure
        ready = not failure and not lacking.environments
        standing = wanted if ready else 0
        return {
            "RequestedProvisionedConcurrentExecutions": wanted,
            "AvailableProvisionedConcurrentExecutions": standing,
            "AllocatedProvisionedConcurrentExecutions": standing,
            "Status": "FAILED" if failure else "READY" if ready else "IN_PROGRESS",
            **({"StatusReason": failure} if failure else {}),
            "LastModified": modified,
        }


def provisioned_versions(ref: FunctionRef) -> Mapping[str, int]:
    """How many environments of each version are to stand. Needs the gateway's lock."""
    wanted: dict[str, int] = {}
    for qualifier, (number, _) in _kept(ref).items():
        for version in _versions(FunctionRef(ref.region, ref.name, qualifier)):
            wanted[version] = wanted.get(version, 0) + number
    return wanted


def forget(ref: FunctionRef, qualifier: str) -> None:
    """With the alias. Needs the gateway's lock."""
    _kept(ref).pop(qualifier, None)


def _versions(ref: FunctionRef) -> list[str]:
    """An alias' versions, or the version itself."""
    alias = aliases_of(ref).get(str(ref.qualifier))
    return [str(ref.qualifier)] if alias is None else list(versions_of(alias))


def _check(ref: FunctionRef, wanted: int) -> None:
    record = record_of(ref)
    if ref.qualifier in (None, LATEST) or str(record.version) == LATEST:
        text = "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
        raise ApiError("InvalidParameterValueException", text)
    if wanted < 1:
        raise ApiError("ValidationException", f"Value '{wanted}' at 'provisionedConcurrentExecutions' is below 1")
    if getattr(record, "snap_start", {}).get("ApplyOn") == "PublishedVersions":
        text = "Provisioned concurrency is not supported for functions with SnapStart"
        raise ApiError("InvalidParameterValueException", text)
    reserved = latest_of(ref).reserved_concurrency
    others = sum(number for qualifier, (number, _) in _kept(ref).items() if qualifier != ref.qualifier)
    if reserved is not None and wanted + others > int(reserved):
        text = (
            f"Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution: {reserved}"
        )
        raise ApiError("InvalidParameterValueException", text)


def _kept(ref: FunctionRef) -> dict[str, tuple[int, str]]:
    """What was asked for and when, by qualifier, on the function's own record."""
    record = latest_of(ref)
    if not hasattr(record, "provisioned"):
        record.provisioned = {}
    kept: dict[str, tuple[int, str]] = record.provisioned
    return kept


def _ref(request: ApiRequest) -> FunctionRef:
    return FunctionRef.parse(function_in(request.path), request.region, request.query("Qualifier"))
