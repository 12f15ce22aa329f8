"""The values of items: each of exactly one datatype, with a content of that datatype which DynamoDB has room for."""

from __future__ import annotations

import re
from binascii import Error as NotBase64
from binascii import a2b_base64
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from local.engine.api import ApiError

MAX_DIGITS, LARGEST, SMALLEST = 38, Decimal("9.9999999999999999999999999999999999999E+125"), Decimal("1E-130")
"""Of a number: its digits without zeros around them, and its size."""

_ONE_KIND = "must contain exactly one of the supported datatypes"
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
"""What is written as a number. Python reads more as one: 1_0, and the digits of every script."""
_JSON = {str: "STRING", int: "NUMBER", float: "NUMBER", bool: "BOOLEAN", list: "LIST", dict: "MAP", type(None): "NULL"}


def check(value: Any) -> None:
    """Raises: ApiError for what is no attribute value."""
    if type(value) is not dict:
        raise wrong(value, "AttributeValue")
    if len(value) != 1:
        raise _invalid(f"Supplied AttributeValue {_has_more(value)}, {_ONE_KIND}")
    ((kind, content),) = value.items()
    if kind == "S" and type(content) is str:  # most are
        return
    checked = _KINDS.get(kind)
    if checked is None or content is None:
        raise _invalid(f"Supplied AttributeValue is empty, {_ONE_KIND}")
    checked(content)


def number(text: str) -> Decimal:
    """Raises: ApiError for what DynamoDB has no room for, and for what is no number."""
    if not _NUMBER.fullmatch(text):
        raise _invalid(f"The parameter cannot be converted to a numeric value: {text}")
    try:
        found = Decimal(text)
    except InvalidOperation as error:  # its exponent has twenty digits
        raise _beyond() from error
    digits = "".join(map(str, found.as_tuple().digits)).strip("0")
    if len(digits) > MAX_DIGITS:
        raise _invalid("Attempting to store more than 38 significant digits in a Number")
    if found and not SMALLEST <= found.copy_abs() <= LARGEST:
        raise _beyond()
    return found


def blob(value: Any) -> None:
    """Raises: ApiError for what is no base64."""
    try:
        a2b_base64(_text(value), strict_mode=True)
    except (NotBase64, ValueError) as error:
        raise ApiError("SerializationException", "a blob is not written in base64") from error


def wrong(value: Any, wanted: str) -> ApiError:
    """For a part of a call that is of another type than its description says."""
    return ApiError("SerializationException", f"{_JSON[type(value)]}_VALUE can not be converted to {wanted}")


def _has_more(value: Mapping[str, Any]) -> str:
    return "has more than one datatypes set" if value else "is empty"


def _text(value: Any) -> str:
    if type(value) is not str:
        raise wrong(value, "String")
    return value


def _numeric(value: Any) -> None:
    text = _text(value)
    if len(text) > MAX_DIGITS or not (text.isascii() and text.isdigit()):  # most are a few digits
        number(text)


def _boolean(value: Any) -> None:
    if type(value) is not bool:
        raise wrong(value, "Boolean")


def _list(value: Any) -> None:
    if type(value) is not list:
        raise wrong(value, "List")
    for each in value:
        check(each)


def _map(value: Any) -> None:
    if type(value) is not dict:
        raise wrong(value, "Map")
    for each in value.values():
        check(each)


def _set_of(element: Callable[[Any], object], same: Callable[[str], Any]) -> Callable[[Any], None]:
    def checked(value: Any) -> None:
        if type(value) is not list:
            raise wrong(value, "Set")
        for each in value:
            element(each)
        if len(set(map(same, value))) < len(value):
            raise _invalid("One or more parameter values were invalid: Input collection contains duplicates")

    return checked


def _invalid(reason: str) -> ApiError:
    return ApiError("ValidationException", reason)


def _beyond() -> ApiError:
    return _invalid("Number overflow or underflow: its magnitude is beyond the supported range")


_KINDS: Mapping[str, Callable[[Any], Any]] = {
    "S": _text,
    "N": _numeric,
    "B": blob,
    "BOOL": _boolean,
    "NULL": _boolean,
    "L": _list,
    "M": _map,
    "SS": _set_of(_text, str),
    "NS": _set_of(_numeric, number),
    "BS": _set_of(blob, a2b_base64),
}
