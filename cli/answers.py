"""Answers of the ledger that are no success, as errors that say what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from cli import exact_json
from cli.errors import CliError, Refused, SignInNeeded
from cli.shown import printable

Kind = TypeVar("Kind")
RULES = {
    "account-active": "Open it first (`ledger account open {id}`); one that is closed stays closed.",
    "account-created-once": "Take another id, or use the account that is there: `ledger account show {id}`.",
    "account-currency": "See the account's currency: `ledger account show {id}`.",
    "aggregate-kind": "The id belongs to something else: take another one.",
    "amount-scale": "Say the amount with fewer digits after the point.",
    "amount-sign": "A deposit and a withdrawal are both said as a positive amount.",
    "approval-needed": "Nothing is to be done: it goes on without approval.",
    "reservation": "Money is set aside: wait for the transfers, or cancel them: `ledger transfer list --account {id}`.",
    "reservations-limit": "Wait until some transfers have ended: `ledger transfer list --account {id}`.",
    "second-person": "Somebody else has to, by a profile of theirs: `ledger transfer approve {id} --profile NAME`.",
    "sufficient-funds": "See what is there: `ledger account show {id}`.",
    "transfer-deadline": "Say a --deadline that lies ahead, within 30 days.",
    "transfer-requested-once": "Take another --id, or see the transfer that is there: `ledger transfer show {id}`.",
    "transfer-status": "See how far it has come: `ledger transfer show {id}`.",
    "zero-balance": "Withdraw what is left, or pay in what is owed: `ledger account show {id}`.",
}
"""What to do about each rule of the ledger. `{id}` is what the command was about."""
_CODES = {
    "CommandReused": "Under this --id another command was sent before: take another --id.",
    "Contention": "Nothing was stored: send it again.",
    "ClockSkew": "Nothing was stored: send it again, and tell the operator if it stays so.",
    "NotHome": "Another Region decides now. Ask the operator which one, and say --region, and the same --id.",
    "NotFound": "Check the id. What was written just now may take a moment to show.",
    "OutOfTime": "Nothing was stored: ask for less, or send it again.",
    "SequenceConflict": "It has changed since: look at it again, and decide anew.",
    "TooLarge": "Say it in fewer words.",
    "Unsettled": "Nothing was stored: send it again in a minute.",
}
_OK, _UNAUTHORIZED, _FORBIDDEN, _BUSY, _FAULT = 200, 401, 403, 429, 500


def body_of(status: int, text: bytes | str, hint: str = "") -> dict[str, Any]:
    """An answer's body. Raises: CliError for what is no success; `hint` is what helps where nobody knows better."""
    try:
        body = exact_json.loads(text)
    except ValueError:
        body = None
    if status == _OK and isinstance(body, dict):
        return body
    raise error_of(status, body, hint)


def member(body: Any, name: str, kind: type[Kind]) -> Kind:
    """What an answer must have. Raises: CliError where something else than the ledger has answered."""
    found = body.get(name) if isinstance(body, Mapping) else None
    if not isinstance(found, kind):
        raise _not_a_ledger(name)
    return found


def entries(body: Any, name: str) -> list[dict[str, Any]]:
    """The records of a page. Raises: CliError as `member` does."""
    found: list[Any] = member(body, name, list)
    if not all(isinstance(each, dict) for each in found):
        raise _not_a_ledger(name)
    return found


def _not_a_ledger(name: str) -> CliError:
    message = f"the answer has no {name!r} as a ledger's has: something else answers there"
    return CliError(message, "Which ledger that is: ledger whoami")


def error_of(status: int, body: Any, hint: str = "") -> CliError:
    """The error that an answer is."""
    if status == _OK:
        return CliError("the answer is no JSON object: something else than the ledger answers there", hint)
    error = body.get("error") if isinstance(body, Mapping) else None
    if isinstance(error, Mapping) and isinstance(error.get("code"), str):
        return _told(status, error, hint)
    if status == _UNAUTHORIZED:
        return SignInNeeded("the API does not take the token", "Sign in: ledger login")
    if status == _FORBIDDEN:
        return Refused(
            status,
            "Forbidden",
            "you are signed in, but may not do this",
            hint="What you may: `ledger whoami`. An operator gives the groups ledger-readers, -writers and -operators; "
            "then sign in again.",
        )
    if status == _BUSY:
        return Refused(status, "TooManyRequests", "the API is busy", hint="Nothing was done: wait, and send it again.")
    message = body.get("message") if isinstance(body, Mapping) else None
    said = f": {printable(str(message))}" if message else ""
    return Refused(status, f"HTTP {status}", f"the API answered {status}{said}", hint=hint if status >= _FAULT else "")


def _told(status: int, error: Mapping[str, Any], hint: str) -> Refused:
    code, details = str(error["code"]), error.get("details")
    details = details if isinstance(details, Mapping) else {}
    rule = details.get("rule")
    rule = rule if isinstance(rule, str) else ""
    region = details.get("region") if code == "NotHome" else None
    region = region if isinstance(region, str) else ""
    hint = RULES.get(rule) or _CODES.get(code) or (hint if status >= _FAULT else "")
    return Refused(status, code, _message(error, details), rule=rule, region=region, hint=hint)


def _message(error: Mapping[str, Any], details: Mapping[str, Any]) -> str:
    """The message; where it names one of several faults, all of them."""
    violations = details.get("violations")
    if isinstance(violations, list) and len(violations) > 1:
        return "; ".join(_violation(each) for each in violations)
    return printable(str(error.get("message", "")))


def _violation(violation: Any) -> str:
    if not isinstance(violation, Mapping):
        return printable(str(violation))
    return printable(f"{violation.get('path', '')} {violation.get('message', '')}".strip())
