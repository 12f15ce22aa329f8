"""What is decided where, by the functions themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handlers.sourcing.event import UNSTAMPED
from handlers.sourcing.standing import Mode, Role
from handlers.store.event_store import EventStore
from handlers.store.waiting import spans

from ..aws import STORE
from ..domain.builders import story
from .checks import check_the_end
from .sending import opening, transaction, transfer
from .world import OTHER, PRIMARY, REGIONS, Pair


def test_a_region_that_stands_by_refuses_and_says_who_decides(pair: Pair) -> None:
    b = pair[OTHER]

    status, body = b.send(opening())

    assert (status, body["error"]["code"], body["error"]["details"]) == (409, "NotHome", {"region": PRIMARY})
    assert b.calls == ["GetItem"], "nothing was read but the standing"
    assert not b.world.bus.refusals, "nobody has refused anything"


def test_a_standing_is_read_once_for_several_commands(pair: Pair) -> None:
    a = pair[PRIMARY]
    a.send(opening())
    a.calls.clear()

    a.send(transaction("one", 1))
    a.send(transaction("two", 1))

    assert a.calls.count("GetItem") == 0
    pair.pass_time(6)
    a.send(transaction("three", 1))
    assert a.calls.count("GetItem") == 1


def test_events_say_where_they_were_decided(pair: Pair) -> None:
    pair[PRIMARY].send(opening())
    pair.quiet(2)
    pair.promote(OTHER, reach_the_other=True)
    pair[OTHER].send(transaction("one", 1))
    pair.quiet(2)

    assert [event.stamp for event in pair[PRIMARY].stored()["a"]] == [(PRIMARY, 1), (OTHER, 3)]
    assert pair[PRIMARY].send(transaction("two", 1))[1]["error"]["details"] == {"region": OTHER}
    check_the_end(pair, {})


def test_a_region_whose_epoch_is_over_refuses_before_it_is_told(pair: Pair) -> None:
    """It has the event of a higher epoch in its stream, and nobody has fenced it yet."""
    a, b = pair[PRIMARY], pair[OTHER]
    a.send(opening())
    pair.arrive(OTHER)
    pair.promote(OTHER, reach_the_other=False)
    b.send(transaction("there", 1))
    pair.arrive(PRIMARY)

    assert a.standing.is_active
    assert a.send(transaction("here", 1))[1]["error"]["code"] == "NotHome"
    a.relay()
    assert a.standing.role == "fenced"


def test_a_kept_present_is_not_decided_on_without_a_look_at_the_stream(pair: Pair) -> None:
    a = pair[PRIMARY]
    a.send(opening())
    for number in range(4):
        a.send(transaction(f"c{number}", 1))
    a.calls.clear()

    a.send(transaction("next", 1))

    assert a.calls == ["Query", "Query", "PutItem"]


def test_transfers_go_on_where_the_ledger_decides_and_are_taken_up_by_who_is_promoted(pair: Pair) -> None:
    a, b = pair[PRIMARY], pair[OTHER]
    for name in ("a", "b"):
        a.send(opening(name, overdraftLimit=100))
    assert a.send(transfer("t", "a", "b", 10))[0] == 200
    pair.quiet(2, working=False)
    pokes = [{"messageId": str(index), "body": body} for index, body in enumerate(b.world.bus.delivered)]
    b.calls.clear()
    assert b.invoke("process", {"Records": pokes}) == {"batchItemFailures": []}
    assert b.invoke("sweep", {})["due"] == 0
    assert set(b.calls) <= {"GetItem"}
    assert len(b.stored()["t"]) == 1

    pair.promote(OTHER, reach_the_other=True)
    pair.pass_time(120)
    assert b.invoke("sweep", {}) == {"due": 1, "carried": 1, "failed": 0, "more": False}
    pair.quiet(3)
    assert [event.event_type for event in a.stored()["t"]][-1] == "TransferCompleted"
    check_the_end(pair, {})


def test_at_home_an_account_is_decided_where_it_was_opened() -> None:
    pair = Pair.new(Mode.HOME)
    a, b = pair[PRIMARY], pair[OTHER]
    assert a.send(opening("a"))[0] == b.send(opening("b"))[0] == 200
    pair.quiet(2)

    assert a.send(transaction("one", 1, "b"))[1]["error"]["details"] == {"region": OTHER}
    assert b.send(transaction("one", 1, "b"))[0] == 200
    assert a.send(transaction("two", 1, "a"))[0] == 200
    pair.quiet(2)
    check_the_end(pair, {})


def test_at_home_a_transfer_between_two_homes_is_carried_on_by_both() -> None:
    pair = Pair.new(Mode.HOME)
    a, b = pair[PRIMARY], pair[OTHER]
    a.send(opening("a", overdraftLimit=100))
    b.send(opening("b"))
    pair.quiet(2)
    assert a.send(transfer("t", "a", "b", 10))[0] == 200
    for _ in range(4):
        pair.quiet(1)
        for region in (a, b):
            region.invoke("sweep", {})
            pair.pass_time(60)
    pair.quiet(2)

    assert [event.event_type for event in a.stored()["t"]][-1] == "TransferCompleted"
    assert {event.stamp.region for event in a.stored()["b"]} == {OTHER}
    check_the_end(pair, {})


def test_at_home_an_account_that_was_opened_on_both_sides_is_for_a_person() -> None:
    pair = Pair.new(Mode.HOME)
    a, b = pair[PRIMARY], pair[OTHER]
    acknowledged = {}
    for region in (a, b):
        status, body = region.send({**opening("x"), "commandId": f"open-{region.name}"})
        assert status == 200
        acknowledged[region.name] = body["eventId"]
    status, body = b.send(transaction("there", 5, "x"))
    acknowledged["there"] = body["eventId"]
    pair.quiet()

    check_the_end(pair, acknowledged)
    assert [event.stamp.region for event in a.stored()["x"]] == [PRIMARY]
    assert [each.status for each in a.conflicts()] == ["person", "person"]


def test_a_region_that_takes_over_decides_what_was_at_home_in_the_other() -> None:
    pair = Pair.new(Mode.HOME)
    a, b = pair[PRIMARY], pair[OTHER]
    a.send(opening("a"))
    pair.quiet(2)
    pair.promote(OTHER, reach_the_other=True)

    assert b.send(transaction("one", 1, "a"))[0] == 200
    assert a.send(transaction("two", 1, "a"))[0] == 409
    pair.quiet(2)
    assert b.send(transaction("three", 1, "a"))[0] == 200
    pair.quiet(2)
    check_the_end(pair, {})


def test_a_hole_is_not_decided_on_nor_are_rows_made_across_it(pair: Pair) -> None:
    a, b = pair[PRIMARY], pair[OTHER]
    a.send(opening())
    for number in range(3):
        a.send(transaction(f"c{number}", 1))
    late = pair.held_back(OTHER, ("a", 3))
    pair.arrive(OTHER)
    b.relay()

    messages = [{"messageId": str(index), "body": body} for index, body in enumerate(b.world.bus.delivered)]
    assert b.invoke("projection", {"Records": messages}) == {"batchItemFailures": []}, "nothing is dead-lettered for it"
    assert {row["LastSequence"]["N"] for row in b.rows().values()} == {"2"}
    answer = b.invoke("query", {"queryType": "reconstructState", "aggregateId": "a"})
    assert '"eventsProcessed":2' in answer["body"]
    pair.promote(OTHER, reach_the_other=True)
    status, body = b.send(transaction("there", 1))
    assert (status, body["error"]["code"]) == (500, "Unsettled")

    pair.on_their_way[OTHER] = late
    pair.quiet(3)
    assert {row["LastSequence"]["N"] for row in b.rows().values()} == {"4"}
    assert b.send(transaction("there", 1))[0] == 200


def test_who_fills_a_hole_brings_up_what_came_before_it(pair: Pair) -> None:
    """Nothing else would: the newest event was announced while it stood behind the hole."""
    a, b = pair[PRIMARY], pair[OTHER]
    a.send(opening())
    for number in range(150):
        a.send(transaction(f"c{number}", 1))
    late = pair.held_back(OTHER, ("a", 2))
    for changes in (pair.on_their_way[OTHER], late):
        pair.on_their_way[OTHER] = changes
        pair.arrive(OTHER)
        b.relay()
        b.project()

    assert {row["LastSequence"]["N"] for row in b.rows().values()} == {"151"}


def test_who_hears_of_the_other_regions_events_alone_looks_behind_them(pair: Pair) -> None:
    a, b = pair[PRIMARY], pair[OTHER]
    a.send(opening())
    pair.arrive(OTHER)
    for region, queries in ((a, 0), (b, 1)):
        region.relay()
        region.calls.clear()
        region.project()
        assert region.calls.count("Query") == queries


def test_what_will_not_come_is_told_since_when_and_given_up_by_an_operator(pair: Pair) -> None:
    a, b = pair[PRIMARY], pair[OTHER]
    a.send(opening())
    for number in range(3):
        a.send(transaction(f"c{number}", 1))
    pair.held_back(OTHER, ("a", 3))
    pair.arrive(OTHER)
    pair.promote(OTHER, reach_the_other=False)
    b.relay()
    (first,) = b.reconcile()["waiting"]
    assert (first["aggregateId"], first["lacks"]) == ("a", [3])

    pair.pass_time(3600)
    b.queue.messages = []
    told = b.reconcile()  # by the schedule: no message is left that asks for it
    assert (told["notYet"], told["waiting"]) == (1, [first]), "since when it has waited"
    told = b.invoke("reconcile", {"aggregateIds": ["a"], "giveUp": True})

    assert (told["removed"], told["again"], told["waiting"]) == (1, 1, [])
    assert [event.command_id for event in b.stored()["a"]] == ["open-a", "c0", "c2"]
    assert b.send(transaction("there", 1))[0] == 200


def test_what_comes_late_ends_the_waiting_by_the_schedule_alone(pair: Pair) -> None:
    a, b = pair[PRIMARY], pair[OTHER]
    a.send(opening())
    for number in range(3):
        a.send(transaction(f"c{number}", 1))
    late = pair.held_back(OTHER, ("a", 3))
    pair.arrive(OTHER)
    assert b.invoke("reconcile", {"aggregateIds": ["a"]})["waiting"], "also where the other Region decides"
    pair.on_their_way[OTHER] = late
    pair.arrive(OTHER)
    assert b.reconcile()["waiting"] == []


def test_a_snapshot_ahead_of_its_stream_is_passed_over(pair: Pair) -> None:
    a = pair[PRIMARY]
    a.send(opening())
    for number in range(4):
        a.send(transaction(f"c{number}", 1))
    stream = a.world.stream
    a.invoke(
        "snapshot", {"Records": [each for each in stream if each["dynamodb"]["Keys"]["EventSequence"]["N"] == "4"]}
    )
    table = a.world.dynamodb.tables[STORE]
    for place in (4, 5):
        table.replace(("a", place), None)

    assert a.send(transaction("after", 7))[0] == 200
    answer = a.invoke("query", {"queryType": "reconstructState", "aggregateId": "a"})
    assert '"balance":9' in answer["body"]


def test_an_event_that_somebody_removed_is_a_breach_and_kept(pair: Pair) -> None:
    a = pair[PRIMARY]
    a.send(opening())
    a.send(transaction("c", 1))
    (event,) = a.stored()["a"][1:]
    a.world.dynamodb.tables[STORE].replace(("a", 2), None)
    a.relay()
    a.reconcile(attempts=4)

    assert [(each.event, each.status) for each in a.conflicts()] == [(event, "check")]
    assert [each.command_id for each in a.stored()["a"]] == ["open-a", "c"]


def test_a_region_is_fenced_by_whoever_sees_a_higher_epoch_first(pair: Pair) -> None:
    """The relay may have given up the event that told it: `reconcile` is asked to look at its stream."""
    a, b = pair[PRIMARY], pair[OTHER]
    a.send(opening())
    pair.arrive(OTHER)
    pair.promote(OTHER, reach_the_other=False)
    b.send(transaction("there", 1))
    pair.arrive(PRIMARY)

    a.invoke("reconcile", {"aggregateIds": ["a"]})

    assert (a.standing.role, a.standing.seen, a.standing.decides) == ("fenced", 3, OTHER)


@pytest.mark.parametrize("mode", list(Mode))
def test_a_region_that_is_back_gives_way_before_the_other_one_writes_anything(mode: Mode) -> None:
    pair = Pair.new(mode)
    here, there = pair[PRIMARY], pair[OTHER]
    pair.promote(OTHER, reach_the_other=False)
    there.reconcile()
    here.reconcile()
    assert here.standing.is_active, "nobody could tell it"

    pair.arrive(PRIMARY)
    here.reconcile()
    assert (here.standing.role, here.standing.decides, here.standing.seen) == (Role.FENCED, OTHER, 3)
    assert there.standing.is_active
    assert there.reconcile()["open"] == []


def test_what_is_said_of_an_epoch_that_is_over_fences_nobody(pair: Pair) -> None:
    here, there = pair[PRIMARY], pair[OTHER]
    for name in (OTHER, PRIMARY):
        pair.promote(name, reach_the_other=True)
        pair[name].reconcile()
        for region in REGIONS:
            pair.arrive(region)
    here.reconcile()
    there.reconcile()
    assert (here.standing.is_active, there.standing.is_active) == (True, False)


def test_what_is_older_than_the_two_regions_is_at_home_in_the_first() -> None:
    pair = Pair.new(Mode.HOME)
    (old,) = story("a", ())
    old = replace(old, stamp=UNSTAMPED)
    old = replace(old, hash=old.computed_hash())
    for region in REGIONS:
        pair[region].replica(STORE).replace(("a", 1), EventStore(None, STORE).item(old))  # type: ignore[arg-type]
    for standing in (None, pair[OTHER].standing):  # as it began, and as it is stored
        if standing:
            pair[OTHER].stand(standing)
        status, body = pair[OTHER].send(transaction("there", 5))
        assert (status, body["error"]["details"]["region"]) == (409, PRIMARY)
    assert pair[PRIMARY].send(transaction("here", 5))[0] == 200
    assert pair[OTHER].send(opening("new"))[0] == 200


def test_every_place_that_a_stream_lacks_is_told(pair: Pair) -> None:
    a, b = pair[PRIMARY], pair[OTHER]
    a.send(opening())
    for number in range(8):
        a.send(transaction(f"c{number}", 1))
    pair.held_back(OTHER, *(("a", place) for place in (2, 4, 5, 6, 8)))
    pair.arrive(OTHER)
    pair.promote(OTHER, reach_the_other=False)
    (waits,) = b.invoke("reconcile", {"aggregateIds": ["a"]})["waiting"]
    assert waits["lacks"] == [2, 4, 5, 6, 8]
    assert spans(waits["lacks"]) == "2, 4 to 6, 8"
    assert spans([*range(1, 20, 2), 20]) == "1, 3, 5, 7, 9 and 6 more"
