"""JSON in and out without passing through a binary float, unless Lambda's runtime has made one of a number before us.

A value is `None`, `bool`, `int`, `Decimal`, `str`, or a list or string-keyed dict of values. Numbers keep every digit:
they are held to what DynamoDB can store (38 significant digits, magnitudes 1E-130 to 9.9E+125) and boto3 carries there
(no digit below 1E-165), and refused otherwise.
"""

from __future__ import annotations

import json
import math
import re
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation, Overflow, Subnormal, Underflow
from json.encoder import encode_basestring
from typing import Any, TypeAlias

from .errors import MalformedError, shortened

Value: TypeAlias = Any
"""A JSON value as described above (recursive aliases cost more than they check)."""

ARITHMETIC = Context(prec=38, Emin=-130, Emax=125, traps=[Inexact, InvalidOperation, Overflow, Underflow, Subnormal])
"""Decimal arithmetic of DynamoDB's numbers that raises rather than rounds."""

# boto3 computes with this as the smallest step; DynamoDB itself would take 1E-167.
FINEST_EXPONENT = -165
_ORDER_MARK = "\ufeff"
_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")

# DynamoDB nests 32 levels; an event's data already sits one level down in its item, an entry beside a row two.
MAX_DEPTH = 28
# What is stored may reach DynamoDB's own limit.
_STORED_LEVELS = 32
# DynamoDB takes no longer name, at whatever depth.
MAX_NAME_BYTES = 65_535
# An IEEE double carries any 15 significant decimal digits unharmed. Of a longer number it may keep fewer digits.
FLOAT_DIGITS = 15


class Encoded(str):
    """JSON text that `dumps` copies as it is: what was encoded (and measured) before is not encoded again."""

    __slots__ = ()


def loads(text: str | bytes, field: str) -> Value:
    """Parse JSON exactly; reject what JSON leaves open (duplicate keys, NaN). `field` names the source in errors.

    Bytes are UTF-8, without a byte order mark: RFC 8259 has no other JSON.
    """
    try:
        text = text if isinstance(text, str) else text.decode()
    except UnicodeDecodeError:
        raise MalformedError(field, "not valid JSON: must be UTF-8") from None
    if text.startswith(_ORDER_MARK):
        raise MalformedError(field, "not valid JSON: must not begin with a byte order mark")
    try:
        value = json.loads(
            text, parse_float=Decimal, parse_int=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_unique
        )
    except RecursionError:
        raise MalformedError(field, f"nested deeper than {MAX_DEPTH} levels") from None
    except (ValueError, DecimalException) as error:
        raise MalformedError(field, f"not valid JSON: {error}") from None
    return value


def exact(value: Value, path: str, depth: int = 0) -> Value:
    """Return `value` with every number as a Decimal that DynamoDB stores unchanged, or raise MalformedError.

    Floats only occur where somebody parsed before us: the Lambda runtime does so with a direct invocation. One that
    reads as more than 15 significant digits is refused rather than guessed. One that reads as at most 15 is taken as it
    reads. That is the number that was sent if this had at most 15 digits itself; a longer one may be so near that it
    became the same float (`check_scale` tells where).
    """
    if depth > MAX_DEPTH:
        raise MalformedError(path, f"nested deeper than {MAX_DEPTH} levels")
    match value:
        case None | bool():
            return value
        case str():
            return _text(value, path)
        case int() | float() | Decimal():
            return number(value, path)
        case list():
            return [exact(each, f"{path}[{index}]", depth + 1) for index, each in enumerate(value)]
        case dict():
            return {_key(key, path): exact(each, f"{path}.{key}", depth + 1) for key, each in value.items()}
        case _:
            raise MalformedError(path, f"not a JSON value: {type(value).__name__}")


def is_holdable(value: Any, depth: int = 0) -> bool:
    """Whether `dumps` can write a stored or parsed `value`; fast, since every event that is read is asked.

    DynamoDB also has sets and binaries, and JSON texts of others may hold halves of characters or endless numbers.
    """
    kind = type(value)
    if kind is str:
        return value.isascii() or _is_unicode(value)
    if kind is Decimal:
        return _is_holdable_number(value)
    if kind is dict:
        return depth < _STORED_LEVELS and all(
            is_holdable(name) and is_holdable(each, depth + 1) for name, each in value.items()
        )
    if kind is list:
        return depth < _STORED_LEVELS and all(is_holdable(each, depth + 1) for each in value)
    return value is None or kind is bool or kind is int


def check_holdable(value: Any, path: str, depth: int = 0) -> None:
    """ValueError, in words, where something in `value` is not holdable."""
    if is_holdable(value, depth):
        return
    match value:
        case str():
            raise ValueError(f"{path} is not valid Unicode")
        case Decimal():
            raise ValueError(f"{path} is no number that the ledger holds")
        case dict() | list() if depth >= _STORED_LEVELS:
            raise ValueError(f"{path} is nested deeper than {_STORED_LEVELS} levels")
        case list():
            for index, each in enumerate(value):
                check_holdable(each, f"{path}[{index}]", depth + 1)
        case dict():
            for name, each in value.items():
                check_holdable(name, f"a name in {path}")
                check_holdable(each, f"{path}.{name}", depth + 1)
        case _:
            kind = type(value).__name__.lower()
            raise ValueError(f"{path} is no JSON value but a {'binary' if kind == 'bytes' else kind}")


def number(value: int | float | Decimal | str, path: str) -> Decimal:
    """One exact number without trailing zeros (100.50 is 100.5), or MalformedError naming `path`.

    In a text it must be spelled as JSON spells it: Decimal by itself would also take 1_000, spaces and Arabic digits.
    """
    if isinstance(value, float):
        value = _digits_of(value, path)
    elif isinstance(value, str) and not _JSON_NUMBER.fullmatch(value):
        raise MalformedError(path, "not a number")
    try:
        decimal = ARITHMETIC.normalize(Decimal(value))
    except InvalidOperation:
        raise MalformedError(path, "not a number") from None
    except DecimalException:
        raise MalformedError(path, "a number has at most 38 digits and lies between 1E-130 and 9.9E+125") from None
    if not decimal.is_finite():
        raise MalformedError(path, "not a finite number")
    if int(decimal.as_tuple().exponent) < FINEST_EXPONENT:
        raise MalformedError(path, f"a number has no digits below 1E{FINEST_EXPONENT}")
    return decimal if decimal else Decimal(0)


def check_scale(value: float, scale: int, path: str) -> None:
    """MalformedError where two numbers of at most `scale` digits after the point may be the same float as `value`.

    All that round to a float lie within the distance to the next one; so where that is less than 10 to the -scale, it
    is one number at most. For a scale of 8 this ends at 2 to the 26th, some 67 million.
    """
    if math.isfinite(value) and math.ulp(value) >= 10**-scale:
        raise MalformedError(
            path,
            "numbers with a point are read as binary floats by a direct invocation, which cannot carry this one "
            "exactly: send it as text, or the whole request as text in `body`",
        )


def dumps(value: Value) -> str:
    """The one JSON form of `value`: keys in code point order, no spaces, numbers plain and without trailing zeros.

    Used wherever we write JSON, and what hashes are computed over: equal values have equal text, whatever DynamoDB,
    EventBridge or a client did to the spelling of a number in between.
    """
    parts: list[str] = []
    _write(value, parts)
    return "".join(parts)


def _write(value: Value, parts: list[str]) -> None:
    if isinstance(value, str):
        parts.append(value if isinstance(value, Encoded) else encode_basestring(value))
    elif isinstance(value, dict):
        mark = "{"
        for key in sorted(value):
            parts += (mark, encode_basestring(key), ":")
            _write(value[key], parts)
            mark = ","
        parts.append("}" if value else "{}")
    elif isinstance(value, list | tuple):
        mark = "["
        for each in value:
            parts.append(mark)
            _write(each, parts)
            mark = ","
        parts.append("]" if value else "[]")
    else:
        parts.append(_scalar(value))


def _scalar(value: Value) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal) and value.is_finite():
        return format(ARITHMETIC.normalize(value), "f") if value else "0"
    if isinstance(value, int):
        return str(value)
    raise TypeError(f"{type(value).__name__} {value!r:.20} has no exact JSON form")


def _digits_of(value: float, path: str) -> str:
    text = repr(value)
    mantissa = text.lstrip("-").split("e")[0].replace(".", "").strip("0")
    if len(mantissa) > FLOAT_DIGITS and mantissa.isdigit():
        raise MalformedError(
            path,
            f"more than {FLOAT_DIGITS} significant digits do not survive a direct invocation, where Lambda reads "
            "numbers as binary floats; send this request as text in `body`",
        )
    return text


def _text(value: str, path: str) -> str:
    if not _is_unicode(value):
        raise MalformedError(path, "not valid Unicode (a lone surrogate)")
    return value


def _is_unicode(value: str) -> bool:
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_holdable_number(value: Decimal) -> bool:
    try:
        return ARITHMETIC.normalize(value).is_finite()
    except DecimalException:
        return False


def _key(key: Any, path: str) -> str:
    if not isinstance(key, str) or not key:
        raise MalformedError(path, "a name in an object must be a non-empty text")
    if len(_text(key, path).encode()) > MAX_NAME_BYTES:
        raise MalformedError(path, f"a name in an object must not be longer than {MAX_NAME_BYTES} bytes")
    return key


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _unique(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the name {shortened(name)!r} stands twice in one object")
        found[name] = value
    return found
