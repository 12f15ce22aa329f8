"""What is no business holds no name of it, so that it need not change with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from handlers.domain import EVENT_TYPES, KINDS
from handlers.sourcing.told import WHATEVER

PROJECT = Path(__file__).resolve().parents[2]

MECHANICS = ("handlers", "components", "stack", "ops", "local")
"""Where nothing is to be known of this ledger's business; less the rooms of the domain."""
OF_THE_DOMAIN = (
    "handlers/domain",
    "handlers/http_api/openapi.json",
    "local/demo",
    "local/fee.py",
    "ops/commands",
    "ops/status",
)
"""Of these, the rooms that speak of accounts and transfers; `docs/extending.md` names them. Operators' commands speak
of accounts to people, who have nothing else here; what they rest on is not among these."""

WORDS = re.compile(
    r"deposit|withdraw|(?<!load )balance|(?<!con)currenc(?:y|ies)|overdraft|transfer|money"
    r"|(?<![a-z])accounts?(?![a-z])|account(?=Rule)",
    re.IGNORECASE,
)
ACCOUNTS_OF_AWS = ("components", "stack", "local")
"""Where an account is one of AWS's."""


class Reason(NamedTuple):
    """Why a word stands where it does: the files, and what of their lines holds it."""

    why: str
    files: str
    text: str


REASONS = (
    Reason(
        "the key of rows since the first of them, whatever their kind", r"handlers/|ops/", r"\bAccountId\b|accountId="
    ),
    Reason("AWS's word", r"handlers/|ops/", r"AWS account|arn:aws|InvalidAccountId|target\.name\.split"),
    Reason("a name of Pulumi's", r"local/deploy/outputs", r"transfer_properties"),
    Reason(
        "the AWS account in a queue's ARN and URL",
        r"(ops/replays/queues|handlers/store/replay_targets)",
        r"\baccount\b",
    ),
    Reason("a library's name", r"ops/function_logs", r"s3transfer"),
    Reason("a member of the API's answers", r"handlers/upkeep/branch_answers", r"\baccounts\b"),
    Reason("of HTTP: how a body is sent", r"local/engine/", r"transfer.encoding"),
    Reason("an output's name, which scripts know", r"ops/", r'"accountRuleArn"'),
    Reason("an alarm's name, which people know", r"components/alarms", r'"transfers-overdue"'),
    Reason(
        "the domain's own settings, which the stack hands on",
        r"(components/(settings|setting_rules|limits)|stack/domain)\.py",
        r"transfer_?(Timeout|Approval)|TRANSFER_SECONDS|_check_transfers|transfer('s deadline| would be)",
    ),
    Reason("the operators' command of that name", r"ops/(__main__|processes)\.py", r"\btransfers\b"),
)


def lines() -> Iterator[tuple[str, int, str]]:
    for room in MECHANICS:
        for path in sorted((PROJECT / room).rglob("*.py")):
            name = path.relative_to(PROJECT).as_posix()
            if not name.startswith(OF_THE_DOMAIN):
                for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
                    yield name, number, line


def words_in(name: str, line: str) -> list[str]:
    found = WORDS.findall(line)
    return [each for each in found if "account" not in each.lower()] if name.startswith(ACCOUNTS_OF_AWS) else found


def test_what_is_no_business_speaks_of_none() -> None:
    told = [
        f"{name}:{number}: {line.strip()}"
        for name, number, line in lines()
        if words_in(name, line)
        and not any(re.match(each.files, name) and re.search(each.text, line, re.IGNORECASE) for each in REASONS)
    ]
    assert told == []


@pytest.mark.parametrize("reason", REASONS, ids=lambda reason: reason.why)
def test_every_reason_is_needed(reason: Reason) -> None:
    assert any(
        words_in(name, line) and re.match(reason.files, name) and re.search(reason.text, line, re.IGNORECASE)
        for name, _, line in lines()
    )


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("the account's balance", 2),
        ("ACCOUNT_ID", 1),
        ("a load balancer's concurrency", 0),
        ("accounting", 0),
        ("currency, overdraftLimit", 2),
    ],
)
def test_words_are_found_and_parts_of_others_are_not(line: str, found: int) -> None:
    assert len(words_in("handlers/store", line)) == found


@pytest.mark.parametrize("room", ["handlers/sourcing", "handlers/store", "ops", "components", "stack", "local/engine"])
def test_what_is_no_business_names_no_event_and_no_row_of_a_kind(room: str) -> None:
    projections = KINDS.projections(WHATEVER)
    kept = {entries.name for each in projections if (entries := each.entries)}
    names = {*EVENT_TYPES, *(each.name for each in projections), *kept}

    files = sorted((PROJECT / room).rglob("*.py"))

    assert files
    told = {(path.name, name) for path in files for name in names if name in path.read_text("utf-8")}
    assert told == set()
