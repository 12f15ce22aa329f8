"""Sends what could not be delivered, or how an invocation went, to a queue, a topic, a function or a bus."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from local.engine import exact_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.engine.aws import ServiceClients
    from local.engine.principals import Session

_logger = logging.getLogger(__name__)


class Destinations:
    """Sends as Lambda does: by calling the other service's API in a session of the function's role."""

    def __init__(self, clients: ServiceClients) -> None:
        self._clients = clients

    def send_record(self, arn: str, record: Mapping[str, Any], session: Session, *, succeeded: bool) -> None:
        """Sends an invocation record. A destination that cannot be reached is logged: AWS drops the record, too."""
        if arn.split(":")[2] != "events":
            self.send(arn, exact_json.dumps(record), session)
            return
        context = record["requestContext"]
        entry = {
            "Source": "lambda",
            "DetailType": f"Lambda Function Invocation Result - {'Success' if succeeded else 'Failure'}",
            "Resources": [context["functionArn"]],
            "Detail": exact_json.dumps(record),
            "EventBusName": arn,
        }
        self._call(arn, lambda: self._clients.get("events", arn, session).put_events(Entries=[entry]))

    def send(self, arn: str, body: str, session: Session, *, attributes: Mapping[str, str | int] | None = None) -> None:
        """Sends `body`; to queues and topics with message attributes."""
        service = arn.split(":")[2]
        attributes_of_message = message_attributes(attributes or {})
        if service == "sqs":
            url = f"https://sqs.amazonaws.com/{arn.split(':')[4]}/{arn.split(':')[5]}"
            self._call(
                arn,
                lambda: self._clients.get("sqs", arn, session).send_message(
                    QueueUrl=url, MessageBody=body, MessageAttributes=attributes_of_message
                ),
            )
        elif service == "sns":
            self._call(
                arn,
                lambda: self._clients.get("sns", arn, session).publish(
                    TopicArn=arn, Message=body, MessageAttributes=attributes_of_message
                ),
            )
        elif service == "lambda":
            self._call(
                arn,
                lambda: self._clients.get("lambda", arn, session).invoke(
                    FunctionName=arn, InvocationType="Event", Payload=body.encode()
                ),
            )
        else:
            _logger.error("%s cannot be a destination", arn)

    @staticmethod
    def _call(arn: str, call: Any) -> None:
        try:
            call()
        except (ClientError, BotoCoreError) as error:
            _logger.warning("lost on the way to the destination %s: %s", arn, error)


def message_attributes(values: Mapping[str, str | int]) -> dict[str, dict[str, str]]:
    """In the form that the APIs of SQS and SNS take."""
    return {
        name: {"DataType": "Number" if isinstance(value, int) else "String", "StringValue": str(value)}
        for name, value in values.items()
    }
