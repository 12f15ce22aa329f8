"""What a domain is told by settings: one object, handed on whole, so that who asks for one more changes no signature.

Each setting goes by the name of the environment variable that the function has it in. A function hands on its own
environment (`handlers.settings`), an operator's command that of the deployed function.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class Settings(Protocol):
    """Raises what whoever hands it on raises, where there is no such setting."""

    def flag(self, name: str) -> bool:
        """What is on or off."""
        ...

    def number(self, name: str) -> int:
        """A whole number."""
        ...


@dataclass(frozen=True, slots=True)
class Given:
    """Settings in a mapping, spelled as an environment has them. KeyError, ValueError."""

    values: Mapping[str, str]

    def flag(self, name: str) -> bool:
        return {"true": True, "false": False}[self.values[name]]

    def number(self, name: str) -> int:
        return int(self.values[name])


class Whatever:
    """Everything on, and every number 1: for what no setting changes, such as names."""

    def flag(self, _: str) -> bool:
        return True

    def number(self, _: str) -> int:
        return 1


WHATEVER = Whatever()
