"""Which route of an HTTP API a request takes: the most specific one, as API Gateway has it.

A full match of method and path comes before one with variables, that before a greedy variable (`{proxy+}`), and
`$default` comes last. A path that fits several routes of a kind takes the one whose fixed segments come first. Whether
a route of the method or one of ANY goes first is decided within the same path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")

DEFAULT = "$default"
METHODS = ("ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")

_KEY = re.compile(rf"({'|'.join(METHODS)}) (/\S*)")
_VARIABLE = re.compile(r"\{([A-Za-z0-9_.-]+)(\+?)\}")
_IN_SEGMENT = re.compile(r"[{}]")
_FIXED, _NAMED, _GREEDY = range(3)


class BadRouteKey(ValueError):  # noqa: N818 - reads as what it is
    """API Gateway refuses the key of the route."""


@dataclass(frozen=True)
class Match(Generic[T]):
    """`parameters` are the values of the path's variables, percent-decoded."""

    route: T
    parameters: Mapping[str, str]


def decoded(path: str) -> str:
    """A path as HTTP APIs match it and hand it on: decoded once, and cut off at a question mark that it then has.

    Not in AWS's documents, but measured by many: `a%2Fb` is two segments, and `a%3Fb` becomes `a`.
    """
    sent = path.encode("latin-1", "replace").decode("utf-8", "replace") if not path.isascii() else path
    return unquote(sent).partition("?")[0]


def check(key: str) -> None:
    """Raises: BadRouteKey."""
    if key == DEFAULT:
        return
    match = _KEY.fullmatch(key)
    if match is None:
        raise BadRouteKey(f"The route key {key} is neither $default nor a method and a path")
    names: set[str] = set()
    segments = match[2].split("/")[1:]
    for place, segment in enumerate(segments):
        variable = _VARIABLE.fullmatch(segment)
        if variable is None:
            if _IN_SEGMENT.search(segment):
                raise BadRouteKey(f"In {key} a variable is not a whole segment of the path")
            continue
        if variable[1] in names:
            raise BadRouteKey(f"In {key} the variable {variable[1]} is there twice")
        names.add(variable[1])
        if variable[2] and place != len(segments) - 1:
            raise BadRouteKey(f"In {key} a greedy variable is not the last segment")


def match(routes: Mapping[str, T], method: str, path: str) -> Match[T] | None:
    """Of the routes by their keys, the one that a request with this (decoded) path takes; None if none fits."""
    best: tuple[tuple[int, ...], str, dict[str, str]] | None = None
    segments = path.split("/")[1:]
    for key in routes:
        if key == DEFAULT or key.partition(" ")[0] not in {method, "ANY"}:
            continue
        fit = _fit(key, tuple(segments))
        if fit is not None and (best is None or fit[0] < best[0]):
            best = (fit[0], key, fit[1])
    if best is not None:
        return Match(routes[best[1]], best[2])
    return Match(routes[DEFAULT], {}) if DEFAULT in routes else None


def _fit(key: str, segments: tuple[str, ...]) -> tuple[tuple[int, ...], dict[str, str]] | None:
    """How specific the fit is (what is lower goes first), and the variables; None where it does not fit."""
    kinds, names = _parsed(key)
    greedy = bool(kinds) and kinds[-1] == _GREEDY
    if len(segments) < len(kinds) or (len(segments) > len(kinds) and not greedy):
        return None
    values: dict[str, str] = {}
    for place, (kind, name) in enumerate(zip(kinds, names, strict=True)):
        if kind == _GREEDY:
            values[name] = "/".join(segments[place:])
        elif kind == _NAMED:
            values[name] = segments[place]
        elif name != segments[place]:
            return None
        if kind != _FIXED and not values[name]:
            return None
    return (int(greedy), int(bool(values)), *kinds, int(key.startswith("ANY "))), values


@lru_cache(1024)
def _parsed(key: str) -> tuple[tuple[int, ...], tuple[str, ...]]:
    kinds, names = [], []
    for segment in key.partition(" ")[2].split("/")[1:]:
        variable = _VARIABLE.fullmatch(segment)
        kinds.append(_FIXED if variable is None else _GREEDY if variable[2] else _NAMED)
        names.append(segment if variable is None else variable[1])
    return tuple(kinds), tuple(names)
