"""What is no business holds no name of it, so that it need not change with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from handlers.domain import EVENT_TYPES, KINDS
from handlers.sourcing.told import WHATEVER

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("room", ["handlers/sourcing", "handlers/store", "ops", "components", "local/engine"])
def test_what_is_no_business_names_no_event_and_no_row_of_a_kind(room: str) -> None:
    projections = KINDS.projections(WHATEVER)
    kept = {entries.name for each in projections if (entries := each.entries)}
    names = {*EVENT_TYPES, *(each.name for each in projections), *kept}

    files = sorted((PROJECT / room).rglob("*.py"))

    assert files
    told = {(path.name, name) for path in files for name in names if name in path.read_text("utf-8")}
    assert told == set()
