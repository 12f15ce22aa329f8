"""What the commands print arrives as it is meant, whatever the terminal can show and whatever others wrote."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from ops.__main__ import main

from ..aws import ROWS
from .conftest import Run

STRANGE = "kontó \u05d0 \u202e\u0007\x1b[2J[red]x[/red] :smile:"
ESCAPED = r"kontó א \u202e\x07\x1b[2J[red]x[/red] :smile:"

Printed = Callable[..., str]


@pytest.fixture
def printed(outputs: Any, monkeypatch: pytest.MonkeyPatch) -> Printed:
    """`printed("ascii", "verify")`: what a terminal of that encoding gets, on both streams."""

    def call(encoding: str, *arguments: str) -> str:
        raws = io.BytesIO(), io.BytesIO()
        streams = [io.TextIOWrapper(raw, encoding, write_through=True) for raw in raws]
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", streams[0])
            patch.setattr(sys, "stderr", streams[1])
            with suppress(SystemExit):  # argparse, about a single argument
                main([*arguments, "--outputs", str(outputs)])
        return "".join(raw.getvalue().decode(encoding) for raw in raws)

    return call


def orphan(aws: Any, account_id: str) -> None:
    aws.put_item(TableName=ROWS, Item={"AccountId": {"S": account_id}, "ProjectionType": {"S": "AccountSummary"}})


def test_what_acts_on_a_terminal_is_escaped(aws: Any, run: Run) -> None:
    orphan(aws, STRANGE)

    result = run("verify")

    assert f"{ESCAPED} AccountSummary row-orphaned" in result.out
    assert "\x1b" not in result.out


def test_a_terminal_that_cannot_show_an_id_gets_it_escaped(aws: Any, printed: Printed) -> None:
    orphan(aws, STRANGE)

    out = printed("ascii", "verify")

    assert r"kont\xf3 \u05d0 \u202e\x07\x1b[2J[red]x[/red] :smile: AccountSummary row-orphaned" in out
    assert "not clean" in out


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
@pytest.mark.parametrize(
    "command",
    [
        ("snapshots", "--aggregate"),
        ("republish", "--aggregate"),
        ("replay", "--name"),
        ("dead-letters", "list", "--message"),
    ],
)
def test_an_argument_that_is_no_text_ends_in_words(printed: Printed, command: tuple[str, ...], encoding: str) -> None:
    """A byte that is no character of the terminal's encoding comes as half of one."""
    assert "error: " in printed(encoding, *command, "acc\udcff\u00f3\u001b")
