"""What Lambda knows of a function: read from moto at the moment of use, so it is current whoever changed it."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.engine import backends
from local.engine.api import ACCOUNT, ApiError
from local.engine.principals import Session

if TYPE_CHECKING:
    from collections.abc import Mapping

LATEST = "$LATEST"
"""The version that is not published."""

_NAME = re.compile(
    r"(?:arn:aws:lambda:(?P<region>[\w-]+):\d{12}:function:)?(?P<name>[\w-]+)(?::(?P<qualifier>[\w$-]+))?$"
)


@dataclass(frozen=True)
class Logging:
    """LoggingConfig with its defaults filled in."""

    group: str
    json: bool = False
    application_level: str = "INFO"
    system_level: str = "INFO"

    @classmethod
    def of(cls, function_name: str, config: Mapping[str, str]) -> Logging:
        return cls(
            group=config.get("LogGroup", f"/aws/lambda/{function_name}"),
            json=config.get("LogFormat") == "JSON",
            application_level=config.get("ApplicationLogLevel", "INFO"),
            system_level=config.get("SystemLogLevel", "INFO"),
        )


@dataclass(frozen=True)
class Function:
    """One version of a function, ready to run. `timeout` in seconds, `memory` in MB."""

    name: str
    arn: str  # without qualifier
    version: str
    region: str
    handler: str
    runtime: str
    role: str
    timeout: int
    memory: int
    architecture: str
    variables: Mapping[str, str]
    code: bytes = field(repr=False)
    layers: tuple[bytes, ...] = field(repr=False)
    code_digest: str
    layer_arns: tuple[str, ...]
    logging: Logging
    traced: bool
    reserved_concurrency: int | None
    initialization: str = "on-demand"
    """How its environments begin, as their AWS_LAMBDA_INITIALIZATION_TYPE says."""

    @property
    def session(self) -> Session:
        """In which it acts, and Lambda for it."""
        return Session(self.role, self.name)

    @property
    def version_arn(self) -> str:
        return f"{self.arn}:{self.version}"

    @property
    def fingerprint(self) -> str:
        """Changes with everything that a running worker would not notice."""
        parts = [
            self.handler, self.runtime, self.role, self.memory, dict(self.variables), self.code_digest, self.layer_arns,
            str(self.logging), self.timeout,
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class FunctionRef:
    """A function as callers name it: by name, by ARN, with or without a qualifier (a version or an alias)."""

    region: str
    name: str
    qualifier: str | None = None

    @classmethod
    def parse(cls, text: str, region: str, qualifier: str | None = None) -> FunctionRef:
        match = _NAME.match(text)
        if match is None:
            raise ApiError("ValidationException", f"'{text}' is neither a function's name nor its ARN")
        return cls(match["region"] or region, match["name"], match["qualifier"] or qualifier)


def load(ref: FunctionRef) -> Function:
    """Needs the gateway's lock. Raises: ApiError (ResourceNotFoundException) for an unknown function or qualifier."""
    record = record_of(ref)
    if record.package_type != "Zip":
        raise ApiError("InvalidParameterValueException", "The embedded AWS runs functions packaged as Zip only")
    layers = [_layer(ref.region, layer["Arn"]) for layer in record.layers]
    latest = latest_of(ref)
    reserved = latest.reserved_concurrency
    return Function(
        name=record.function_name,
        arn=latest.function_arn,
        version=str(record.version),
        region=ref.region,
        handler=record.handler,
        runtime=record.run_time,
        role=record.role,
        timeout=int(record.timeout),
        memory=int(record.memory_size),
        architecture=record.architectures[0],
        variables=dict(record.environment_vars),
        code=record.code_bytes,
        layers=tuple(layer.code_bytes for layer in layers),
        code_digest=record.code_sha_256,
        layer_arns=tuple(layer.arn for layer in layers),
        logging=Logging.of(record.function_name, getattr(record, "logging_config", {})),
        traced=record.tracing_config.get("Mode") == "Active",
        reserved_concurrency=None if reserved is None else int(reserved),
        initialization=_initialization(record),
    )


def _initialization(record: Any) -> str:
    """A published version with SnapStart is not begun from a snapshot here: its environments say how they would be."""
    if str(record.version) != LATEST and getattr(record, "snap_start", {}).get("ApplyOn") == "PublishedVersions":
        return "snap-start"
    return "on-demand"


def hold_once(ref: FunctionRef) -> None:
    """Has the function share the bytes of its package with those that have the same. Needs the gateway's lock.

    Moto keeps them for each, and beside them the text in which they came: 2 MB a function.
    """
    record = record_of(ref)
    record.code.pop("ZipFile", None)
    for other in backends.functions_by_name(ref.region).values():
        latest = other["latest"]
        if latest is not None and latest is not record and latest.code_sha_256 == record.code_sha_256:
            record.code_bytes = latest.code_bytes
            return


def _layer(region: str, arn: str) -> Any:
    layer = backends.functions(region).layers_versions_by_arn(arn)
    if layer is None:
        raise ApiError("InvalidParameterValueException", f"Layer version {arn} does not exist any more")
    return layer


def latest_of(ref: FunctionRef) -> Any:
    """Moto's record of the function itself, whatever the qualifier. Raises and needs what `load` does."""
    return record_of(FunctionRef(ref.region, ref.name))


def record_of(ref: FunctionRef) -> Any:
    """Moto's record. Raises and needs what `load` does."""
    known = backends.functions_by_name(ref.region)
    arn = f"arn:aws:lambda:{ref.region}:{ACCOUNT}:function:{ref.name}"
    if ref.name not in known or known[ref.name]["latest"] is None:
        raise ApiError("ResourceNotFoundException", f"Function not found: {arn}", 404)
    try:
        return backends.functions(ref.region).get_function(ref.name, ref.qualifier)
    except Exception as error:
        if type(error).__name__ != "UnknownFunctionException":
            raise
        raise ApiError("ResourceNotFoundException", f"Function not found: {arn}:{ref.qualifier}", 404) from error
