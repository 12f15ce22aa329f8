"""The target `branch:NAME`: what happened behind a branch's base is brought onto it, once, whoever ends when."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from handlers.domain import evolve
from handlers.domain.account import Account
from handlers.sourcing.command import Command
from handlers.sourcing.copies import Copy
from handlers.sourcing.event import Event, NewEvent, Position, chain
from handlers.store.branches import Branch, Branches
from handlers.store.event_store import EventStore
from handlers.store.overlay import OverlayStore
from handlers.store.replay_targets import Copier, SendError
from handlers.store.replay_work import STRETCH
from tests.domain.builders import story

from ..aws import BRANCHES, REPLAYS, STORE, Calls
from .replaying import Ended, Machine, keep
from .test_branches import made, whole, written

ACCOUNTS = [f"account-{number}" for number in range(12)]
BASE = 2
"""Events of each account that the branch has."""


class World:
    """A branch on which each account was touched when it had two events; the ledger has more of each since."""

    def __init__(self, aws: Any, calls: Calls) -> None:
        self.aws = aws
        self.stories = {each: story(each, [100, 20, -50, 7]) for each in ACCOUNTS}
        keep(aws, [event for events in self.stories.values() for event in events[:BASE]])
        self.branch = made(aws)
        for each in ACCOUNTS:
            self.overlay().bases.end(each)
        keep(aws, [event for events in self.stories.values() for event in events[BASE:]])
        self.machine = Machine(aws, calls)

    @property
    def later(self) -> list[Event]:
        return [event for events in self.stories.values() for event in events[BASE:]]

    def overlay(self, branch: Branch | None = None) -> OverlayStore:
        return OverlayStore.of(EventStore(self.aws, STORE), Branches(self.aws, BRANCHES), branch or self.branch)

    def decide(self, account: str, amount: int, command_id: str = "here") -> Event:
        """Something that happens on the branch alone."""
        store = self.overlay()
        position = Position()
        for each in store.read(account):
            position = position.advance(each)
        asked = {"aggregateId": account, "eventType": "TransactionProcessed", "commandId": command_id, "eventData": {}}
        data: Any = {"amount": Decimal(amount), "type": "deposit", "currency": "USD", "category": "uncategorized"}
        command = Command.parse(asked, command_id)
        new = NewEvent("TransactionProcessed", data, self.stories[account][1].version)
        (event,) = chain(position, [new], command, "2030-01-01T00:00:00.000000Z", self.branch.id)
        store.append([event])
        return event

    def stream(self, account: str) -> list[Event]:
        """The account as the branch has it, whose every hash was computed anew."""
        events, position = list(self.overlay().read(account)), Position()
        for each in events:
            assert each.hash == each.computed_hash()
            position = position.advance(each)
        return events

    def balance(self, account: str) -> Decimal:
        state = Account()
        for each in self.stream(account):
            state = evolve(state, each)
        return state.balance


@pytest.fixture
def world(aws: Any, calls: Calls) -> World:
    return World(aws, calls)


def test_what_was_written_behind_the_base_is_brought_and_only_the_branch_is_written(world: World, calls: Calls) -> None:
    before = whole(world.aws)
    calls.made.clear()
    world.machine.start(target="branch:trial")
    world.machine.to_the_end()

    assert all(BRANCHES in each or REPLAYS in each for each in written(calls))
    assert whole(world.aws) == before
    assert world.machine.out == []
    for account, events in world.stories.items():
        stream = world.stream(account)
        assert stream[:BASE] == events[:BASE]
        assert [each.event_id for each in stream[BASE:]] == [Copy.of(each, "r").copy_id for each in events[BASE:]]
        assert [(each.data, each.timestamp, each.command_id, each.actor) for each in stream] == [
            (each.data, each.timestamp, each.command_id, each.actor) for each in events
        ]
        assert {each.branch for each in stream[BASE:]} == {world.branch.id}
        assert world.balance(account) == 77
    every = [event for events in world.stories.values() for event in events]
    assert world.machine.run_of().counts == (len(every), len(every), len(world.later), 0)


@pytest.mark.parametrize("seed", range(3))
def test_each_event_is_brought_once_whoever_ends_when(world: World, seed: int) -> None:
    world.machine.fates.seed(seed)
    world.machine.start(target="branch:trial", rate=60)
    world.machine.kills_left = 40
    for _ in range(2000):
        if world.machine.queue:
            world.machine.step()
        world.machine.queue += [
            type(each)(each.visible, f"again-{each.message_id}", each.body) for each in world.machine.letters
        ]
        world.machine.letters.clear()

    assert world.machine.kills_left == 0
    assert world.machine.run_of().unfinished == []
    assert {each: world.balance(each) for each in ACCOUNTS} == dict.fromkeys(ACCOUNTS, Decimal(77))
    assert all(len(world.stream(each)) == len(world.stories[each]) for each in ACCOUNTS)
    assert world.machine.run_of().counts.sent == len(world.later)


def test_what_was_brought_before_a_crash_counts_as_sent_and_is_not_brought_again(world: World, calls: Calls) -> None:
    puts = 0

    def end(operation: str) -> None:
        nonlocal puts
        puts += operation == "PutItem" and calls.made[-1][1].get("TableName") == BRANCHES
        if puts == 2:
            raise Ended

    world.machine.start(target="branch:trial", aggregateIds=[ACCOUNTS[0]])
    world.machine.at_call = end
    assert world.machine.step() is None
    world.machine.at_call = lambda _: None
    assert len(world.stream(ACCOUNTS[0])) == BASE + 1
    world.machine.to_the_end()
    assert len(world.stream(ACCOUNTS[0])) == BASE + 3
    assert world.machine.run_of().counts.sent == 3


def test_another_replay_brings_nothing_twice_and_goes_on_behind_the_first(world: World) -> None:
    world.machine.start(target="branch:trial", toSequence=3)
    world.machine.to_the_end()
    world.machine.start("again", target="branch:trial")
    world.machine.to_the_end()
    assert {world.balance(each) for each in ACCOUNTS} == {Decimal(77)}
    assert world.machine.run_of("again").counts.sent == len(world.later) - len(ACCOUNTS)
    assert world.machine.run_of("again").counts.left_out == 0


def test_a_command_that_the_branch_has_carried_out_itself_is_not_done_twice(world: World) -> None:
    account, (*_, last) = ACCOUNTS[0], world.stories[ACCOUNTS[0]]
    world.decide(account, 7, last.command_id)
    world.machine.start(target="branch:trial")
    world.machine.to_the_end()
    assert world.balance(account) == 77
    assert [each.command_id for each in world.stream(account)].count(last.command_id) == 1


def test_it_goes_behind_what_was_decided_on_the_branch_and_times_never_go_back(world: World) -> None:
    own = world.decide(ACCOUNTS[3], 1000)
    world.machine.start(target="branch:trial", aggregateIds=[ACCOUNTS[3]])
    world.machine.to_the_end()
    stream = world.stream(ACCOUNTS[3])
    assert stream[BASE] == own
    assert len(stream) == 6
    assert {each.timestamp for each in stream[BASE:]} == {own.timestamp}
    assert world.balance(ACCOUNTS[3]) == 1077


def test_whoever_writes_beside_takes_no_place_from_it(world: World, calls: Calls) -> None:
    account = ACCOUNTS[5]
    world.machine.start(target="branch:trial", aggregateIds=[account])
    done = False

    def decide(operation: str) -> None:
        nonlocal done
        if not done and operation == "PutItem" and calls.made[-1][1].get("TableName") == BRANCHES:
            done = True
            world.decide(account, 5)

    world.machine.at_call = decide
    world.machine.to_the_end()
    assert done
    assert world.balance(account) == 82
    assert len(world.stream(account)) == 6
    assert world.machine.run_of().counts.sent == 3


def test_what_does_not_follow_from_what_the_branch_has_is_left_out_and_told(world: World) -> None:
    """An account that was opened behind the branch's base, without its opening: no account has come to that."""
    keep(world.aws, story("late", [5, 6], now="2024-02-15T10:00:00.000000Z"))
    branch = made(world.aws, "then", "2024-02-01T00:00:00.000000Z")
    world.machine.start("half", target="branch:then", aggregateIds=["late"], fromSequence=2)
    world.machine.to_the_end()
    (segment,) = world.machine.run_of("half").segments.values()
    assert (segment.counts.sent, segment.counts.left_out) == (0, 2)
    assert "event 3 of late: it does not fit onto the branch" in segment.problem
    assert list(world.overlay(branch).read("late")) == []

    world.machine.start("bare", target="branch:then", aggregateIds=["late"], transform="without-data@1")
    world.machine.to_the_end()
    assert world.machine.run_of("bare").counts[2:] == (1, 2), "an opening alone needs no data"

    world.machine.start("whole", target="branch:then", aggregateIds=["late"], transform="newest-shape@1")
    world.machine.to_the_end()
    assert world.machine.run_of("whole").counts[2:] == (2, 0), "each event once, in whatever shape"
    assert [each.sequence for each in world.overlay(branch).read("late")] == [1, 2, 3]


@pytest.mark.parametrize("at", [None, "2024-01-15T10:00:02.000000Z"])
def test_what_is_in_the_base_of_an_account_that_nobody_touched_stays_untouched(
    world: World, calls: Calls, at: str | None
) -> None:
    """Whoever touches it first finds it there; of the others there is the base, and what came behind."""
    branch = made(world.aws, "fresh", at)
    calls.made.clear()
    world.machine.start(target="branch:fresh", aggregateIds=ACCOUNTS[:2])
    world.machine.to_the_end()
    touched = list(Branches(world.aws, BRANCHES).touched(branch))
    assert [each.end.sequence for each in touched] == ([] if at is None else [3, 3])
    assert world.machine.run_of().counts.sent == (0 if at is None else 4)
    if at is None:
        assert "PutItem" not in {name for name, given in calls.made if given.get("TableName") == BRANCHES}
    for each in ACCOUNTS[:2]:
        assert len(list(world.overlay(branch).read(each))) == 5


def test_a_branch_that_is_gone_is_none_that_is_made_anew(world: World) -> None:
    world.machine.start(target="branch:trial", aggregateIds=[ACCOUNTS[0]])
    branches = Branches(world.aws, BRANCHES)
    branches.drop(world.branch)
    assert world.machine.step() is None, "it is to come again, and is given up in the end"
    another = made(world.aws)
    assert world.machine.step() is None
    assert list(branches.touched(another)) == []


def test_a_branch_that_is_dropped_while_a_replay_runs_gets_the_stretch_under_way_and_no_more(
    world: World, calls: Calls
) -> None:
    keep(world.aws, story("long", [1] * 99, now="2024-02-15T10:00:00.000000Z"))
    made(world.aws, "then", "2024-02-01T00:00:00.000000Z")
    branches = Branches(world.aws, BRANCHES)
    dropped = 0

    def drop(operation: str) -> None:
        nonlocal dropped
        given = calls.made[-1][1]
        if operation == "PutItem" and given.get("TableName") == BRANCHES and not dropped:
            dropped = 1
            branches.drop(branches.get("then"))

    world.machine.start(target="branch:then", aggregateIds=["long"])
    world.machine.at_call = drop
    while world.machine.queue:
        world.machine.step()

    assert dropped
    own = [each for each in whole(world.aws, BRANCHES) if "then" in str(each["Part"])]
    assert len(own) <= 1 + STRETCH, "an account's base and a stretch, which lapse with the branch"
    assert len(world.machine.letters) == 1, "it stands still"
    assert not world.machine.run_of().segments[world.machine.run_of().unfinished[0].number].done


def test_a_replay_onto_a_branch_that_was_made_anew_meanwhile_brings_nothing_there(world: World) -> None:
    onto = world.machine.to_branch("trial", world.branch.id)
    Branches(world.aws, BRANCHES).drop(world.branch)
    another = made(world.aws)
    with pytest.raises(SendError, match="gone, or is another one now"):
        onto.send(world.stories[ACCOUNTS[0]], Copier("r"))
    assert list(Branches(world.aws, BRANCHES).touched(another)) == []


def test_a_long_stream_is_not_read_again_for_each_stretch(world: World, calls: Calls) -> None:
    keep(world.aws, story("long", [1] * 39, now="2024-02-15T10:00:00.000000Z"))
    branch = made(world.aws, "then", "2024-02-01T00:00:00.000000Z")
    world.machine.start(target="branch:then", aggregateIds=["long"])
    calls.made.clear()
    world.machine.to_the_end()
    on_branch = [name for name, given in calls.made if given.get("TableName") == BRANCHES]
    assert len([name for name in on_branch if name == "Query"]) == 2
    assert [each.sequence for each in world.overlay(branch).read("long")] == list(range(1, 41))


def test_what_is_brought_of_a_stream_takes_six_requests_and_one_for_each_event(world: World, calls: Calls) -> None:
    world.machine.start(target="branch:trial", aggregateIds=[ACCOUNTS[0]])
    calls.made.clear()
    world.machine.step()
    on_branch = [name for name, given in calls.made if given.get("TableName") == BRANCHES]
    assert on_branch == [*["GetItem"] * 4, "Query", "Query", "PutItem", "PutItem", "PutItem"]
