"""What was kept, back again: a dataclass from its fields' values, and whether an object has the values it should."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from .command import MAX_SEQUENCE
from .values import check_holdable

T = TypeVar("T")
UNFOLDABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What folding raises where it begins with something that no fold has made."""
Read = Callable[[Any], Any]
"""A stored value to the field's; ValueError where it is none for the field."""


def restorer(cls: type[T], readers: Mapping[Any, Read] = MappingProxyType({})) -> Callable[[Any], T]:
    """What makes objects of a dataclass from objects of stored values, or raises ValueError.

    How a field is read follows from its type, so that none is left unchecked: a text, a count, or a further type that
    is among the `readers`. A field of a type that nobody knows how to check raises TypeError at once, when the class's
    module is loaded.
    """
    known = {**_READERS, **readers}
    types = get_type_hints(cls)
    reads = {field.name: _reader(types[field.name], known) for field in fields(cls)}  # type: ignore[arg-type]

    def restore(kept: Any) -> T:
        if not isinstance(kept, Mapping) or kept.keys() != reads.keys():
            raise ValueError(f"not the fields of {cls.__name__}")
        return cls(**{name: read(kept[name]) for name, read in reads.items()})

    return restore


@dataclass(frozen=True, slots=True)
class Shape:
    """Which attributes a kept object has, and what each of them must be. Others may be there: newer code knows why."""

    always: Mapping[str, Read]
    """Those that it has as soon as it has anything."""
    sometimes: Mapping[str, Read] = field(default_factory=dict)
    later: frozenset[str] = frozenset()
    """Those of `always` that older code did not write yet."""

    def damage(self, kept: Mapping[str, Any]) -> list[str]:
        """The attributes that are something else than what they are for, or nothing that JSON has, or not there."""
        missing = self.always.keys() - self.later - kept.keys()
        return sorted(missing | {name for name, value in kept.items() if not _passes(self._reader(name), value)})

    def is_whole(self, kept: Mapping[str, Any]) -> bool:
        """Whether nothing is damaged or missing, not even what older code did not know."""
        return not self.damage(kept) and self.always.keys() <= kept.keys()

    def _reader(self, name: str) -> Read:
        return self.always.get(name) or self.sometimes.get(name) or _anything


def _passes(read: Read, value: Any) -> bool:
    try:
        read(value)
    except ValueError:
        return False
    return True


def _anything(value: Any) -> Any:
    check_holdable(value, "it")
    return value


def _reader(kind: Any, known: Mapping[Any, Read]) -> Read:
    if get_origin(kind) is Literal:
        return one_of(get_args(kind))
    if get_origin(kind) is UnionType and len(get_args(kind)) == 2 and NoneType in get_args(kind):  # noqa: PLR2004
        (inner,) = (each for each in get_args(kind) if each is not NoneType)
        return optional(_reader(inner, known))
    if kind not in known:
        raise TypeError(f"how to check a stored {kind} is not known; add it to the readers")
    return known[kind]


def optional(read: Read) -> Read:
    """None, or what `read` takes."""
    return lambda value: None if value is None else read(value)


def one_of(allowed: tuple[Any, ...]) -> Read:
    """One of these texts, or ValueError."""

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
    if not 0 <= number <= MAX_SEQUENCE or number != int(number):  # the range first: int() of 1E+1000000 takes a minute
        raise ValueError("not a count")
    return int(number)


def flag(value: Any) -> bool:
    """True or false, or ValueError."""
    if not isinstance(value, bool):
        raise ValueError("neither true nor false")  # noqa: TRY004
    return value


_READERS: Mapping[Any, Read] = {str: text, int: counted, bool: flag}
