"""Holds an answer against the document that promises it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import quote

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from schemas.generation import PROJECT
from schemas.openapi import TARGET

DOCUMENT: dict[str, Any] = json.loads((PROJECT / TARGET).read_text("utf-8"))
OPERATIONS: Mapping[str, Mapping[str, Any]] = {
    f"{method.upper()} {path}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
"""By API Gateway's key."""
_URI = "urn:ledger:api"
_REGISTRY: Any = Registry().with_resource(_URI, DRAFT202012.create_resource(DOCUMENT))


def hold(key: str, status: int, headers: Mapping[str, str], text: str) -> None:
    """AssertionError where the document does not have such an answer of the operation. Names of headers in lower case.

    What stands in front of the ledger answers without these headers; there the body alone is looked at.
    """
    place, response = _resolved(("paths", *_place(key), "responses", str(status)))
    kind = headers.get("content-type", "application/json")
    assert kind in response["content"], f"{key} answers {status} as {kind}"
    assert ("etag" in headers) == ("ETag" in response.get("headers", {})), f"{key} answers {status}, {headers}"
    found = [
        f"{error.json_path}: {error.message}"
        for error in _validator((*place, "content", kind, "schema")).iter_errors(json.loads(text, parse_float=Decimal))
    ]
    assert found == [], f"{key} answers {status}: {found}"


def _place(key: str) -> tuple[str, str]:
    method, path = key.split(" ")
    return path, method.lower()


def _resolved(place: tuple[str, ...]) -> tuple[tuple[str, ...], Any]:
    """Where a part of the document is, and what it is, behind its reference."""
    found: Any = DOCUMENT
    for name in place:
        assert name in found, f"the document has no {'/'.join(place)}"
        found = found[name]
    return _resolved(tuple(found["$ref"].split("/")[1:])) if "$ref" in found else (place, found)


@cache
def _validator(place: tuple[str, ...]) -> Any:
    pointer = "/".join(name.replace("~", "~0").replace("/", "~1") for name in place)
    return Draft202012Validator({"$ref": f"{_URI}#/{quote(pointer, safe='/~')}"}, registry=_REGISTRY)
