"""Which events are brought to the processes."""

from __future__ import annotations

import json
from pathlib import Path

from handlers.domain import PROCESS
from schemas.files import load, streams
from schemas.processes import FILE, pokes, problems_in_pokes
from tests.domain.examples import told


def test_every_event_that_is_brought_concerns_a_process() -> None:
    assert all(PROCESS.concerned(event) for event in (event for name in pokes() for event in told(name)))


def test_without_the_file_there_are_none(tmp_path: Path) -> None:
    assert pokes(tmp_path) == ()
    (tmp_path / FILE).write_text(json.dumps({"pokes": ["NobodysType"]}), "utf-8")
    assert pokes(tmp_path) == ("NobodysType",)


def test_what_stands_in_no_stream_is_a_mistake() -> None:
    schemas = load()
    known = next(iter(streams(schemas)))

    found = problems_in_pokes((known, "NobodysType", "CommandRejected"), schemas)

    assert [(each.file, each.field) for each in found] == [
        ("schemas/processes.json", "NobodysType"),
        ("schemas/processes.json", "CommandRejected"),
    ]
