"""Schemas that may be spoilt: a frozen few, so that the real ones can evolve without a word here."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.checking import publish

FROZEN = Path(__file__).with_name("frozen")
"""AccountClosed 1 and CommandRejected 1, TransactionProcessed 1 and 2, whatever becomes of those of the ledger."""

Change = Callable[[str, int, Callable[[dict[str, Any]], object]], None]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the frozen schemas, all of them published."""
    root = tmp_path / "schemas"
    shutil.copytree(FROZEN, root)
    publish(root)
    return root


@pytest.fixture
def change(copy: Path) -> Change:
    """`change("AccountClosed", 2, function)`: let the function edit that version, a copy of the one before if new."""

    def edit(event_type: str, version: int, spoil: Callable[[dict[str, Any]], object]) -> None:
        path = copy / event_type / f"{version}.json"
        source = path if path.exists() else copy / event_type / f"{version - 1}.json"
        schema = json.loads(source.read_text("utf-8"))
        spoil(schema)
        path.write_text(json.dumps(schema), "utf-8")

    return edit
