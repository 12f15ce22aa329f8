"""Entry point of the heartbeat: invoked every minute, it sees whether what is written still comes to be read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from .runtime import Context, count, log
from .settings import number, setting
from .sourcing.errors import NotHomeError
from .store import clients
from .wiring import now

_lambda = clients.functions()
_COMMAND, _QUERY = setting("COMMAND_FUNCTION"), setting("QUERY_FUNCTION")
_ID = setting("HEARTBEAT_ID")
_SECONDS = number("HEARTBEAT_SECONDS")
_OK, _NOT_FOUND = 200, 404


class _UnansweredError(Exception):
    """A function failed, or refused what it never refuses."""


_TROUBLE = (BotoCoreError, ClientError, _UnansweredError)


class _Beat(NamedTuple):
    number: int
    sent: str


def lambda_handler(_: Any, context: Context) -> dict[str, Any]:
    """Any input, to `{age, sent}`: how long ago the newest beat that can be read was sent, and whether one is now.

    One invocation of the query function and, where no beat of this stretch of HEARTBEAT_SECONDS can be read yet, one of
    the command function; a beat that was sent before is not stored again, since its commandId says which it is. The age
    is told as HeartbeatAgeSeconds, and not at all where nobody answers or no beat ever came through: the alarm takes
    silence for a fault. Nothing is raised: what fails here is what the alarm is for. In a Region that decides nothing
    there is no beat, and the age is 0.
    """
    try:
        newest = _newest()
    except _TROUBLE as error:
        log.error("no beat can be read: %s", error)
        return {"age": None, "sent": False}
    age = None if newest is None else max(0, round(_seconds(now()) - _seconds(newest.sent)))
    try:
        sent = _sends(newest)
    except NotHomeError:
        age, sent = 0, False
    except _TROUBLE as error:
        log.error("no beat can be sent: %s", error)
        sent = False
    if age is not None:
        count("HeartbeatAgeSeconds", age, context)
    return {"age": age, "sent": sent}


def _sends(newest: _Beat | None) -> bool:
    """Send the beat that is due, if one is: whether there was one. NotHomeError where this Region decides nothing."""
    beat = _number(now())
    if newest is not None and _is_of(newest, beat):
        return False
    request = {
        "aggregateId": _ID,
        "eventType": "HeartbeatSent",
        "eventData": {"beat": beat},
        "commandId": f"{_ID}-{beat}",
    }
    status, answer = _answer(_COMMAND, request)
    if status == _OK:
        return True
    if answer["error"]["code"] == NotHomeError.code:
        raise NotHomeError("", "this Region decides nothing")
    raise _UnansweredError(answer["error"]["message"])


def _number(moment: str) -> int:
    return int(_seconds(moment) // _SECONDS)


def _is_of(newest: _Beat, beat: int) -> bool:
    """Whether it was sent in that beat's stretch, or in a later one. A greater number is of a faster pace."""
    return newest.number == beat or (newest.number > beat and _number(newest.sent) >= beat)


def _newest() -> _Beat | None:
    """The newest beat that came through; None if none ever did."""
    status, answer = _answer(_QUERY, {"queryType": "getHeartbeat", "heartbeatId": _ID})
    if status == _NOT_FOUND:
        return None
    if status != _OK:
        raise _UnansweredError(answer["error"]["message"])
    return _Beat(answer["Beat"], answer["LastUpdated"])


def _answer(function: str, request: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """One invocation: status and body."""
    invoked = _lambda.invoke(FunctionName=function, Payload=json.dumps(request))
    answer: dict[str, Any] = json.loads(invoked["Payload"].read())
    if invoked.get("FunctionError"):
        raise _UnansweredError(f"{function}: {answer.get('errorType')}: {answer.get('errorMessage')}")
    return answer["statusCode"], json.loads(answer["body"])


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()
