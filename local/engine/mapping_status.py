"""Whether an event source mapping can work: what it needs of its function's role, and how its last attempt went."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from local.engine import backends
from local.engine.api import ApiError
from local.engine.functions import FunctionRef, record_of
from local.engine.principals import Session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.engine.authorization import Authorizer
    from local.engine.mapping import Settings

_logger = logging.getLogger(__name__)

REFUSED_SECONDS = 0.5
"""Until a mapping that was refused its source looks again. On AWS: up to minutes."""

OK = "OK"
NOTHING_YET = "No records processed"
FUNCTION_FAILED = "PROBLEM: Function call failed"

_POLLING = {
    "sqs": ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    "dynamodb": ("dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream"),
}
_GIVING_UP = {"sqs": "sqs:SendMessage", "sns": "sns:Publish"}


def check_creation(authorizer: Authorizer, asked: Mapping[str, Any], region: str) -> None:
    """Raises: ApiError, if the function's role lacks what the mapping asked for would need. Needs the lock."""
    source = asked.get("EventSourceArn")
    if not source:
        return
    ref = FunctionRef.parse(asked.get("FunctionName", ""), region)
    session = Session(record_of(ref).role, ref.name)
    for action in _polling(source):
        if not authorizer.permits(session, action, source, record=False):
            raise ApiError("InvalidParameterValueException", _refusal(action, source))
    destination = ((asked.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination", "")
    action = _GIVING_UP.get(_service(destination), "")
    if action and not authorizer.permits(session, action, destination, record=False):
        raise ApiError("InvalidParameterValueException", _refusal(action, destination))


class MappingStatus:
    """Of one mapping, kept on moto's record of it."""

    def __init__(self, authorizer: Authorizer, region: str, uuid: str) -> None:
        self._authorizer = authorizer
        self._region = region
        self._uuid = uuid
        self._lacking = ""

    def may_poll(self, settings: Settings) -> bool:
        """Whether the function's role lets Lambda read the source, which it is asked each time that there is work."""
        if not settings.session.role_arn:
            return False  # the function is gone
        # Every permission is asked for, since Lambda uses them all, if not in each round.
        missing = [
            action
            for action in _polling(settings.source_arn)
            if not self._authorizer.permits(settings.session, action, settings.source_arn)
        ]
        lacking = ", ".join(missing)
        if lacking and lacking != self._lacking:
            _logger.warning("%s is not fed: its role may not %s", settings.function.name, lacking)
        self._lacking = lacking
        if lacking:
            self.report(f"PROBLEM: Insufficient permissions: the execution role lacks {lacking}")
        return not lacking

    def report(self, result: str) -> None:
        with self._authorizer.lock:
            record = backends.functions(self._region).get_event_source_mapping(self._uuid)
            if record is not None:
                record.last_processing_result = result


def last_result(region: str, uuid: str) -> str:
    """The mapping's LastProcessingResult, which moto does not keep. Needs the lock."""
    record = backends.functions(region).get_event_source_mapping(uuid)
    return str(getattr(record, "last_processing_result", NOTHING_YET))


def _polling(source_arn: str) -> tuple[str, ...]:
    return _POLLING.get(_service(source_arn), ())


def _service(arn: str) -> str:
    return (arn.split(":") + [""] * 3)[2]


def _refusal(action: str, arn: str) -> str:
    if _service(arn) == "dynamodb":
        return (
            f"Cannot access stream {arn}. Please ensure the role can perform the GetRecords, GetShardIterator, "
            "DescribeStream, and ListStreams Actions on your stream in DynamoDB."
        )
    service, name = action.split(":")
    return f"The provided execution role does not have permissions to call {name} on {service.upper()}"
