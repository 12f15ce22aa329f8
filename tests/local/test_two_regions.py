"""The ledger in two Regions, deployed: a link that breaks while both decide, and a change of Regions that lists what is
missing.

One stack for the module: each test has accounts of its own, and leaves the first Region deciding or says so.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError

from handlers.store.items import to_record
from local.client import StackClient
from local.demo import operate
from local.demo_regions import FIRST, SECOND, TWO_REGIONS
from local.deploy import deploy
from local.engine import Engine
from local.engine.links import OUTSIDE
from tests.console.people import Person
from tests.effort import LONG
from tests.local.conftest import DISORDER, PROJECT
from tests.local.roles import role_of
from tests.support import eventually

pytestmark = pytest.mark.slow

pytest.importorskip("awslambdaric", reason="AWS's Lambda runtime client has no wheel for this platform")

ACCOUNTS = tuple(f"both-{number}" for number in range(5))
EACH = 20 if LONG else 4
"""Deposits of 1 on each side, to each of the same accounts."""
WRITES = EACH * len(ACCOUNTS)
SETTLED = 90.0
FENCE = 39
"""Seconds that a promotion waits for what is under way, as the stack is configured; the tests wait for one."""


class Receipt(NamedTuple):
    """An acknowledged event."""

    aggregate_id: str
    sequence: int
    command_id: str


@dataclass
class Ledger:
    """The stack as both Regions have it. `outputs` is the operators' file."""

    engine: Engine
    clients: dict[str, StackClient]
    outputs: Path

    def deposit(self, region: str, account: str) -> Receipt:
        status, body = self.clients[region].command(account, "TransactionProcessed", {"amount": 1})
        assert status == 200, body
        return Receipt(account, body["sequence"], body["commandId"])

    def deposits(self, region: str) -> list[Receipt]:
        """WRITES of them, round the accounts; those of one account one after the other."""
        with ThreadPoolExecutor(len(ACCOUNTS)) as pool:
            lists = pool.map(lambda account: [self.deposit(region, account) for _ in range(EACH)], ACCOUNTS)
            return [receipt for each in lists for receipt in each]

    def events(self, region: str) -> list[dict[str, Any]]:
        """All that the Region's store has."""
        client = self.clients[region]
        pages = client.aws("dynamodb").get_paginator("scan").paginate(TableName=client.outputs["eventStoreTable"])
        return [to_record(item) for page in pages for item in page["Items"]]

    def commands(self, region: str) -> list[str]:
        return [event["CommandId"] for event in self.events(region)]

    def kept(self, region: str) -> str:
        """What the Region keeps of lost events, as text."""
        client = self.clients[region]
        pages = client.aws("dynamodb").get_paginator("scan").paginate(TableName=client.outputs["conflictsTable"])
        return json.dumps([item for page in pages for item in page["Items"]])

    def rows(self, region: str) -> list[Any]:
        return [self.clients[region].row(account) for account in ACCOUNTS]

    def reconcile(self) -> None:
        """As an operator does who does not want to wait for the schedule, until nothing is open any more."""
        eventually(lambda: self.operate("region", "reconcile")[0] == 0, SETTLED, message="nothing to be settled")
        self.engine.replication.settle()

    def operate(self, *command: str) -> tuple[int, Any]:
        code, printed = operate(self.outputs, *command, "--json")
        return code, json.loads(printed or "null")


def none(of: Callable[[str], list[Receipt]], region: str) -> bool:
    return not of(region)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    with Engine(region=FIRST, stream_disorder=DISORDER) as engine:
        wanted = {**TWO_REGIONS.overrides, "console": "true"}
        made = deploy(engine.endpoint, "local", PROJECT, config_overrides=wanted).outputs
        first = {**made, "endpoint": engine.endpoint}
        second = {**made["regions"][SECOND], "region": SECOND, "endpoint": engine.endpoint}
        # Nobody is under way when a test fences a Region.
        outputs = tmp_path_factory.mktemp("stack") / "outputs.json"
        outputs.write_text(json.dumps({**first, "fenceSeconds": 1}), "utf-8")
        found = Ledger(engine, {FIRST: StackClient(first), SECOND: StackClient(second)}, outputs)
        for account in ACCOUNTS:
            assert found.clients[FIRST].command(account, "AccountCreated", {})[0] == 200
        engine.replication.settle()
        yield found


def test_what_both_regions_acknowledged_is_in_both_stores_once_when_they_meet_again(ledger: Ledger) -> None:
    with ExitStack() as links:
        links.enter_context(ledger.engine.links.partition(FIRST, SECOND))
        with ledger.engine.links.cut(OUTSIDE, FIRST):
            code, told = ledger.operate("region", "promote", SECOND, "--accept-loss", "--yes")
            assert (code, told["reached"], told["missing"]) == (0, False, [])
        receipts = [*ledger.deposits(FIRST), *ledger.deposits(SECOND)]
        assert len({receipt.command_id for receipt in receipts}) == 2 * WRITES
        places = {(receipt.aggregate_id, receipt.sequence) for receipt in receipts}
        assert len(places) == WRITES, "both decided for the same places"
    ledger.engine.replication.settle()

    def nowhere(region: str) -> list[Receipt]:
        kept, stored = ledger.kept(region), set(ledger.commands(region))
        return [each for each in receipts if each.command_id not in stored and each.command_id not in kept]

    for region in (FIRST, SECOND):  # until then it is in the stream, whose old images the relay keeps
        eventually(partial(none, nowhere, region), SETTLED, message="all that was acknowledged, stored or kept")

    ledger.reconcile()
    wanted = {receipt.command_id for receipt in receipts}
    for region in (FIRST, SECOND):
        assert sorted(each for each in ledger.commands(region) if each in wanted) == sorted(wanted), "each of them once"
    eventually(
        lambda: {row["Balance"] for row in ledger.rows(FIRST)} == {2 * EACH},
        SETTLED,
        message="all of it on each account",
    )
    eventually(lambda: ledger.rows(FIRST) == ledger.rows(SECOND), SETTLED, message="the same rows in both Regions")
    by_place = [{(e["AggregateId"], e["EventSequence"]): e["Hash"] for e in ledger.events(r)} for r in (FIRST, SECOND)]
    assert by_place[0] == by_place[1]
    for region in (FIRST, SECOND):
        assert operate(ledger.outputs, "verify", "--region", region)[0] == 0


def test_a_change_of_regions_lists_what_has_not_come_and_takes_less_than_a_minute(ledger: Ledger) -> None:
    """It begins where the test before it ended: the second Region decides."""
    with ledger.engine.links.cut(SECOND, FIRST):
        # Of the first account one more than is written on top: that one is behind the end of what stands.
        lost = [ledger.deposit(SECOND, account) for account in (*ACCOUNTS[:3], ACCOUNTS[0])]
        began = time.monotonic()
        code, told = ledger.operate("region", "promote", FIRST, "--accept-loss", "--yes")
        assert time.monotonic() - began < 60 - FENCE
        listed = {(each["aggregateId"], each["sequence"], each["commandId"]) for each in told["missing"]}
        assert (code, told["reached"], listed) == (0, True, {tuple(each) for each in lost})
        for receipt in lost[:2]:  # on top of what it does not have
            assert ledger.deposit(FIRST, receipt.aggregate_id).sequence == receipt.sequence
    ledger.engine.replication.settle()
    ledger.reconcile()
    for region in (FIRST, SECOND):
        assert {receipt.command_id for receipt in lost} <= set(ledger.commands(region))
    assert ledger.operate("region", "status")[0] == 0


def test_who_asks_how_all_is_hears_of_both_and_does_not_wait_for_one_that_does_not_answer(ledger: Ledger) -> None:
    _, told = ledger.operate("status")
    assert (told["region"], list(told["regions"])) == (FIRST, [SECOND])
    assert next(each["told"] for each in told["points"] if each["name"] == "standing").startswith("active")
    with ledger.engine.links.cut(OUTSIDE, SECOND):
        began = time.monotonic()
        code, told = ledger.operate("status")
        assert (code, [each["told"] for each in told["regions"][SECOND]["points"]]) == (1, ["does not answer"])
        code, told = ledger.operate("region", "status")
        assert (code, "problem" in told["regions"][SECOND]) == (1, True)
        assert time.monotonic() - began < 30
    assert ledger.operate("dead-letters", "list", "--queue", "conflict")[1]["letters"] == []


def test_a_refusal_is_heard_in_both_regions_and_once_in_each(ledger: Ledger) -> None:
    data = {"amount": -(10**6)}
    status, _ = ledger.clients[FIRST].command(ACCOUNTS[0], "TransactionProcessed", data, commandId="too-much")
    assert status == 422

    def heard(region: str) -> list[tuple[str, str]]:
        client = ledger.clients[region]
        found = client.aws("logs").filter_log_events(logGroupName=client.outputs["auditLogGroup"])["events"]
        lines = [json.loads(each["message"]) for each in found]
        return [
            (each["detail"]["CommandId"], each["region"]) for each in lines if each["detail-type"] == "CommandRejected"
        ]

    for region in (FIRST, SECOND):
        eventually(partial(heard, region), SETTLED, message=f"the refusal in {region}")
        assert heard(region) == [("too-much", FIRST)]


LARGE = {"fromAccount": ACCOUNTS[0], "toAccount": ACCOUNTS[1], "amount": 15_000, "currency": "USD"}
APPROVAL = {"eventType": "TransferApproved", "eventData": {}}


def of_error(answer: tuple[int, Any]) -> tuple[int, str]:
    status, body = answer
    error = body.get("error", {})
    return status, str(error.get("details", {}).get("rule") or error.get("code"))


def test_nobody_is_a_second_person_by_coming_in_at_the_other_region(ledger: Ledger) -> None:
    """It begins where the first Region decides, and leaves it so."""
    first, second = ledger.clients[FIRST], ledger.clients[SECOND]
    here, there = str(first.outputs["consoleUrl"]), str(second.outputs["consoleUrl"])
    maria, again, clerk = Person.named(here, "maria"), Person.named(there, "maria"), Person.named(there, "clerk")
    for path in ("/accounts/both-0/state", "/operations/health"):
        assert [each.ask("GET", path)[0] for each in (maria, again)] == [200, 200]
    maria.transfer("by-maria", **LARGE)
    status, _ = first.post("/transfers", {"transferId": "by-a-machine", **LARGE}, Idempotency_Key="by-a-machine")
    assert status == 200
    ledger.engine.replication.settle()

    approval = "/transfers/{}/commands".format
    status, body = again.ask("POST", approval("by-maria"), APPROVAL)
    assert (status, body["error"]["code"]) == (409, "NotHome")
    # Not the console's: a browser's token is good there as well.
    assert body["error"]["details"] == {"region": FIRST, "url": _people_of(ledger, FIRST)}

    assert ledger.operate("region", "promote", SECOND, "--yes")[0] == 0
    # With the token of the first Region's sign-in, with that of the second one's, and as the same machine.
    same: dict[str, Callable[[], tuple[int, Any]]] = {
        "signed in here": lambda: replace(maria, console=there).ask("POST", approval("by-maria"), APPROVAL),
        "signed in there": lambda: again.ask("POST", approval("by-maria"), APPROVAL),
        "a machine": lambda: second.post(approval("by-a-machine"), APPROVAL),
    }
    for who, send in same.items():
        eventually(partial(decides, send), SETTLED, message=f"a decision about {who}")
        assert of_error(send()) == (422, "second-person"), who
    for transfer in ("by-maria", "by-a-machine"):
        assert clerk.ask("POST", approval(transfer), APPROVAL)[0] == 200
    assert ledger.operate("region", "promote", FIRST, "--yes")[0] == 0


def decides(send: Callable[[], tuple[int, Any]]) -> bool:
    """Whether the Region has heard that it does."""
    return of_error(send())[1] != "NotHome"


def _people_of(ledger: Ledger, region: str) -> str:
    found = ledger.clients[region].aws("apigatewayv2").get_apis()["Items"]
    return str(next(each["ApiEndpoint"] for each in found if "people" in each["Description"]))


def test_no_function_is_refused_what_it_needs_and_reconcile_may_nothing_that_it_does_not_do(ledger: Ledger) -> None:
    """Of what was done above. What a role may only for failures that did not come is left out."""
    noted = ledger.engine.authorizations
    assert [str(call) for call in noted.refused] == []
    roles = [role_of(client, client.outputs["reconcileFunction"]) for client in ledger.clients.values()]
    unused = [{(each.sid, each.action) for each in noted.unused(role)} for role in roles]
    # A letter that nobody lost, a higher epoch of which the relay told first, and a lost event's entry behind the row.
    assert unused[0] & unused[1] <= {
        ("SendDeadLetters", "sqs:SendMessage"),
        ("GiveWay", "dynamodb:PutItem"),
        ("MendProjections", "dynamodb:DeleteItem"),
    }


def test_back_to_one_region_the_ledger_goes_on_by_the_same_streams(ledger: Ledger, tmp_path: Path) -> None:
    """The last one: the steps of docs/regions.md, of which the deployer here cannot do the two updates of the stack."""
    first, second = (ledger.clients[region].aws("dynamodb") for region in (FIRST, SECOND))
    table, outputs = ledger.clients[FIRST].outputs["eventStoreTable"], ledger.clients[FIRST].outputs
    ledger.reconcile()
    assert ledger.operate("region", "status")[0] == 0
    before = ledger.deposit(FIRST, ACCOUNTS[0])
    ledger.engine.replication.settle()

    second.update_table(TableName=table, DeletionProtectionEnabled=True)
    delete: Any = [{"Delete": {"RegionName": SECOND}}]
    with pytest.raises(ClientError, match="DeletionProtectionEnabled"):
        first.update_table(TableName=table, ReplicaUpdates=delete)
    assert ledger.events(SECOND)

    second.update_table(TableName=table, DeletionProtectionEnabled=False)
    for each in (table, outputs["conflictsTable"]):
        first.update_table(TableName=each, ReplicaUpdates=delete)
    lambda_ = ledger.clients[FIRST].aws("lambda")
    for output, name in outputs.items():
        if output.endswith("Function"):
            told = lambda_.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
            kept = {each: value for each, value in told.items() if "REGION" not in each and "CONFLICT" not in each}
            lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": kept})

    after = ledger.deposit(FIRST, ACCOUNTS[0])
    assert after.sequence == before.sequence + 1
    (event,) = (each for each in ledger.events(FIRST) if each["CommandId"] == after.command_id)
    assert "Region" not in event
    eventually(
        lambda: (ledger.clients[FIRST].row(ACCOUNTS[0]) or {}).get("LastSequence") == after.sequence,
        SETTLED,
        message="the row of an account whose events say two Regions, and then none",
    )
    alone = {
        name: value
        for name, value in outputs.items()
        if not name.startswith(("conflict", "standings", "reconcile", "region")) or name == "region"
    }
    (tmp_path / "out.json").write_text(json.dumps(alone), "utf-8")
    assert operate(tmp_path / "out.json", "verify")[0] == 0
    assert "conflict" not in str(operate(tmp_path / "out.json", "status", "--json")[1])
