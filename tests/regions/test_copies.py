"""Rows and entries of lost events are made right whenever they were written: also by who still had a lost event in hand
while its stream was put together, and wrote when all was right already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ..aws import ROWS
from ..faults.faults import NONE, Call, Fault
from ..faults.world import FunctionFailedError
from .checks import check_copies, check_the_end
from .sending import opening, transaction
from .world import OTHER, PRIMARY, Pair, Region


def _held_up(call: Call) -> Any:
    """It takes effect when somebody lets it, and its process ends without an answer."""
    call.invocation.world.forgotten.append(call)
    raise call.invocation.end()


HELD_UP = Fault("held up", _held_up)


def held_up(operation: str, amount: str) -> Callable[[Call], Fault]:
    """The fate of a projection whose write of an entry, or of a row, is held up once."""
    seen: list[Call] = []

    def see(call: Call) -> Fault:
        if call.operation == operation and f"'{amount}'" in str(call.arguments) and not seen:
            seen.append(call)
            return HELD_UP
        return NONE

    return see


def both_wrote(pair: Pair) -> tuple[Region, Region]:
    """10 in the Region that was promoted, 21 in the one that still decides; their rows have seen the opening alone."""
    a, b = pair[PRIMARY], pair[OTHER]
    assert a.send(opening())[0] == 200
    pair.quiet(2)
    pair.promote(OTHER, reach_the_other=False)
    pair.pass_time(10)
    assert b.send(transaction("there", 10))[0] == 200
    assert a.send(transaction("here", 21))[0] == 200
    return a, b


@pytest.mark.parametrize("operation", ["BatchWriteItem", "PutItem"])
@pytest.mark.parametrize("rounds", [1, 2])
def test_what_a_projection_wrote_late_of_a_lost_event_does_not_stay(pair: Pair, operation: str, rounds: int) -> None:
    """What is written is the entry, or the row; the stream is settled meanwhile, and all who began before have ended
    39 s later."""
    a, _ = both_wrote(pair)
    a.fates["projection"] = held_up(operation, "21")
    a.relay()
    with pytest.raises(FunctionFailedError):
        a.project()
    a.projected += 1
    assert len(a.world.forgotten) == 1
    pair.quiet(rounds)
    a.world.arrive_all()
    pair.quiet(5)

    assert [int(each.data.get("amount", 0)) for each in a.stored()["a"]] == [0, 10, 21]
    check_copies(pair)
    check_the_end(pair, {})
    assert not [key for key in a.world.dynamodb.tables["standings"].items if key[0] == "look"], "and it is over"


@pytest.mark.parametrize("where", [PRIMARY, OTHER])
def test_entries_of_lost_events_beyond_the_end_go(where: str) -> None:
    """The lost suffix was the longer one; what was lost of it cannot be decided again. An account that is closed leaves
    no entry at its place."""
    pair = Pair.new()
    a, b = pair[PRIMARY], pair[OTHER]
    assert a.send(opening())[0] == 200
    assert a.send(transaction("in", 105))[0] == 200
    pair.quiet(2)
    pair.promote(OTHER, reach_the_other=False)
    pair.pass_time(10)
    for number in range(5):
        assert a.send(transaction(f"out{number}", -21))[0] == 200
    assert b.send(transaction("all", -105))[0] == 200
    region = pair[where]
    region.fates["projection"] = held_up("BatchWriteItem", "-21" if where == PRIMARY else "-105")
    for each in (a, b):
        each.relay()
    with pytest.raises(FunctionFailedError):
        region.project()
    region.projected = len(region.world.bus.delivered)
    pair.quiet(2)
    region.world.arrive_all()
    assert b.send({"aggregateId": "a", "eventType": "AccountClosed", "eventData": {}, "commandId": "close"})[0] == 200
    pair.quiet(5)

    assert [each.event_type for each in b.stored()["a"]][-1] == "AccountClosed"
    assert not [key for key in pair[where].read_model() if str(key[1]).endswith(f"{4:016d}")]
    check_copies(pair)


def test_an_entry_that_is_written_just_now_is_not_taken_for_one_of_a_lost_event(pair: Pair) -> None:
    """Whoever tidies sees an entry beyond the row, and before it goes the right one is written there."""
    _, b = both_wrote(pair)
    pair.quiet(2)
    rows, place = b.world.dynamodb.tables[ROWS], ("a", f"AccountStatement#{4:016d}")
    stale = {**rows.items["a", f"AccountStatement#{3:016d}"], "ProjectionType": {"S": place[1]}}
    right = {**stale, "EventSequence": {"N": "4"}, "Amount": {"N": "7"}}
    rows.replace(place, stale)

    def overtake(call: Call) -> Fault:
        if call.operation == "DeleteItem" and call.arguments["TableName"] == ROWS:
            rows.replace(place, right)
        return NONE

    b.fates["reconcile"] = overtake
    pair.pass_time(60)
    b.invoke("reconcile", {})
    assert rows.items[place] == right

    del b.fates["reconcile"]
    pair.pass_time(60)
    b.invoke("reconcile", {})
    assert place not in rows.items, "looked at until nothing is found"
