"""What a function is told by its environment variables; all of them are read while it is loaded."""

from __future__ import annotations

import os
import re

from .failure import InvocationError

FUNCTIONS, DOMAIN = "stack/functions.py", "stack/domain.py"
"""Where the program says what a function is told, and what the domain is, in whatever function."""
_WHOLE = re.compile(r"-?[0-9]+")
"""Python reads more as a whole number: 1_0, and the digits of every script."""


def setting(name: str, place: str = FUNCTIONS) -> str:
    """An environment variable of the function. InvocationError where it is missing or empty, which says who sets it."""
    value = os.environ.get(name)
    if not value:
        raise _misconfigured(name, "is missing or empty", place)
    return value


def optional(name: str) -> str | None:
    """One that a function may be told; None where it is not."""
    return os.environ.get(name) or None


def number(name: str, place: str = FUNCTIONS) -> int:
    """One that holds a whole number. InvocationError where it does not."""
    value = setting(name, place)
    if not _WHOLE.fullmatch(value):
        raise _misconfigured(name, f"is no whole number but {value!r}", place)
    return int(value)


def flag(name: str, place: str = FUNCTIONS) -> bool:
    """One that is `true` or `false`. InvocationError where it is neither."""
    value = setting(name, place)
    if value not in ("true", "false"):
        raise _misconfigured(name, f"is neither true nor false but {value!r}", place)
    return value == "true"


class Environment:
    """The function's settings, to the domain, which knows of no environment."""

    def flag(self, name: str) -> bool:
        return flag(name, DOMAIN)

    def number(self, name: str) -> int:
        return number(name, DOMAIN)


ENVIRONMENT = Environment()


def _misconfigured(name: str, problem: str, place: str) -> InvocationError:
    return InvocationError(
        "Misconfigured",
        f"the function's environment variable {name} {problem}; the Pulumi program sets it: `pulumi up --refresh` "
        f"sets it again, or read the environment of this function in {place}",
    )
