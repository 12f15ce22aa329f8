"""What is called after the project and the stack, and how long AWS lets it be."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
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

    def too_long(self) -> list[str]:
        """A complaint about each name that AWS would not take."""
        named = [(field.name, getattr(self, field.name)) for field in fields(self)]
        return [
            f"the {what} would be called {name!r}, {len(name)} characters; AWS takes {LONGEST[what]}"
            for what, name in named
            if len(name) > LONGEST[what]
        ]


SIGN_IN_PREFIX = re.compile(r"(?!.*(?:aws|amazon|cognito))[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
"""What Cognito takes as the first label of a host of sign-in pages, which no other user pool of the Region has."""
_ACCOUNT_ID_LENGTH = 12


def sign_in_prefix(project: str, stack: str) -> str:
    """What the sign-in pages' host begins with; the account's number follows, since the name must be unique."""
    return f"{project}-{stack}-".lower().replace("_", "-")


def is_sign_in_prefix(prefix: str) -> bool:
    """Whether Cognito takes it, with the account's number behind it."""
    return SIGN_IN_PREFIX.fullmatch(prefix + "0" * _ACCOUNT_ID_LENGTH) is not None
