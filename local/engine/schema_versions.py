"""Versions of Glue schemas that break the schema's compatibility: moto takes each.

As on AWS, such a version is kept with the status FAILURE, and who registers it gets no error. What breaks what is told
by `schemas`, for the keywords that it knows. A version with another one is refused by name rather than guessed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from local.engine import backends
from local.engine.api import ApiRequest, Response
from schemas.compatibility import breaks
from schemas.keywords import unknown

if TYPE_CHECKING:
    from local.engine.gateway import Gateway

ACCEPTED, REFUSED = "AVAILABLE", "FAILURE"
_UNCHECKED = ("NONE", "DISABLED")
_ABOUT = {"$schema", "$id", "$comment"}

Schema = dict[str, Any]


class SchemaVersions:
    """Checks a version against the accepted ones before it."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        gateway.seam("glue", "RegisterSchemaVersion", self._register)

    def _register(self, request: ApiRequest) -> Response:
        asked = request.parameters
        with self._gateway.lock:
            schema = backends.glue_schema(request.region, asked.get("SchemaId") or {})
            known = {} if schema is None else dict(schema.schema_versions)
            fits = schema is None or _fits(schema, str(asked.get("SchemaDefinition")))
            response = self._gateway.moto(request)
            answer = response.json() if response.status == HTTPStatus.OK else {}
            made = answer.get("SchemaVersionId", "")
            if fits or not made or made in known:
                return response
            schema.schema_versions[made].schema_version_status = REFUSED
        return Response.of_json({**answer, "Status": REFUSED})


def _fits(schema: Any, text: str) -> bool:
    """Whether the schema's compatibility allows the version after those that were accepted."""
    direction, _, every = schema.compatibility.partition("_")
    versions = sorted(schema.schema_versions.values(), key=lambda version: version.version_number)
    earlier = [version.schema_definition for version in versions if version.schema_version_status == ACCEPTED]
    if schema.compatibility in _UNCHECKED or text in earlier:
        return True
    if schema.data_format != "JSON":
        raise NotImplementedError(f"the compatibility {schema.compatibility} of schemas in {schema.data_format}")
    try:
        new = _read(text)
    except ValueError:
        return True  # moto has the answer
    for other in map(_read, earlier if every else earlier[-1:]):
        pairs = {"BACKWARD": [(new, other)], "FORWARD": [(other, new)], "FULL": [(new, other), (other, new)]}
        if any(any(breaks(reader, writer)) for reader, writer in pairs[direction]):
            return False
    return True


def _read(text: str) -> Schema:
    """Raises: ValueError for what is no JSON, NotImplementedError for a keyword whose meaning is not known."""
    schema = json.loads(text, parse_float=Decimal)
    if not isinstance(schema, dict):
        raise ValueError(text)  # noqa: TRY004 - as what is no JSON
    schema = _plain(schema)
    for keyword in _strange(schema):
        raise NotImplementedError(f"the compatibility of schemas with {keyword}")
    return schema


def _plain(schema: Mapping[str, Any]) -> Schema:
    """Without what says nothing of values to Glue."""
    plain = {name: value for name, value in schema.items() if name not in _ABOUT and not name.startswith("x-")}
    if isinstance(plain.get("properties"), dict):
        plain["properties"] = {name: _plain(each) for name, each in plain["properties"].items()}
    if isinstance(plain.get("items"), dict):
        plain["items"] = _plain(plain["items"])
    return plain


def _strange(schema: Schema) -> Iterator[str]:
    yield from unknown(schema)
    if not isinstance(schema.get("additionalProperties", True), bool):
        yield "additionalProperties that are a schema"
    for each in schema.get("properties", {}).values():
        yield from _strange(each)
    if "items" in schema:
        yield from _strange(schema["items"])
