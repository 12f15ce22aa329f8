"""What an event pattern may say, kinds of matches and their values: moto takes any, and stumbles over them later.

The rules are those of Event Ruler, Amazon's own matcher, where the documents of EventBridge are silent.
"""

from __future__ import annotations

import ipaddress
import json
import re
from typing import TYPE_CHECKING, Any

from local.engine import exact_json, pattern_matching
from local.engine.api import ApiError, ApiRequest, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from local.engine.gateway import Gateway

_MAX_LENGTH = 4096
_FEWEST = 2
_LARGEST = 5.0e9
_LOWER, _UPPER = (">", ">="), ("<", "<=")
_RANGES = {*((sign,) for sign in ("=", *_LOWER, *_UPPER)), *((low, high) for low in _LOWER for high in _UPPER)}
_CIDR = re.compile(r"[0-9A-Fa-f:.]+/[0-9]{1,3}")
_WILDCARD = re.compile(r"(?:\\[*\\]|[^*\\]|\*(?!\*))*", re.DOTALL)
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
    if len(text) > _MAX_LENGTH:
        return f"it has more than {_MAX_LENGTH} characters"
    try:
        pattern = exact_json.loads(text)
        if not isinstance(pattern, dict):
            return "it is not a JSON object"
        return next(_problems(pattern), None)
    except (ValueError, RecursionError):
        return "it is not JSON"


def _problems(pattern: dict[str, Any]) -> Iterator[str]:
    if not pattern:
        yield "an empty object matches nothing"
    for name, value in pattern.items():
        if name == "$or":
            if not isinstance(value, list) or len(value) < _FEWEST or not all(isinstance(each, dict) for each in value):
                yield "$or takes a list of two patterns or more"
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
            if kind not in _VALUES:
                yield f"Unrecognized match type {kind}"
            else:
                yield from _VALUES[kind](kind, value)


def _problems_of_part(kind: str, value: Any) -> Iterator[str]:
    """Of the beginning or the end of a text."""
    if isinstance(value, dict) and value.keys() == {"equals-ignore-case"}:
        yield from _problems_of_text("equals-ignore-case", value["equals-ignore-case"])
    else:
        yield from _problems_of_text(kind, value)


def _problems_of_text(kind: str, value: Any) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{kind} takes a text"


def _problems_of_wildcard(kind: str, value: Any) -> Iterator[str]:
    yield from _problems_of_text(kind, value)
    if isinstance(value, str) and not _WILDCARD.fullmatch(value):
        yield f"{kind} has two * next to each other, or escapes another character than * and \\"


def _problems_of_presence(kind: str, value: Any) -> Iterator[str]:
    if not isinstance(value, bool):
        yield f"{kind} takes true or false"


def _problems_of_network(kind: str, value: Any) -> Iterator[str]:
    if not isinstance(value, str) or not _CIDR.fullmatch(value) or not _is_network(value):
        yield f"{kind} takes the first address of a network and the length of its prefix, such as 10.0.0.0/24"


def _is_network(value: str) -> bool:
    try:
        ipaddress.ip_network(value)
    except ValueError:
        return False
    return True


def _problems_of_range(kind: str, value: Any) -> Iterator[str]:
    signs = tuple(value[::2]) if isinstance(value, list) else ()
    if not all(isinstance(sign, str) for sign in signs) or signs not in _RANGES or len(value) % 2:
        yield f"{kind} takes one comparison and its number, or a lower bound and then an upper one"
        return
    bounds = value[1::2]
    if not all(map(_is_number, bounds)):
        yield f"{kind} takes numbers from -5.0e9 to 5.0e9"
    elif sorted(set(bounds)) != bounds:
        yield "Bottom must be less than top"


def _problems_of_exclusion(kind: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if not (len(value) == 1 and value.keys() <= _EXCLUDED):
            yield f"Unrecognized match type {', '.join(value)} in {kind}"
            return
        ((excluded, texts),) = value.items()
        for text in texts if isinstance(texts, list) and texts else [texts]:
            check = _problems_of_wildcard if excluded == "wildcard" else _problems_of_text
            yield from check(excluded, text)
        return
    values = value if isinstance(value, list) else [value]
    if not values or not (all(isinstance(each, str) for each in values) or all(map(_is_number, values))):
        yield f"{kind} takes texts or numbers, one or a list of either"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST


_VALUES: Mapping[str, Callable[[str, Any], Iterator[str]]] = {
    "anything-but": _problems_of_exclusion,
    "cidr": _problems_of_network,
    "equals-ignore-case": _problems_of_text,
    "exists": _problems_of_presence,
    "numeric": _problems_of_range,
    "prefix": _problems_of_part,
    "suffix": _problems_of_part,
    "wildcard": _problems_of_wildcard,
}
"""What is wrong with the value of a match, by its kind."""


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
    return Response.of_json({"Result": pattern_matching.matches(json.loads(asked["EventPattern"]), event)})


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
