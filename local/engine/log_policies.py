"""The policies of log groups themselves, beside the account's ten.

Moto keeps the account's alone: of a policy that names a log group it forgets which. A log group's policy has no name,
comes with a revision, and is only replaced or deleted by who knows the present one.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.engine import backends
from local.engine.api import ApiError, ApiRequest, Response

if TYPE_CHECKING:
    from local.engine.gateway import Gateway


@dataclass(frozen=True)
class LogGroupPolicy:
    """What a log group's policy says, and which writing of it this is."""

    policy_document: str
    revision: str = field(default_factory=lambda: uuid.uuid4().hex)
    updated: int = field(default_factory=lambda: int(time.time() * 1000))
    """Milliseconds since 1970."""

    def describe(self, arn: str) -> dict[str, Any]:
        return {
            "policyDocument": self.policy_document,
            "lastUpdatedTime": self.updated,
            "policyScope": "RESOURCE",
            "resourceArn": arn,
            "revisionId": self.revision,
        }


class LogGroupPolicies:
    """One policy a log group; gone with the group."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        gateway.seam("logs", "PutResourcePolicy", self._put)
        gateway.seam("logs", "DescribeResourcePolicies", self._describe)
        gateway.seam("logs", "DeleteResourcePolicy", self._delete)

    def _put(self, request: ApiRequest) -> Response:
        asked = request.parameters
        if "resourceArn" not in asked:
            return self._gateway.moto(request)
        if "policyName" in asked:
            raise ApiError("InvalidParameterException", "A policy of a log group has no policyName.")
        with self._gateway.lock:
            group = _group(asked["resourceArn"])
            _check_revision(group, asked)
            group.policy = LogGroupPolicy(asked["policyDocument"])
            described = group.policy.describe(asked["resourceArn"])
        return Response.of_json({"resourcePolicy": described, "revisionId": described["revisionId"]})

    def _describe(self, request: ApiRequest) -> Response:
        asked = request.parameters
        if "resourceArn" not in asked:
            if asked.get("policyScope", "ACCOUNT") == "ACCOUNT":
                return self._gateway.moto(request)
            raise NotImplementedError("policyScope RESOURCE without a resourceArn")
        with self._gateway.lock:
            policy = backends.log_group_policy(_group(asked["resourceArn"]))
        return Response.of_json({"resourcePolicies": [policy.describe(asked["resourceArn"])] if policy else []})

    def _delete(self, request: ApiRequest) -> Response:
        asked = request.parameters
        if "resourceArn" not in asked:
            return self._gateway.moto(request)
        with self._gateway.lock:
            group = _group(asked["resourceArn"])
            if backends.log_group_policy(group) is None:
                raise ApiError("ResourceNotFoundException", f"{asked['resourceArn']} has no policy.")
            _check_revision(group, asked)
            group.policy = None
        return Response.of_json({})


def _group(arn: str) -> Any:
    group = backends.log_group(arn)
    if group is None:
        raise ApiError("ResourceNotFoundException", f"The specified log group does not exist: {arn}")
    return group


def _check_revision(group: Any, asked: dict[str, Any]) -> None:
    policy = backends.log_group_policy(group)
    if asked.get("expectedRevisionId") != (policy and policy.revision):
        raise ApiError("OperationAbortedException", "expectedRevisionId is not the revision of the present policy.")
