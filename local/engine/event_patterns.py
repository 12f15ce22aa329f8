"""What an event pattern may say. Moto takes a kind of match that it does not know for one that always holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from local.engine import backends, exact_json
from local.engine.api import ApiError, ApiRequest, Response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.engine.gateway import Gateway

_KINDS = {"anything-but", "cidr", "equals-ignore-case", "exists", "numeric", "prefix", "suffix", "wildcard"}
_EXCLUDED = {"equals-ignore-case", "prefix", "suffix", "wildcard"}
"""The kinds that anything-but may turn around."""
_MANDATORY = ("id", "account", "source", "time", "region", "resources", "detail-type")
"""Of an event that is tested, as the description of TestEventPattern has it."""


class EventPatterns:
    """Looks at patterns before moto takes them, and tests them."""

    def __init__(self, gateway: Gateway) -> None:
        gateway.seam("events", "TestEventPattern", _test)
        for operation in ("PutRule", "CreateArchive", "UpdateArchive"):
            gateway.before("events", operation, _check_pattern)
        for operation in ("CreateEventSourceMapping", "UpdateEventSourceMapping"):
            gateway.before("lambda", operation, _check_filters)


def problem(text: str) -> str | None:
    """What is wrong with a pattern, None if nothing is."""
    try:
        pattern = json.loads(text)
    except (ValueError, RecursionError):
        return "it is not JSON"
    if not isinstance(pattern, dict):
        return "it is not a JSON object"
    return next(_problems(pattern), None)


def _problems(pattern: dict[str, Any]) -> Iterator[str]:
    if not pattern:
        yield "an empty object matches nothing"
    for name, value in pattern.items():
        if name == "$or":
            if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
                yield "$or takes a list of patterns"
            else:
                yield from (found for each in value for found in _problems(each))
        elif isinstance(value, dict):
            yield from _problems(value)
        elif not isinstance(value, list) or not value:
            yield f"'{name}' must be an object or an array that is not empty"
        else:
            yield from (found for each in value for found in _problems_of_match(each))


def _problems_of_match(match: Any) -> Iterator[str]:
    if isinstance(match, list):
        yield "match values must not be arrays"
    elif isinstance(match, dict):
        if len(match) != 1:
            yield "a match has exactly one kind"
        for kind, value in match.items():
            if kind not in _KINDS:
                yield f"Unrecognized match type {kind}"
            elif (
                kind == "anything-but"
                and isinstance(value, dict)
                and not (len(value) == 1 and value.keys() <= _EXCLUDED)
            ):
                yield f"Unrecognized match type {', '.join(value)} in anything-but"


def _test(request: ApiRequest) -> Response:
    asked = request.parameters
    _check(asked.get("EventPattern") or "")
    try:
        event = exact_json.loads(asked.get("Event") or "")
    except (ValueError, RecursionError) as error:
        raise ApiError("ValidationException", f"Parameter Event is not valid. Reason: {error}") from error
    missing = [name for name in _MANDATORY if not isinstance(event, dict) or name not in event]
    if missing:
        raise ApiError("ValidationException", f"Parameter Event is not valid. Reason: no {', '.join(missing)}")
    return Response.of_json({"Result": backends.Pattern(asked["EventPattern"]).matches(event)})


def _check(pattern: str) -> None:
    found = problem(pattern)
    if found is not None:
        raise ApiError("InvalidEventPatternException", f"Event pattern is not valid. Reason: {found}")


def _check_pattern(request: ApiRequest) -> None:
    pattern = request.parameters.get("EventPattern")
    if pattern:
        _check(pattern)


def _check_filters(request: ApiRequest) -> None:
    for each in (request.parameters.get("FilterCriteria") or {}).get("Filters") or ():
        found = problem(each.get("Pattern") or "")
        if found is not None:
            raise ApiError("InvalidParameterValueException", f"Invalid filter pattern definition: {found}")
