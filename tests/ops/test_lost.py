"""`region reconcile` as a person works with it: the list of what is open, closing and retrying, and what was closed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from handlers.sourcing.standing import Standing
from handlers.store.conflicts import Bar, Conflict, Conflicts, Status
from handlers.store.items import to_record
from ops.commands import region as command
from ops.regions import Region, UnreachableError
from ops.system import System

from ..domain.forged import bank, cancelled, move
from ..handlers.conftest import STORE, Context
from .conftest import Result, Run
from .test_between import HERE, THERE, conflicts, fresh, item_of, two, written
from .test_crossing import ANY_AGE, stored

__all__ = ["conflicts", "two"]

SINCE = "2026-01-01T10:00:00.000000Z"
OF_A = "python -m ops region reconcile --aggregate a"


@pytest.fixture
def open_one(two: Path, aws: Any, conflicts: Conflicts, monkeypatch: pytest.MonkeyPatch) -> Conflict:
    """A lost deposit of 30,100.5 that is a person's, in a stack of which one Region can be reached."""
    reconcile = fresh("reconcile", monkeypatch)
    monkeypatch.setattr(command, "regions_of", lambda system: {HERE: Region(system, (HERE, THERE))})
    monkeypatch.setattr(
        Region, "reconcile", lambda _, request: json.loads(json.dumps(reconcile.lambda_handler(request, Context())))
    )
    monkeypatch.setattr(System, "quick", System.client)
    opening, lost = written([30_100])
    (stands,) = written([7], behind=[opening])
    for each in (opening, stands):
        aws.put_item(TableName=STORE, Item=item_of(each))
    conflict = Conflict(lost, to_record(item_of(lost)), SINCE, HERE, Status.PERSON, SINCE, "it was refused")
    conflicts.keep(conflict)
    return conflict


def last(result: Result) -> Any:
    """The answer as JSON; what the function logged here stands before it."""
    return json.loads(result.out.splitlines()[-1])


def test_what_is_open_says_all_that_a_person_needs(open_one: Conflict, run: Run) -> None:
    event = open_one.event
    told = run("region", "reconcile")

    assert told.code == 1
    listed = told.out[told.out.index("needs a person") :].splitlines()
    assert listed == [
        "needs a person: a #2 TransactionProcessed",
        "  amount 30,100, category uncategorized, currency USD, type deposit",
        f"  decided by {HERE} in epoch 1 at {event.timestamp}, for {event.actor}; command {event.command_id}",
        f"  {SINCE}: it was refused",
        f"  have it decided again, once nothing speaks against it: {OF_A} --retry {event.hash}",
        f'  or close it, then make up for it: {OF_A} --accept {event.hash} --why "..."',
    ]
    (found,) = last(run("region", "reconcile", "--json"))["open"]
    assert found["event"]["EventData"]["amount"] == 30_100
    assert (found["state"], found["hash"], found["epoch"]) == ("needs a person", event.hash, 1)


@pytest.mark.parametrize(
    ("bar", "advice"),
    [
        (Bar.OPENING, "open it under another id if it is somebody else's, and close it here: "),
        (Bar.BEHIND, "it was not asked of what stands: close it here, then book it under the other id: "),
        (Bar.REUSED, "close it here, then send it under another commandId if it is to count: "),
        (Bar.OVER, "nothing of it can be made again, close it: "),
    ],
)
def test_what_no_decision_gets_over_is_not_said_to_be_decided_again(
    open_one: Conflict, conflicts: Conflicts, run: Run, bar: Bar, advice: str
) -> None:
    (kept,) = conflicts.of("a")
    conflicts.note(replace(kept, bar=bar).now(Status.PERSON, SINCE, "why"))
    listed = run("region", "reconcile").out

    assert "--retry" not in listed
    assert f"  {advice}{OF_A} --accept {open_one.event.hash}" in listed
    stands = "  under this id stands AccountCreated for unspecified: currency USD\n"
    assert (stands in listed) == (bar in (Bar.OPENING, Bar.BEHIND)), listed
    (told,) = last(run("region", "reconcile", "--json"))["open"]
    assert told["bar"] == bar.value


@pytest.mark.parametrize("word", [("--retry",), ("--why", "ticket", "--accept")])
def test_a_word_is_taken_with_a_region_out_of_reach_only_from_who_knows_it(
    open_one: Conflict, conflicts: Conflicts, run: Run, monkeypatch: pytest.MonkeyPatch, word: tuple[str, ...]
) -> None:
    class Gone(Region):
        def standing(self) -> Standing:
            raise UnreachableError(f"{THERE} cannot be reached: cut")

    both = (HERE, THERE)
    regions = {THERE: Gone, HERE: Region}
    monkeypatch.setattr(
        command, "regions_of", lambda system: {name: each(system, both) for name, each in regions.items()}
    )
    say = ("region", "reconcile", "--aggregate", "a", *word, open_one.event.hash)
    told = run(*say)
    assert told.code == 1
    assert f"{THERE} cannot be reached: cut. Nothing was said" in told.error
    assert [each.status for each in conflicts.of("a")] == [Status.PERSON]
    assert run(*say, "--alone").code == 0


def test_each_word_of_two_is_shown(open_one: Conflict, conflicts: Conflicts, run: Run) -> None:
    (kept,) = conflicts.of("a")
    first = conflicts.say(kept.now(Status.CLOSED, "2026-01-02", "accepted: ticket 4711", by="carol"), HERE)
    conflicts.say(first.now(Status.CLOSED, "2026-01-03", "accepted: paid out", by="dave"), THERE)
    closed = run("region", "reconcile", "--aggregate", "a", "--closed").out
    assert "carol said at 2026-01-02: accepted: ticket 4711" in closed
    assert "dave said at 2026-01-03: accepted: paid out" in closed


def test_what_counts_twice_is_said_to_be_undone_once(open_one: Conflict, conflicts: Conflicts, run: Run) -> None:
    (kept,) = conflicts.of("a")
    conflicts.note(kept.now(Status.PERSON, SINCE, "two words: why", 3))
    listed = run("region", "reconcile").out
    assert "--retry" not in listed
    assert (
        "close it; then, where it was made up for by commands, undo one of the two: python -m ops region reconcile"
        in listed
    )


def test_who_closed_it_when_and_why_is_told_to_whoever_asks_and_to_whoever_closes_it_again(
    open_one: Conflict, run: Run
) -> None:
    close = ("region", "reconcile", "--aggregate", "a", "--accept", open_one.event.hash, "--why", "ticket 4711")
    told = run(*close, "--by", "carol")
    assert (told.code, told.error) == (0, "")
    again = run(*close)
    assert again.code == 1
    assert "that was closed at 20" in again.error
    assert "by carol: accepted: ticket 4711" in again.error
    assert "reconcile failed" not in again.error

    assert run("region", "reconcile").code == 0
    closed = run("region", "reconcile", "--aggregate", "a", "--closed")
    assert "closed: a #2 TransactionProcessed" in closed.out
    assert "by carol: accepted: ticket 4711" in closed.out
    assert "--retry" not in closed.out
    (listed,) = last(run("region", "reconcile", "--aggregate", "a", "--closed", "--json"))["closed"]
    assert (listed["by"], listed["why"], listed["status"]) == ("carol", "accepted: ticket 4711", "closed")


def test_what_is_decided_once_more_says_what_became_of_it(open_one: Conflict, run: Run) -> None:
    told = run("region", "reconcile", "--aggregate", "a", "--retry", open_one.event.hash, "--json")
    (answer,) = last(told)["said"]
    assert (told.code, answer["status"], answer["againAt"]) == (0, "resolved", 3)


def test_verify_names_a_step_that_stands_against_its_transfer_until_a_person_closed_it(
    two: Path, aws: Any, conflicts: Conflicts, run: Run
) -> None:
    credit = stored(aws, move(cancelled(), "b", 10, "credit")).streams["b"][-1]
    told = run("verify", *ANY_AGE)
    assert (told.code, "b stream #3 step-contradicts" in told.out) == (1, True)

    kept = Conflict(credit, to_record(item_of(credit)), SINCE, HERE, Status.PERSON, SINCE, "it stands", stands=True)
    conflicts.keep(kept)
    assert "step-contradicts" in run("verify", *ANY_AGE).out
    (kept,) = conflicts.of("b")
    conflicts.note(kept.now(Status.CLOSED, SINCE, "accepted: withdrawn", by="carol"))
    told = run("verify", *ANY_AGE)
    assert told.code == 0
    assert "step-contradicts" not in told.out
    assert "sum-differs" not in told.out


def test_verify_names_a_step_that_was_taken_twice_until_a_person_closed_it(
    two: Path, aws: Any, conflicts: Conflicts, run: Run
) -> None:
    again = stored(aws, move(bank(), "b", 10, "again")).streams["b"][-1]
    assert {"step-repeated", "step-differs"} <= set(run("verify", *ANY_AGE).out.replace(":", " ").split())

    conflicts.keep(Conflict(again, to_record(item_of(again)), SINCE, HERE, Status.PERSON, SINCE, "", stands=True))
    (kept,) = conflicts.of("b")
    conflicts.note(kept.now(Status.CLOSED, SINCE, "accepted: it was meant", by="carol"))

    assert "step-" not in run("verify", *ANY_AGE).out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--accept", "x"), "--accept HASH goes with --why"),
        (("--retry", "x"), "go with one --aggregate"),
        (("--closed",), "go with one --aggregate"),
        (("--aggregate", "a", "--accept", "x", "--why", "y"), "x: no lost event of a has that hash"),
    ],
)
def test_a_wrong_word_is_refused_in_one_sentence(
    open_one: Conflict, run: Run, arguments: tuple[str, ...], told: str
) -> None:
    answer = run("region", "reconcile", *arguments)
    assert answer.code in (1, 2)
    assert told in answer.error
