"""What a service has accepted and not seen through: where it is kept, if it is to outlive the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Pending(Protocol):
    """Work of several kinds, in the order in which it was accepted. `content` makes text of it,
    which nobody needs to do where nothing is kept."""

    def add(self, kind: str, content: Callable[[], str]) -> int:
        """Keeps the work, and returns the place by which it is known."""

    def change(self, place: int, content: Callable[[], str]) -> None:
        """It has come further, and is not done yet."""

    def done(self, place: int) -> None:
        """It was seen through, or given up."""

    def of(self, kind: str) -> Sequence[tuple[int, str]]:
        """All places and contents of that kind that an earlier engine left behind."""


class NothingPending:
    """Keeps nothing: what an engine in memory has not done by its end is gone with the rest."""

    def add(self, kind: str, content: Callable[[], str]) -> int:
        del kind, content
        return 0

    def change(self, place: int, content: Callable[[], str]) -> None:
        """Kept nowhere."""

    def done(self, place: int) -> None:
        """Kept nowhere."""

    def of(self, kind: str) -> Sequence[tuple[int, str]]:
        del kind
        return ()
