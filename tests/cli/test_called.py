"""What the program advises names it as it was called."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cli import answers
from cli.called import advice

ROOT = Path(__file__).resolve().parents[2]


def test_advice_names_the_program_as_it_was_called_and_leaves_what_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEDGER_CALLED", "my folder/ledger")

    assert advice(answers.RULES["sufficient-funds"]) == "See what is there: `'my folder/ledger' account show`."
    assert advice("Sign in: ledger login") == "Sign in: 'my folder/ledger' login"
    typed = "  ledger account open a --type ': ledger x'"
    assert advice(f"Again:\n{typed}").endswith(f"\n{typed}")

    monkeypatch.delenv("LEDGER_CALLED")
    assert advice("Sign in: ledger login") == "Sign in: ledger login"


@pytest.mark.parametrize(
    ("typed", "named"), [("cli/ledger", "cli/ledger"), ("ledger", "ledger"), (".venv/bin/ledger", ".venv/bin/ledger")]
)
def test_the_program_knows_as_what_it_was_called(typed: str, named: str, tmp_path: Path) -> None:
    for folder in ("cli", ".venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / "cli/ledger", tmp_path / "cli/ledger")
    (tmp_path / ".venv/bin/ledger").symlink_to("../../cli/ledger")
    python = tmp_path / ".venv/bin/python"
    python.write_text('#!/bin/sh\necho "$LEDGER_CALLED"\n')
    python.chmod(0o755)
    found = {**os.environ, "PATH": f"{tmp_path / 'cli'}{os.pathsep}{os.environ['PATH']}"}

    ran = subprocess.run(["sh", "-c", typed], cwd=tmp_path, env=found, capture_output=True, text=True, check=True)

    assert ran.stdout == f"{named}\n"
