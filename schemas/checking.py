"""The whole check of the schemas, as the tests, the command line and every preview run it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from schemas.asked import asked, problems_in_asked
from schemas.compatibility import DEFAULT_MODE, MODES, changes, problems_between
from schemas.currencies import currencies, problems_in_currencies
from schemas.files import PUBLISHED, ROOT, Problem, SchemaError, Versions, each_version, file_of, load, published
from schemas.processes import pokes, problems_in_pokes
from schemas.vocabulary import problems_in


def checked(mode: str, root: Path = ROOT, *, take_drafts: bool = False) -> dict[str, Versions]:
    """Every schema, or SchemaError with all that is wrong under this compatibility mode.

    A draft is wrong, too, unless whoever asks takes drafts: nobody keeps what is stored there.
    """
    schemas, recorded = readable(root), published(root)
    unpublished = [] if take_drafts else [_unpublished(file) for file in _drafts(schemas, recorded)]
    _refuse([*_broken(schemas, recorded, mode), *unpublished])
    return schemas


def drafts(root: Path = ROOT) -> list[str]:
    """The files of the versions that are not published yet. Raises SchemaError."""
    return list(_drafts(load(root), published(root)))


def readable(root: Path = ROOT) -> dict[str, Versions]:
    """Every schema, drafts too, each sound by itself. Raises SchemaError."""
    schemas = load(root)
    _refuse(list(problems_in(schemas)))
    _refuse([*problems_in_asked(asked(root), schemas), *problems_in_currencies(currencies(root))])
    _refuse(list(problems_in_pokes(pokes(root), schemas)))
    return schemas


def publish(root: Path = ROOT, mode: str = DEFAULT_MODE) -> list[str]:
    """Record every version that is not recorded yet; the names of their files. What is recorded stays as it is.

    Raises SchemaError, with nothing recorded, for whatever `checked` would not take afterwards.
    """
    schemas, recorded = readable(root), published(root)
    _refuse(list(_broken(schemas, recorded, mode)))
    record = {
        name: {str(version): recorded.get(name, {}).get(version, schema) for version, schema in versions.items()}
        for name, versions in schemas.items()
    }
    new = [
        file_of(name, version)
        for name, versions in record.items()
        for version in versions
        if int(version) not in recorded.get(name, {})
    ]
    (root / PUBLISHED).write_text(json.dumps(record, indent=1, ensure_ascii=False, default=float) + "\n", "utf-8")
    return new


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise SchemaError(problems)


def _broken(schemas: Mapping[str, Versions], recorded: Mapping[str, Versions], mode: str) -> Iterator[Problem]:
    """What no publishing mends: changes of what was published, and versions that break others."""
    if mode not in MODES:
        raise ValueError(f"the compatibility mode must be one of {', '.join(MODES)}, not {mode!r}")
    for event_type, version, was in each_version(recorded):
        file = file_of(event_type, version)
        now = schemas.get(event_type, {}).get(version)
        if now is None:
            yield Problem(file, "", "published-stays", "was published and must stay: events of it are stored")
            continue
        for change in changes(was, now):
            text = f"{change.text}, but a published version never changes: add version {max(schemas[event_type]) + 1}"
            yield Problem(file, change.field, f"published-stays/{change.rule}", text)
    yield from problems_between(schemas, mode)


def _drafts(schemas: Mapping[str, Versions], recorded: Mapping[str, Versions]) -> Iterator[str]:
    for event_type, version, _ in each_version(schemas):
        if version not in recorded.get(event_type, {}):
            yield file_of(event_type, version)


def _unpublished(file: str) -> Problem:
    text = "is a draft, which only a stack with draftEvents takes: run `python -m schemas publish` once it is final"
    return Problem(file, "", "published", text)
