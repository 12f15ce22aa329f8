"""Filter patterns of CloudWatch Logs: terms, and conditions on the members of JSON messages.

Terms are looked for as they are written, case included, anywhere in the message. For a member that is not there only
NOT EXISTS holds, and for a message that is no JSON nothing. What is not read here is refused by name, since a pattern
that is misunderstood finds too much or too little, and nobody sees it.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from local.engine.api import ApiError

Pattern = Callable[[str], bool]
"""Whether a message matches."""
_Condition = Callable[[Any], bool]

MAX_LENGTH = 1024

_TERM = re.compile(r'\s*([-?]?)(?:"((?:[^"\\]|\\.)*)"|(\w+))(?=\s|$)')
_TOKEN = re.compile(
    r"\s*(?:(?P<text>\"(?:[^\"\\]|\\.)*\")|(?P<selector>\$(?:\.[\w*-]+|\[[^\]]*\])*)"
    r"|(?P<sign>&&|\|\||!=|<=|>=|=|<|>|\(|\))|(?P<word>[^\s()&|=<>!\"]+))"
)
_STEP = re.compile(r"\.([\w-]+)|\[([0-9]+)\]|\['([^']+)'\]|\[\"([^\"]+)\"\]")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_ORDERED = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_WORDS = {"TRUE": True, "FALSE": False, "NULL": None}
_MISSING = object()


def parse(text: str) -> Pattern:
    """Raises: ApiError for what CloudWatch refuses, NotImplementedError for what only CloudWatch reads."""
    if len(text) > MAX_LENGTH:
        raise ApiError("InvalidParameterException", f"A filter pattern has at most {MAX_LENGTH} characters.")
    pattern = text.strip()
    if pattern in ("", '""', '" "'):
        return lambda _: True
    if pattern.startswith("["):
        raise NotImplementedError(f"filter patterns for fields between spaces: {text}")
    if pattern.startswith("{"):
        return _of_json(pattern)
    return _of_terms(pattern)


def _invalid(text: str) -> NoReturn:
    raise ApiError("InvalidParameterException", f"Invalid filter pattern: {text}")


def _of_terms(pattern: str) -> Pattern:
    terms: dict[str, list[str]] = {"": [], "-": [], "?": []}
    position = 0
    while position < len(pattern):
        term = _TERM.match(pattern, position)
        if term is None:
            if pattern[position:].lstrip(" -?").startswith("%"):
                raise NotImplementedError(f"filter patterns with regular expressions: {pattern}")
            _invalid(f"{pattern} (what has other characters than letters, digits and _ stands in quotes)")
        sign, quoted, plain = term.groups()
        terms[sign].append(plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
        position = term.end()
    required, excluded, optional = terms[""], terms["-"], terms["?"]
    if optional and (required or excluded):
        raise NotImplementedError(f"filter patterns that mix terms with ? and others: {pattern}")

    def matches(message: str) -> bool:
        if optional:
            return any(term in message for term in optional)
        return all(term in message for term in required) and not any(term in message for term in excluded)

    return matches


def _of_json(pattern: str) -> Pattern:
    if not pattern.endswith("}"):
        _invalid(pattern)
    condition = _Conditions(pattern[1:-1], pattern).read()

    def matches(message: str) -> bool:
        try:
            content = json.loads(message, parse_float=Decimal, parse_constant=_none)
        except (InvalidOperation, ValueError, RecursionError):
            return False
        return isinstance(content, dict | list) and condition(content)

    return matches


class _Conditions:
    """Reads conditions, of which && binds more than ||."""

    def __init__(self, text: str, pattern: str) -> None:
        self._pattern = pattern
        self._tokens: list[tuple[str, str]] = []
        position, end = 0, len(text.rstrip())
        while position < end:
            token = _TOKEN.match(text, position)
            if token is None:
                _invalid(pattern)
            self._tokens.append((str(token.lastgroup), token[str(token.lastgroup)]))
            position = token.end()

    def read(self) -> _Condition:
        condition = self._any()
        if self._tokens:
            _invalid(self._pattern)
        return condition

    def _take(self) -> tuple[str, str]:
        if not self._tokens:
            _invalid(self._pattern)
        return self._tokens.pop(0)

    def _follows(self, sign: str) -> bool:
        if self._tokens[:1] != [("sign", sign)]:
            return False
        del self._tokens[0]
        return True

    def _any(self) -> _Condition:
        conditions = [self._all()]
        while self._follows("||"):
            conditions.append(self._all())
        return lambda content: any(condition(content) for condition in conditions)

    def _all(self) -> _Condition:
        conditions = [self._one()]
        while self._follows("&&"):
            conditions.append(self._one())
        return lambda content: all(condition(content) for condition in conditions)

    def _one(self) -> _Condition:
        if self._follows("("):
            condition = self._any()
            if not self._follows(")"):
                _invalid(self._pattern)
            return condition
        kind, text = self._take()
        if kind != "selector":
            _invalid(self._pattern)
        steps = self._steps(text)
        test = self._test()
        return lambda content: test(_found(content, steps))

    def _steps(self, selector: str) -> list[str | int]:
        steps: list[str | int] = []
        position = 1
        while position < len(selector):
            step = _STEP.match(selector, position)
            if step is None:
                if "*" in selector:
                    raise NotImplementedError(f"filter patterns with * in a selector: {self._pattern}")
                _invalid(self._pattern)
            name, index, *quoted = step.groups()
            steps.append(int(index) if index else name or quoted[0] or quoted[1])
            position = step.end()
        return steps

    def _test(self) -> _Condition:
        kind, text = self._take()
        if kind == "word":
            return self._in_words(text)
        if kind != "sign" or text not in {"=", "!=", *_ORDERED}:
            _invalid(self._pattern)
        given, value = self._take()
        if given not in {"text", "word"}:
            _invalid(self._pattern)
        if given == "word" and _NUMBER.fullmatch(value):
            return _number_test(text, _number(value, self._pattern))
        if text in _ORDERED:
            _invalid(self._pattern)
        if given == "word" and value.startswith("%"):
            raise NotImplementedError(f"filter patterns with regular expressions: {self._pattern}")
        wanted = value if given == "word" else re.sub(r"\\(.)", r"\1", value[1:-1])
        return _text_test(wanted, equal=text == "=")

    def _in_words(self, first: str) -> _Condition:
        if first == "EXISTS":
            return lambda value: value is not _MISSING
        kind, second = self._take()
        if (first, second) == ("NOT", "EXISTS"):
            return lambda value: value is _MISSING
        if first != "IS" or kind != "word" or second not in _WORDS:
            _invalid(self._pattern)
        return lambda value: value is _WORDS[second]


def _none(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _number(text: str, pattern: str) -> Decimal:
    """To the last digit: as a float, two whole numbers beyond 2**53 may be one."""
    try:
        return Decimal(text)
    except InvalidOperation:  # its exponent has twenty digits
        _invalid(pattern)


def _number_test(sign: str, wanted: Decimal) -> _Condition:
    compare = {"=": operator.eq, "!=": operator.ne, **_ORDERED}[sign]

    def test(value: Any) -> bool:
        return isinstance(value, int | Decimal) and not isinstance(value, bool) and bool(compare(value, wanted))

    return test


def _text_test(wanted: str, *, equal: bool) -> _Condition:
    form = re.compile(".*".join(re.escape(part) for part in wanted.split("*")), re.DOTALL)
    return lambda value: isinstance(value, str) and (form.fullmatch(value) is not None) is equal


def _found(content: Any, steps: list[str | int]) -> Any:
    for step in steps:
        is_there = step in content if isinstance(content, dict) else False
        if isinstance(content, list) and isinstance(step, int):
            is_there = step < len(content)
        if not is_there:
            return _MISSING
        content = content[step]
    return content
