"""What the AWS provider's plugin does for the Pulumi engine: create resources and answer functions, for real."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from local.deploy import (
    apigatewayv2,
    cloudfront,
    cloudwatch,
    codedeploy,
    cognito,
    dynamodb,
    ec2,
    events,
    firehose,
    glue,
    iam,
    kms,
    lambda_,
    logs,
    s3,
    scheduler,
    sns,
    sqs,
)
from local.deploy.aws import Clients
from local.deploy.config import StackConfig, default_tags
from local.deploy.errors import DeployError
from local.deploy.names import Names
from local.deploy.regions import in_aws
from local.deploy.registry import Created, Inputs, NewResource, ResourceType

RESOURCE_TYPES: dict[str, ResourceType] = {
    token: resource_type
    for module in (
        apigatewayv2,
        cloudfront,
        cloudwatch,
        codedeploy,
        cognito,
        dynamodb,
        ec2,
        events,
        firehose,
        glue,
        iam,
        kms,
        lambda_,
        logs,
        s3,
        scheduler,
        sns,
        sqs,
    )
    for token, resource_type in module.TYPES.items()
}
_PROVIDER = "pulumi:providers:aws"
_LAMBDA_CONCURRENCY = "L-B99A9384"  # as Service Quotas calls the concurrent executions of an account
_CONCURRENT_EXECUTIONS = 1000.0  # what most accounts begin with; the engine keeps to it no more than to other limits
_T = TypeVar("_T")


@dataclass
class Provider:
    """Creates the resources of one stack at one endpoint."""

    clients: Clients
    config: StackConfig
    names: Names | None = None
    _explicit: dict[str, Inputs] = field(default_factory=dict)  # the program's own provider instances, by reference
    _account: str = ""

    def create(self, urn: str, type_: str, name: str, inputs: Inputs, provider: str) -> Created:
        """Create the resource. Raises DeployError naming `urn` for what is unknown here or refused by AWS."""
        if type_ == _PROVIDER:
            return self._new_provider(urn, inputs)
        created = _naming(urn, lambda: self._create(urn, type_, name, inputs, provider))
        return Created(
            created.id,
            {**inputs, **created.outputs},
            delete=lambda: _naming(urn, created.delete),
            unprotect=created.unprotect and partial(_naming, urn, created.unprotect),
        )

    def _create(self, urn: str, type_: str, name: str, inputs: Inputs, provider: str) -> Created:
        if type_ not in RESOURCE_TYPES:
            raise DeployError(f"the embedded AWS knows no resource type {type_}")
        RESOURCE_TYPES[type_].check(inputs)
        region = in_aws(inputs.get("region") or self._region(provider))
        tags = self._default_tags(provider)
        account = self._account_id(region)
        new = NewResource(urn, type_, name, inputs, region, account, tags, self.clients.get, self.names)
        created = RESOURCE_TYPES[type_].create(new)
        return replace(created, outputs={"region": region, **created.outputs})

    def call(self, token: str, args: Inputs, provider: str) -> Inputs:
        """Answer a provider function. Raises DeployError for one that is unknown here."""
        region = in_aws(args.get("region") or self._region(provider))
        match token:
            case "aws:index/getCallerIdentity:getCallerIdentity":
                caller = self.clients.get("sts", region).get_caller_identity()
                account = caller["Account"]
                return {"accountId": account, "arn": caller["Arn"], "userId": caller["UserId"], "id": account}
            case "aws:index/getRegion:getRegion":
                endpoint = f"ec2.{region}.amazonaws.com"
                return {"region": region, "name": region, "id": region, "endpoint": endpoint, "description": region}
            case "aws:index/getPartition:getPartition":
                arn = self.clients.get("sts", region).get_caller_identity()["Arn"]
                partition = arn.split(":")[1]
                return {
                    "partition": partition,
                    "id": partition,
                    "dnsSuffix": "amazonaws.com",
                    "reverseDnsPrefix": "com.amazonaws",
                }
            case "aws:servicequotas/getServiceQuota:getServiceQuota" if args.get("quotaCode") == _LAMBDA_CONCURRENCY:
                return {"value": _CONCURRENT_EXECUTIONS, "quotaCode": _LAMBDA_CONCURRENCY, "id": _LAMBDA_CONCURRENCY}
            case _:
                raise DeployError(f"the embedded AWS knows no provider function {token}")

    def _new_provider(self, urn: str, inputs: Inputs) -> Created:
        id_ = secrets.token_hex(16)
        self._explicit[f"{urn}::{id_}"] = inputs
        return Created(id_, inputs, delete=lambda: None)

    def _setting(self, provider: str, name: str) -> Any:
        if provider in self._explicit:
            return self._explicit[provider].get(name)
        return self.config.get(f"aws:{name}")

    def _region(self, provider: str) -> str:
        if region := self._setting(provider, "region"):
            return str(region)
        raise DeployError("no Region is configured: set aws:region")

    def _default_tags(self, provider: str) -> dict[str, str]:
        # A provider's inputs travel as JSON text, in its configuration as well as in an instance's properties.
        return default_tags(self._setting(provider, "defaultTags"))

    def _account_id(self, region: str) -> str:
        if not self._account:
            self._account = str(self.clients.get("sts", region).get_caller_identity()["Account"])
        return self._account


def _naming(urn: str, operation: Callable[[], _T]) -> _T:
    """The result of `operation`; what it or AWS refuses is raised as DeployError naming `urn`."""
    try:
        return operation()
    except (DeployError, ClientError, BotoCoreError) as exc:
        raise DeployError(f"{urn}: {exc}") from exc
