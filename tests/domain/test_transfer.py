"""The transfer's rules, what is due by its state, and its row: given, when, then."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from handlers.domain import PROCESS, check, decide
from handlers.domain.transfer import Transfer
from handlers.domain.transfer_summary import TransferSummary
from handlers.sourcing.command import NO_ACTOR
from handlers.sourcing.errors import MalformedError, RuleBrokenError
from handlers.sourcing.process import NO_PROCESS
from handlers.sourcing.values import dumps, loads

from .builders import NOW
from .test_projections import fold
from .transfers import LATE, approve, broken_rule, by, complete, due, events_of, expire, fail, own, request, transfer

COMMITTED = own("TransferCommitted")
COMPLETED = own("TransferCompleted")
CANCELLED = by("ann", "TransferCancelled", reason="paid twice")
SETTLED = own("TransferSettled")
LARGE = request(1001)
TO_THE_COMMITMENT = ["check?", "reserve?", "reserve", "commit"]


def test_a_request_says_everything_that_follows_need() -> None:
    (event,) = events_of(request(10))

    assert (event.data["deadline"], event.data["needsApproval"]) == (LATE, False)
    assert transfer(request(10)).describe()["status"] == "Requested"


@pytest.mark.parametrize(("amount", "needs"), [(1000, False), ("1000.01", True), (1001, True)])
def test_above_the_threshold_a_request_needs_approval(amount: Any, needs: bool) -> None:
    assert transfer(request(amount)).needs_approval is needs


def test_a_deadline_is_kept_in_the_ledgers_form() -> None:
    assert transfer(request(deadline="2024-01-15T12:30:00+01:00")).deadline == "2024-01-15T11:30:00.000000Z"


@pytest.mark.parametrize("deadline", ["2024-01-15T10:00:00Z", "2024-02-14T10:00:01Z"])
def test_a_deadline_lies_ahead_and_not_too_far(deadline: str) -> None:
    assert broken_rule(request(deadline=deadline)) == "transfer-deadline"


def test_a_transfer_is_requested_once() -> None:
    assert broken_rule(request(), request()) == "transfer-requested-once"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"toAccount": "a"}, "toAccount"),
        ({"amount": 0}, "amount"),
        ({"currency": "XYZ"}, "currency"),
        ({"currency": None}, "currency"),
        ({"fromAccount": " a"}, "fromAccount"),
        ({"toAccount": "\ud800"}, "toAccount"),
        ({"needsApproval": False}, "needsApproval"),
        ({"Reference": "x"}, "Reference"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_by_name(wrong: dict[str, Any], field: str) -> None:
    sound = {"fromAccount": "a", "toAccount": "b", "amount": 1, "currency": "USD"}

    assert check("t", "TransferRequested", sound) == []
    assert [each.path for each in check("t", "TransferRequested", {**sound, **wrong})] == [f"eventData.{field}"]


def test_an_id_from_which_steps_are_named_is_not_too_long() -> None:
    sound = {"fromAccount": "a", "toAccount": "b", "amount": 1, "currency": "USD"}

    assert check("t" * 240, "TransferRequested", sound) == []
    assert [each.path for each in check("t" * 241, "TransferRequested", sound)] == ["aggregateId"]


def test_money_is_sent_in_whole_minor_units() -> None:
    assert broken_rule(request(Decimal("0.001"))) == "amount-scale"
    assert broken_rule(request(Decimal("0.1"), currency="JPY")) == "amount-scale"


def test_somebody_else_approves() -> None:
    assert transfer(LARGE, approve("bob")).approved_by == "bob"
    assert broken_rule(LARGE, approve("ann")) == "second-person"
    assert broken_rule(LARGE, approve("bob"), approve("cid")) == "transfer-status"
    assert broken_rule(request(), approve("bob")) == "approval-needed"


def test_whoever_leaves_out_the_actor_is_no_second_person() -> None:
    unnamed = replace(LARGE, actor=NO_ACTOR)

    assert broken_rule(unnamed) == "second-person"
    assert broken_rule(LARGE, approve(NO_ACTOR)) == "second-person"
    assert transfer(replace(request(), actor=NO_ACTOR)).requested_by == NO_ACTOR, "below the threshold nobody asks"


@pytest.mark.parametrize("other", ["ann\ufe0f", "a\u034fnn", "\u3164ann", "ann\U000e0101", "an\u200bn", "ann \uffa0"])
def test_who_looks_the_same_is_no_second_person(other: str) -> None:
    """One may stand in old events as well, so both sides are looked at."""
    assert broken_rule(LARGE, approve(other)) == "second-person"
    assert broken_rule(replace(LARGE, actor=other), approve("ann")) == "second-person"


def test_one_name_in_two_normal_forms_is_one_person() -> None:
    assert broken_rule(replace(LARGE, actor="jos\u00e9"), approve("jose\u0301")) == "second-person"
    assert transfer(replace(LARGE, actor="jos\u00e9"), approve("jose")).status == "Approved"


@pytest.mark.parametrize("nobody", ["\ufe0f", NO_ACTOR + "\ufe0f"])
def test_who_cannot_be_seen_is_nobody(nobody: str) -> None:
    assert broken_rule(LARGE, approve(nobody)) == "second-person"


def test_a_stored_request_by_nobody_in_particular_is_approved_by_nobody() -> None:
    waiting = replace(transfer(LARGE), requested_by=NO_ACTOR)

    with pytest.raises(RuleBrokenError) as refused:
        decide(waiting, complete(approve("bob"), NOW))
    assert refused.value.details["rule"] == "second-person"


def test_nobody_approves_in_anothers_name() -> None:
    with pytest.raises(MalformedError, match="must be the command's actor"):
        complete(by("ann", "TransferApproved", by="bob"), NOW)


def test_no_commitment_without_a_needed_approval() -> None:
    assert broken_rule(LARGE, COMMITTED) == "transfer-status"
    assert transfer(LARGE, approve(), COMMITTED).status == "Committed"


@pytest.mark.parametrize("end", [expire(), CANCELLED, fail("reserve"), fail("check")])
def test_of_the_commitment_and_another_end_one_wins(end: Any) -> None:
    assert broken_rule(request(), COMMITTED, end) == "transfer-status"
    assert broken_rule(request(), end, COMMITTED) == "transfer-status"


@pytest.mark.parametrize("end", [expire(), CANCELLED, fail("reserve"), COMMITTED])
def test_what_has_ended_neither_ends_again_nor_completes(end: Any) -> None:
    final = (COMPLETED,) if end is COMMITTED else ()
    for other in (expire(), CANCELLED, fail("check"), fail("credit"), COMMITTED):
        assert broken_rule(request(), end, *final, other) == "transfer-status"
    assert broken_rule(request(), *([] if end is COMMITTED else [end]), COMPLETED) == "transfer-status"


def test_a_refused_credit_fails_a_committed_transfer_alone() -> None:
    assert transfer(request(), COMMITTED, fail("credit")).status == "Failed"
    assert broken_rule(request(), fail("credit")) == "transfer-status"


def test_nothing_expires_before_its_deadline() -> None:
    assert broken_rule(request(), expire("2024-01-15T10:59:59.999999Z")) == "transfer-deadline"
    assert transfer(request(), expire(LATE)).status == "Expired"


def test_only_what_came_to_nothing_is_settled_once() -> None:
    assert transfer(request(), CANCELLED, SETTLED).settled
    for given in (
        [request()],
        [request(), COMMITTED],
        [request(), COMMITTED, COMPLETED],
        [request(), CANCELLED, SETTLED],
    ):
        assert broken_rule(*given, SETTLED) == "transfer-status"


@pytest.mark.parametrize("first", [approve(), CANCELLED, COMMITTED, expire(), SETTLED])
def test_nothing_happens_to_an_unknown_transfer(first: Any) -> None:
    assert broken_rule(first) == "transfer-status"


def test_what_is_due_follows_from_the_state() -> None:
    assert due(request()) == TO_THE_COMMITMENT
    assert due(LARGE) == []
    assert due(LARGE, approve()) == TO_THE_COMMITMENT
    assert due(request(), COMMITTED) == ["post?", "credit", "post", "complete"]
    assert due(request(), COMMITTED, COMPLETED) == []
    assert due(request(), COMMITTED, fail("credit")) == ["release", "settle"]
    assert due(request(), COMMITTED, fail("credit"), SETTLED) == []
    for end in (fail("reserve"), CANCELLED, expire()):
        assert due(request(), end) == ["fence", "settle"]
        assert due(request(), end, SETTLED) == ["fence"]


def test_only_before_the_commitment_does_the_deadline_matter() -> None:
    assert due(request(), now=LATE) == due(LARGE, now=LATE) == due(LARGE, approve(), now=LATE) == ["expire"]
    for given in ([request(), COMMITTED], [request(), COMMITTED, COMPLETED], [request(), CANCELLED]):
        assert due(*given, now=LATE) == due(*given)


def test_a_step_has_one_command_id_and_one_meaning_whenever_it_is_due() -> None:
    given = transfer(request())
    requests = [step.request("t", "c", "d") for step in PROCESS.due(given, NOW)]

    assert [each["commandId"] for each in requests] == ["t/credit", "t/post", "t/reserve", "t/commit"]
    assert requests == [step.request("t", "c", "d") for step in PROCESS.due(given, "2024-01-15T10:30:00.000000Z")]


@pytest.mark.parametrize("name", [*PROCESS.steps, "poke"])
def test_callers_may_not_name_their_commands_as_steps(name: str) -> None:
    assert [each.path for each in PROCESS.claims(f"t/{name}")] == ["commandId"]
    assert PROCESS.claims(name) == PROCESS.claims(f"t-{name}") == PROCESS.claims(f"{name}/t") == PROCESS.claims(5) == []


@pytest.mark.parametrize("name", [*PROCESS.steps, "poke"])
def test_where_there_is_no_process_callers_name_their_commands_as_they_like(name: str) -> None:
    assert NO_PROCESS.claims(f"t/{name}") == []


def test_every_step_has_a_claimed_command_id() -> None:
    every = [[request()], [request(), COMMITTED], [request(), COMMITTED, fail()], [request(), CANCELLED]]
    steps = [step for given in every for step in PROCESS.due(transfer(*given), NOW)]
    steps += PROCESS.due(transfer(request()), LATE)
    steps += PROCESS.after(transfer(request()), steps[0], RuleBrokenError("x", "y")) or ()

    assert {step.command or step.name for step in steps} == set(PROCESS.steps)


def test_the_row_follows_a_transfer_to_its_completion() -> None:
    events = events_of(request(10, reference="invoice 7"), COMMITTED, COMPLETED)
    row = fold(TransferSummary(), events)

    assert row == {
        "Status": "Completed",
        "FromAccount": "a",
        "ToAccount": "b",
        "Amount": 10,
        "Currency": "USD",
        "Reference": "invoice 7",
        "Deadline": LATE,
        "NeedsApproval": False,
        "RequestedBy": "ann",
        "RequestedAt": NOW,
        "CommittedAt": NOW,
        "EndedAt": NOW,
        "LastUpdated": NOW,
    }
    assert TransferSummary().knows(row, 3)


def test_the_row_says_why_a_transfer_came_to_nothing() -> None:
    failed = fold(TransferSummary(), events_of(request(), COMMITTED, fail("credit")))
    cancelled = fold(TransferSummary(), events_of(request(), CANCELLED))

    assert (failed["Status"], failed["FailedStep"], failed["Rule"]) == ("Failed", "credit", "account-active")
    assert (cancelled["Status"], cancelled["CancelledBy"], cancelled["Reason"]) == ("Cancelled", "ann", "paid twice")


SOON = "2024-01-15T10:01:00.000000Z"


@pytest.mark.parametrize(
    ("given", "due_at"),
    [
        ([request()], SOON),
        ([request(deadline="2024-01-15T10:00:30Z")], "2024-01-15T10:00:30.000000Z"),
        ([LARGE], LATE),
        ([LARGE, approve()], SOON),
        ([request(), COMMITTED], SOON),
        ([request(), COMMITTED, COMPLETED], None),
        ([request(), CANCELLED], SOON),
        ([request(), CANCELLED, SETTLED], None),
    ],
)
def test_the_row_is_in_the_index_of_what_is_due_while_something_is(given: list[Any], due_at: str | None) -> None:
    row = fold(TransferSummary(), events_of(*given))

    assert row.get("DueAt") == due_at
    assert (row.get("DueBucket") in PROCESS.buckets) == (due_at is not None)
    assert TransferSummary().damage(row, len(given)) == []
    assert TransferSummary().damage({**row, "DueAt": "x"} if due_at is None else {**row, "DueBucket": 1}, len(given))


def test_a_state_comes_back_whole_from_its_snapshot() -> None:
    for given in ([LARGE], [LARGE, approve(), COMMITTED], [request(), CANCELLED, SETTLED]):
        state = transfer(*given)
        assert Transfer.restore(loads(dumps(state.snapshot()), "snapshot")) == state
    with pytest.raises(ValueError, match="do not go together"):
        Transfer.restore({**transfer(LARGE).snapshot(), "amount": None})
