"""What the commands print arrives as it is meant, whatever the terminal can show and whatever others wrote."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from handlers.store.items import to_item
from ops.__main__ import main

from ..aws import ROWS, STORE
from ..domain.builders import moved, story
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


@pytest.mark.parametrize(
    "aggregate_id", [STRANGE, "a\x01", " a", "\n", "\u202e", "é" * 300, "x" * 2048], ids=lambda text: ascii(text[:9])
)
def test_what_a_whole_run_names_can_be_asked_for(aws: Any, run: Run, tmp_path: Path, aggregate_id: str) -> None:
    for event in moved(story("a", [1]), aggregate_id):
        aws.put_item(TableName=STORE, Item=to_item(event.record()))
    whole = run("verify", "--grace", "0", "--json").json

    alone = run("verify", "--grace", "0", "--json", "--aggregate", aggregate_id).json

    assert {finding["aggregateId"] for finding in whole["findings"]} == {aggregate_id}
    assert alone["findings"] == whole["findings"]
    assert run("snapshots", "--json", "--aggregate", aggregate_id).json["aggregates"] == 1
    assert run("republish", "--json", "--aggregate", aggregate_id).json["events"] == 2
    assert run("export", "--out", str(tmp_path / "export"), "--json", "--aggregate", aggregate_id).json["events"] == 2


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
