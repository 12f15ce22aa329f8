"""What the program advises names it as it was called."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import answers
from cli.called import _ADVISED, advice, line
from cli.program import CODES, parser

ROOT = Path(__file__).resolve().parents[2]


def test_advice_names_the_program_as_it_was_called_and_leaves_what_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEDGER_CALLED", "my folder/ledger")

    assert advice(answers.RULES["sufficient-funds"]) == "See what is there: `'my folder/ledger' account show {id}`."
    assert advice("Sign in: ledger login") == "Sign in: 'my folder/ledger' login"
    typed = "  ledger account open a --type ': ledger x'"
    assert advice(f"Again:\n{typed}").endswith(f"\n{typed}")

    monkeypatch.delenv("LEDGER_CALLED")
    assert advice("Sign in: ledger login") == "Sign in: ledger login"


def test_a_command_that_is_to_be_typed_has_the_way_to_its_ledger_and_ids_that_look_like_options_last() -> None:
    assert line("transfer", "show", "t 1", where=["--profile", "p"]) == "ledger transfer show 't 1' --profile p"
    assert line("transfer", "show", "-t", where=["--profile", "p"]) == "ledger transfer show --profile p -- -t"
    assert advice("See `ledger account show a`.", ["--direct"]) == "See `ledger account show a --direct`."
    assert advice("Sign in: ledger login", ["--region", "r", "--profile", "p"]) == "Sign in: ledger login --profile p"
    assert advice("Sign in: ledger login --profile q", ["--profile", "p"]) == "Sign in: ledger login --profile q"
    assert advice("See: ledger profiles", ["--profile", "p"]) == "See: ledger profiles"


def texts() -> Iterator[tuple[str, str]]:
    """Every text of the program, with where it stands; what is put into one is `x`."""
    for file in sorted((ROOT / "cli").rglob("*.py")):
        nodes = list(ast.walk(ast.parse(file.read_text("utf-8"))))
        parts_of_one = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in nodes:
            if id(node) in parts_of_one:
                continue
            if isinstance(node, ast.JoinedStr):
                parts = [each.value if isinstance(each, ast.Constant) else "x" for each in node.values]
                yield f"{file.name}:{node.lineno}", "".join(map(str, parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield f"{file.name}:{node.lineno}", node.value


ADVISED = sorted(
    {
        re.sub("--url (URL|x)", "--url https://x.example", found["words"] or found["rest"]).replace("{id}", "x")
        for _, text in texts()
        for found in _ADVISED.finditer(text.split("\n")[0])
        if text not in {means for _, means in CODES} and not text.startswith("`ledger")  # of docstrings
    }
)


def test_the_commands_that_are_advised_are_found() -> None:
    assert {"account show x", "transfer approve x --profile NAME", "login --profile local", "whoami"} <= {*ADVISED}


@pytest.mark.parametrize("typed", ADVISED)
def test_every_command_that_is_advised_is_one_that_the_program_takes(typed: str) -> None:
    assert parser().parse_args(shlex.split(typed)).run


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
