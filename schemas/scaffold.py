"""The first draft of a new event type, or of the next version of one that there is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from schemas.files import Versions, newest, streams, text_of
from schemas.generation import PROJECT
from schemas.vocabulary import DRAFT

DOMAIN = Path("handlers", "domain")
UPCASTERS = DOMAIN / "upcasters.py"
_NEAR = 0.75
"""So like another name is one that was misspelt."""
_HUMPS = re.compile(r"(?<!^)(?=[A-Z])")


class ScaffoldError(ValueError):
    """There is no place for the draft: says where it was looked for."""


EVENT_TYPE_RULE = "an event type is up to 100 letters and digits, the first a capital: AccountFrozen"


def is_event_type(text: str) -> bool:
    """Whether a text can be the name of an event type, and of the classes and files that are made for it."""
    return re.fullmatch("[A-Z][A-Za-z0-9]{0,99}", text) is not None


def new(
    event_type: str, schemas: Mapping[str, Versions], project: Path = PROJECT, stream: str | None = None
) -> list[Path]:
    """Write the drafts; the files written. Raises ScaffoldError with nothing written.

    A new type is of the kind `stream`, or of the one that its name begins with. Of a kind that there is no module of
    yet, or whose module has no tables of rules and of what follows, it is the schema alone.
    """
    if not is_event_type(event_type):
        raise ScaffoldError(f"{event_type!r}: {EVENT_TYPE_RULE}")
    if event_type in schemas:
        if stream not in (None, streams(schemas).get(event_type)):
            raise ScaffoldError(f"{event_type} is there, and of no stream {stream}: a type never changes its stream")
        drafts = _next_version(event_type, schemas, project)
    else:
        drafts = _new_type(event_type, _said(stream, schemas) or _kind_of(event_type, schemas), schemas, project)
    for path, text in drafts.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text, "utf-8")
    return list(drafts)


def _said(stream: str | None, schemas: Mapping[str, Versions]) -> str | None:
    """The kind that is asked for: one that there is, or a new one of another name than any that there is."""
    kinds = {*streams(schemas).values()}
    if stream and stream not in kinds and (near := get_close_matches(stream.lower(), kinds, 1, _NEAR)):
        raise ScaffoldError(f"--stream {stream} is no kind that there is, and nearly one: is it {near[0]}?")
    return stream


def _kind_of(event_type: str, schemas: Mapping[str, Versions]) -> str:
    kinds = sorted({*streams(schemas).values()})
    meant = [kind for kind in kinds if event_type.lower().startswith(kind)]
    if not meant:
        raise ScaffoldError(f"{event_type}: say of which kind it is, such as --stream {' or --stream '.join(kinds)}")
    return max(meant, key=len)


def _new_type(event_type: str, stream: str, schemas: Mapping[str, Versions], project: Path) -> dict[Path, str]:
    of_kind = [newest(schemas[name])["properties"] for name, kind in streams(schemas).items() if kind == stream]
    common = {
        name: each for name, each in (of_kind or [{}])[0].items() if all(other.get(name) == each for other in of_kind)
    }
    drafts = {_first_version(event_type): text_of(_schema(event_type, stream, {**common, **_REASON}))}
    module = DOMAIN / f"{stream}.py"
    if not (project / module).exists():
        return drafts
    code = (project / module).read_text("utf-8")
    follows = re.search(r"^_FOLLOWS: ByFact\[(\w+), \1(, Event)?\]", code, re.MULTILINE)
    # In parentheses, over several lines, once there are many.
    imports = re.search(r"from \.generated\.classes import (\([\w,\s]+\)|[\w, ]+)\n", code)
    if follows is None or imports is None or "\n_RULES: ByFact[" not in code:
        return drafts
    name = _HUMPS.sub("_", event_type).lower()
    known = ", ".join(sorted({*re.findall(r"\w+", imports[1]), event_type}))
    code = code.replace(imports[0], f"from .generated.classes import {known}\n")
    stub = _STUB.format(
        event_type=event_type,
        name=name,
        kind=stream,
        state=follows[1],
        rule=f"\n    _require_active({stream})" if "\ndef _require_active(" in code else "",
        event=", __: Event" if follows[2] else "",
    )
    test = _TEST.format(event_type=event_type, name=name, kind=stream, an="an" if stream[0] in "aeiou" else "a")
    return {
        **drafts,
        module: _before(code, "\nKIND = Kind(", stub),
        Path("tests", "domain", f"test_{name}.py"): test,
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


_REASON = {"reason": {"description": "Why it happened.", "type": ["string", "null"], "examples": ["on request"]}}
_STUB = '''

@_RULES.on({event_type})
def _{name}({kind}: {state}, _: {event_type}) -> None:
    """Say what forbids it."""{rule}


@_FOLLOWS.on({event_type})
def _after_{name}({kind}: {state}, _: {event_type}{event}) -> {state}:
    """Say what follows from it."""
    return {kind}

'''
_TEST = '''"""{event_type}: when it may happen, and what follows. A draft: it fails until both are written."""

import pytest

from handlers.sourcing.errors import RuleBrokenError

from .examples import opened, taken


def test_{name}_happens_and_something_follows() -> None:
    before = opened("{kind}")

    after = taken(before, "{event_type}", reason="on request")

    assert after != before, "say what follows from it, and here what that is"


def test_{name}_happens_once() -> None:
    after = taken(opened("{kind}"), "{event_type}", reason="on request")

    with pytest.raises(RuleBrokenError):  # or say what else forbids it
        taken(after, "{event_type}", reason="on request")


def test_{name}_needs_{an}_{kind}() -> None:
    with pytest.raises(RuleBrokenError):
        taken(None, "{event_type}", reason="on request")
'''
