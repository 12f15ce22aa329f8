"""A copy of the schemas that may be spoilt."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.files import ROOT

Change = Callable[[str, int, Callable[[dict[str, Any]], object]], None]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The schema files alone, with what was published."""
    root = tmp_path / "schemas"
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return root


@pytest.fixture
def change(copy: Path) -> Change:
    """`change("AccountCreated", 3, function)`: let the function edit that version, a copy of the one before if new."""

    def edit(event_type: str, version: int, spoil: Callable[[dict[str, Any]], object]) -> None:
        path = copy / event_type / f"{version}.json"
        source = path if path.exists() else copy / event_type / f"{version - 1}.json"
        schema = json.loads(source.read_text("utf-8"))
        spoil(schema)
        path.write_text(json.dumps(schema), "utf-8")

    return edit
