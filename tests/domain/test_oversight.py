"""Whether the parts of a transfer fit together, and what it waits for: at whatever step of whatever way it stands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.domain.oversight import OVERSIGHT
from handlers.domain.transfer_steps import PROCESS
from handlers.domain.transfer_summary import TransferSummary
from handlers.sourcing.command import NO_ACTOR
from handlers.sourcing.oversight import Part

from ..effort import LONG
from .builders import NOW
from .forged import FORGED, Found, bank, cancelled, late, own
from .test_transfer_properties import DISTURBANCES, Story
from .transfers import LATE, Ledger, approve, request


def parts_of(ledger: Ledger) -> dict[str, list[Part]]:
    """The parts of each transfer, in whatever stream."""
    found: dict[str, list[Part]] = {}
    for stream in ledger.streams.values():
        for event in stream:
            if part := OVERSIGHT.part(event):
                found.setdefault(part[0], []).append(part[1])
    return found


def flaws_of(ledger: Ledger) -> Found:
    """What is wrong, by all parts as they are: in which stream, what, at which event."""
    judged = [OVERSIGHT.judge(name, parts) for name, parts in parts_of(ledger).items()]
    return {(flaw.aggregate_id, flaw.misfit.value, flaw.sequence) for each in judged for flaw in each.flaws}


@pytest.mark.parametrize("steps", range(9))
def test_a_transfer_fits_at_every_step_of_its_way(steps: int) -> None:
    assert flaws_of(bank(steps=steps)) == set()


@pytest.mark.parametrize("steps", range(4))
def test_so_does_one_that_comes_to_nothing(steps: int) -> None:
    assert flaws_of(cancelled(steps)) == flaws_of(late()) == set()


@pytest.mark.parametrize(("to", "amount"), [("nobody", 10), ("b", 500)])
def test_so_does_one_that_an_account_refuses(to: str, amount: int) -> None:
    ledger = bank(request(amount, toAccount=to))

    assert [event.event_type for event in ledger.streams["t"]][-2:] == ["TransferFailed", "TransferSettled"]
    assert flaws_of(ledger) == set()


@given(
    funds=st.sampled_from([5, 10, 20]),
    with_b=st.booleans(),
    turns=st.lists(st.tuples(st.integers(0, 1), st.booleans(), st.sampled_from(DISTURBANCES)), max_size=30),
)
@settings(max_examples=3000 if LONG else 60, deadline=None)
def test_whatever_the_ledger_does_fits(funds: int, with_b: bool, turns: list[tuple[int, bool, str]]) -> None:
    """Two carry it on, who may stop between any two steps, while others use the accounts."""
    story = Story(funds=funds, with_b=with_b)
    for who, crashes, what in turns:
        story.disturb(what)
        if crashes:
            story.carriers[who] = story.ledger.carry()
        else:
            next(story.carriers[who], None)
        assert flaws_of(story.ledger) == set()


@pytest.mark.parametrize("name", FORGED)
def test_what_does_not_fit_is_told(name: str) -> None:
    make, wrong = FORGED[name]

    assert flaws_of(make()) == wrong


def test_what_a_transfer_changes_of_the_sum_of_all_balances_is_told_by_currency() -> None:
    def net(ledger: Ledger) -> Any:
        return {unit: amount for unit, amount in OVERSIGHT.judge("t", parts_of(ledger)["t"]).net.items() if amount}

    assert [net(bank(steps=steps)) for steps in (4, 5, 6)] == [{}, {"USD": 10}, {}]


def test_every_step_has_a_place_where_it_is_looked_for() -> None:
    ledger = bank()
    names = {part.command_id for part in parts_of(ledger)["t"] if part.aggregate_id != "t"}
    looked_for = OVERSIGHT.places("t", parts_of(ledger)["t"])

    assert names | {"t/release"} == {command_id for _, command_id in looked_for}
    assert looked_for.index(("a", "t/post")) < looked_for.index(("b", "t/credit")), (
        "whoever sees a post sees its credit"
    )
    assert OVERSIGHT.places("t", []) == []


def row_of(ledger: Ledger) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for event in ledger.streams["t"]:
        row = TransferSummary().apply(row, event)
    return row


@pytest.mark.parametrize(
    ("ledger", "now", "why"),
    [
        (lambda: bank(steps=0), NOW, "money is to be set aside"),
        (lambda: bank(steps=0), LATE, "its deadline is over"),
        (lambda: bank(request(5_000), steps=0), NOW, "somebody else than its requester"),
        (lambda: bank(request(5_000), steps=0), LATE, "its deadline is over"),
        (lambda: bank(request(5_000), approve(), steps=0), NOW, "money is to be set aside"),
        (lambda: bank(steps=4), LATE, "money is to be credited"),
        (lambda: cancelled(0), NOW, "what is set aside is to be released"),
        (bank, NOW, None),
        (cancelled, NOW, None),
    ],
)
def test_what_it_waits_for_is_told_and_nothing_is_due_while_it_waits_for_somebody(
    ledger: Any, now: str, why: str | None
) -> None:
    told = ledger()
    waits = OVERSIGHT.waits(row_of(told), now)

    assert (waits and waits.why[: len(why or "")]) == why
    due = PROCESS.due(told.state("t"), now)
    standing = [
        step for step in due if why is None and step.name == "fence"
    ]  # whatever has ended, a late step may come
    assert bool([step for step in due if step not in standing]) == (why is not None and "somebody" not in why)


def test_what_older_code_let_pass_is_no_flaw() -> None:
    """It took a request by nobody in particular, and a name with a character that nobody sees for somebody else's."""
    for requester, approver in ((NO_ACTOR, "bob"), ("ann", "ann\ufe0f")):
        asked = replace(request(50), actor=requester)
        ledger = bank(asked, steps=0)
        (opening,) = ledger.streams["t"]
        large = replace(opening, data={**opening.data, "needsApproval": True})
        ledger.streams["t"] = [large]
        own(ledger, "TransferApproved", by=approver)

        assert flaws_of(ledger) == set()
