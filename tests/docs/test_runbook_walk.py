"""The runbook's code blocks, typed in as printed, on a stack with an account that somebody tampers with on the way."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from local.client import StackClient, eventually
from ops.__main__ import _parser
from ops.commands import replay

from ..effort import LONG
from . import aws_cli
from .blocks import ROOT, Block, blocks, to_run
from .conftest import Outputs, Reader
from .walking import needs_aws

RUNBOOK = "docs/operations.md"
AT_NIGHT = (
    *("ops --help", "ops status", "ops logs", "dead-letters list", "before.json", "restore-event", "123 --repair"),
    "stray.json",
)
"""What the blocks have that the ordinary run types in; the long one types in all."""
ACCOUNT, TRANSFER = "account-123", "transfer-42"


@pytest.fixture
def ledger(outputs: Outputs) -> StackClient:
    """What the runbook speaks of: an account with money and a refusal, and a transfer that is completed."""
    ledger = StackClient(outputs)
    for account in (ACCOUNT, "account-456"):
        assert ledger.command(account, "AccountCreated", {})[0] == 200
    for amount in (100, 50):
        assert ledger.command(ACCOUNT, "TransactionProcessed", {"amount": amount})[0] == 200
    assert ledger.command(ACCOUNT, "TransactionProcessed", {"amount": -1000})[0] == 422
    sides = {"fromAccount": ACCOUNT, "toAccount": "account-456", "currency": "USD", "amount": 20}
    assert ledger.command(TRANSFER, "TransferRequested", sides, actor="ann")[0] == 200
    eventually(partial(ledger.row, TRANSFER, "TransferSummary"), is_completed, 30.0)
    eventually(partial(logged, ledger), bool, 30.0)
    return ledger


def is_completed(row: Any) -> bool:
    return bool(row) and row["Status"] == "Completed"


def logged(ledger: StackClient) -> list[Any]:
    """What the audit log has of the account's second event."""
    pattern = f'{{ $.detail.AggregateId = "{ACCOUNT}" && $.detail.EventSequence = 2 }}'
    found: list[Any] = ledger.aws("logs").filter_log_events(
        logGroupName=ledger.outputs["auditLogGroup"], filterPattern=pattern
    )["events"]
    return found


def tamper(ledger: StackClient) -> None:
    """As the root user, who may put events on the embedded AWS."""
    dynamodb, table = ledger.aws("dynamodb"), ledger.outputs["eventStoreTable"]
    item = dynamodb.get_item(TableName=table, Key={"AggregateId": {"S": ACCOUNT}, "EventSequence": {"N": "2"}})["Item"]
    dynamodb.put_item(TableName=table, Item={**item, "Actor": {"S": "mallory"}})


def put_out_of_turn(ledger: StackClient) -> None:
    """As the root user: an item behind the stream's end, with places between that no event ever had."""
    dynamodb, table = ledger.aws("dynamodb"), ledger.outputs["eventStoreTable"]
    item = dynamodb.get_item(TableName=table, Key={"AggregateId": {"S": ACCOUNT}, "EventSequence": {"N": "2"}})["Item"]
    dynamodb.put_item(TableName=table, Item={**item, "EventSequence": {"N": "40"}})


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_the_runbook_runs_as_printed(ledger: StackClient, reader: Reader) -> None:
    """Its Integrity puts an event back that somebody changed before, and finds nothing wrong behind that."""
    walk = reader(on_aws=True)
    chosen = [each for each in to_run(RUNBOOK) if LONG or any(word in each.text for word in AT_NIGHT)]
    assert LONG or len(chosen) == len(AT_NIGHT)
    (walk.folder.parent / "candidate").symlink_to(ROOT)
    told: dict[str, str] = {}
    for block in chosen:
        if walk.without_aws and needs_aws(block):
            continue
        if "before.json" in block.text:
            tamper(ledger)
        if "stray.json" in block.text:
            put_out_of_turn(ledger)
        told[block.text] = walk.run(block).output

    assert said(told, "restore-event").splitlines()[-2] == f"event 2 of {ACCOUNT}: put back"
    assert "nothing needs a person" in said(told, "ops status")
    if LONG and walk.without_aws:
        pytest.skip(f"without the AWS CLI some of its blocks were left out: {aws_cli.HOW[1]}")
    if LONG:
        assert '"code":"RuleBroken"' in said(told, "CommandRejected").replace(" ", "")


def said(told: dict[str, str], word: str) -> str:
    """What the first block with that word printed."""
    return next(output for text, output in told.items() if word in text)


def commands() -> Iterator[str]:
    """Those of the operators', in all blocks, those that are not run included."""
    for block in blocks(RUNBOOK):
        for line in block.text.split("\n"):
            if "-m ops " in line:
                yield line.split("-m ops ")[1]


@pytest.mark.parametrize("command", sorted(set(commands())))
def test_every_command_of_the_runbook_is_one_that_there_is(command: str) -> None:
    words = shlex.split(command, comments=True)
    if "--help" not in words:
        _parser().parse_args(replay.spelled_out(words[: words.index(">")] if ">" in words else words))


@pytest.mark.parametrize("block", to_run(RUNBOOK), ids=str)
def test_no_block_of_the_runbook_leaves_something_to_be_filled_in(block: Block) -> None:
    """Brackets, and names that no block gives a value, are for whoever knows; at night they are typed in."""
    for line in block.text.split("\n"):
        typed = line.split(" #")[0]
        assert " [--" not in typed, typed
        assert not {"DIR", "ARN", "NAME", "TEXT", "TIME", "URL", "ID"} & set(typed.split()), typed
