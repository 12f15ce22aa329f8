"""What a due schedule does: calls its target in a session of its role, tries again, and tells its dead-letter queue."""

from __future__ import annotations

import json
import logging
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from local.engine import exact_json
from local.engine.api import ACCOUNT
from local.engine.destinations import message_attributes
from local.engine.principals import Session
from local.engine.schedule_settings import service_of
from local.engine.targets import DEFAULT_MAX_AGE, DEFAULT_RETRIES, RETRY_SECONDS, Undeliverable, carry_out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.engine.aws import ServiceClients
    from local.engine.clock import Clock

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Due:
    """One occurrence of a schedule, with the target as it was when it was due. `when` is seconds since 1970."""

    schedule_arn: str
    target: Mapping[str, Any]
    when: float
    attempts: int = 1
    execution: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def arn(self) -> str:
        return str(self.target["Arn"])

    @property
    def session(self) -> Session:
        return Session(str(self.target["RoleArn"]), self.schedule_arn.rsplit("/", 1)[-1])

    @property
    def time(self) -> str:
        return datetime.fromtimestamp(self.when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def body(self) -> str:
        """What the target gets: the input, its context attributes filled in, or a notification that tells of it."""
        text = self.target.get("Input")
        if text is None:
            return json.dumps(self._notification())
        for name, value in (
            ("schedule-arn", self.schedule_arn),
            ("scheduled-time", self.time),
            ("execution-id", self.execution),
            ("attempt-number", str(self.attempts)),
        ):
            text = text.replace(f"<aws.scheduler.{name}>", value)
        return str(text)

    def _notification(self) -> dict[str, Any]:
        return {
            "version": "0",
            "id": self.execution,
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": ACCOUNT,
            "time": self.time,
            "region": self.schedule_arn.split(":")[3],
            "resources": [self.schedule_arn],
            "detail": "{}",
        }


class ScheduleTargets:
    def __init__(self, clients: ServiceClients, clock: Clock) -> None:
        self._clients = clients
        self._clock = clock

    def attempt(self, due: Due) -> tuple[float, Due] | None:
        """Calls the target. Returns when to try again and what, or None if it is through, one way or the other."""
        try:
            self._send(due)
        except Undeliverable as failure:
            return self._failed(due, failure)
        except Exception:  # a fault of the engine, which is to cost no occurrence
            _logger.exception("%s could not call %s", due.schedule_arn, due.arn)
            return self._failed(due, Undeliverable("INTERNAL_ERROR", "The embedded AWS failed", retry=True))
        return None

    def _failed(self, due: Due, failure: Undeliverable) -> tuple[float, Due] | None:
        policy = due.target.get("RetryPolicy") or {}
        first, longest = RETRY_SECONDS
        again = self._clock.now() + min(first * 2 ** (due.attempts - 1), longest)
        exhausted = None
        if failure.retry:
            if due.attempts > policy.get("MaximumRetryAttempts", DEFAULT_RETRIES):
                exhausted = "MaximumRetryAttempts"
            elif again - due.when > policy.get("MaximumEventAgeInSeconds", DEFAULT_MAX_AGE):
                exhausted = "MaximumEventAgeInSeconds"
            else:
                return again, replace(due, attempts=due.attempts + 1)
        self._dead_letter(due, failure, exhausted)
        return None

    def _dead_letter(self, due: Due, failure: Undeliverable, exhausted: str | None) -> None:
        arn = (due.target.get("DeadLetterConfig") or {}).get("Arn")
        if not arn:
            _logger.warning("%s drops an occurrence for %s: %s", due.schedule_arn, due.arn, failure)
            return
        attributes: dict[str, str | int] = {
            "ERROR_CODE": failure.code,
            "ERROR_MESSAGE": failure.message or failure.code,
            "EXECUTION_ID": due.execution,
            "IS_PAYLOAD_TRUNCATED": "false",
            "RETRY_ATTEMPTS": str(due.attempts - 1),
            "SCHEDULED_TIME": due.time,
            "SCHEDULE_ARN": due.schedule_arn,
            "TARGET_ARN": due.arn,
        }
        if exhausted is not None:
            attributes["EXHAUSTED_RETRY_CONDITION"] = exhausted
        try:
            self._to_queue(arn, due, attributes)
        except Undeliverable as error:
            _logger.warning("%s drops an occurrence: the dead-letter queue %s: %s", due.schedule_arn, arn, error)

    def _send(self, due: Due) -> None:
        service = service_of(due.arn)
        if service == "sqs":
            self._to_queue(due.arn, due)
        elif service == "lambda":
            calls = self._clients.get("lambda", due.arn, due.session)
            payload = due.body.encode()
            carry_out(lambda: calls.invoke(FunctionName=due.arn, InvocationType="Event", Payload=payload))
        elif service == "sns":
            calls = self._clients.get("sns", due.arn, due.session)
            carry_out(lambda: calls.publish(TopicArn=due.arn, Message=due.body))
        else:
            self._to_bus(due)

    def _to_queue(self, arn: str, due: Due, attributes: Mapping[str, str | int] | None = None) -> None:
        _, _, _, _, account, name = arn.split(":")
        message = {"QueueUrl": f"https://sqs.amazonaws.com/{account}/{name}", "MessageBody": due.body}
        group = (due.target.get("SqsParameters") or {}).get("MessageGroupId")
        if attributes is None and group:
            message["MessageGroupId"] = group
        calls = self._clients.get("sqs", arn, due.session)
        carry_out(lambda: calls.send_message(**message, MessageAttributes=message_attributes(attributes or {})))

    def _to_bus(self, due: Due) -> None:
        about = due.target["EventBridgeParameters"]
        entry = {
            "EventBusName": due.arn,
            "Source": about["Source"],
            "DetailType": about["DetailType"],
            "Detail": due.body,
            "Resources": [due.schedule_arn],
        }
        answers: list[Any] = []
        calls = self._clients.get("events", due.arn, due.session)
        carry_out(lambda: answers.append(calls.put_events(Entries=[entry])))
        (result,) = answers[0]["Entries"]
        if "ErrorCode" in result:
            retry = result["ErrorCode"] in {"InternalFailure", "InternalException", "ThrottlingException"}
            raise Undeliverable(result["ErrorCode"], exact_json.dumps(result), retry=retry)
