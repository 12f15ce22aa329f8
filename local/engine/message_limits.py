"""What SQS takes in a message, where moto takes more: its characters are those of XML 1.0, its size is in bytes.

Who sends in the old query protocol of SQS is checked by moto alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from local.engine import backends
from local.engine.api import ACCOUNT, ApiError, ApiRequest, Response, queue_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from local.engine.gateway import Gateway

MAX_BATCH = 1024 * 1024
"""Bytes of all messages of a call together."""
_NOT_ALLOWED = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class MessageLimits:
    """Refuses what SQS refuses, the whole call at once: AWS may take the other messages of it, this is not more so."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        gateway.seam("sqs", "SendMessage", self._send)
        gateway.seam("sqs", "SendMessageBatch", self._send)

    def _send(self, request: ApiRequest) -> Response:
        if request.header("x-amz-target"):
            self._check(request)
        return self._gateway.moto(request)

    def _check(self, request: ApiRequest) -> None:
        content = request.json()
        name = queue_named(content.get("QueueUrl", ""))
        with self._gateway.lock:
            queue = backends.queue(f"arn:aws:sqs:{request.region}:{ACCOUNT}:{name}")
            longest = queue.maximum_message_size if queue else MAX_BATCH
        total = 0
        for message in content.get("Entries", [content]):
            for text in _texts(message):
                if found := _NOT_ALLOWED.search(text):
                    reason = f"Invalid binary character '#x{ord(found[0]):X}' was found in the message."
                    raise ApiError("InvalidMessageContents", reason)
            size = sum(len(text.encode()) for text in _texts(message))
            if size > longest:
                reason = f"Reason: Message must be shorter than {longest} bytes."
                raise ApiError("InvalidParameterValue", f"One or more parameters are invalid. {reason}")
            total += size
        if total > MAX_BATCH:
            raise ApiError("AWS.SimpleQueueService.BatchRequestTooLong", f"Batch requests cannot exceed {MAX_BATCH}.")


def _texts(message: Mapping[str, Any]) -> Iterator[str]:
    yield message.get("MessageBody") or ""
    for name, attribute in (message.get("MessageAttributes") or {}).items():
        yield name
        yield attribute.get("DataType") or ""
        yield attribute.get("StringValue") or ""
