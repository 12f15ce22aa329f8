"""Just enough of policy evaluation to ask whether a document lets somebody do something."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from itertools import zip_longest
from typing import Any

Statement = Mapping[str, Any]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def arn_like(pattern: str, arn: str) -> bool:
    """As ArnLike: part by part between the colons, the last of which holds whatever colons are left."""
    pairs = zip_longest(arn.split(":", 5), pattern.split(":", 5), fillvalue="")
    return all(fnmatchcase(part, wanted) for part, wanted in pairs)


def service_may_send(statements: Iterable[Statement], service: str, source_arn: str, queue_arn: str) -> bool:
    """Whether a queue's policy lets a service send on behalf of that source, and asks for the source at all."""
    return any(
        statement["Effect"] == "Allow"
        and service in as_list(statement["Principal"].get("Service", []))
        and "sqs:SendMessage" in as_list(statement["Action"])
        and statement["Resource"] == queue_arn
        and any(arn_like(p, source_arn) for p in as_list(statement["Condition"]["ArnLike"]["aws:SourceArn"]))
        for statement in statements
    )


def refuses_plain_http(statements: Iterable[Statement], action: str, resource_arn: str | list[str]) -> bool:
    return any(
        statement["Effect"] == "Deny"
        and statement["Principal"] == "*"
        and statement["Action"] == action
        and statement["Resource"] == resource_arn
        and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
        for statement in statements
    )


def may(statements: Iterable[Statement], action: str, resource_arn: str) -> bool:
    """Whether a role's statements allow an action on a resource."""
    return any(
        statement["Effect"] == "Allow"
        and action in as_list(statement["Action"])
        and resource_arn in as_list(statement["Resource"])
        for statement in statements
    )
