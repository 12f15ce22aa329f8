"""What is called after the project and the stack, and how long AWS lets it be."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

LONGEST = {"dashboard": 255, "layer": 140, "registry": 255}
"""Characters that AWS takes, by field of Names."""


@dataclass(frozen=True)
class Names:
    """The composed names; all others have a prefix of the program's and letters of Pulumi's behind it."""

    dashboard: str
    layer: str
    registry: str

    @classmethod
    def of(cls, project: str, stack: str) -> Self:
        both = f"{project}-{stack}"
        return cls(dashboard=both, layer=f"{both}-handlers", registry=f"{both}-events")

    def beside(self, region: str) -> Self:
        """Those of another Region: dashboards are the account's, whatever Region they were made in."""
        return replace(self, dashboard=f"{self.dashboard}-{region}")

    def too_long(self) -> list[str]:
        """A complaint about each name that AWS would not take."""
        named = [(field.name, getattr(self, field.name)) for field in fields(self)]
        return [
            f"the {what} would be called {name!r}, {len(name)} characters; AWS takes {LONGEST[what]}"
            for what, name in named
            if len(name) > LONGEST[what]
        ]
