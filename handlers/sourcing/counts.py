"""How many of something, as people say it. What is shipped has its own: it knows nothing of the command lines."""

from __future__ import annotations


def counted(number: int, what: str) -> str:
    """1 event, 2 events."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
