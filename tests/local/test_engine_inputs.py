"""No input is dropped in silence: what no code reads is refused by name, or stands below with the reason why not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import moto

from local.engine.refusals import INPUTS, OPERATIONS
from tests.local.mentioned import PROJECT, Operation, mentioned, service_model

_MOTO = Path(moto.__file__).parent
_FOLDERS = {"cognito-idp": "cognitoidp", "lambda": "awslambda"}

ONE_PAGE = "everything is answered in one page"
NO_OWNER = "there is nobody who could lose access"
NO_MANAGED_RULES = "no rule here is managed by a service"
NOTHING_MASKED = "no data is masked"
NO_PASSWORD = "who signs in gives a name, and no password"
NOT_THERE = "there is no such operation, and that is what is answered"
KEPT = "it is kept and told; nothing here follows from it"

EXCUSED: dict[tuple[str, str, str], str] = {
    ("apigatewayv2", "CreateIntegration", "TlsConfig.ServerNameToVerify"): "TlsConfig is refused, whatever is in it",
    ("apigatewayv2", "UpdateIntegration", "TlsConfig.ServerNameToVerify"): "TlsConfig is refused, whatever is in it",
    ("cloudwatch", "DescribeAlarms", "AlarmTypes"): "every alarm is a metric alarm: composite ones are refused",
    ("cloudwatch", "DescribeAlarms", "MaxRecords"): ONE_PAGE,
    ("cognito-idp", "CreateResourceServer", "Scopes.ScopeDescription"): KEPT,
    ("cognito-idp", "CreateUserPool", "AliasAttributes"): NO_PASSWORD,
    ("cognito-idp", "CreateUserPool", "Policies.PasswordPolicy.PasswordHistorySize"): NO_PASSWORD,
    ("cognito-idp", "CreateUserPool", "UserPoolTags"): KEPT,
    ("cognito-idp", "CreateUserPool", "UserPoolTier"): KEPT,
    ("cognito-idp", "CreateUserPoolClient", "AccessTokenValidity"): "read by another name, in `user_tokens`",
    ("cognito-idp", "CreateUserPoolClient", "ExplicitAuthFlows"): NO_PASSWORD,
    ("cognito-idp", "CreateUserPoolClient", "IdTokenValidity"): "read by another name, in `user_tokens`",
    ("cognito-idp", "CreateUserPoolClient", "PreventUserExistenceErrors"): NO_PASSWORD,
    ("cognito-idp", "UntagResource", "TagKeys"): NOT_THERE,
    ("cognito-idp", "UpdateResourceServer", "Scopes.ScopeDescription"): NOT_THERE,
    ("cognito-idp", "UpdateUserPoolClient", "AccessTokenValidity"): "read by another name, in `user_tokens`",
    ("cognito-idp", "UpdateUserPoolClient", "ExplicitAuthFlows"): NO_PASSWORD,
    ("cognito-idp", "UpdateUserPoolClient", "IdTokenValidity"): "read by another name, in `user_tokens`",
    ("cognito-idp", "UpdateUserPoolClient", "PreventUserExistenceErrors"): NO_PASSWORD,
    ("cognito-idp", "UpdateUserPool", "Policies.PasswordPolicy.PasswordHistorySize"): NO_PASSWORD,
    ("cognito-idp", "UpdateUserPool", "UserPoolTags"): KEPT,
    ("cognito-idp", "UpdateUserPool", "UserPoolTier"): KEPT,
    ("dynamodb", "PutResourcePolicy", "ConfirmRemoveSelfResourceAccess"): NO_OWNER,
    ("events", "DeleteRule", "Force"): NO_MANAGED_RULES,
    ("events", "PutEvents", "EndpointId"): "SDKs send it to the host of the global endpoint, never here",
    ("events", "RemoveTargets", "Force"): NO_MANAGED_RULES,
    ("events", "UpdateEventBus", "LogConfig"): NOT_THERE,
    ("kms", "CreateKey", "BypassPolicyLockoutSafetyCheck"): NO_OWNER,
    ("kms", "PutKeyPolicy", "BypassPolicyLockoutSafetyCheck"): NO_OWNER,
    ("lambda", "ListVersionsByFunction", "?Marker"): ONE_PAGE,
    ("lambda", "ListVersionsByFunction", "?MaxItems"): ONE_PAGE,
    ("logs", "AssociateKmsKey", "resourceIdentifier"): NOT_THERE,
    ("logs", "DisassociateKmsKey", "resourceIdentifier"): NOT_THERE,
    ("logs", "FilterLogEvents", "unmask"): NOTHING_MASKED,
    ("sns", "Subscribe", "ReturnSubscriptionArn"): "the ARN is always answered",
}
"""Inputs that have no effect and are taken all the same."""


@cache
def words_in(folder: Path) -> frozenset[str]:
    """The names, the short texts and the words of these in the code of a folder, written as `plain` does."""
    found: set[str] = set()
    for path in folder.rglob("*.py"):
        if path.name == "refusals.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Constant(value=str() as text) if len(text) < 200:
                    found.update([text, *re.findall(r"\w+", text)])
                case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name):
                    found.add(name)
    return frozenset(map(plain, found))


def plain(word: str) -> str:
    return re.sub("[-_]", "", word).lower()


def inputs(shape: Any, path: str = "", above: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """The path and the word of each input, those in others included."""
    if shape is None or shape.name in above:
        return
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            word = str(member.serialization.get("name", name))
            place = {"header": "@" + word.lower(), "querystring": "?" + word}
            below = place.get(member.serialization.get("location"), f"{path}.{name}".strip("."))
            yield below, word
            yield from inputs(member, below, (*above, shape.name))
    elif shape.type_name in {"list", "map"}:
        inner = shape.member if shape.type_name == "list" else shape.value
        yield from inputs(inner, path, (*above, shape.name))


def unread(operation: Operation) -> Iterator[str]:
    """The inputs of an operation that neither moto nor the engine ever speaks of, and that are not refused."""
    service, name = operation
    read = words_in(_MOTO / _FOLDERS.get(service, service)) | words_in(PROJECT / "local" / "engine")
    described = inputs(service_model(service).operation_model(name).input_shape)
    unknown = [path for path, word in described if plain(word) not in read]
    refused = INPUTS.get(operation, {}).keys()
    for path in unknown:
        in_another = any(is_in(path, each) for each in unknown if each != path)
        if not in_another and not any(is_in(path, each) or is_in(each, path) for each in refused):
            yield path


def is_in(path: str, other: str) -> bool:
    return f"{path}.".startswith(f"{other}.")


def test_every_input_that_nothing_reads_is_refused_or_excused() -> None:
    found = {(*each, path) for each in mentioned() if each not in OPERATIONS for path in unread(each)}
    assert sorted(found - EXCUSED.keys()) == []


def test_nothing_is_excused_that_is_read_or_refused_by_now() -> None:
    found = {(*each, path) for each in mentioned() for path in unread(each)}
    assert sorted(EXCUSED.keys() - found) == []
