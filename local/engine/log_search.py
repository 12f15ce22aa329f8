"""FilterLogEvents, for which moto hands out every event where it does not understand the pattern."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from local.engine import backends, log_patterns
from local.engine.api import ACCOUNT, ApiError, ApiRequest, Response

if TYPE_CHECKING:
    from local.engine.gateway import Gateway

MAX_LIMIT = 10_000
_TOKEN = re.compile("([0-9]+)/([0-9]+)")
_NO_LATER = 2**63 - 1  # milliseconds


class _Event(NamedTuple):
    """An event in the order in which events are told: by time, then as they came in."""

    timestamp: int
    number: int
    stream: str
    message: str
    ingested: int


class LogSearch:
    """Answers with the events that match, oldest first, of all streams together."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        gateway.seam("logs", "FilterLogEvents", self._filter)

    def _filter(self, request: ApiRequest) -> Response:
        asked = request.parameters
        matches = log_patterns.parse(asked.get("filterPattern") or "")
        if asked.get("startFromHead", True) is not True:
            raise NotImplementedError("the input startFromHead with the value false")
        limit = asked.get("limit", MAX_LIMIT)
        if not 1 <= limit <= MAX_LIMIT:
            raise _invalid(f"limit has to be between 1 and {MAX_LIMIT}")
        after = _place(asked.get("nextToken"))
        with self._gateway.lock:
            events = _events(_group(request), _streams(asked))
        first, last = asked.get("startTime") or 0, asked.get("endTime", _NO_LATER)
        found = (
            event
            for event in sorted(events)
            if first <= event.timestamp <= last and event[:2] > after and matches(event.message)
        )
        page = [event for event, _ in zip(found, range(limit), strict=False)]
        answer: dict[str, Any] = {"events": [_told(event) for event in page], "searchedLogStreams": []}
        if len(page) == limit:
            answer["nextToken"] = _token(page[-1])
        return Response.of_json(answer)


def _invalid(reason: str) -> ApiError:
    return ApiError("InvalidParameterException", reason)


def _group(request: ApiRequest) -> Any:
    asked = request.parameters
    name, identifier = asked.get("logGroupName"), asked.get("logGroupIdentifier")
    if (name is None) == (identifier is None):
        raise _invalid("Either logGroupName or logGroupIdentifier is needed, and not both.")
    found = str(name or identifier)
    arn = found if found.startswith("arn:") else f"arn:aws:logs:{request.region}:{ACCOUNT}:log-group:{found}"
    group = backends.log_group(arn)
    if group is None:
        raise ApiError("ResourceNotFoundException", "The specified log group does not exist.")
    return group


def _streams(asked: dict[str, Any]) -> Any:
    """Whether events of a stream are asked for, by its name."""
    names, prefix = asked.get("logStreamNames"), asked.get("logStreamNamePrefix")
    if names is not None and prefix is not None:
        raise _invalid("logStreamNames and logStreamNamePrefix exclude one another.")
    return lambda name: (names is None or name in names) and name.startswith(prefix or "")


def _events(group: Any, is_wanted: Any) -> list[_Event]:
    return [
        _Event(event.timestamp, event.event_id, name, event.message, event.ingestion_time)
        for name, stream in group.streams.items()
        if is_wanted(name)
        for event in stream.events
    ]


def _told(event: _Event) -> dict[str, Any]:
    return {
        "logStreamName": event.stream,
        "timestamp": event.timestamp,
        "message": event.message,
        "ingestionTime": event.ingested,
        "eventId": str(event.number),
    }


def _token(event: _Event) -> str:
    return base64.urlsafe_b64encode(f"{event.timestamp}/{event.number}".encode()).decode()


def _place(token: str | None) -> tuple[int, int]:
    if token is None:
        return (-1, -1)
    try:
        place = _TOKEN.fullmatch(base64.urlsafe_b64decode(token).decode())
    except (ValueError, binascii.Error):
        place = None
    if place is None:
        raise _invalid("The specified nextToken is invalid.")
    return int(place[1]), int(place[2])
