"""Event patterns of EventBridge, over an event's record: what a rule would say of the event's `detail`.

Who knows how to write a rule knows how to select events. The rules are those of Event Ruler, Amazon's own matcher, with
one difference: numbers are compared with all their digits. A pattern is looked through once, and every fault in it is
told by its place; what passes is turned into functions, so that an event costs some microseconds.
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from .errors import MalformedError, Violation
from .values import Value, dumps, loads

MAX_LENGTH = 4096
"""EventBridge takes no longer pattern."""
_LARGEST = 5 * 10**9
_FEWEST_ALTERNATIVES = 2
_CIDR = re.compile(r"[0-9A-Fa-f:.]+/[0-9]{1,3}")
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}
_LOWER, _UPPER = (">", ">="), ("<", "<=")
_RANGES = {*((sign,) for sign in _COMPARISONS), *((low, high) for low in _LOWER for high in _UPPER)}

Test = Callable[[Value], bool]
"""Whether one value, which is no object, is one of those that a match means."""
_Objects = Sequence[Mapping[str, Value]]
_Describes = Callable[[Mapping[str, Value], _Objects], bool]
"""Whether an object is described; the second are all objects where it is, itself included."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that is sound. Two are equal if their texts are."""

    text: str
    """Its canonical JSON."""
    _describes: _Describes = field(repr=False, compare=False)

    @classmethod
    def of(cls, value: Value, path: str) -> Pattern:
        """A pattern as JSON. MalformedError with the place of everything that is wrong with it."""
        found: list[Violation] = []
        if not isinstance(value, dict):
            raise MalformedError(path, "must be an object: an event pattern as a rule of EventBridge has it")
        text = dumps(value)
        if len(text) > MAX_LENGTH:
            raise MalformedError(path, f"must not have more than {MAX_LENGTH} characters")
        describes = _object(value, path, found)
        if found:
            (first, problem), *more = found
            raise MalformedError(first, problem, *more)
        return cls(text, describes)

    def matches(self, record: Mapping[str, Value]) -> bool:
        """Whether the pattern describes this record."""
        return self._describes(record, [record])

    def value(self) -> Value:
        """As JSON."""
        return loads(self.text, "pattern")


def _object(pattern: Mapping[str, Value], path: str, found: list[Violation]) -> _Describes:
    """What asks for all members of a pattern."""
    if not pattern:
        found.append(Violation(path, "an empty object matches nothing"))
    members = [_member(name, wanted, f"{path}.{name}", found) for name, wanted in pattern.items()]
    return lambda node, beside: all(member(node, beside) for member in members)


def _member(name: str, wanted: Value, path: str, found: list[Violation]) -> _Describes:
    if name == "$or":
        return _alternatives(wanted, path, found)
    if isinstance(wanted, dict):
        inner = _object(wanted, path, found)
        return lambda node, beside: _inside(inner, name, node, beside)
    if not isinstance(wanted, list) or not wanted:
        found.append(Violation(path, "must be an object, or a list of matches that is not empty"))
        return _never
    tests: list[Test] = []
    presence: set[bool] = set()
    for index, match in enumerate(wanted):
        where = f"{path}[{index}]"
        if isinstance(match, dict) and match.keys() == {"exists"}:
            if isinstance(match["exists"], bool):
                presence.add(match["exists"])
            else:
                found.append(Violation(f"{where}.exists", "must be true or false"))
        else:
            tests.append(_match(match, where, found))
    return _values(name, tests, presence)


def _alternatives(wanted: Value, path: str, found: list[Violation]) -> _Describes:
    if not isinstance(wanted, list) or len(wanted) < _FEWEST_ALTERNATIVES:
        found.append(Violation(path, "must be a list of two patterns or more"))
        return _never
    others = [f"{path}[{index}]" for index, each in enumerate(wanted) if not isinstance(each, dict)]
    if others:
        found += [Violation(where, "must be an object") for where in others]
        return _never
    ways = [_object(each, f"{path}[{index}]", found) for index, each in enumerate(wanted)]
    return lambda node, beside: any(way(node, beside) for way in ways)


def _inside(inner: _Describes, name: str, node: Mapping[str, Value], beside: _Objects) -> bool:
    """An array is described by any one of its objects, and what is no object as if it were an empty one."""
    all_inner = [each for one in beside for each in _objects_in(one.get(name))]
    return any(inner(each, all_inner) for each in _objects_in(node.get(name)) or [{}])


def _values(name: str, tests: Sequence[Test], presence: set[bool]) -> _Describes:
    def describes(node: Mapping[str, Value], beside: _Objects) -> bool:
        values = list(_leaves(node, name))
        if values:
            return True in presence or any(test(value) for test in tests for value in values)
        return False in presence and not any(True for one in beside for _ in _leaves(one, name))

    return describes


def _never(_: Mapping[str, Value], __: _Objects) -> bool:
    return False


def _objects_in(value: Value) -> list[Mapping[str, Value]]:
    return [each for each in _elements(value) if isinstance(each, dict)]


def _leaves(node: Mapping[str, Value], name: str) -> Iterator[Value]:
    """The values under a name that are no objects."""
    return (each for each in (_elements(node[name]) if name in node else ()) if not isinstance(each, dict))


def _elements(value: Value) -> Iterable[Value]:
    """Those of a list, of lists within it as well, or the value itself."""
    if not isinstance(value, list):
        return (value,)
    return (inner for each in value for inner in _elements(each))


def _match(match: Value, path: str, found: list[Violation]) -> Test:
    """The test that a match of a list is."""
    if isinstance(match, list):
        found.append(Violation(path, "must not be a list itself"))
        return _fails
    if not isinstance(match, dict):
        return lambda value: _same(match, value)
    if len(match) != 1:
        found.append(Violation(path, "must have exactly one operator"))
        return _fails
    ((kind, wanted),) = match.items()
    make = _OPERATORS.get(kind)
    if make is None:
        known = ", ".join(sorted({*_OPERATORS, "exists"}))
        found.append(Violation(f"{path}.{kind}", f"is no operator of event patterns; there are {known}"))
        return _fails
    return make(wanted, f"{path}.{kind}", found)


def _fails(_: Value) -> bool:
    return False


def _same(one: Value, other: Value) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _text(wanted: Value, path: str, found: list[Violation]) -> str:
    if not isinstance(wanted, str):
        found.append(Violation(path, "must be a text"))
        return ""
    return wanted


def _beginning(wanted: Value, path: str, found: list[Violation]) -> Test:
    return _part(wanted, path, found, str.startswith)


def _end(wanted: Value, path: str, found: list[Violation]) -> Test:
    return _part(wanted, path, found, str.endswith)


def _part(wanted: Value, path: str, found: list[Violation], has: Callable[[str, str], bool]) -> Test:
    if isinstance(wanted, dict) and wanted.keys() == {"equals-ignore-case"}:
        folded = _text(wanted["equals-ignore-case"], f"{path}.equals-ignore-case", found).lower()
        return lambda value: isinstance(value, str) and has(value.lower(), folded)
    part = _text(wanted, path, found)
    return lambda value: isinstance(value, str) and has(value, part)


def _in_any_case(wanted: Value, path: str, found: list[Violation]) -> Test:
    folded = _text(wanted, path, found).lower()
    return lambda value: isinstance(value, str) and value.lower() == folded


def _wildcard(wanted: Value, path: str, found: list[Violation]) -> Test:
    """Without a regular expression, which may take time beyond all measure where several * stand in one."""
    parts = _parts(_text(wanted, path, found))
    if parts is None:
        found.append(Violation(path, "must not have two * side by side, nor escape another character than * and \\"))
        return _fails
    first, *others = parts

    def fits(value: Value) -> bool:
        if not isinstance(value, str):
            return False
        if not others:
            return value == first
        *inner, last = others
        at = len(first)
        if not value.startswith(first):
            return False
        for part in inner:
            place = value.find(part, at)
            if place < 0:
                return False
            at = place + len(part)
        return len(value) - at >= len(last) and value.endswith(last)

    return fits


def _parts(text: str) -> list[str] | None:
    """The texts between the asterisks; None where the wildcard is not well-formed."""
    parts = [""]
    characters = iter(text)
    starred = False
    for each in characters:
        if each == "*":
            if starred:
                return None
            parts.append("")
            starred = True
            continue
        if each == "\\":
            each = next(characters, "")  # noqa: PLW2901 -- the character that is escaped
            if each not in ("*", "\\"):
                return None
        parts[-1] += each
        starred = False
    return parts


def _network(wanted: Value, path: str, found: list[Violation]) -> Test:
    try:
        network = ipaddress.ip_network(wanted) if isinstance(wanted, str) and _CIDR.fullmatch(wanted) else None
    except ValueError:
        network = None
    if network is None:
        message = "must be the first address of a network and the length of its prefix, such as 10.0.0.0/24"
        found.append(Violation(path, message))
        return _fails

    def lies_in(value: Value) -> bool:
        try:
            return isinstance(value, str) and ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return lies_in


def _range(wanted: Value, path: str, found: list[Violation]) -> Test:
    signs: tuple[Any, ...] = tuple(wanted[::2]) if isinstance(wanted, list) else ()
    if not all(isinstance(sign, str) for sign in signs) or signs not in _RANGES or len(wanted) % 2:
        message = 'must be a comparison and its number, or a lower bound and an upper one, such as [">", 0, "<=", 5]'
        found.append(Violation(path, message))
        return _fails
    bounds = wanted[1::2]
    if not all(map(_is_number, bounds)):
        found.append(Violation(path, "must compare with numbers from -5.0e9 to 5.0e9"))
        return _fails
    if sorted(set(bounds)) != bounds:
        found.append(Violation(path, "must have a lower bound that is less than the upper one"))
        return _fails
    comparisons = [(_COMPARISONS[sign], bound) for sign, bound in zip(signs, bounds, strict=True)]

    def lies_between(value: Value) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            return False
        return all(compare(value, bound) for compare, bound in comparisons)

    return lies_between


def _is_number(value: Value) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool) and -_LARGEST <= value <= _LARGEST


def _anything_but(wanted: Value, path: str, found: list[Violation]) -> Test:
    if isinstance(wanted, dict):
        excluded = _excluded(wanted, path, found)
        return lambda value: not any(test(value) for test in excluded)
    values: list[Value] = wanted if isinstance(wanted, list) else [wanted]
    if not values or not (all(isinstance(each, str) for each in values) or all(map(_is_number, values))):
        found.append(Violation(path, "must be texts or numbers, one or a list of either"))
    return lambda value: not any(_same(each, value) for each in values)


def _excluded(wanted: Mapping[str, Value], path: str, found: list[Violation]) -> list[Test]:
    """The tests of an operator that is turned around, one or a list of its values."""
    if len(wanted) != 1 or not wanted.keys() <= _TURNED_AROUND.keys():
        found.append(Violation(path, f"must have one operator of {', '.join(sorted(_TURNED_AROUND))}, or values"))
        return []
    ((kind, values),) = wanted.items()
    listed = values if isinstance(values, list) and values else [values]
    for each in listed:
        _text(each, f"{path}.{kind}", found)
    if not all(isinstance(each, str) for each in listed):
        return []
    return [_TURNED_AROUND[kind](each, f"{path}.{kind}", found) for each in listed]


_Operator = Callable[[Value, str, list[Violation]], Test]

_TURNED_AROUND: Mapping[str, _Operator] = {
    "equals-ignore-case": _in_any_case,
    "prefix": _beginning,
    "suffix": _end,
    "wildcard": _wildcard,
}
"""The operators that anything-but may turn around."""
_OPERATORS: Mapping[str, _Operator] = {
    **_TURNED_AROUND,
    "anything-but": _anything_but,
    "cidr": _network,
    "numeric": _range,
}
"""By the name of an operator, what makes its test; `exists` is none of one value."""
