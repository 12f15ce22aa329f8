"""What becomes of a lost event that the ledger cannot decide again: it is a person's, and nobody else's, until she says
what becomes of it. Money is neither made by that nor taken twice."""

from __future__ import annotations

from typing import Any

import pytest

from handlers.store.conflicts import Bar, Conflict, Status
from handlers.store.items import to_item
from handlers.store.standings import REMEMBERED_SECONDS, fenced

from ..faults.faults import NONE, Call, Fault
from .checks import check_chains, check_copies, check_the_end
from .sending import opening, transaction, transfer
from .world import CONFLICTS, FENCE_SECONDS, OTHER, PRIMARY, Pair, Region

PERSON, CLOSED = Status.PERSON, Status.CLOSED


def parted(pair: Pair, *requests: dict[str, Any]) -> tuple[Region, Region]:
    """The Region that decides on, and the promoted one, behind these commands; nothing crosses until `quiet`."""
    a, b = pair[PRIMARY], pair[OTHER]
    for request in requests:
        assert a.send(request)[0] == 200
    pair.quiet(3)
    pair.promote(OTHER, reach_the_other=False)
    pair.pass_time(10)
    return a, b


def sent(region: Region, *requests: dict[str, Any]) -> None:
    for request in requests:
        assert region.send(request)[0] == 200


def balance(region: Region, account: str) -> int:
    moved = (each for each in region.stored()[account] if each.event_type == "TransactionProcessed")
    return sum(int(each.data["amount"]) for each in moved)


def of(region: Region, account: str) -> list[Conflict]:
    """What was lost of a stream and did not simply get its place back."""
    in_place = {each.hash for each in region.stored().get(account, ())}
    found = [each for each in region.conflicts() if each.event.aggregate_id == account]
    return [each for each in found if each.stands or each.event.hash not in in_place]


def say(region: Region, word: str, conflict: Conflict, **more: str) -> Any:
    said = {"aggregateId": conflict.event.aggregate_id, "hash": conflict.event.hash, "by": "carol", **more}
    return region.invoke("reconcile", {word: said})


def accept(region: Region, conflict: Conflict, **more: str) -> Any:
    return say(region, "accept", conflict, why="seen to", **more)


def overdrawn(pair: Pair) -> tuple[Region, Conflict]:
    """80 of 100 went out on both sides: the second 80 are refused, and for a person."""
    a, b = parted(pair, opening(), transaction("in", 100))
    sent(a, transaction("here", -80))
    sent(b, transaction("there", -80))
    pair.quiet()
    (conflict,) = of(b, "a")
    assert (conflict.status, conflict.bar) == (PERSON, None)
    return b, conflict


def test_what_was_refused_is_not_taken_once_there_is_money(pair: Pair) -> None:
    b, conflict = overdrawn(pair)
    sent(b, transaction("more", 200))
    pair.quiet()

    assert balance(b, "a") == 220
    assert of(b, "a") == [conflict]
    accept(b, conflict)
    sent(b, transaction("by hand", -80))
    pair.quiet()
    assert balance(b, "a") == 140
    (closed,) = of(b, "a")
    assert (closed.status, closed.by, closed.why) == (CLOSED, "carol", "accepted: seen to")
    check_the_end(pair, {})


def test_what_was_refused_is_decided_once_more_when_a_person_asks(pair: Pair) -> None:
    b, conflict = overdrawn(pair)
    told = say(b, "retry", conflict)["retried"]
    assert (told["status"], "sufficient-funds" in told["why"]) == ("refused", True)
    pair.quiet()
    assert [each.status for each in of(b, "a")] == [PERSON]

    sent(b, transaction("more", 200))
    assert say(b, "retry", conflict)["retried"]["status"] == "resolved"
    assert "is in the stream again, as event 5" in accept(b, conflict)["refused"]["message"]
    pair.quiet()
    assert balance(b, "a") == 140
    assert [each.status for each in of(b, "a")] == [CLOSED]
    check_the_end(pair, {})


def test_nobody_closes_what_the_ledger_may_still_be_deciding(pair: Pair) -> None:
    a, b = parted(pair, opening(), transaction("in", 100))
    sent(a, transaction("here", -80))
    sent(b, transaction("there", -80))
    pair.arrive(PRIMARY)
    a.relay()
    a.reconcile()
    pair.arrive(OTHER)
    b.reconcile()
    (conflict,) = of(b, "a")
    assert conflict.status is Status.REFUSED

    assert "look again in a minute" in accept(b, conflict)["refused"]["message"]
    assert "look again in a minute" in say(b, "retry", conflict)["refused"]["message"]
    pair.quiet()
    assert "accepted" in accept(b, conflict)


def test_a_word_that_is_not_taken_says_what_is_the_matter(pair: Pair) -> None:
    b, conflict = overdrawn(pair)
    sent(b, opening("b"))

    def refused(**more: str) -> str:
        message: str = accept(b, conflict, **more)["refused"]["message"]
        return message

    assert refused(hash="no") == "no lost event of a has that hash"
    assert refused(aggregateId="b") == "that hash is of an event of a, not of b"
    assert accept(b, conflict)["accepted"]["by"] == "carol"
    assert refused().startswith("that was closed at 20")
    assert refused().endswith("by carol: accepted: seen to")
    assert "that was closed" in say(b, "retry", conflict)["refused"]["message"]


def test_a_person_is_heard_where_the_stream_is_decided(pair: Pair) -> None:
    _, conflict = overdrawn(pair)
    refused = accept(pair[PRIMARY], conflict)["refused"]
    assert (refused["code"], refused["region"]) == ("NotHome", OTHER)
    assert [each.status for each in of(pair[PRIMARY], "a")] == [PERSON]


@pytest.mark.parametrize("word", [None, "accept"])
def test_what_was_lost_behind_an_opening_is_not_decided_on_somebody_elses_account(pair: Pair, word: str | None) -> None:
    a, b = parted(pair)
    sent(b, {**opening("x", customerId="anna"), "commandId": "anna"}, transaction("hers", 5, "x"))
    sent(a, {**opening("x", customerId="bert"), "commandId": "bert"}, transaction("his", 1000, "x"))
    sent(a, transaction("his second", 7, "x"))
    pair.quiet()
    lost = of(b, "x")
    assert [each.status for each in lost] == [PERSON] * 3
    if word:
        accept(b, lost[0])
    pair.quiet()

    assert balance(b, "x") == 5
    assert [each.status for each in of(b, "x")] == [CLOSED if word else PERSON, PERSON, PERSON]
    assert [each.bar for each in of(b, "x")] == [Bar.OPENING, Bar.BEHIND, Bar.BEHIND]
    assert of(b, "x")[1].why == "it rests on AccountCreated at 1, which was lost and is not in the stream"
    for each in of(b, "x")[1:]:
        accept(b, each)
    pair.quiet()
    assert balance(b, "x") == 5
    check_copies(pair)


def test_what_was_lost_under_a_command_id_that_stands_for_another_command_is_for_a_person(pair: Pair) -> None:
    a, b = parted(pair, opening(), transaction("in", 100))
    sent(a, transaction("same", 1000), transaction("shared", 7))
    sent(b, transaction("same", 3), transaction("shared", 7))
    pair.quiet()

    assert balance(b, "a") == 110
    lost, shared = of(b, "a")
    assert (shared.status, shared.why) == (CLOSED, "its command is in the stream")
    assert (lost.status, lost.bar) == (PERSON, Bar.REUSED)
    assert lost.why == "under its commandId another command stands: TransactionProcessed, event 3"
    assert say(b, "retry", lost)["retried"]["status"] == "refused"
    pair.quiet()
    accept(b, lost)
    sent(b, transaction("another", 1000))
    pair.quiet()
    assert balance(b, "a") == 1110
    check_the_end(pair, {})


def test_openings_under_one_command_id_are_two_openings_all_the_same(pair: Pair) -> None:
    a, b = parted(pair)
    sent(b, opening("x", customerId="anna"), transaction("hers", 5, "x"))
    sent(a, opening("x", customerId="bert"), transaction("his", 500, "x"))
    pair.quiet()

    assert balance(b, "x") == 5
    assert [(each.status, each.bar) for each in of(b, "x")] == [(PERSON, Bar.OPENING), (PERSON, Bar.BEHIND)]


def test_what_is_lost_while_a_region_is_fenced_is_decided_by_who_decides_then(pair: Pair) -> None:
    """It was money that came in: nothing speaks against it but the moment."""
    a, b = parted(pair, opening())
    sent(a, transaction("one", 10), transaction("two", 20))
    sent(b, transaction("there", 3), transaction("there too", 4))
    stored: list[Call] = []
    told: list[str] = []

    def fence_behind_the_first(call: Call) -> Fault:
        if stored:
            stored.clear()
            b.stand(fenced(b.standing, PRIMARY, b.standing.epoch))
            b.world.now += REMEMBERED_SECONDS
        elif call.stores("one") and b.standing.is_active:
            stored.append(call)
        told.append(call.arguments.get("Item", {}).get("Why", {}).get("S", ""))
        return NONE

    b.fates["reconcile"] = fence_behind_the_first
    pair.quiet(6)
    assert not b.standing.is_active
    b.fates.clear()
    pair.promote(PRIMARY, reach_the_other=True)
    pair.quiet()

    assert not [why for why in told if "NotHome" in why]
    assert balance(a, "a") == 37
    assert not [each for each in of(a, "a") if each.is_unsettled]
    check_the_end(pair, {})


def test_what_was_lost_behind_an_opening_is_decided_where_a_person_asks(pair: Pair) -> None:
    a, b = parted(pair)
    sent(b, {**opening("x"), "commandId": "one"})
    sent(a, {**opening("x"), "commandId": "other"}, transaction("his", 1000, "x"))
    pair.quiet()

    assert say(b, "retry", of(b, "x")[0])["retried"]["status"] == "refused"
    assert say(b, "retry", of(b, "x")[1])["retried"]["status"] == "resolved"
    pair.quiet()
    assert balance(b, "x") == 1000
    check_the_end(pair, {})


def test_what_is_refused_on_somebody_elses_account_is_still_said_to_be_asked_of_another_one(pair: Pair) -> None:
    a, b = parted(pair)
    sent(b, {**opening("x"), "commandId": "one"})
    sent(a, {**opening("x"), "commandId": "other"}, transaction("in", 10, "x"), transaction("out", -10, "x"))
    pair.quiet()

    assert say(b, "retry", of(b, "x")[2])["retried"]["status"] == "refused"
    pair.quiet()
    out = of(b, "x")[2]
    assert (out.status, out.bar, "sufficient-funds" in out.why) == (PERSON, Bar.BEHIND, True)


def test_what_was_lost_on_the_account_that_stands_is_decided_though_another_ones_opening_is_open(pair: Pair) -> None:
    a, b = parted(pair)
    sent(b, {**opening("x"), "commandId": "one"})
    sent(a, {**opening("x"), "commandId": "other"})
    pair.quiet()
    pair.promote(PRIMARY, reach_the_other=False)
    pair.pass_time(10)
    sent(b, transaction("there", 5, "x"))
    sent(a, transaction("here", 10, "x"))
    pair.quiet()

    assert balance(a, "x") == 15
    assert [each.status for each in of(a, "x")] == [PERSON, CLOSED]


def test_a_transfer_is_not_called_off_by_who_called_off_another_one_of_its_id(pair: Pair) -> None:
    a, b = parted(pair, opening("a", overdraftLimit=100), opening("b", overdraftLimit=100))
    sent(b, {**transfer("t", "a", "b", 10), "commandId": "hers"})
    sent(a, {**transfer("t", "b", "a", 20), "commandId": "his"})
    sent(a, {"aggregateId": "t", "eventType": "TransferCancelled", "eventData": {}, "commandId": "no"})
    pair.quiet()

    assert {each.status for each in of(b, "t")} == {PERSON}
    assert b.stored()["t"][-1].event_type == "TransferCompleted"
    assert (balance(b, "a"), balance(b, "b")) == (-10, 10)


def test_evidence_that_comes_late_takes_no_word_back(pair: Pair) -> None:
    """The other Region keeps the event once more, without knowing of the word: the later of two items wins."""
    b, conflict = overdrawn(pair)
    accept(b, conflict)
    sent(b, transaction("more", 200))
    place = ("a", conflict.record()["Place"])
    late = Conflict(conflict.event, conflict.item, b.world._text(0), PRIMARY)
    pair[PRIMARY].replica(CONFLICTS).replace(place, to_item(late.record()))
    pair.quiet()

    assert balance(b, "a") == 220
    assert [each.status for each in of(b, "a")] == [CLOSED]
    assert b.reconcile()["openCount"] == 0


def test_a_schedule_that_had_not_heard_of_a_word_takes_none_back(pair: Pair) -> None:
    """It notes, later than she said it, that a person is needed: as the later of two items that wins."""
    a, b = parted(pair, opening(), transaction("in", 100))
    sent(a, transaction("here", -80))
    sent(b, transaction("there", -80))
    pair.arrive(PRIMARY)
    a.relay()
    a.reconcile()
    pair.arrive(OTHER)
    b.reconcile()
    pair.arrive(PRIMARY)
    assert [of(each, "a")[0].status for each in (a, b)] == [Status.REFUSED] * 2

    pair.promote(PRIMARY, reach_the_other=False)
    pair.pass_time(2 * FENCE_SECONDS)
    a.reconcile()
    (conflict,) = of(a, "a")
    accept(a, conflict)
    sent(a, transaction("by hand", -10))
    pair.pass_time(10)
    b.reconcile()
    assert [of(each, "a")[0].status for each in (a, b)] == [CLOSED, PERSON]
    pair.quiet()

    assert [(each.status, each.by) for each in (*of(a, "a"), *of(b, "a"))] == [(CLOSED, "carol")] * 2
    assert "by carol: accepted" in say(a, "retry", conflict)["refused"]["message"]
    assert a.reconcile()["openCount"] == 0
    check_the_end(pair, {})


def test_a_schedule_takes_no_word_back_that_was_said_of_what_counts_twice(pair: Pair) -> None:
    """It finds out only now that somebody closed what is in the stream; in the promoted Region that is seen to."""
    b, conflict = overdrawn(pair)
    sent(b, transaction("more", 500))
    accept(b, conflict)
    sent(b, transaction("here", -80))  # whoever had sent it sends it again
    pair.arrive(PRIMARY)
    a = pair[PRIMARY]
    pair.promote(PRIMARY, reach_the_other=False)
    pair.pass_time(10)
    a.invoke("reconcile", {"aggregateIds": ["a"]})
    (told,) = of(a, "a")
    assert told.counts_twice
    accept(a, told, by="dave")
    pair.pass_time(10)
    b.invoke("reconcile", {"aggregateIds": ["a"]})
    assert [of(each, "a")[0].status for each in (a, b)] == [CLOSED, PERSON]
    pair.quiet()

    assert [(each.status, each.by) for each in (*of(a, "a"), *of(b, "a"))] == [(CLOSED, "dave")] * 2
    assert a.reconcile()["openCount"] == 0


def own(event_type: str, actor: str = "bob") -> dict[str, Any]:
    """A command to the transfer t."""
    return {
        "aggregateId": "t",
        "eventType": event_type,
        "eventData": {},
        "commandId": event_type,
        "actor": actor,
    }


def carried_on(region: Region, pair: Pair, end: str) -> None:
    """Have a Region take the steps of the transfer t to its end, by itself."""
    for _ in range(3):
        region.relay()
        region.project()
        region.work()
        pair.pass_time(1)
    assert any(each.event_type == end for each in region.stored()["t"])


def ended_differently(pair: Pair) -> Region:
    """A transfer of 1,500 from a to b that waits for approval; the first Region completes it, the one that was promoted
    calls it off. Nothing has crossed yet."""
    request = {**transfer("t", "a", "b", 1500), "actor": "anna"}
    a, b = parted(pair, opening("a"), opening("b"), transaction("in", 2000), request)
    sent(a, own("TransferApproved"))
    carried_on(a, pair, "TransferCompleted")
    sent(b, own("TransferCancelled"))
    carried_on(b, pair, "TransferCancelled")
    return b


def check_no_money_is_made(region: Region, to_undo: set[str]) -> None:
    """Whatever stands though the transfer was called off is for a person, who closes it, and undoes it as told."""
    stands = [each for each in region.conflicts() if each.stands]
    assert {each.event.aggregate_id for each in stands} == to_undo
    for each in stands:
        assert each.status is PERSON
        assert accept(region, each)["accepted"]["stands"]
        amount = int(each.event.data["amount"])
        way = "withdraw 1500 USD from" if amount > 0 else "pay 1500 USD into"
        assert each.why.endswith(f"which is cancelled: to undo it, {way} {each.event.aggregate_id}")
        sent(region, transaction(f"undo {each.event.aggregate_id}", -amount, each.event.aggregate_id))
    assert (balance(region, "a"), balance(region, "b")) == (2000, 0)


def both_completed(pair: Pair, giver: str, taker: str) -> Region:
    """Of two transfers of one id each Region completes one: of 100 from a to b, and of 200."""
    names = ("a", "b", "c", "d")
    a, b = parted(pair, *map(opening, names), *(transaction(f"in-{each}", 1000, each) for each in names))
    sent(a, transfer("t", "a", "b", 100))
    carried_on(a, pair, "TransferCompleted")
    sent(b, {**transfer("t", giver, taker, 200), "commandId": "another"})
    carried_on(b, pair, "TransferCompleted")
    pair.quiet()
    return b


def test_what_was_done_for_a_transfer_whose_id_another_one_has_is_told(pair: Pair) -> None:
    """It stands, and asked for once more it would be done twice."""
    b = both_completed(pair, "c", "d")

    assert [balance(b, each) for each in "abcd"] == [900, 1100, 800, 1200]
    (lost,) = (each for each in of(b, "t") if each.event.event_type == "TransferRequested")
    stands = {(each.event.aggregate_id, each.event.sequence): each.why for each in b.conflicts() if each.stands}
    assert set(stands) == {("a", 3), ("a", 4), ("b", 3)}
    assert all("its amount is 100, not 200" in why for why in stands.values())
    assert stands["b", 3].endswith("to undo it, withdraw 100 USD from b")
    assert lost.why.endswith(", as event 3 of a, event 4 of a, event 3 of b: asked for once more, it is done twice")


def test_of_two_transfers_of_one_id_between_the_same_accounts_one_is_made(pair: Pair) -> None:
    b = both_completed(pair, "a", "b")

    assert [balance(b, each) for each in "ab"] == [800, 1200]
    assert not [each for each in b.conflicts() if each.stands]


def test_what_a_completed_transfer_moved_is_moved_though_the_account_that_gives_went_on_without_it(pair: Pair) -> None:
    a, b = parted(pair, opening("a"), opening("b"), transaction("in", 1000))
    sent(a, transfer("t", "a", "b", 400))
    carried_on(a, pair, "TransferCompleted")
    sent(b, transaction("late", 5))
    pair.quiet()

    assert (balance(b, "a"), balance(b, "b")) == (605, 400)
    assert not [each for each in b.conflicts() if each.is_unsettled]
    check_the_end(pair, {})


def test_what_a_completed_transfer_moved_waits_for_the_money_where_that_is_gone(pair: Pair) -> None:
    a, b = parted(pair, opening("a"), opening("b"), transaction("in", 1000))
    sent(a, transfer("t", "a", "b", 400))
    carried_on(a, pair, "TransferCompleted")
    sent(b, transaction("gone", -900))
    pair.quiet()

    assert (balance(b, "a"), balance(b, "b")) == (100, 400)
    reserve, post = of(b, "a")
    assert [(each.status, each.bar) for each in (reserve, post)] == [(PERSON, None), (PERSON, None)]
    assert "sufficient-funds" in reserve.why
    sent(b, transaction("more", 500))
    assert say(b, "retry", reserve)["retried"]["status"] == "resolved"
    assert say(b, "retry", post)["retried"]["status"] == "resolved"
    pair.quiet()
    assert (balance(b, "a"), balance(b, "b")) == (200, 400)
    check_the_end(pair, {})


def test_a_credit_that_stands_though_its_transfer_was_called_off_is_for_a_person(pair: Pair) -> None:
    b = ended_differently(pair)
    pair.quiet()

    assert (balance(b, "a"), balance(b, "b")) == (2000, 1500)
    assert b.stored()["t"][1].event_type == "TransferCancelled"
    assert {each.bar for each in of(b, "t")} == {Bar.OVER}
    (post,) = (each for each in of(b, "a") if each.event.event_type == "TransactionProcessed")
    assert post.why == "not made again: money was posted for the transfer t, which is cancelled"
    assert post.bar is Bar.OVER
    check_no_money_is_made(b, {"b"})
    pair.quiet()
    check_chains(b)
    check_copies(pair)
    assert [each.status for each in of(b, "b")] == [CLOSED], "it is told once"


def test_a_credit_that_comes_when_all_else_is_settled_is_told_all_the_same(pair: Pair) -> None:
    b = ended_differently(pair)
    late = pair.held_back(OTHER, ("b", 2))
    pair.quiet()
    for each in b.conflicts():
        accept(b, each)
    pair.on_their_way[OTHER] = late
    pair.quiet()

    assert balance(b, "b") == 1500
    check_no_money_is_made(b, {"b"})


def test_a_lost_credit_is_not_given_once_more_for_a_transfer_that_was_called_off(pair: Pair) -> None:
    b = ended_differently(pair)
    sent(b, transaction("other", 1, "b"), transaction("back", -1, "b"))
    pair.quiet()

    assert (balance(b, "a"), balance(b, "b")) == (2000, 0)
    (credit,) = of(b, "b")
    assert (credit.status, credit.stands) == (PERSON, False)
    assert credit.why == "not made again: money was credited for the transfer t, which is cancelled"
    assert say(b, "retry", credit)["retried"]["status"] == "refused", "nor when a person asks"
    pair.quiet()
    check_no_money_is_made(b, set())


def test_what_was_moved_on_both_accounts_is_undone_on_both(pair: Pair) -> None:
    """The Regions met before the one that called it off had fenced the reservation."""
    request = {**transfer("t", "a", "b", 1500), "actor": "anna"}
    a, b = parted(pair, opening("a"), opening("b"), transaction("in", 2000), request)
    sent(a, own("TransferApproved"))
    carried_on(a, pair, "TransferCompleted")
    sent(b, own("TransferCancelled"))
    pair.quiet()
    pair.quiet()

    assert (balance(b, "a"), balance(b, "b")) == (500, 1500)
    check_no_money_is_made(b, {"a", "b"})
    pair.quiet()
    check_copies(pair)
    assert b.stored()["t"][-1].event_type == "TransferSettled", "nothing of it is due for ever"


def test_a_step_of_a_transfer_under_way_is_left_to_the_transfer(pair: Pair) -> None:
    """The promoted Region knows only that it was requested; the credit is lost with what else was written to b."""
    request = {**transfer("t", "a", "b", 1500), "actor": "anna"}
    a, b = parted(pair, opening("a"), opening("b"), transaction("in", 2000), request)
    sent(a, own("TransferApproved"))
    carried_on(a, pair, "TransferCompleted")
    sent(b, transaction("other", 1, "b"), transaction("back", -1, "b"))
    pair.quiet()

    assert (balance(b, "a"), balance(b, "b")) == (500, 1500)
    check_the_end(pair, {})
    assert not [each for each in b.conflicts() if each.is_unsettled]


def said_twice(pair: Pair) -> tuple[Region, Conflict]:
    """80 of 100 went out on both sides. The Region that decides had the lost 80 decided again and was cut off; in the
    promoted one somebody closed them, and booked them by hand. Nothing has crossed yet."""
    b, conflict = overdrawn(pair)
    sent(b, transaction("more", 500))
    pair.quiet(3)
    assert say(b, "retry", conflict)["retried"]["status"] == "resolved"
    a = pair[PRIMARY]
    pair.promote(PRIMARY, reach_the_other=False)
    pair.pass_time(10)
    (seen,) = of(a, "a")
    assert accept(a, seen)["accepted"]["by"] == "carol"
    sent(a, transaction("by hand", -80))
    return a, seen


def test_what_a_person_closed_is_not_decided_again_where_its_second_event_was_lost_in_its_turn(pair: Pair) -> None:
    a, seen = said_twice(pair)
    pair.quiet()

    assert balance(a, "a") == 440, "80 once, and 80 by hand"
    first, second = of(a, "a")
    assert (first.status, first.by, second.event.event_id) == (CLOSED, "carol", seen.event.event_id)
    assert (second.status, second.why[:10]) == (PERSON, "two words:")
    assert "by carol: accepted: seen to" in second.why
    accept(a, second)
    pair.quiet()
    assert balance(a, "a") == 440
    assert not [each for each in a.conflicts() if each.is_unsettled]


def test_a_word_that_a_later_one_replaced_is_kept_and_told(pair: Pair) -> None:
    """Closed and booked by hand in the Region that is cut off; decided again, later, in the promoted one."""
    b, conflict = overdrawn(pair)
    sent(b, transaction("more", 500))
    pair.quiet(3)
    accept(b, conflict)
    sent(b, transaction("by hand", -80))
    a = pair[PRIMARY]
    pair.promote(PRIMARY, reach_the_other=False)
    pair.pass_time(10)
    assert say(a, "retry", of(a, "a")[0])["retried"]["status"] == "resolved"
    pair.quiet()

    (told,) = [each for each in a.conflicts() if each.counts_twice]
    assert told.why.startswith("two words: it is in the stream, as event")
    assert "by carol: accepted: seen to" in told.why
    kept = [item for key, item in a.replica(CONFLICTS).items.items() if "#said#" in str(key[1])]
    assert sorted(item["Said"]["S"] for item in kept) == ["closed", "open"]
    assert not any("Due" in item for item in kept), "a word that is kept asks for nothing"
    accept(a, told)
    pair.quiet()
    assert not [each for each in a.conflicts() if each.is_unsettled]


def test_what_a_person_closed_and_is_in_the_stream_is_told_to_a_person_once(pair: Pair) -> None:
    b, conflict = overdrawn(pair)
    sent(b, transaction("more", 500))
    accept(b, conflict)
    sent(b, transaction("here", -80))  # whoever had sent it sends it again
    b.invoke("reconcile", {"aggregateIds": ["a"]})

    (told,) = of(b, "a")
    assert (told.status, told.counts_twice) == (PERSON, True)
    assert told.why.startswith("two words: it is in the stream, as event 5, and was closed at 20")
    assert "nothing to decide again" in say(b, "retry", told)["refused"]["message"]
    accept(b, told)
    pair.quiet()
    b.invoke("reconcile", {"aggregateIds": ["a"]})
    assert [each.status for each in of(b, "a")] == [CLOSED]
    assert b.reconcile()["openCount"] == 0


def test_another_type_of_command_under_the_lost_ones_id_is_not_taken_for_it(pair: Pair) -> None:
    a, b = parted(pair, opening())
    sent(a, transaction("c", 70))
    sent(b, {**transaction("c", 0), "eventType": "AccountClosed", "eventData": {"reason": "x"}})
    pair.quiet()
    assert [(each.status, each.bar) for each in of(b, "a")] == [(PERSON, Bar.REUSED)]


def test_one_command_in_other_words_is_one_command(pair: Pair) -> None:
    a, b = parted(pair, opening())
    sent(a, transaction("c", 70))
    sent(b, {**transaction("c", 0), "eventData": {"amount": "70.0", "currency": "USD", "category": None}})
    pair.quiet()
    assert balance(b, "a") == 70
    assert [each.status for each in of(b, "a")] == [CLOSED]


def test_a_transfers_request_under_the_commandid_of_another_ones_is_not_taken_for_it(pair: Pair) -> None:
    a, b = parted(pair, *(opening(name, overdraftLimit=500) for name in "abcd"))
    sent(a, transfer("t", "a", "b", 100))
    sent(b, transfer("t", "c", "d", 300))
    pair.quiet()

    assert (balance(b, "c"), balance(b, "d")) == (-300, 300)
    assert [(each.status, each.bar) for each in of(b, "t") if each.event.sequence == 1] == [(PERSON, Bar.OPENING)]


def test_a_step_of_another_transfer_of_the_same_id_is_not_taken_for_it(pair: Pair) -> None:
    a, b = parted(pair, *(opening(name, overdraftLimit=500) for name in "abc"))
    sent(a, transfer("t", "a", "b", 100))
    carried_on(a, pair, "TransferCompleted")
    sent(b, transfer("t", "a", "c", 300))
    carried_on(b, pair, "TransferCompleted")
    pair.quiet()

    assert (balance(b, "a"), balance(b, "c")) == (-300, 300)
    assert {each.status for each in of(b, "a")} == {PERSON}
    assert {each.bar for each in of(b, "a")} == {Bar.OVER}


def test_what_was_closed_is_no_word_about_another_command_of_its_id(pair: Pair) -> None:
    b, conflict = overdrawn(pair)
    accept(b, conflict)
    pair.quiet(3)
    a = pair[PRIMARY]
    pair.promote(PRIMARY, reach_the_other=False)
    pair.pass_time(10)
    sent(b, transaction(conflict.event.command_id, 5))  # its id is free: it stands nowhere
    sent(a, transaction("more", 1))
    pair.quiet()

    assert balance(a, "a") == 26
    assert not [each for each in a.conflicts() if each.is_unsettled]
