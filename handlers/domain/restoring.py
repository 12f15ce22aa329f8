"""A dataclass back from the values that it was kept as, if they are what its fields are for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from .values import check_holdable

T = TypeVar("T")
Read = Callable[[Any], Any]
"""A stored value to the field's; ValueError where it is none for the field."""


def restorer(cls: type[T]) -> Callable[[Any], T]:
    """What makes objects of a dataclass from objects of stored values, or raises ValueError.

    How a field is read follows from its type, so that none is left unchecked: a field of a type that nobody here knows
    how to check raises TypeError at once, when the class's module is loaded.
    """
    types = get_type_hints(cls)
    reads = {field.name: _reader(types[field.name]) for field in fields(cls)}  # type: ignore[arg-type]

    def restore(kept: Any) -> T:
        if not isinstance(kept, Mapping) or kept.keys() != reads.keys():
            raise ValueError(f"not the fields of {cls.__name__}")
        return cls(**{name: read(kept[name]) for name, read in reads.items()})

    return restore


def _reader(kind: Any) -> Read:
    if get_origin(kind) is Literal:
        return _one_of(get_args(kind))
    if get_origin(kind) is UnionType and len(get_args(kind)) == 2 and NoneType in get_args(kind):  # noqa: PLR2004
        (inner,) = (each for each in get_args(kind) if each is not NoneType)
        return _optional(_reader(inner))
    if kind not in _READERS:
        raise TypeError(f"how to check a stored {kind} is not known; add it here")
    return _READERS[kind]


def _optional(read: Read) -> Read:
    return lambda value: None if value is None else read(value)


def _one_of(allowed: tuple[Any, ...]) -> Read:
    def read(value: Any) -> Any:
        if not isinstance(value, str) or value not in allowed:
            raise ValueError(f"not one of {allowed}")
        return value

    return read


def text(value: Any) -> str:
    """A stored text, or ValueError."""
    if not isinstance(value, str):
        raise ValueError("not a text")  # noqa: TRY004 -- one error for whatever is wrong
    check_holdable(value, "it")
    return value


def amount(value: Any) -> Decimal:
    """A stored number, or ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("not a number")  # noqa: TRY004
    check_holdable(value, "it")
    return Decimal(value)


def counted(value: Any) -> int:
    """A stored whole number from 0 on, or ValueError."""
    number = amount(value)
    if not 0 <= number <= _MOST or number != int(number):  # the range first: int() of 1E+1000000 takes a minute
        raise ValueError("not a count")
    return int(number)


_MOST = 10**18
_READERS: Mapping[Any, Read] = {str: text, Decimal: amount, int: counted}
