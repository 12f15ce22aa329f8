"""Calls that may refuse what they are given, in one way only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from handlers.sourcing.errors import LedgerError, MalformedError, NotAnEventError

LONGEST_MESSAGE = 1_000
Refusal = type[Exception] | tuple[type[Exception], ...]


def attempt(
    tally: Counter[str], part: str, call: Callable[..., Any], *arguments: Any, refusal: Refusal = MalformedError
) -> Any:
    """What the call gives, None where it refuses by `refusal`. Counted under `part`."""
    tally[part] += 1
    try:
        return call(*arguments)
    except refusal as error:
        if isinstance(error, LedgerError):
            check_refusal(error)
        return None


def check_refusal(error: LedgerError) -> None:
    """It names what it is about, and is short."""
    if isinstance(error, NotAnEventError):
        assert error.problem
    else:
        assert error.details.keys() & {"field", "rule"}
    assert len(error.message) < LONGEST_MESSAGE
