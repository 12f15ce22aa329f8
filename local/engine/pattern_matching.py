"""Whether an event is one of those that a pattern describes. Of patterns in which `event_patterns` found no problem.

Moto's own takes true for 1, looks into no array of objects, and fails where a value is of another kind than it expects.
"""

from __future__ import annotations

import ipaddress
import operator
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

Pattern = dict[str, Any]

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}


def matches(pattern: Pattern, event: Mapping[str, Any]) -> bool:
    """An empty pattern matches everything: it is that of an archive without one."""
    return _describes(pattern, event, [event])


def _describes(pattern: Pattern, node: Mapping[str, Any], beside: Sequence[Mapping[str, Any]]) -> bool:
    """`beside` are all objects where the node is, itself included: what they have together is not absent."""
    for name, wanted in pattern.items():
        if name == "$or":
            fits = any(_describes(each, node, beside) for each in wanted)
        elif isinstance(wanted, dict):
            all_inner = [inner for each in beside for inner in _objects(each.get(name))]
            fits = any(_describes(wanted, inner, all_inner) for inner in _objects(node.get(name)) or [{}])
        else:
            values = list(_leaves(node, name))
            absent = not any(True for each in beside for _ in _leaves(each, name))
            fits = any(_fits(match, values, absent=absent) for match in wanted)
        if not fits:
            return False
    return True


def _objects(value: Any) -> list[Mapping[str, Any]]:
    """The object, or those in the array: a pattern describes an array by any one of its objects."""
    return [each for each in _elements(value) if isinstance(each, dict)]


def _leaves(node: Mapping[str, Any], name: str) -> Iterator[Any]:
    """The values of the attribute that are no objects."""
    return (each for each in (_elements(node[name]) if name in node else ()) if not isinstance(each, dict))


def _elements(value: Any) -> Iterable[Any]:
    """Those of an array, arrays within it included, or the value itself."""
    found: list[Any] = []
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting += reversed(each)
        else:
            found.append(each)
    return found


def _fits(match: Any, values: Sequence[Any], *, absent: bool) -> bool:
    if not isinstance(match, dict):
        return any(_same(match, value) for value in values)
    ((kind, wanted),) = match.items()
    if kind == "exists":
        return bool(values) if wanted else absent
    return any(_KINDS[kind](wanted, value) for value in values)


def _same(one: Any, other: Any) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _is_but(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, dict):
        ((kind, excluded),) = wanted.items()
        return not any(_KINDS[kind](each, value) for each in _listed(excluded))
    return not any(_same(each, value) for each in _listed(wanted))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _begins(wanted: Any, value: Any) -> bool:
    text, beginning = _in_case(wanted, value)
    return text is not None and text.startswith(beginning)


def _ends(wanted: Any, value: Any) -> bool:
    text, end = _in_case(wanted, value)
    return text is not None and text.endswith(end)


def _in_case(wanted: Any, value: Any) -> tuple[str | None, str]:
    """The value, None if it is no text, and what is looked for in it: both in lower case, if case does not matter."""
    text = value if isinstance(value, str) else None
    if isinstance(wanted, dict):
        return text and text.lower(), str(wanted["equals-ignore-case"]).lower()
    return text, str(wanted)


def _equals(wanted: str, value: Any) -> bool:
    return isinstance(value, str) and value.lower() == wanted.lower()


def _compares(wanted: Sequence[Any], value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return all(_COMPARISONS[sign](value, bound) for sign, bound in zip(wanted[::2], wanted[1::2], strict=True))


def _is_within(wanted: str, value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(wanted)
    except ValueError:
        return False


def _is_like(wanted: str, value: Any) -> bool:
    return isinstance(value, str) and _expression(wanted).fullmatch(value) is not None


@lru_cache(maxsize=1000)
def _expression(wildcard: str) -> re.Pattern[str]:
    parts = re.findall(r"\\.|.", wildcard, re.DOTALL)
    text = "".join(".*" if part == "*" else re.escape(part[-1]) for part in parts)
    return re.compile(text, re.DOTALL)


_KINDS: Mapping[str, Callable[[Any, Any], bool]] = {
    "anything-but": _is_but,
    "cidr": _is_within,
    "equals-ignore-case": _equals,
    "numeric": _compares,
    "prefix": _begins,
    "suffix": _ends,
    "wildcard": _is_like,
}
