"""Functions in a VPC, of which there is the word alone: they run on this machine, and reach what they reach.

What AWS looks at before it takes such a function is looked at here as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.engine.api import ApiError, ApiRequest
from local.engine.principals import Session

if TYPE_CHECKING:
    from local.engine.gateway import Gateway

_CREATE = "ec2:CreateNetworkInterface"


class Networks:
    """Refuses a function in a VPC whose role does not let Lambda make its network interfaces."""

    def __init__(self, gateway: Gateway) -> None:
        self._authorizer = gateway.authorizer
        for operation in ("CreateFunction", "UpdateFunctionConfiguration"):
            gateway.before("lambda", operation, self._check)

    def _check(self, request: ApiRequest) -> None:
        asked = request.json()
        network, role = asked.get("VpcConfig") or {}, asked.get("Role")
        if not network.get("SubnetIds") or role is None:
            return
        if not self._authorizer.permits(Session(role, "AWSLambda"), _CREATE, "*", record=False):
            code, reason = "InvalidParameterValueException", "does not have permissions to call CreateNetworkInterface"
            raise ApiError(code, f"The provided execution role {reason} on EC2")
