"""A life of the stack under a role: deployed, read back, changed and destroyed by whoever has some policies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import ClientError

from local.deploy import Credentials, DeployedResource, Deployment, deploy
from local.engine import Engine
from policies.deployer.__main__ import declared, placed
from policies.deployer.documents import Document, documents
from tests.local.conftest import DISORDER, PROJECT
from tests.local.provider_calls import Call as ProviderCall

ACCOUNT, REGION = "123456789012", "us-east-1"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/ledger-boundary"
TAGS = {"project": "event-sourcing", "stack": "local"}
SETTINGS = {
    "event-sourcing:alarmEmails": '["oncall@example.com"]',
    "event-sourcing:auditFilesDays": "30",
    "event-sourcing:commandProvisionedConcurrency": "1",
    "event-sourcing:deployment": "AllAtOnce",
    "event-sourcing:guardBus": "true",
    "event-sourcing:heartbeatMinutes": "5",
    "event-sourcing:kmsKey": "create",
    "event-sourcing:permissionsBoundary": BOUNDARY,
    "event-sourcing:rolePath": "/ledger/",
    "event-sourcing:watchGuards": "true",
}
"""With all of the program that the embedded AWS can deploy."""

TOLERATED = {"NotImplemented", "InvalidInputException", "InvalidParameterValueException", "PackageNotFound"}
"""Of changes that the embedded AWS does not have, or that change nothing."""


@cache
def _documents() -> Mapping[str, Document]:
    return documents(declared("local", SETTINGS), replace(placed("local", ACCOUNT, REGION, "aws"), tags=TAGS))


def policies_of_the_stack() -> Mapping[str, Document]:
    """Those that allow something."""
    return {name: each for name, each in _documents().items() if not name.startswith("never-")}


def never_of_the_stack() -> Mapping[str, Document]:
    """Those that deny what no deployment takes, and stay attached but to destroy the stack."""
    return {name: each for name, each in _documents().items() if name.startswith("never-")}


@contextmanager
def account() -> Iterator[Engine]:
    """An account with nothing in it but the boundary of the stack's roles."""
    with Engine(stream_disorder=DISORDER) as running:
        everything = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
        running.client("iam").create_policy(PolicyName="ledger-boundary", PolicyDocument=json.dumps(everything))
        yield running


def role(engine: Engine, name: str, documents_of_it: Mapping[str, Document]) -> Credentials:
    """A session of a new role with these policies."""
    iam = engine.client("iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    for each, document in documents_of_it.items():
        made = iam.create_policy(PolicyName=f"{name}-{each}", PolicyDocument=json.dumps(document))
        iam.attach_role_policy(RoleName=name, PolicyArn=made["Policy"]["Arn"])
    keys = engine.client("sts").assume_role(RoleArn=arn, RoleSessionName="ci")["Credentials"]
    return Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])


def relieved(engine: Engine, name: str, documents_of_it: Iterable[str]) -> None:
    """Take these policies from the role."""
    for each in documents_of_it:
        arn = f"arn:aws:iam::{ACCOUNT}:policy/{name}-{each}"
        engine.client("iam").detach_role_policy(RoleName=name, PolicyArn=arn)


def deployed(engine: Engine, credentials: Credentials) -> Deployment:
    settings = {**SETTINGS, "aws:defaultTags": json.dumps({"tags": TAGS})}
    return deploy(engine.endpoint, "local", PROJECT, config_overrides=settings, credentials=credentials)


def one_of_each(resources: list[DeployedResource]) -> list[DeployedResource]:
    """One of each type, in whatever order they came; of what functions have also what an alias has, and a table
    whose items expire and one whose do not.
    """
    first: dict[tuple[str, bool, bool], DeployedResource] = {}
    for each in sorted(resources, key=lambda resource: resource.urn):
        outputs = each.created.outputs if each.created else {}
        first.setdefault((each.type, bool(outputs.get("qualifier")), bool(outputs.get("ttl"))), each)
    return list(first.values())


def ask(
    engine: Engine,
    credentials: Credentials,
    calls: Mapping[str, Callable[[str, Mapping[str, Any]], list[ProviderCall]]],
    resources: list[DeployedResource],
) -> None:
    """Make the provider's calls. What the embedded AWS does not have, it has authorised before it says so."""
    session: Any = boto3.Session(*credentials, region_name=REGION)
    clients: dict[str, Any] = {}
    for resource in resources:
        assert resource.created is not None
        told = calls[resource.type](resource.id, resource.created.outputs) if resource.type in calls else []
        for service, operation, arguments in told:
            client = clients.setdefault(service, session.client(service, endpoint_url=engine.endpoint))
            try:
                getattr(client, operation)(**arguments)
            except ClientError as error:
                if error.response["Error"]["Code"] not in TOLERATED:
                    raise
