"""Who calls AWS."""

from __future__ import annotations

from dataclasses import dataclass, field

from local.engine.api import ACCOUNT


@dataclass(frozen=True)
class Principal:
    """A caller as policies name it: `kind` is "AWS" or "Service", `also` is the role behind a session."""

    kind: str
    arn: str
    also: str = ""


ADMINISTRATOR = Principal("AWS", f"arn:aws:iam::{ACCOUNT}:root")
"""Whoever signs with credentials that no role session has: the person at the laptop."""

ANYBODY = Principal("Anonymous", "")
"""Whoever calls without a signature: let in where a policy lets everybody in, and of no account."""

ACCOUNT_NAMES = frozenset({ACCOUNT, ADMINISTRATOR.arn})
"""How a policy names the account, and with it everybody in it."""


@dataclass(frozen=True)
class Caller:
    """Who signed a request, as an API tells its functions: an ARN, and the unique id that belongs to it."""

    arn: str
    id: str


@dataclass(frozen=True)
class Session:
    """A session of a role: what a function acts in, and Lambda when it acts for the function."""

    role_arn: str
    name: str
    limited: bool = False
    """By a policy of the session's own."""
    role_id: str | None = None
    """The role that it is of, "" if there was none; None is whichever has the ARN."""
    home: str | None = field(default=None, compare=False)
    """The Region of the function that acts in it; None where it is not known of one."""

    @property
    def role(self) -> str:
        """The role's name."""
        return self.role_arn.rsplit("/", 1)[-1]

    @property
    def arn(self) -> str:
        return f"arn:aws:sts::{ACCOUNT}:assumed-role/{self.role}/{self.name}"

    @property
    def principal(self) -> Principal:
        return Principal("AWS", self.arn, self.role_arn)
