"""The first draft of a new event type, or of the next version of one that there is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from schemas.files import Versions, newest, streams, text_of
from schemas.generation import PROJECT
from schemas.vocabulary import DRAFT

ACCOUNTS = "account"
"""The kind of aggregate that a new type is of where nobody says."""
ACCOUNT = Path("handlers", "domain", "account.py")
UPCASTERS = Path("handlers", "domain", "upcasters.py")
_HUMPS = re.compile(r"(?<!^)(?=[A-Z])")


class ScaffoldError(ValueError):
    """There is no place for the draft: says where it was looked for."""


EVENT_TYPE_RULE = "an event type is up to 100 letters and digits, the first a capital: AccountFrozen"


def is_event_type(text: str) -> bool:
    """Whether a text can be the name of an event type, and of the classes and files that are made for it."""
    return re.fullmatch("[A-Z][A-Za-z0-9]{0,99}", text) is not None


def new(
    event_type: str, schemas: Mapping[str, Versions], project: Path = PROJECT, stream: str = ACCOUNTS
) -> list[Path]:
    """Write the drafts; the files written. Raises ScaffoldError with nothing written.

    Of a new type of another kind than the account the schema alone: its rules stand where that kind's are.
    """
    if not is_event_type(event_type):
        raise ScaffoldError(f"{event_type!r}: {EVENT_TYPE_RULE}")
    if event_type in schemas:
        if stream not in (ACCOUNTS, streams(schemas).get(event_type)):
            raise ScaffoldError(f"{event_type} is there, and of no stream {stream}: a type never changes its stream")
        drafts = _next_version(event_type, schemas, project)
    elif stream == ACCOUNTS:
        drafts = _new_type(event_type, project)
    else:
        drafts = {_first_version(event_type): text_of(_schema(event_type, stream, _REASON))}
    for path, text in drafts.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text, "utf-8")
    return list(drafts)


def _new_type(event_type: str, project: Path) -> dict[Path, str]:
    name = _HUMPS.sub("_", event_type).lower()
    words = _HUMPS.sub(" ", event_type).lower()
    account = (project / ACCOUNT).read_text("utf-8")
    # In parentheses, over several lines, once there are many.
    imports = re.search(r"from \.generated\.classes import (\([\w,\s]+\)|[\w, ]+)\n", account)
    if imports is None:
        raise ScaffoldError(f"{ACCOUNT} imports no generated classes")
    known = ", ".join(sorted({*re.findall(r"\w+", imports[1]), event_type}))
    account = account.replace(imports[0], f"from .generated.classes import {known}\n")
    case = f"        case {event_type}():\n            return account  # what follows from it for the state\n"
    account = _before(account, "        case _:\n            return account\n", case)
    rule = f"def _{name}(account: Account, _: {event_type}) -> None:\n    _require_active(account)\n\n\n"
    account = _before(account, "def _require_active(", rule)
    entry = f'"{event_type}": _{name}'
    account = _replaced(account, r'("AccountClosed": _close[^}]*?),?\s*\}', lambda found: f"{found[1]}, {entry}}}")
    schema = _schema(event_type, ACCOUNTS, {**_ACCOUNT_ID, **_REASON})
    return {
        _first_version(event_type): text_of(schema),
        ACCOUNT: account,
        Path("tests", "domain", f"test_{name}.py"): _TEST.format(event_type=event_type, name=name, words=words),
    }


def _first_version(event_type: str) -> Path:
    return Path("schemas", event_type, "1.json")


def _schema(event_type: str, stream: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    words = _HUMPS.sub(" ", event_type).lower()
    return {
        "$schema": DRAFT,
        "title": event_type,
        "description": f"{words.capitalize()}: say what happened.",
        "type": "object",
        "x-stream": stream,
        "required": [],
        "properties": dict(properties),
        "additionalProperties": True,
        "examples": [{"reason": "on request"}],
    }


def _next_version(event_type: str, schemas: Mapping[str, Versions], project: Path) -> dict[Path, str]:
    last = max(schemas[event_type])
    draft = {Path("schemas", event_type, f"{last + 1}.json"): text_of(newest(schemas[event_type]))}
    if event_type not in streams(schemas):
        return draft  # nothing stores it, so that no older one is ever read
    step = f"_{_HUMPS.sub('_', event_type).lower()}_{last}"
    upcasters = (project / UPCASTERS).read_text("utf-8")
    # Sound as it is where the new version reads the older one: `facts` leaves out what does not fit, checks the rest.
    function = (
        f'def {step}(data: Data) -> Data:\n    """What version {last + 1} says of older events."""\n    return data\n'
    )
    upcasters = _before(upcasters, "UPCASTERS: Mapping[", function + "\n\n")
    upcasters = _replaced(
        upcasters,
        r"(MappingProxyType\(\s*\{[^}]*?),?\s*\}",
        lambda found: f'{found[1]}, ("{event_type}", {last}): {step}}}',
    )
    return {**draft, UPCASTERS: upcasters}


def _before(text: str, mark: str, inserted: str) -> str:
    if text.count(mark) != 1:
        raise ScaffoldError(f"the line {mark.strip()!r} must stand once in the file, not {text.count(mark)} times")
    return text.replace(mark, inserted + mark)


def _replaced(text: str, pattern: str, replacement: object) -> str:
    text, found = re.subn(pattern, replacement, text, count=1)  # type: ignore[call-overload]
    if not found:
        raise ScaffoldError(f"nothing in the file looks like {pattern}")
    return str(text)


_ACCOUNT_ID = {
    "accountId": {
        "description": "The account, where it is repeated in the data: the event's AggregateId.",
        "type": "string",
        "minLength": 1,
        "maxLength": 256,
        "x-max-bytes": 256,
        "examples": ["account-123"],
    }
}
_REASON = {"reason": {"description": "Why it happened.", "type": ["string", "null"], "examples": ["on request"]}}
_TEST = '''"""{event_type}: when it may happen, and what follows."""

import pytest

from handlers.domain import decide
from handlers.domain.account import Account
from handlers.sourcing.errors import RuleBrokenError

from .builders import command, create, run


def test_{name}_happens_to_an_active_account() -> None:
    _, events = run(create(), command("{event_type}", reason="on request"))

    assert events[1].data["reason"] == "on request"


def test_{name}_needs_an_account() -> None:
    with pytest.raises(RuleBrokenError):
        decide(Account(), command("{event_type}"))
'''
