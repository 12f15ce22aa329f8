"""Snapshots are taken back only by the code that would make the same of the same events."""

import ast
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.domain.account import STATE_VERSION, Account
from handlers.sourcing.values import dumps, loads

from .builders import close, create, run, transact

MADE_OF_EVENTS = {
    1: (
        '{"balance":0,"closed_at":"2024-02-01T00:00:00Z","created_at":"2024-01-15T10:00:00Z",'
        '"overdraft_limit":10.5,"status":"Closed","transaction_count":3}'
    ),
    2: (
        '{"balance":0,"closed_at":"2024-02-01T00:00:00Z","created_at":"2024-01-15T10:00:00Z","currency":"USD",'
        '"overdraft_limit":10.5,"status":"Closed","transaction_count":3}'
    ),
    3: (
        '{"balance":0,"closed_at":"2024-02-01T00:00:00Z","created_at":"2024-01-15T10:00:00Z","currency":"USD",'
        '"overdraft_limit":10.5,"reservations":{},"status":"Closed","transaction_count":3}'
    ),
}
"""What each STATE_VERSION makes of the story below. A failure asks for a new version, not for another text."""


def entry(version: int, made: str) -> str:
    """The lines of it, as they stand in the project's style: none longer than there may be."""
    parts = "\n".join(f"        {part!r}" for part in (made[at : at + 100] for at in range(0, len(made), 100)))
    return f"    {version}: (\n{parts}\n    ),"


def test_the_entry_that_is_asked_for_is_in_the_projects_style(tmp_path: Path) -> None:
    made = dumps(Account(closed_at="2024-02-01T00:00:00Z", currency="USD").snapshot()) * 3
    text = "MADE_OF_EVENTS = {\n" + entry(4, made) + "\n}\n"
    file = tmp_path / "entry.py"
    file.write_text(text, "utf-8")

    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--check", "--isolated", "--line-length", "120", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert max(map(len, text.splitlines())) <= 120
    assert ast.literal_eval(text.partition(" = ")[2]) == {4: made}


def test_a_state_version_stands_for_what_it_always_stood_for() -> None:
    state, _ = run(
        create(createdAt="2024-01-15T10:00:00Z", overdraftLimit=Decimal("10.5")),
        transact(Decimal("100.50")),
        transact(Decimal("-110.75"), timestamp="2024-01-16T00:00:00Z"),
        transact(Decimal("10.25")),
        close(closedAt="2024-02-01T00:00:00Z"),
    )

    made = dumps(state.snapshot())
    assert STATE_VERSION in MADE_OF_EVENTS, f"a new STATE_VERSION: add to MADE_OF_EVENTS\n{entry(STATE_VERSION, made)}"
    assert made == MADE_OF_EVENTS[STATE_VERSION]


@given(amounts=st.lists(st.decimals("0.01", "1000000", places=2), max_size=5), closes=st.booleans())
def test_a_state_comes_back_whole_from_its_snapshot(amounts: list[Decimal], closes: bool) -> None:
    commands = [create(overdraftLimit=5), *map(transact, amounts)]
    if closes and amounts:
        commands += [transact(-sum(amounts)), close()]
    state, _ = run(*commands)

    assert Account.restore(loads(dumps(state.snapshot()), "snapshot")) == state


@pytest.mark.parametrize("change", [{"interest": 1}, {"balance": None}])
def test_a_snapshot_with_other_fields_is_none(change: dict[str, Any]) -> None:
    snapshot = {**Account().snapshot(), **change}
    if snapshot["balance"] is None:
        del snapshot["balance"]

    with pytest.raises(ValueError, match="not the fields"):
        Account.restore(snapshot)
