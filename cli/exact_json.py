"""JSON whose numbers stay the text that they were written as, from the wire to the screen.

No number is ever a float: 100.50 would lose its zero, and 999999999999999999.99999999 its end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


class Number(str):
    """A JSON number, as it was written."""

    __slots__ = ()


def loads(text: str | bytes) -> Any:
    """The value of a JSON text, its numbers as Number. ValueError where it is none."""
    try:
        return json.loads(text, parse_float=Number, parse_int=Number, parse_constant=_no_number)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def dumps(value: Any, *, indent: int | None = 2) -> str:
    """A value as JSON, on one line without `indent`. What a terminal could take for a command is escaped."""
    return "".join(_parts(value, "" if indent is None else "\n", indent or 0))


def _parts(value: Any, line: str, indent: int) -> Any:
    if isinstance(value, Mapping):
        yield from _block("{}", [(f"{_text(str(name))}: ", each) for name, each in value.items()], line, indent)
    elif isinstance(value, list | tuple):
        yield from _block("[]", [("", each) for each in value], line, indent)
    else:
        yield _scalar(value)


def _block(brackets: str, members: list[tuple[str, Any]], line: str, indent: int) -> Any:
    yield brackets[0]
    inner = line + " " * indent if line else ""
    for number, (name, value) in enumerate(members):
        yield ("," if line else ", ") if number else ""
        yield inner
        yield name
        yield from _parts(value, inner, indent)
    yield (line if members else "") + brackets[1]


def _scalar(value: Any) -> str:
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool | int):
        return json.dumps(value)
    raise TypeError(f"{type(value).__name__} is no value of a JSON text here")


def _text(text: str) -> str:
    shown = json.dumps(text, ensure_ascii=False)
    return shown if shown.isprintable() else "".join(_escaped(each) for each in shown)


def _escaped(character: str) -> str:
    return character if character.isprintable() else json.dumps(character)[1:-1]


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")
