"""The whole check of the schemas, as the tests, the command line and every preview run it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from schemas.compatibility import MODES, changes, problems_between
from schemas.files import PUBLISHED, ROOT, Problem, SchemaError, Versions, each_version, file_of, load, published
from schemas.vocabulary import problems_in


def checked(mode: str, root: Path = ROOT) -> dict[str, Versions]:
    """Every schema, or SchemaError with all that is wrong under this compatibility mode."""
    if mode not in MODES:
        raise ValueError(f"the compatibility mode must be one of {', '.join(MODES)}, not {mode!r}")
    schemas = readable(root)
    problems = [*_problems_since_published(schemas, published(root)), *problems_between(schemas, mode)]
    if problems:
        raise SchemaError(problems)
    return schemas


def readable(root: Path = ROOT) -> dict[str, Versions]:
    """Every schema, drafts too, each sound by itself. Raises SchemaError."""
    schemas = load(root)
    if problems := list(problems_in(schemas)):
        raise SchemaError(problems)
    return schemas


def publish(root: Path = ROOT) -> list[str]:
    """Record every version that is not recorded yet; the names of their files. What is recorded stays as it is."""
    recorded = published(root)
    record = {
        name: {str(version): recorded.get(name, {}).get(version, schema) for version, schema in versions.items()}
        for name, versions in load(root).items()
    }
    new = [
        file_of(name, version)
        for name, versions in record.items()
        for version in versions
        if int(version) not in recorded.get(name, {})
    ]
    (root / PUBLISHED).write_text(json.dumps(record, indent=1, ensure_ascii=False, default=float) + "\n", "utf-8")
    return new


def _problems_since_published(schemas: Mapping[str, Versions], then: Mapping[str, Versions]) -> Iterator[Problem]:
    for event_type, version, was in each_version(then):
        file = file_of(event_type, version)
        now = schemas.get(event_type, {}).get(version)
        if now is None:
            yield Problem(file, "", "published-stays", "was published and must stay: events of it are stored")
            continue
        for change in changes(was, now):
            text = f"{change.text}, but a published version never changes: add version {max(schemas[event_type]) + 1}"
            yield Problem(file, change.field, f"published-stays/{change.rule}", text)
    for event_type, version, _ in each_version(schemas):
        if version not in then.get(event_type, {}):
            text = "is not published yet: run `python -m schemas publish` once it is final"
            yield Problem(file_of(event_type, version), "", "published", text)
