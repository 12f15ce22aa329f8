"""A backtest on Amazon's own engine, in a process of its own: interrupted by a signal, gone on with, in little memory.

In the long run of 200,000 events: what `docs/guarantees.md` says of it was measured there.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

from handlers.domain import decide, evolve
from handlers.sourcing.event import Position, chain
from handlers.sourcing.values import loads
from handlers.store import clients
from handlers.store.branches import Branch, Branches
from handlers.store.event_store import EventStore
from local.fee import with_a_fee
from ops.branches.results import Results

from ..aws import BRANCHES, STORE, TABLES
from ..domain.builders import command
from ..effort import LONG
from ..support import eventually
from .conftest import _local

pytestmark = pytest.mark.slow

ACCOUNTS, EACH = (4_000, 50) if LONG else (60, 10)
LIMIT = 100
"""The overdraft limit of each account."""
MOST_MEGABYTES = 150
"""Of the command, or of one of its workers; how many events there are makes no difference."""
CENT = Decimal("0.01")
ROOT = Path(__file__).parents[2]
DRIVER = """
import re, resource, sys
from ops.system import System
System.numbers = lambda *_: {"TRANSFER_TIMEOUT_SECONDS": "3600", "TRANSFER_APPROVAL_ABOVE": "0"}
from ops.__main__ import main
code = main(sys.argv[1:])
own = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
print(f"kilobytes: {max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)}", file=sys.stderr)
sys.exit(code)
"""


class Account(NamedTuple):
    """An account, its balance as it is, and as it would be with the fee."""

    name: str
    recorded: Decimal
    candidate: Decimal


@pytest.fixture
def engine(dynamodb_local: str) -> Iterator[Any]:
    with _local(dynamodb_local):
        client = clients.dynamodb()
        for table in TABLES:
            client.create_table(**table)
        yield client
        for table in TABLES:
            client.delete_table(TableName=table["TableName"])


def filled(client: Any, number: int) -> Account:
    """Store an account of deposits and withdrawals, each of which was accepted."""
    random, name = Random(number), f"account-{number:06}"  # noqa: S311 -- nobody is to be kept from guessing it
    store, items = EventStore(client, STORE, 3), []
    state, position = None, Position()
    recorded = candidate = Decimal(0)
    for place in range(EACH):
        asked = command("AccountCreated", name, overdraftLimit=LIMIT)
        if place:
            amount = Decimal(random.randint(-6_000, 5_000)) / 100 or CENT
            amount = -amount if amount < 0 and recorded + amount < -LIMIT else amount
            asked = command("TransactionProcessed", name, amount=amount)
            fee = (amount / 100).quantize(CENT) if amount < 0 else Decimal(0)
            recorded += amount
            candidate += amount + fee if amount > 0 or candidate + amount + fee >= -LIMIT else 0
        moment = f"2024-{1 + place // 28:02}-{1 + place % 28:02}T10:00:00.000000Z"
        (event,) = chain(position, decide(state, asked), asked, moment)
        state, position = evolve(state, event), position.advance(event)
        items.append({"PutRequest": {"Item": store.item(event)}})
    for first in range(0, len(items), 25):
        left: Any = {STORE: items[first : first + 25]}
        while left:
            left = client.batch_write_item(RequestItems=left).get("UnprocessedItems")
    return Account(name, recorded, candidate)


@pytest.mark.timeout(3600)
def test_a_backtest_that_is_interrupted_goes_on_to_what_an_independent_fold_says_in_little_memory(
    engine: Any, dynamodb_local: str, tmp_path: Path, record_property: Any
) -> None:
    with ThreadPoolExecutor(4) as pool:
        accounts = list(pool.map(lambda number: filled(engine, number), range(ACCOUNTS)))
    branches = Branches(engine, BRANCHES)
    branches.create(Branch.new("fee", None, "", datetime.now(UTC), timedelta(days=1)))
    results = Results(branches, branches.get("fee"))
    outputs = tmp_path / "out.json"
    outputs.write_text(
        json.dumps(
            {"region": "us-east-1", "endpoint": dynamodb_local, "eventStoreTable": STORE, "branchesTable": BRANCHES}
        )
    )

    def operate(*arguments: str) -> subprocess.Popen[str]:
        line = [sys.executable, "-c", DRIVER, "branch", *arguments, "--outputs", str(outputs)]
        pipe = subprocess.PIPE
        return subprocess.Popen(line, cwd=ROOT, stdout=pipe, stderr=pipe, text=True)

    run = ("run", "fee", "--json", "--code", str(with_a_fee(tmp_path / "candidate")))
    interrupted = operate(*run)
    eventually(lambda: [each for each in results.run()[1] if each["tally"]["aggregates"]], 120)
    interrupted.send_signal(signal.SIGINT)
    _, said = interrupted.communicate(timeout=60)
    assert (interrupted.returncode, "the same command goes on" in said) == (130, True), said
    begun = sum(int(each["tally"]["events"]) for each in results.run()[1])
    assert 0 < begun < ACCOUNTS * EACH

    went_on = operate(*run)
    _, said = went_on.communicate(timeout=3600)
    assert went_on.returncode == 0, said
    shown = operate("diff", "fee", "--json")
    told = loads(shown.communicate(timeout=600)[0], "diff")

    assert (told["complete"], told["events"], told["decisions"]) == (True, ACCOUNTS * EACH, ACCOUNTS * EACH)
    sums = [(each["recorded"]["amount"], each["candidate"]["amount"]) for each in told["accounts"]]
    found = dict(zip((each["aggregateId"] for each in told["accounts"]), sums, strict=True))
    assert found == {each.name: (each.recorded, each.candidate) for each in accounts if each.recorded != each.candidate}
    total = sum(each.candidate - each.recorded for each in accounts)
    assert told["difference"]["USD"]["difference"] == total
    megabytes = int(said.split("kilobytes: ")[1].split()[0]) / 1024
    tried = f"{ACCOUNTS * EACH:,} events decided again, {begun:,} of them before the interruption"
    record_property("cases", f"{tried}; {megabytes:.0f} MB at most")
    assert megabytes < MOST_MEGABYTES
