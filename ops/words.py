"""Numbers in words, as people say them."""

from __future__ import annotations


def counted(number: int, what: str) -> str:
    """So many of something: 1 letter, 2 letters."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def lasting(seconds: float) -> str:
    """So long, in the largest unit that fits."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
