"""What replays make of events: named, pure, and told on each copy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handlers.domain import TRANSFORMS
from handlers.domain.facts import FACTS
from handlers.sourcing.copies import Copy
from handlers.sourcing.errors import MalformedError, UnreadableEventError
from handlers.sourcing.event import Event, NewEvent
from handlers.sourcing.replays import ReplaySpec
from handlers.sourcing.transforms import Transform, Transforms
from tests.domain.builders import create, run, transact

_, (OPENED, DEPOSITED) = run(create(customerId="c-1"), transact("100.50"))
OLD = replace(OPENED, version=1, data={"accountId": "account-1", "customerId": "c-1"})


def test_an_old_event_is_sent_in_the_newest_shape() -> None:
    (copy,) = TRANSFORMS.copies(OLD, "r", "newest-shape@1")
    assert copy.record["Version"] == FACTS.newest["AccountCreated"] > OLD.version
    assert FACTS.violations("AccountCreated", FACTS.newest["AccountCreated"], copy.record["EventData"], "") == []
    assert copy.record["Replay"] == {
        "id": "r",
        "eventId": OLD.event_id,
        "hash": OLD.hash,
        "transform": "newest-shape@1",
        "place": 0,
    }


def test_an_event_of_a_type_that_is_unknown_here_keeps_its_shape() -> None:
    (copy,) = TRANSFORMS.copies(replace(OPENED, event_type="Later", data={"x": 1}), "r", "newest-shape@1")
    assert (copy.event_type, copy.record["EventData"]) == ("Later", {"x": 1})


def test_what_this_code_cannot_read_has_no_newest_shape() -> None:
    with pytest.raises(UnreadableEventError):
        TRANSFORMS.copies(replace(OPENED, version=99), "r", "newest-shape@1")


def test_a_copy_can_tell_that_something_happened_and_not_what() -> None:
    (copy,) = TRANSFORMS.copies(DEPOSITED, "r", "without-data@1")
    assert copy.record["EventData"] == {}
    assert (copy.event_type, copy.record["EventSequence"]) == ("TransactionProcessed", 2)


def halves(event: Event) -> list[NewEvent]:
    amount = event.data.get("amount")
    return [] if amount is None else [NewEvent("Half", {"amount": amount / 2}) for _ in range(2)]


def test_of_an_event_there_may_be_no_copy_or_several_each_under_an_id_of_its_own() -> None:
    transforms = Transforms([Transform("halves@1", "", halves)])
    assert transforms.copies(OPENED, "r", "halves@1") == []
    first, second = transforms.copies(DEPOSITED, "r", "halves@1")
    assert len({first.copy_id, second.copy_id, Copy.of(OPENED, "r").copy_id}) == 3
    assert transforms.copies(DEPOSITED, "r", "halves@1") == [first, second], "the same each time"
    assert transforms.copies(DEPOSITED, "s", "halves@1")[0].copy_id != first.copy_id
    assert [each.record["Replay"]["place"] for each in (first, second)] == [0, 1]


def test_a_transform_goes_with_no_projection_and_has_a_version() -> None:
    for given in ({"target": "projection", "transform": "newest-shape@1"}, {"target": "bus", "transform": "newest"}):
        with pytest.raises(MalformedError) as refused:
            ReplaySpec.of(given)
        assert [each.path for each in refused.value.violations] == ["transform"]
