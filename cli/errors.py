"""What can go wrong, each with its exit code, and what to do about it."""

from __future__ import annotations

DONE = 0
FAILED = 1
"""Refused by the ledger, or not done."""
USAGE = 2
"""The command line makes no sense. Nothing was sent."""
SIGN_IN = 4
"""Somebody has to sign in first."""
INTERRUPTED = 130
"""Ended by Ctrl-C, as shells say it."""
CLOSED = 141
"""Nobody reads what is printed any more (`ledger … | head`), as shells say it."""


class CliError(Exception):
    """Said in one sentence; `hint` says what to do."""

    code = FAILED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(CliError):
    """Arguments that make no sense together. Nothing was sent."""

    code = USAGE


class SignInNeeded(CliError):  # noqa: N818 - reads as what happened
    """There is no token, or none that holds."""

    code = SIGN_IN


class Unreachable(CliError):  # noqa: N818 - reads as what happened
    """Nothing answers. Nothing was done."""


class Unanswered(CliError):  # noqa: N818 - reads as what happened
    """A request went out, and what became of it is unknown."""


class Refused(CliError):  # noqa: N818 - reads as what happened
    """The ledger's own answer: a status, a stable code, and perhaps the name of a rule, or the Region that decides."""

    def __init__(
        self, status: int, code: str, message: str, *, rule: str = "", region: str = "", hint: str = ""
    ) -> None:
        super().__init__(message, hint)
        self.status = status
        self.error = code
        self.rule = rule
        self.region = region
