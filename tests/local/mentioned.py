"""The operations of AWS that somebody may be led to call here: by a runbook, the deployer, `ops`, `bench` or Pulumi."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore import xform_name

PROJECT = Path(__file__).resolve().parents[2]
_CODE = ("bench", "handlers", "local/deploy", "ops")
_TEXTS = ("README.md", "Pulumi.README.md", "docs")
_PROVIDER = "tests/local/provider_calls.py"
"""What the real AWS provider calls, by name."""
_COMMAND = re.compile(r"\baws ([a-z0-9]+) ([a-z-]+)")

SERVICES = (
    "apigatewayv2",
    "cloudcontrol",
    "cloudwatch",
    "cognito-idp",
    "dynamodb",
    "dynamodbstreams",
    "events",
    "glue",
    "iam",
    "kms",
    "lambda",
    "logs",
    "scheduler",
    "sns",
    "sqs",
    "sts",
)

Operation = tuple[str, str]

_OF_ANOTHER_SERVICE = {
    ("apigatewayv2", "CreateDeployment"),
    ("apigatewayv2", "GetDeployment"),
    ("apigatewayv2", "GetTags"),
    ("cognito-idp", "ListTagsForResource"),
    ("glue", "CreateIntegration"),
    ("glue", "CreateTable"),
    ("glue", "DeleteIntegration"),
    ("glue", "DeleteResourcePolicy"),
    ("glue", "DeleteTable"),
    ("glue", "GetResourcePolicy"),
    ("glue", "PutResourcePolicy"),
    ("glue", "UpdateTable"),
    ("iam", "CreateGroup"),
    ("iam", "DeleteGroup"),
    ("iam", "GetGroup"),
    ("iam", "GetPolicy"),
    ("iam", "UpdateGroup"),
    ("kms", "CreateAlias"),
    ("kms", "DeleteAlias"),
    ("kms", "UpdateAlias"),
    ("lambda", "DeleteResourcePolicy"),
    ("lambda", "GetResourcePolicy"),
    ("lambda", "PutResourcePolicy"),
    ("logs", "DeleteIntegration"),
    ("logs", "GetIntegration"),
    ("sns", "AddPermission"),
    ("sns", "RemovePermission"),
    ("sqs", "AddPermission"),
    ("sqs", "RemovePermission"),
    *((service, "TagResource") for service in SERVICES if service != "dynamodb"),
}
"""Which are called of another service alone, where they have the same name."""


@cache
def service_model(service: str) -> Any:
    session: Any = boto3.session.Session(region_name="us-east-1")
    return session.client(service).meta.service_model


@cache
def mentioned() -> frozenset[Operation]:
    """The operations by service and API name."""
    methods = {
        node.attr
        for folder in _CODE
        for path in (PROJECT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
    }
    provider = ast.walk(ast.parse((PROJECT / _PROVIDER).read_text()))
    methods |= {node.value for node in provider if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    texts = [PROJECT / name for name in _TEXTS]
    pages = [page for path in texts for page in (path.rglob("*.md") if path.is_dir() else [path])]
    commands = {match.groups() for page in pages for match in _COMMAND.finditer(page.read_text())}
    return frozenset(
        (service, operation)
        for service in SERVICES
        for operation in service_model(service).operation_names
        if (service, operation) not in _OF_ANOTHER_SERVICE
        and (xform_name(operation) in methods or (service, xform_name(operation, "-")) in commands)
    )
