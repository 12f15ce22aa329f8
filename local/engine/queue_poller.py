"""SQS to Lambda: receives batches as messages arrive, invokes, and deletes what succeeded.

What failed is left alone: it comes back when its visibility timeout is over, and moves to the dead-letter queue after
the queue's maximum of receives, both of which moto's SQS does.
"""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from local.engine import backends
from local.engine.api import ApiError
from local.engine.changes import source
from local.engine.invoke import MAX_WORKERS, Invoker
from local.engine.mapping import MAX_BATCH_BYTES, Settings, reported_failures, settings_of
from local.engine.mapping_status import FUNCTION_FAILED, OK, REFUSED_SECONDS, MappingStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.engine.aws import ServiceClients
    from local.engine.background import Background
    from local.engine.changes import Changes
    from local.engine.gateway import Gateway

_logger = logging.getLogger(__name__)

_RECEIVE = 10  # messages of one ReceiveMessage or DeleteMessageBatch
_THROTTLE_SECONDS = 0.1
_GATHER_SECONDS = 0.02
"""From one batch to the next while a function is at work, which leaves what comes meanwhile for a batch together."""
_ATTRIBUTES = (
    "ApproximateReceiveCount",
    "AWSTraceHeader",
    "SentTimestamp",
    "SequenceNumber",
    "MessageGroupId",
    "SenderId",
    "MessageDeduplicationId",
    "ApproximateFirstReceiveTimestamp",
)

Message = dict[str, Any]


class QueuePoller:
    """Feeds one mapping's function from one queue."""

    def __init__(
        self,
        region: str,
        uuid: str,
        *,
        gateway: Gateway,
        background: Background,
        changes: Changes,
        invoker: Invoker,
        clients: ServiceClients,
        queue_arn: str,
    ) -> None:
        self._region = region
        self._uuid = uuid
        self._gateway = gateway
        self._background = background
        self._changes = changes
        self._invoker = invoker
        self._clients = clients
        self._topic = source(queue_arn)
        self._status = MappingStatus(gateway.authorizer, region, uuid)
        self._lock = threading.Lock()
        self._running = 0  # batches that a function works on
        self._started = 0.0  # the last of them, by the monotonic clock
        background.keep(f"queue-{uuid}", self._poll)

    def _poll(self) -> None:
        while not self._background.closing.is_set():
            seen = self._changes.version(self._topic)
            with self._gateway.lock:
                settings = settings_of(self._region, self._uuid)
                wait = backends.seconds_to_next_message(settings.source_arn) if settings is not None else None
            if settings is None:
                return
            if settings.enabled and self._has_room(settings) and wait == 0:
                gathering = self._gathering(settings)
                if gathering > 0:
                    wait = gathering
                elif self._status.may_poll(settings):
                    batch = self._receive(settings)
                    if batch:
                        self._start(settings, batch)
                        continue
                    wait = _THROTTLE_SECONDS  # it said there was something: a fault, or moto moved it to the DLQ
                else:
                    wait = REFUSED_SECONDS
            self._changes.wait(self._topic, seen, wait or None)

    def _has_room(self, settings: Settings) -> bool:
        with self._lock:
            return self._running < min(settings.max_concurrency or MAX_WORKERS, MAX_WORKERS)

    def _gathering(self, settings: Settings) -> float:
        """Seconds until another batch begins beside those at work. It begins sooner when those are done."""
        with self._lock:
            if not self._running or settings.batch_size == 1:
                return 0
            return self._started + _GATHER_SECONDS - time.monotonic()

    def _receive(self, settings: Settings) -> list[Message]:
        """A batch: full, or what is there when the batching window ends."""
        batch: list[Message] = []
        deadline = time.monotonic() + settings.window
        size = 0
        while len(batch) < settings.batch_size and size < MAX_BATCH_BYTES:
            seen = self._changes.version(self._topic)
            count = min(_RECEIVE, settings.batch_size - len(batch))
            received = self._receive_some(settings, count)
            batch += received
            size += sum(len(message["Body"]) for message in received)
            remaining = deadline - time.monotonic()
            if self._background.closing.is_set() or (len(received) < count and (not batch or remaining <= 0)):
                break
            if len(received) < count:
                self._changes.wait(self._topic, seen, remaining)
        return batch

    def _receive_some(self, settings: Settings, count: int) -> list[Message]:
        try:
            answer = self._clients.get("sqs", settings.source_arn, settings.session).receive_message(
                QueueUrl=_url(settings.source_arn),
                MaxNumberOfMessages=count,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
                WaitTimeSeconds=0,
            )
        except (ClientError, BotoCoreError) as error:
            _logger.warning("could not receive from %s: %s", settings.source_arn, error)
            return []
        messages: list[Message] = answer.get("Messages", [])
        return messages

    def _start(self, settings: Settings, batch: list[Message]) -> None:
        kept: list[tuple[Message, dict[str, Any]]] = []
        dropped: list[Message] = []
        for message in batch:
            try:
                record = _shaped(message, settings.source_arn)
                if settings.filters.keep(record):
                    kept.append((message, record))
                else:
                    dropped.append(message)
            except Exception:  # it counts as failed, and comes again until it is received too often
                _logger.exception("%s cannot be given a message", settings.function.name)
        self._delete(settings, dropped)
        if not kept:
            return
        with self._lock:
            self._running += 1
            self._started = time.monotonic()
        # The visibility timeout runs from now on, so that is how long a throttled batch may wait.
        self._background.spawn(f"batch-{self._uuid}", lambda: self._process(settings, _by_id(kept)))

    def _process(self, settings: Settings, batch: dict[str, tuple[Message, dict[str, Any]]]) -> None:
        try:
            failed = self._invoke(settings, batch)
            self._delete(settings, [message for key, (message, _) in batch.items() if key not in failed])
        finally:
            with self._lock:
                self._running -= 1
            self._changes.notify(self._topic)

    def _invoke(self, settings: Settings, batch: dict[str, tuple[Message, dict[str, Any]]]) -> set[str]:
        """The ids of the messages that failed."""
        payload = json.dumps({"Records": [record for _, record in batch.values()]}, separators=(",", ":")).encode()
        with self._gateway.lock:
            queue = backends.queue(settings.source_arn)
            deadline = time.time() + (queue.visibility_timeout if queue is not None else 0)
        while True:
            try:
                outcome = self._invoker.invoke(settings.function, payload)
                break
            except ApiError as error:
                if time.time() + _THROTTLE_SECONDS > deadline or self._background.closing.wait(_THROTTLE_SECONDS):
                    _logger.debug("a batch of %s goes back to its queue: %s", settings.source_arn, error)
                    return set(batch)
        self._status.report(FUNCTION_FAILED if outcome.failed else OK)
        if outcome.failed:
            return set(batch)
        return reported_failures(outcome.payload, batch) if settings.reports_failures else set()

    def _delete(self, settings: Settings, messages: Sequence[Message]) -> None:
        queue_arn = settings.source_arn
        for start in range(0, len(messages), _RECEIVE):
            entries = [
                {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]}
                for index, message in enumerate(messages[start : start + _RECEIVE])
            ]
            try:
                client = self._clients.get("sqs", queue_arn, settings.session)
                client.delete_message_batch(QueueUrl=_url(queue_arn), Entries=entries)
            except (ClientError, BotoCoreError) as error:
                _logger.warning("could not delete from %s, its messages come again: %s", queue_arn, error)


def _by_id(batch: Sequence[tuple[Message, dict[str, Any]]]) -> dict[str, tuple[Message, dict[str, Any]]]:
    return {record["messageId"]: (message, record) for message, record in batch}


def _shaped(message: Message, queue_arn: str) -> dict[str, Any]:
    """The message as Lambda hands it to a function."""
    attributes = message.get("Attributes", {})
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": {name: attributes[name] for name in _ATTRIBUTES if name in attributes},
        "messageAttributes": {name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }
    with contextlib.suppress(KeyError):
        record["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    return record


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    shaped: dict[str, Any] = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    if "StringValue" in value:
        shaped["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        shaped["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return shaped


def _url(queue_arn: str) -> str:
    return f"https://sqs.amazonaws.com/{queue_arn.split(':')[4]}/{queue_arn.split(':')[5]}"
