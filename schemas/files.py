"""Reading the schema files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
STREAM = "x-stream"
"""The keyword that says in which kind of aggregate's streams the events of a type stand."""
INTERNAL = "x-internal"
"""The keyword of types, and of fields, that the ledger alone causes: they are refused to callers."""
PUBLISHED = "published.json"
"""Every version as it was published: what is in here never changes again."""

Schema = Mapping[str, Any]
"""A schema document; numbers with a point are Decimal."""
Versions = Mapping[int, Schema]


@dataclass(frozen=True)
class Problem:
    """Something wrong with a schema: which file, which field ("" for the whole), which rule, in words."""

    file: str
    field: str
    rule: str
    text: str

    def __str__(self) -> str:
        where = f"{self.file}: {self.field}" if self.field else self.file
        return f"{where}: {self.text} [{self.rule}]"


class SchemaError(ValueError):
    """The schemas cannot be used: every problem on a line, with schema, field and rule."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(["the event schemas cannot be used:", *(f"  {each}" for each in problems)]))
        self.problems = problems


def load(root: Path = ROOT) -> dict[str, Versions]:
    """Every schema by event type and version, in order. Raises SchemaError for what is no schema file at all."""
    problems: list[Problem] = []
    found: dict[str, Versions] = {}
    # Every folder but Python's own and hidden ones: one that is misnamed is told of, not passed over.
    for folder in sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith(("_", "."))):
        versions: dict[int, Schema] = {}
        for path in folder.iterdir():
            file = file_of(folder.name, path.stem)
            if not (path.stem.isascii() and path.stem.isdecimal()) or path.suffix != ".json":
                problems.append(Problem(file, "", "file-name", "must be a version number and .json"))
                continue
            try:
                versions[int(path.stem)] = read_object(path.read_text("utf-8"))
            except ValueError as error:
                problems.append(Problem(file, "", "json", f"is not a JSON object: {error}"))
        found[folder.name] = dict(sorted(versions.items()))
    if problems:
        raise SchemaError(problems)
    return found


def published(root: Path = ROOT) -> dict[str, Versions]:
    """The versions that were published, as they were then."""
    path = root / PUBLISHED
    if not path.exists():
        return {}
    recorded = read_object(path.read_text("utf-8"))
    return {name: {int(version): schema for version, schema in all_.items()} for name, all_ in recorded.items()}


def file_of(event_type: str, version: int | str) -> str:
    """The name of a schema's file in messages."""
    return f"schemas/{event_type}/{version}.json"


def each_version(schemas: Mapping[str, Versions]) -> Iterator[tuple[str, int, Schema]]:
    """Every (event type, version, schema)."""
    for event_type, versions in schemas.items():
        for version, schema in versions.items():
            yield event_type, version, schema


def streams(schemas: Mapping[str, Versions]) -> dict[str, str]:
    """By type whose events stand in streams, of which kind of aggregate these are; the others are only published."""
    return {name: newest(versions)[STREAM] for name, versions in schemas.items() if STREAM in newest(versions)}


def newest(versions: Versions) -> Schema:
    """The schema of the highest version."""
    return versions[max(versions)]


def text_of(schema: Schema) -> str:
    """The one JSON text of a schema, as it is registered and written."""
    return json.dumps(schema, indent=2, ensure_ascii=False, default=_number) + "\n"


def read_object(text: str) -> dict[str, Any]:
    """A JSON object; numbers with a point are Decimal. Raises ValueError."""
    value = json.loads(text, parse_float=Decimal)
    if not isinstance(value, dict):
        raise ValueError("another kind of JSON value")  # noqa: TRY004 - for the caller it is one kind of bad file
    return value


def _number(value: Any) -> float:
    if isinstance(value, Decimal) and Decimal(repr(float(value))) == value:
        return float(value)
    raise TypeError(f"{value!r} has no exact JSON form")
