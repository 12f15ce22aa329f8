"""The attributes of a queue that moto loses.

It drops the policy whenever another attribute is set, and never tells of the redrive allow policy. Who asks in the old
query protocol of SQS still gets moto's answer.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from local.engine import backends
from local.engine.api import ACCOUNT, ApiRequest, Response, queue_named

if TYPE_CHECKING:
    from local.engine.gateway import Gateway


class QueueAttributes:
    """Keeps what was set until it is set again."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        gateway.seam("sqs", "SetQueueAttributes", self._set)
        gateway.seam("sqs", "GetQueueAttributes", self._get)

    def _set(self, request: ApiRequest) -> Response:
        if not request.header("x-amz-target"):
            return self._gateway.moto(request)
        with self._gateway.lock:
            queue = _queue(request)
            policy = queue and queue.policy
            response = self._gateway.moto(request)
            if queue and "Policy" not in request.json().get("Attributes", {}):
                queue.policy = policy
            return response

    def _get(self, request: ApiRequest) -> Response:
        with self._gateway.lock:
            response = self._gateway.moto(request)
            if response.status != HTTPStatus.OK or not request.header("x-amz-target"):
                return response
            # Moto does keep it, under the name that it makes of every attribute.
            allowed = getattr(_queue(request), "redrive_allow_policy", "")
        if allowed and {"All", "RedriveAllowPolicy"} & set(request.json().get("AttributeNames", [])):
            content = response.json() or {}
            attributes = {**content.get("Attributes", {}), "RedriveAllowPolicy": allowed}
            return Response.of_json({**content, "Attributes": attributes})
        return response


def _queue(request: ApiRequest) -> Any:
    name = queue_named(request.json().get("QueueUrl", ""))
    return backends.queue(f"arn:aws:sqs:{request.region}:{ACCOUNT}:{name}")
