"""The policies of roles on the embedded AWS, and what would become of their calls without a part of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from local.client import StackClient


def role_of(ledger: StackClient, function: str) -> str:
    """The name of the role of a function, by the function's own name."""
    role: str = ledger.aws("lambda").get_function_configuration(FunctionName=function)["Role"]
    return role.rsplit("/", 1)[1]


class Statement(NamedTuple):
    """A statement of a policy of a function's role."""

    function: str
    policy: str
    sid: str
    actions: tuple[str, ...]


class Roles:
    """Roles of the deployed stack, by what runs under each."""

    def __init__(self, ledger: StackClient, names: Mapping[str, str]) -> None:
        self._iam, self.names = ledger.aws("iam"), names
        self.policies: dict[str, dict[str, dict[str, Any]]] = {
            function: {policy: self._document(role, policy) for policy in self._names(role)}
            for function, role in self.names.items()
        }

    def _names(self, role: str) -> list[str]:
        names: list[str] = self._iam.list_role_policies(RoleName=role)["PolicyNames"]
        return names

    def _document(self, role: str, policy: str) -> dict[str, Any]:
        found: dict[str, Any] = self._iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        return found

    def statements(self) -> list[Statement]:
        return [
            Statement(function, policy, each["Sid"], tuple(each["Action"]))
            for function, policies in self.policies.items()
            for policy, document in policies.items()
            for each in document["Statement"]
        ]

    def statement(self, function: str, sid: str) -> Statement:
        (found,) = (each for each in self.statements() if (each.function, each.sid) == (function, sid))
        return found

    def texts_without(self, statement: Statement, action: str | None = None) -> dict[str, str]:
        """The documents of the role's policies without the statement, or without one action of it."""
        return {
            policy: json.dumps(_without(document, statement.sid, action) if policy == statement.policy else document)
            for policy, document in self.policies[statement.function].items()
        }

    @contextmanager
    def lacking(self, function: str, sid: str) -> Iterator[None]:
        """While it lasts, the role is without the statement."""
        role, removed = self.names[function], self.statement(function, sid)
        policy = {"RoleName": role, "PolicyName": removed.policy}
        rest = _without(self.policies[function][removed.policy], sid)
        if rest["Statement"]:
            self._iam.put_role_policy(**policy, PolicyDocument=json.dumps(rest))
        else:
            self._iam.delete_role_policy(**policy)
        try:
            yield
        finally:
            original = self.policies[function][removed.policy]
            self._iam.put_role_policy(**policy, PolicyDocument=json.dumps(original))


def _without(document: Mapping[str, Any], sid: str, action: str | None = None) -> dict[str, Any]:
    kept = []
    for statement in document["Statement"]:
        if statement["Sid"] != sid:
            kept.append(statement)
        elif action is not None:
            kept.append({**statement, "Action": [each for each in statement["Action"] if each != action]})
    return {**document, "Statement": kept}


@contextmanager
def broken(ledger: StackClient, function: str) -> Iterator[None]:
    """While it lasts, the function names a handler that its package does not have."""
    configure = ledger.aws("lambda").update_function_configuration
    handler = ledger.aws("lambda").get_function_configuration(FunctionName=function)["Handler"]
    configure(FunctionName=function, Handler="handlers.nothing.lambda_handler")
    try:
        yield
    finally:
        configure(FunctionName=function, Handler=handler)
