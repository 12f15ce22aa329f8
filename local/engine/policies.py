"""Whether IAM policy documents allow an action: as much of the language as service-to-service permissions use."""

from __future__ import annotations

import fnmatch
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def allowed(
    documents: Iterable[str | None],
    action: str,
    resource: str,
    *,
    service: str | None = None,
    context: Mapping[str, str] | None = None,
) -> bool:
    """Whether the documents together allow it: one Allow, no Deny.

    `service` is the calling AWS service for a resource's policy, None for the policies of a role. `context` holds the
    condition keys; a condition on any other key does not hold.
    """
    effects = {
        statement.get("Effect")
        for document in documents
        if document
        for statement in _listed(json.loads(document).get("Statement"))
        if _concerns(statement, action, resource, service) and _holds(statement, context or {})
    }
    return "Allow" in effects and "Deny" not in effects


def _concerns(statement: Mapping[str, Any], action: str, resource: str, service: str | None) -> bool:
    if service is not None and not _names_service(statement.get("Principal"), service):
        return False
    if "NotAction" in statement:
        acts = not _any_like(action.lower(), [value.lower() for value in _listed(statement["NotAction"])])
    else:
        acts = _any_like(action.lower(), [value.lower() for value in _listed(statement.get("Action"))])
    return acts and _any_like(resource, _listed(statement.get("Resource", "*")))


def _names_service(principal: Any, service: str) -> bool:
    if principal == "*":
        return True
    return isinstance(principal, dict) and (
        "*" in _listed(principal.get("AWS")) or service in _listed(principal.get("Service"))
    )


def _holds(statement: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    known = {key.lower(): value for key, value in context.items()}
    return all(
        _satisfied(operator, known.get(key.lower()), [str(value) for value in _listed(values)])
        for operator, conditions in (statement.get("Condition") or {}).items()
        for key, values in conditions.items()
    )


def _satisfied(operator: str, actual: str | None, wanted: list[str]) -> bool:
    operator = re.sub(r"IfExists$", "", operator)
    if actual is None:
        return False
    if operator == "Bool":
        return actual.lower() in {value.lower() for value in wanted}
    if operator in {"StringEquals", "ArnEquals", "ArnLike", "StringLike"}:
        # ArnEquals and ArnLike behave alike in IAM: both take wildcards.
        return actual in wanted if operator == "StringEquals" else _any_like(actual, wanted)
    return False


def _any_like(value: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(value, pattern.replace("[", "[[]")) for pattern in patterns)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
