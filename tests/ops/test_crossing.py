"""`verify` across streams: what somebody forged or took away is found there, and what is under way is no finding."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from handlers.domain import PROCESS
from handlers.domain.oversight import OVERSIGHT
from handlers.store.event_store import EventStore
from ops.verification.crossing import LOOKS, Crossing, Gathering, Parts

from ..domain.builders import command
from ..domain.forged import FORGED, Found, bank, called_off, cancelled, carried, move, own, taken, without
from ..domain.transfers import Ledger, request
from ..handlers.conftest import STORE, Calls
from .conftest import BUCKETS, Result, Run, keep

ANY_AGE = ("--grace", "1000000000")
"""No row is missing: this is about streams alone."""
IN = Decimal(107)
"""All that ever came in."""


def stored(aws: Any, ledger: Ledger) -> Ledger:
    """The ledger, in the event store."""
    for stream in ledger.streams.values():
        keep(aws, stream)
    return ledger


def found(result: Result) -> Found:
    """In which stream, what, at which event."""
    return {(each["aggregateId"], each["kind"], each["sequence"]) for each in result.json["findings"]}


def balances(ledger: Ledger) -> Decimal:
    return ledger.account("a").balance + ledger.account("b").balance


@pytest.mark.parametrize("steps", [3, 5, 8])
def test_a_transfer_under_way_is_clean_and_its_money_is_told(aws: Any, run: Run, steps: int) -> None:
    ledger = stored(aws, bank(steps=steps))

    result = run("verify", "--json", *ANY_AGE)

    assert (result.code, result.json["processes"], result.json["notJudged"]) == (0, 1, 0)
    told = {name: Decimal(amount) for name, amount in result.json["sums"]["USD"].items()}
    between = balances(ledger) - IN
    assert told == {"held": IN + between, "aside": ledger.account("a").reserved, "moved": IN, "between": between}


def test_the_sums_are_told_to_people_too(aws: Any, run: Run) -> None:
    stored(aws, bank(steps=5))

    said = run("verify", *ANY_AGE).out

    assert (
        "1 transfer across streams\n  USD: 117 held, 10 of it set aside; 107 came in and went out, 10 in between"
        in said
    )


def test_money_that_was_made_is_told_to_people_by_its_amount(aws: Any, run: Run) -> None:
    stored(aws, move(cancelled(), "b", 10, "credit"))

    result = run("verify", *ANY_AGE)

    assert "USD sum sum-differs: all together hold 117 USD, which is 10 more than the 107 that came" in result.out
    assert "b stream #3 step-contradicts: money was credited for the transfer t, which is cancelled" in result.out
    assert result.code == 1


def test_what_fits_costs_no_request(aws: Any, run: Run, calls: Calls) -> None:
    stored(aws, bank())
    calls.made.clear()

    assert run("verify", *ANY_AGE).code == 0

    assert calls.names.count("Query") == 3 * 3, "each of three aggregates in each of three tables"


@pytest.mark.parametrize("asked", ["t", "a"])
def test_who_asks_for_one_stream_is_told_what_does_not_fit_with_others(aws: Any, run: Run, asked: str) -> None:
    stored(aws, without(bank(), "b", "credit"))

    result = run("verify", "--json", "--aggregate", asked, *ANY_AGE)

    assert found(result) == {("b", "step-missing", None)}
    assert result.json["sums"] == {}, "of all that there is nothing can be said"


@pytest.mark.parametrize("asked", ["t", "a", "b"])
def test_who_asks_for_one_stream_of_a_sound_transfer_is_told_nothing(aws: Any, run: Run, asked: str) -> None:
    stored(aws, bank())

    assert found(run("verify", "--json", "--aggregate", asked, *ANY_AGE)) == set()


def test_of_a_broken_stream_nothing_is_said_across(aws: Any, run: Run) -> None:
    stored(aws, bank())
    key = {"AggregateId": {"S": "b"}, "EventSequence": {"N": "3"}}
    item = aws.get_item(TableName=STORE, Key=key)["Item"]
    aws.put_item(TableName=STORE, Item={**item, "Actor": {"S": "somebody else"}})

    result = run("verify", "--json", *ANY_AGE)

    assert found(result) == {("b", "wrong-hash", 3)}
    assert (result.json["notJudged"], result.json["sums"]) == (1, {})


def test_an_id_that_another_kind_has_begins_no_transfer(aws: Any, run: Run) -> None:
    ledger = bank(steps=3)
    del ledger.streams["t"]
    ledger.send(command("AccountCreated", "t"))
    stored(aws, ledger)

    assert found(run("verify", "--json", *ANY_AGE)) == {("a", "step-orphaned", 3)}


@pytest.mark.parametrize("asked", [[], ["--aggregate", "t"], ["--aggregate", "a", "--aggregate", "b"]])
@pytest.mark.parametrize(("account", "step"), [("a", "reserve"), ("a", "post"), ("a", "release"), ("b", "credit")])
def test_a_callers_command_under_the_command_id_of_a_step_is_named(
    aws: Any, run: Run, account: str, step: str, asked: list[str]
) -> None:
    ledger = stored(aws, bank(taken(account, step), request()))

    result = run("verify", "--json", *ANY_AGE, *asked)

    assert found(result) == {(account, "step-foreign", 3)}
    (only,) = result.json["findings"]
    assert only["detail"].startswith(f"t/{step} stands for a TransactionProcessed of somebody else's")
    assert balances(ledger) == IN + 1
    if not asked:
        assert result.json["sums"]["USD"]["moved"] == str(IN + 1), "it is no transfer's"


def test_money_in_between_is_summed_up_beside_a_callers_command(aws: Any, run: Run) -> None:
    stored(aws, bank(taken("a", "release"), request(), steps=5))

    result = run("verify", "--json", *ANY_AGE)

    assert found(result) == {("a", "step-foreign", 3)}
    assert result.json["sums"]["USD"]["between"] == "10"


@pytest.mark.parametrize("asked", [[], ["--aggregate", "a"]])
def test_callers_commands_that_would_be_steps_of_no_transfer_are_in_nobodys_way(
    aws: Any, run: Run, asked: list[str]
) -> None:
    other = replace(taken("a", "post"), command_id="nobody/post")
    elsewhere, no_step = taken("b", "post"), replace(taken("a", "post"), command_id="t/posted")
    stored(aws, bank(other, elsewhere, no_step, request()))

    result = run("verify", "--json", *ANY_AGE, *asked)

    assert (found(result), result.json["processes"], result.json["notJudged"]) == (set(), 1, 0)


@pytest.mark.parametrize("end", ["post", "release"])
def test_a_step_that_gave_way_to_a_callers_command_is_the_transfers_own(aws: Any, run: Run, end: str) -> None:
    ledger = bank(taken("a", end), request(), steps=0)
    _, _, reserve, commit = PROCESS.due(ledger.state("t"), ledger.now)
    for each in (reserve, commit) if end == "post" else (reserve,):
        assert ledger.take("t", each) is not each.dry
    stored(aws, carried(ledger) if end == "post" else called_off(ledger))

    result = run("verify", "--json", *ANY_AGE)

    assert found(result) == {("a", "step-foreign", 3)}
    assert ledger.streams["a"][-1].command_id == ("t/release" if end == "post" else "t/post")
    assert OVERSIGHT.step(ledger.streams["a"][-1]) == end


@pytest.fixture
def parts() -> Iterator[Parts]:
    kept = Parts()
    yield kept
    kept.close()


def gone_through(parts: Parts, ledger: Ledger, *names: str) -> Parts:
    """These streams of the ledger, or all."""
    for name in names or ledger.streams:
        gathering = Gathering(name, parts)
        for event in ledger.streams[name]:
            gathering.take(event)
        gathering.finish(ledger.state(name), intact=True)
    return parts


def crossing(aws: Any, parts: Parts) -> Crossing:
    return Crossing(parts, EventStore(aws, STORE, BUCKETS), complete=True)


@pytest.mark.parametrize("name", FORGED)
def test_what_does_not_fit_is_named_and_so_is_the_money(aws: Any, parts: Parts, name: str) -> None:
    make, wrong = FORGED[name]
    ledger = stored(aws, make())

    judging = crossing(aws, gone_through(parts, ledger))

    lost_or_made = balances(ledger) - IN
    told = {(each.aggregate_id, each.kind.value, each.sequence) for each in judging.findings()}
    assert told == wrong | ({("USD", "sum-differs", None)} if lost_or_made else set())
    assert judging.sums["USD"].difference == lost_or_made


def test_streams_that_were_read_at_different_moments_are_no_finding(aws: Any) -> None:
    """Some of them as they were after so many steps, the others as they are in the end."""
    after = stored(aws, bank())
    for steps in range(9):
        for early in ("a", "b", "t", "ab", "at", "bt"):
            with closing(Parts()) as parts:
                gone_through(parts, bank(steps=steps), *early)
                gone_through(parts, after, *(name for name in "abt" if name not in early))

                judging = crossing(aws, parts)

                assert list(judging.findings()) == [], (steps, early)
                assert judging.not_judged == 0


def test_a_stream_that_is_gone_through_twice_counts_once(aws: Any, parts: Parts) -> None:
    ledger = stored(aws, bank(steps=5))
    for _ in range(2):
        gone_through(parts, ledger)

    judging = crossing(aws, parts)

    assert list(judging.findings()) == []
    assert judging.processes == 1
    assert judging.sums["USD"].held == 117
    assert judging.sums["USD"].between == 10


def test_a_transfer_that_goes_on_whenever_it_is_looked_at_is_not_judged(
    aws: Any, parts: Parts, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = stored(aws, without(bank(), "b", "credit"))
    judging = crossing(aws, gone_through(parts, ledger))
    looks: list[int] = []

    def goes_on(_: str, arguments: Any) -> None:
        if arguments["ExpressionAttributeValues"][":id"] == {"S": "t"}:
            looks.append(len(looks))
            calls.before = None
            own(ledger, "TransferApproved", by="x")
            keep(aws, ledger.streams["t"][-1:])
            calls.before = goes_on

    calls.before = goes_on

    assert list(judging.findings()) == []
    assert (judging.not_judged, len(looks)) == (1, 2 * LOOKS)


def test_many_transfers_are_judged_one_after_the_other(aws: Any, parts: Parts) -> None:
    """Each with the parts of its own, whatever the order of what was gone through."""
    ledger = Ledger()
    for account, amount in (("a", 10_000), ("b", 7)):
        ledger.send(command("AccountCreated", account))
        for each in (amount, 1):
            ledger.send(command("TransactionProcessed", account, amount=each))
    sides = {"fromAccount": "a", "toAccount": "b", "currency": "USD", "amount": 1}
    for number in range(30):
        ledger.send(command("TransferRequested", f"t{number}", **sides))
        for _ in ledger.carry(f"t{number}"):
            pass
    gone_through(parts, ledger)

    judging = crossing(aws, parts)

    assert list(judging.findings()) == []
    assert judging.processes == 30
    assert {len(each) for _, each in parts.of_processes()} == {6}
    assert judging.sums["USD"].moved == 10_009
    assert judging.sums["USD"].difference == 0
    assert ledger.account("b").balance == 38
