"""What a command must say beyond what an event may hold: `commands.json`, by event type and field.

A published schema never changes, and what older events say stays readable. So what is asked of new commands alone
stands beside the schemas: which texts must be of a kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from schemas.files import ROOT, Problem, Schema, Versions, newest, read_object
from schemas.keywords import types_of

FILE = "commands.json"
DATE_TIME = "date-time"
KINDS: Mapping[str, str] = {
    "currency": "in a command, a currency that accounts are opened in",
    DATE_TIME: "in a command, an ISO 8601 date and time with its offset",
}
"""The kinds of text that the handlers check, in the words of the catalog."""

Asked = Mapping[str, Mapping[str, str]]
"""By event type and field, the kind."""


def asked(root: Path = ROOT) -> Asked:
    """What the file says; nothing where there is none. ValueError where it holds no JSON object."""
    path = root / FILE
    return read_object(path.read_text("utf-8")) if path.exists() else {}


def problems_in_asked(kinds: Asked, schemas: Mapping[str, Versions]) -> Iterator[Problem]:
    """What is named there without being a text of the newest version, and times that are not named."""
    file = f"schemas/{FILE}"
    for event_type, fields in kinds.items():
        known = newest(schemas[event_type])["properties"] if event_type in schemas else {}
        for name, kind in fields.items():
            place = f"{event_type}.{name}"
            if kind not in KINDS:
                yield Problem(file, place, "kind", f"must be one of {', '.join(KINDS)}")
            if "string" not in types_of(known.get(name, {})):
                yield Problem(file, place, "field", "is no text in the newest version of this type")
    for event_type, versions in schemas.items():
        for name, schema in newest(versions)["properties"].items():
            if _is_time(schema) and kinds.get(event_type, {}).get(name) != DATE_TIME:
                yield Problem(file, f"{event_type}.{name}", "times", f"its examples are times: it must be {DATE_TIME}")


def _is_time(schema: Schema) -> bool:
    examples = schema.get("examples", ())
    return bool(examples) and all(isinstance(each, str) and _reads_as_time(each) for each in examples)


def _reads_as_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return re.match(r"\d{4}-", text) is not None
