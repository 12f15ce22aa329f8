"""Delivers events to the targets of rules: retries what may pass, and hands the rest to the target's DLQ."""

from __future__ import annotations

import base64
import logging
import time
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from local.engine import backends, exact_json
from local.engine.api import ACCOUNT, ApiError, Response
from local.engine.background import Background, Queues
from local.engine.destinations import message_attributes
from local.engine.functions import FunctionRef, record_of
from local.engine.hoses import file_of
from local.engine.principals import Session
from local.engine.transform import target_input

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.engine.api import ApiRequest
    from local.engine.aws import ServiceClients
    from local.engine.gateway import Gateway
    from local.engine.pending import Pending

_logger = logging.getLogger(__name__)

SERVICE = "events.amazonaws.com"
_KIND = "delivery"
_SESSION = "events"

RETRY_SECONDS = (0.1, 5.0)
"""First and longest wait between attempts, doubling. On AWS: seconds to hours, over a day."""

DEFAULT_RETRIES = 185
DEFAULT_MAX_AGE = 86_400  # seconds

_MISSING_CODES = {
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
    "NotFound",
    "NotFoundException",
    "ResourceNotFoundException",
}
_DENIED_CODES = {"AccessDenied", "AccessDeniedException", "AuthorizationError"}
_THROTTLED_CODES = {"Throttling", "ThrottlingException", "RequestThrottled", "TooManyRequestsException"}


class Forward(Protocol):
    """Puts an event on another bus."""

    def __call__(self, region: str, bus: str, event: dict[str, Any]) -> None: ...


class Undeliverable(Exception):  # noqa: N818
    """`code` and `message` as EventBridge writes them to a DLQ; `retry` says whether it can pass."""

    def __init__(self, code: str, message: str, *, retry: bool = False) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retry = retry


@dataclass(frozen=True)
class _Delivery:
    rule_arn: str
    target: Mapping[str, Any]
    event: dict[str, Any]
    accepted: float
    retries: int = 0
    place: int = 0
    """Where it is kept."""

    @property
    def arn(self) -> str:
        return str(self.target["Arn"])

    @property
    def source(self) -> str:
        """The Region of the rule."""
        return self.rule_arn.split(":")[3]

    @property
    def region(self) -> str:
        """The Region of the target."""
        return self.arn.split(":")[3]


class Targets:
    def __init__(self, gateway: Gateway, background: Background, clients: ServiceClients, pending: Pending) -> None:
        self._pending = pending
        self._gateway = gateway
        self._background = background
        self._clients = clients
        self._queues: Queues[str] = Queues(background, "target")  # so that a target that hangs holds up no other
        self._log_streams: dict[tuple[str, str], str] = {}
        self.forward: Forward | None = None
        gateway.seam("firehose", "PutRecord", self._put_record)

    def deliver(self, rule_arn: str, target: Mapping[str, Any], event: dict[str, Any]) -> None:
        """Returns at once; the delivery takes its course in the background."""
        delivery = _Delivery(rule_arn, target, event, time.time())
        delivery = replace(delivery, place=self._pending.add(_KIND, lambda: _text(delivery)))
        if seconds := self._gateway.links.seconds(delivery.source, delivery.region):
            self._background.later(seconds, lambda: self._enqueue(delivery))
        else:
            self._enqueue(delivery)

    def resume(self) -> None:
        """Takes up the deliveries that an earlier engine left behind."""
        for place, text in self._pending.of(_KIND):
            self._enqueue(replace(_Delivery(**exact_json.loads(text)), place=place))

    def _enqueue(self, delivery: _Delivery) -> None:
        self._queues.put(delivery.arn, lambda: self._attempt(delivery))

    def _attempt(self, delivery: _Delivery) -> None:
        try:
            self._send(delivery)
            self._pending.done(delivery.place)
        except Undeliverable as failure:
            self._failed(delivery, failure)
        except Exception:  # a fault of the engine, which is to cost no event
            _logger.exception("%s could not deliver an event to %s", delivery.rule_arn, delivery.arn)
            self._failed(delivery, Undeliverable("INTERNAL_ERROR", "The embedded AWS failed", retry=True))

    def _failed(self, delivery: _Delivery, failure: Undeliverable) -> None:
        policy = delivery.target.get("RetryPolicy") or {}
        first, longest = RETRY_SECONDS
        delay = min(first * 2**delivery.retries, longest)
        exhausted = None
        if failure.retry:
            if delivery.retries >= policy.get("MaximumRetryAttempts", DEFAULT_RETRIES):
                exhausted = "MaximumRetryAttempts"
            elif time.time() + delay - delivery.accepted > policy.get("MaximumEventAgeInSeconds", DEFAULT_MAX_AGE):
                exhausted = "MaximumEventAgeInSeconds"
            else:
                again = replace(delivery, retries=delivery.retries + 1)
                self._pending.change(again.place, lambda: _text(again))
                self._background.later(delay, lambda: self._enqueue(again))
                return
        self._dead_letter(delivery, failure, exhausted)
        self._pending.done(delivery.place)

    def _dead_letter(self, delivery: _Delivery, failure: Undeliverable, exhausted: str | None) -> None:
        arn = (delivery.target.get("DeadLetterConfig") or {}).get("Arn")
        if not arn:
            _logger.warning("%s drops an event for %s: %s", delivery.rule_arn, delivery.arn, failure)
            return
        attributes: dict[str, str | int] = {
            "RULE_ARN": delivery.rule_arn,
            "TARGET_ARN": delivery.arn,
            "ERROR_CODE": failure.code,
            "ERROR_MESSAGE": failure.message or failure.code,
            "RETRY_ATTEMPTS": str(delivery.retries),
        }
        if exhausted is not None:
            attributes["EXHAUSTED_RETRY_CONDITION"] = exhausted
        try:
            self._to_queue(arn, delivery.rule_arn, exact_json.dumps(delivery.event), attributes=attributes)
        except Undeliverable as error:
            _logger.warning(
                "%s drops an event: its dead-letter queue %s takes nothing: %s", delivery.rule_arn, arn, error
            )

    def _send(self, delivery: _Delivery) -> None:
        if self._gateway.links.is_cut(delivery.source, delivery.region):
            text = f"{delivery.region} cannot be reached from {delivery.source}"
            raise Undeliverable("SDK_CLIENT_ERROR", text, retry=True)
        kind = delivery.arn.split(":")[2]
        body = target_input(delivery.target, delivery.event, delivery.rule_arn)
        if kind == "sqs":
            group = (delivery.target.get("SqsParameters") or {}).get("MessageGroupId")
            self._to_queue(delivery.arn, delivery.rule_arn, body, group=group)
        elif kind == "lambda":
            self._to_function(delivery.arn, delivery.rule_arn, body)
        elif kind == "sns":
            self._to_topic(delivery.arn, delivery.rule_arn, body)
        elif kind == "logs":
            self._to_log_group(delivery, body)
        elif kind == "firehose":
            self._to_stream(delivery, body)
        elif kind == "events" and ":event-bus/" in delivery.arn:
            self._to_bus(delivery)
        else:
            raise Undeliverable("UNSUPPORTED_TARGET", f"The embedded AWS does not deliver to {delivery.arn}")

    def _to_queue(
        self,
        arn: str,
        rule_arn: str,
        body: str,
        *,
        group: str | None = None,
        attributes: Mapping[str, str | int] | None = None,
    ) -> None:
        with self._gateway.lock:
            exists = backends.queue(arn) is not None
        if not exists:
            raise Undeliverable("NO_RESOURCE", f"The queue {arn} does not exist.")
        self._require("sqs:SendMessage", arn, rule_arn)
        arguments: dict[str, Any] = {
            "QueueUrl": f"https://sqs.amazonaws.com/{arn.split(':')[4]}/{arn.split(':')[5]}",
            "MessageBody": body,
            "MessageAttributes": message_attributes(attributes or {}),
        }
        if group:
            arguments["MessageGroupId"] = group
        carry_out(lambda: self._clients.get("sqs", arn).send_message(**arguments))

    def _to_function(self, arn: str, rule_arn: str, body: str) -> None:
        with self._gateway.lock:
            try:
                record_of(FunctionRef.parse(arn, arn.split(":")[3]))
            except ApiError as error:
                raise Undeliverable("NO_RESOURCE", error.message) from error
        self._require("lambda:InvokeFunction", arn, rule_arn)
        carry_out(
            lambda: self._clients.get("lambda", arn).invoke(
                FunctionName=arn, InvocationType="Event", Payload=body.encode()
            )
        )

    def _to_topic(self, arn: str, rule_arn: str, body: str) -> None:
        with self._gateway.lock:
            exists = backends.topic(arn) is not None
        if not exists:
            raise Undeliverable("NO_RESOURCE", f"The topic {arn} does not exist.")
        self._require("sns:Publish", arn, rule_arn)
        carry_out(lambda: self._clients.get("sns", arn).publish(TopicArn=arn, Message=body))

    def _to_log_group(self, delivery: _Delivery, body: str) -> None:
        arn = delivery.arn.removesuffix(":*")
        region, group = arn.split(":")[3], arn.split(":log-group:")[1]
        name = self._log_streams.setdefault((delivery.rule_arn, arn), str(uuid.uuid4()))
        with self._gateway.lock:
            logs = backends.logs(region)
            if group not in logs.groups:
                raise Undeliverable("NO_RESOURCE", f"The log group {group} does not exist.")
            stream = f"{arn}:log-stream:{name}"
            if name not in logs.groups[group].streams:
                self._require("logs:CreateLogStream", stream, delivery.rule_arn)
            self._require("logs:PutLogEvents", stream, delivery.rule_arn)
            logs.ensure_log_stream(group, name)
        event = {"timestamp": int(time.time() * 1000), "message": body}
        carry_out(
            lambda: self._clients.get("logs", arn).put_log_events(
                logGroupName=group, logStreamName=name, logEvents=[event]
            )
        )

    def _to_stream(self, delivery: _Delivery, body: str) -> None:
        self._require_of_role("firehose:PutRecord", delivery)
        self._write(delivery.arn, body)

    def _put_record(self, request: ApiRequest) -> Response:
        """By who puts a letter of the rule back."""
        asked = request.parameters
        name, record = asked["DeliveryStreamName"], base64.b64decode(asked["Record"]["Data"])
        try:
            self._write(f"arn:aws:firehose:{request.region}:{ACCOUNT}:deliverystream/{name}", record.decode())
        except Undeliverable as error:
            missing = error.code == "NO_RESOURCE"
            code = "ResourceNotFoundException" if missing else "ServiceUnavailableException"
            raise ApiError(code, error.message, 400 if missing else 503) from error
        return Response.of_json({"RecordId": str(uuid.uuid4()), "Encrypted": False})

    def _write(self, stream_arn: str, record: str) -> None:
        """What Firehose could not write it would try for a day and drop; here whoever puts it is told.

        Raises: Undeliverable.
        """
        with self._gateway.lock:
            stream = backends.delivery_stream(stream_arn)
        if stream is None:
            raise Undeliverable("NO_RESOURCE", f"The stream {stream_arn} does not exist.")
        file = file_of(*stream, record)
        writer = Session(file.role_arn, "firehose")
        if not self._gateway.authorizer.permits(writer, "s3:PutObject", file.arn):
            raise Undeliverable("NO_PERMISSIONS", f"{writer.arn} may not s3:PutObject on {file.arn}.")
        carry_out(
            lambda: self._clients.get("s3", stream_arn).put_object(Bucket=file.bucket, Key=file.key, Body=file.content)
        )

    def _to_bus(self, delivery: _Delivery) -> None:
        region, bus = delivery.arn.split(":")[3], delivery.arn.rsplit("/", 1)[-1]
        with self._gateway.lock:
            exists = bus in backends.events(region).event_buses
        if not exists:
            raise Undeliverable("NO_RESOURCE", f"The event bus {bus} does not exist.")
        if region != delivery.source:
            self._require_of_role("events:PutEvents", delivery)
        if self.forward is not None:
            self.forward(region, bus, delivery.event)

    def _require_of_role(self, action: str, delivery: _Delivery) -> None:
        """For what a rule does in a session of the role that its target names."""
        session = Session(str(delivery.target.get("RoleArn", "")), _SESSION)
        if not self._gateway.authorizer.permits(session, action, delivery.arn):
            raise Undeliverable("NO_PERMISSIONS", f"{session.arn} may not {action} on {delivery.arn}.")

    def _require(self, action: str, resource: str, rule_arn: str) -> None:
        if not self._gateway.authorizer.admits(SERVICE, action, resource, rule_arn):
            raise Undeliverable("NO_PERMISSIONS", f"{SERVICE} may not {action} on {resource} for {rule_arn}.")


def _text(delivery: _Delivery) -> str:
    """For `Pending`, with the event's numbers as they are."""
    return exact_json.dumps(
        {
            "rule_arn": delivery.rule_arn,
            "target": dict(delivery.target),
            "event": delivery.event,
            "accepted": delivery.accepted,
            "retries": delivery.retries,
        }
    )


def carry_out(call: Any) -> None:
    """Raises: Undeliverable, with the code that EventBridge has for the failure."""
    try:
        call()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if code in _MISSING_CODES:
            raise Undeliverable("NO_RESOURCE", str(error)) from error
        if code in _DENIED_CODES:
            raise Undeliverable("NO_PERMISSIONS", str(error)) from error
        if code in _THROTTLED_CODES:
            raise Undeliverable("THROTTLING", str(error), retry=True) from error
        if status >= 500:  # noqa: PLR2004 - HTTP's own boundary
            raise Undeliverable("INTERNAL_ERROR", str(error), retry=True) from error
        raise Undeliverable("INVALID_PARAMETER", str(error)) from error
    except BotoCoreError as error:
        raise Undeliverable("SDK_CLIENT_ERROR", str(error), retry=True) from error
