"""What an HTTP API answers, read from its OpenAPI document as data: routes stand there and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECURITY_SCHEME = "oauth"
"""What the document calls the tokens whose scopes an operation asks for."""
FUNCTION = "x-ledger-function"
"""Where the document says which function answers."""
_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})


@dataclass(frozen=True)
class Operation:
    id: str
    method: str
    path: str
    function: str
    """The role of the function that answers."""
    scopes: tuple[str, ...]
    """Of which a token must have one; empty for an operation that is open to everybody."""

    @property
    def route_key(self) -> str:
        return f"{self.method} {self.path}"


def read_operations(document: Path) -> list[Operation]:
    """All operations, in the document's order. ValueError, naming the operation, for one that does not say by whom it
    may be called or who answers: an operation is open only where it says so."""
    paths: Mapping[str, Mapping[str, Any]] = json.loads(document.read_text("utf-8"))["paths"]
    found = [
        _operation(document, path, method, described)
        for path, methods in paths.items()
        for method, described in methods.items()
        if method in _METHODS
    ]
    for what, values in (("operationId", [each.id for each in found]), ("route", [each.route_key for each in found])):
        if twice := _repeated(values):
            raise ValueError(f"{document}: the {what} of several operations is {', '.join(twice)}")
    return found


def functions_of(operations: Iterable[Operation]) -> dict[str, list[Operation]]:
    """What each function answers."""
    found: dict[str, list[Operation]] = {}
    for operation in operations:
        found.setdefault(operation.function, []).append(operation)
    return found


def _operation(document: Path, path: str, method: str, described: Mapping[str, Any]) -> Operation:
    where = f"{document}: {method.upper()} {path}"
    for member in ("operationId", FUNCTION, "security"):
        if member not in described:
            raise ValueError(f"{where} has no {member}")
    return Operation(
        id=described["operationId"],
        method=method.upper(),
        path=path,
        function=described[FUNCTION],
        scopes=_scopes(where, described["security"]),
    )


def _scopes(where: str, security: Any) -> tuple[str, ...]:
    if security == []:
        return ()
    asked = [each[SECURITY_SCHEME] for each in security if SECURITY_SCHEME in each]
    # A token without any scope would do, or anybody at all.
    if len(asked) != 1 or not asked[0] or not all(each for each in security):
        raise ValueError(f"{where} must be open (security: []) or ask for scopes of {SECURITY_SCHEME!r}")
    return tuple(asked[0])


def _repeated(values: list[str]) -> list[str]:
    return sorted({value for value in values if values.count(value) > 1})
