"""What is done about an event that was acknowledged in one Region and lost to another's."""

from __future__ import annotations

from enum import StrEnum


class Settling(StrEnum):
    """What becomes of what was asked by a lost event; declared by type, in the domain."""

    REAPPLY = "reapply"
    """It is decided again, and nothing should speak against it: a refusal is a surprise."""
    REDECIDE = "redecide"
    """It is decided again; where that is refused by now, a person has to see to it."""
    MANUAL = "manual"
    """A person decides. Nothing of the same aggregate behind it is decided before: it might rest on it."""
