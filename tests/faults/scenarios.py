"""Small scenarios that between them use everything; a scenario is told once for every fault at every call of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from unittest.mock import patch

from handlers.domain import account, decide
from handlers.domain.account import Account
from handlers.sourcing.command import Command
from handlers.sourcing.errors import Violation
from handlers.sourcing.event import NewEvent
from handlers.store import ledger

from .faults import CUT_OFF, NONE
from .story import LONGER_THAN_TRANSFERS, Story
from .world import Fate

Scenario = Callable[[Story], None]


def one_command(story: Story) -> None:
    """The whole way of one command, sent twice: to an account that its process has not met yet."""
    with story.prelude():
        story.create("a")
        story.world.idle.clear()
    story.again(story.pay("a", 1))


def one_event(story: Story) -> None:
    """The whole way of one event."""
    story.create("a")
    story.relay()
    story.project()


def an_account(story: Story) -> None:
    """Create, deposit, deposit again by mistake, withdraw, withdraw too much, close; asked about before and after."""
    story.create("a", overdraftLimit=10, own_id=False)
    deposit = story.pay("a", 100.50)
    story.relay()
    story.project()
    story.again(deposit)
    story.pay("a", -30.25, expectedSequence=2)
    assert _status(story.pay("a", -1000)) == 422
    assert _status(story.pay("a", 5, expectedSequence=2)) == 409
    assert _status(story.pay("a", "much")) == 400
    story.ask("getAccountSummary", accountId="a")
    story.foretell("a", "TransactionProcessed", amount=-70.25)
    assert _status(story.foretell("a", "TransactionProcessed", amount=-1000)) == 422
    story.send("a", "AccountClosed")
    assert _status(story.pay("a", 1)) == 422
    assert _status(story.again(deposit)) == 200
    story.relay()
    story.project()
    story.ask("getAccountSummary", accountId="a")


def several_accounts(story: Story) -> None:
    """More events than one PutEvents takes, of accounts that share batches all the way."""
    with story.prelude():
        for account in ("account-0", "account-1"):
            story.create(account)
            for amount in range(1, 6):
                story.pay(account, amount)
    story.relay()
    story.project()
    story.project()
    story.ask("getAccountStatement", accountId="account-1")


def gaps(story: Story) -> None:
    """The newest message first, then some of those before it: filled from the store, then skipped."""
    with story.prelude():
        story.create("a")
        story.create("b")
        for amount in (1, 2, 3):
            story.pay("a", amount)
            story.pay("b", amount)
        story.relay()
    story.project(7)
    story.project(4, 1)
    story.project(0, 2)


def round_by_round(story: Story) -> None:
    """Each event all the way before the next one; a row that somebody deletes is made again from the store."""
    story.create("a")
    for amount in (1, 2, 3):
        story.relay()
        story.project()
        story.pay("a", amount)
    story.delete_row("a", "AccountSummary")
    story.relay()
    story.project()
    story.ask("getAccountSummary", accountId="a")


def rows_without_entries(story: Story) -> None:
    """What code left that knew no entries: asked about, and filled in with the account's next event."""
    with story.prelude():
        story.create("a")
        for amount in (1, 2):
            story.pay("a", amount)
        story.relay()
        story.project()
        story.forget_entries("a")
    story.ask("getAccountStatement", accountId="a")
    with story.prelude():
        story.pay("a", 3)
        story.relay()
    story.project()
    story.ask("getAccountStatement", accountId="a")


def questions(story: Story) -> None:
    """Every query, before there is anything and after; in pages and whole; of now and of the past."""
    story.ask("getAccountSummary", accountId="a")
    story.ask("getAggregateEvents", aggregateId="a")
    with story.prelude():
        story.create("a")
        for amount in (10, -3, 1, 1, 1):
            story.pay("a", amount)
    story.ask("getAccountSummary", accountId="a")
    story.ask("getAggregateEvents", aggregateId="a", limit=4)
    story.ask("getEventsByType", eventType="TransactionProcessed", limit=4)
    story.ask("reconstructState", aggregateId="a")
    story.ask("reconstructState", aggregateId="a", upToSequence=3)
    story.ask("reconstructState", aggregateId="a", asOf="2024-01-15T10:00:00.030000Z")


def snapshots(story: Story) -> None:
    """A stream that outgrows the tail: with snapshots as they should be, behind, and much too late."""
    with story.prelude():
        story.create("a", overdraftLimit=100)
        first = story.pay("a", 1)
        for amount in (2, 3, 4):
            story.pay("a", amount)
    story.keep()
    story.world.now += 3600
    for amount in (5, 6):
        story.pay("a", amount)
    assert _status(story.again(first)) == 200
    assert _status(story.pay("a", -1000)) == 422
    story.ask("reconstructState", aggregateId="a", upToSequence=5)
    story.ask("reconstructState", aggregateId="a", upToSequence=6, asOf="2024-01-15T10:30:00.000000Z")
    story.keep()
    story.ask("reconstructState", aggregateId="a")


def processes_that_met(story: Story) -> None:
    """Two processes have met one account, and each decides after the other wrote what it does not know of yet."""
    with story.prelude():
        story.create("a", overdraftLimit=10)
        for amount in (1, 2, 3):
            story.pay("a", amount)
        story.change_places()
        story.pay("a", 4)
    story.change_places()
    deposit = story.pay("a", 5)
    story.change_places()
    assert _status(story.pay("a", 25)) == 200
    story.change_places()
    assert _status(story.pay("a", -50)) == 200, "refused by a balance of before"
    story.change_places()
    assert _status(story.pay("a", -1)) == 422, "accepted by a balance of before"
    assert _status(story.again(deposit)) == 200
    story.world.now += 120
    story.pay("a", 20)
    story.change_places()
    story.world.now += 3600
    story.foretell("a", "TransactionProcessed", amount=-10)
    story.foretell("a", "AccountClosed")


def a_narrower_schema(story: Story) -> None:
    """A command comes again when no such command is taken any more."""
    with story.prelude():
        story.create("a")
    deposit = story.pay("a", 1)
    with patch.object(account, "asked", lambda _, data: (data, [Violation("eventData.amount", "is too round")])):
        assert _status(story.again(deposit)) == 200
        assert _status(story.pay("a", 2)) == 400


def events_together(story: Story) -> None:
    """A domain whose command causes several events, which are stored all or none."""
    story.create("a")
    with patch.object(ledger, "decide", in_parts):
        payment = story.pay("a", 6, parts=[1, 2, 3])
        story.pay("a", 1)
        story.again(payment)
    story.relay()
    story.project()
    story.ask("reconstructState", aggregateId="a")


def in_parts(state: Account, command: Command) -> Sequence[NewEvent]:
    parts: Sequence[Any] = command.event_data.get("parts", [])
    deposits = [NewEvent("TransactionProcessed", {"amount": part, "type": "deposit"}) for part in parts]
    return deposits or decide(state, command)


def a_transfer(story: Story) -> None:
    """From its request to its completion by one poke; once more, by the message of what it did."""
    with story.prelude():
        two_accounts(story)
    story.transfer("t", 10)
    with story.prelude():
        story.relay()
    story.carry()
    with story.prelude():
        story.relay()
    story.carry()


def a_transfer_that_nobody_wakes(story: Story) -> None:
    """No message about it arrives; the sweep finds it."""
    with story.prelude():
        two_accounts(story)
        story.transfer("t", 10)
        story.relay()
        story.project()
        story.world.now += 120
    story.sweep()
    story.sweep()


def a_transfer_that_is_refused(story: Story) -> None:
    """One that the account has no money for, and one whose other account closes behind the commitment."""
    with story.prelude():
        two_accounts(story)
        story.transfer("t", 200)
        story.relay()
    story.carry()
    with story.prelude():
        story.transfer("u", 10)
        story.relay()
    story.carry(ends_before("u/credit"))
    with story.prelude():
        story.send("b", "AccountClosed")
    story.carry()


def a_transfer_that_expires(story: Story) -> None:
    """One that nobody approves, and one that is set aside and never committed."""
    with story.prelude():
        two_accounts(story, 5000)
        story.transfer("t", 2000)
        story.transfer("u", 10)
        story.relay()
        story.project()
    story.carry(ends_before("u/commit"))
    story.world.now += LONGER_THAN_TRANSFERS
    story.sweep()
    story.sweep()


def a_transfer_that_is_called_off(story: Story) -> None:
    """Approved, set aside, and cancelled before it is committed; another one before anything is set aside."""
    with story.prelude():
        two_accounts(story, 5000)
        story.transfer("t", 2000, actor="ann")
        story.send("t", "TransferApproved", actor="bob")
        story.transfer("u", 10)
        story.send("u", "TransferCancelled")
        story.relay()
    story.carry(ends_before("t/commit"))
    with story.prelude():
        story.send("t", "TransferCancelled")
    story.carry()


def a_replay(story: Story) -> None:
    """Of all up to a moment, slow enough that its place is saved between its events; more is written meanwhile."""
    with story.prelude():
        story.create("a")
        story.create("b")
        for amount in (1, 2, 3):
            story.pay("a", amount)
        moment = story.moment()
        story.world.now += 60
    story.replay(rate=2, to=moment)
    story.work()
    with story.prelude():
        story.pay("a", 4)
    story.work()
    story.work()


def two_accounts(story: Story, money: int = 100) -> None:
    """One with money and one without, and no process that has met them."""
    story.create("a")
    story.create("b")
    story.pay("a", money)
    story.world.idle.clear()


def ends_before(command_id: str) -> Fate:
    """A fate in which the process ends before it stores what this command causes."""

    return lambda call: CUT_OFF if call.stores(command_id) else NONE


def _status(sent: Any) -> int:
    """The status of the last answer, given the command or the answer."""
    answer = sent if isinstance(sent, tuple) else sent.answers[-1]
    return int(answer[0])


SCENARIOS: tuple[Scenario, ...] = (
    one_command,
    one_event,
    an_account,
    several_accounts,
    gaps,
    round_by_round,
    rows_without_entries,
    questions,
    snapshots,
    processes_that_met,
    a_narrower_schema,
    events_together,
    a_transfer,
    a_transfer_that_nobody_wakes,
    a_transfer_that_is_refused,
    a_transfer_that_expires,
    a_transfer_that_is_called_off,
    a_replay,
)
