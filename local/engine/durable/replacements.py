"""Methods of moto's classes that something takes the place of while an engine runs."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Replacements:
    """Put in place one after the other, taken back all at once."""

    def __init__(self) -> None:
        self._undo = ExitStack()

    def replace(self, owner: type, name: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        """From here on `make(what was there)` is there."""
        before = getattr(owner, name)
        setattr(owner, name, make(before))
        self._undo.callback(setattr, owner, name, before)

    def undo(self) -> None:
        self._undo.close()
