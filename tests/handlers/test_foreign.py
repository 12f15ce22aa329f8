"""What somebody else put into the event store: a fault for those who ask for its account, and for nobody else."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from handlers.failure import InvocationError
from handlers.sourcing.errors import NotAnEventError
from handlers.store.event_store import EventStore
from handlers.store.stored_events import event_of

from ..aws import STORE
from ..domain.builders import story
from ..foreign import FOREIGN, foreign_item, put_foreign
from .conftest import Calls, Context, Invoke, kept, record, refusal

ODD = pytest.mark.parametrize("odd", FOREIGN)


def keep(aws: Any, *streams: Any) -> None:
    for stream in streams:
        for event in stream:
            EventStore(aws, STORE, 3).append([event])


@ODD
def test_what_is_no_event_is_named_by_its_place_and_in_words(odd: str) -> None:
    change, problem = FOREIGN[odd]

    with pytest.raises(NotAnEventError) as caught:
        event_of(foreign_item("a", "7", change))

    assert caught.value.message == f"item 7 of a is no event: {problem}"
    assert caught.value.details == {"aggregateId": "a", "sequence": 7}


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (None, "an item of an unknown aggregate is no event: there is no item"),
        ({"AggregateId": {"S": "a"}}, "an item of a is no event: EventSequence is missing"),
        (
            {"AggregateId": {"S": "a"}, "EventSequence": {"N": "2.5"}},
            "item 2.5 of a is no event: EventSequence must be a whole number from 1 to 1000000000000000",
        ),
        ({"EventSequence": {"X": 1}, "AggregateId": {"S": "a"}}, "an item of a is no event: its attributes"),
        ({"AggregateId": {"SS": ["a"]}}, "an item of an unknown aggregate is no event: AggregateId must be a text"),
    ],
)
def test_an_item_that_hardly_says_where_it_lies_is_named_as_far_as_it_does(item: Any, message: str) -> None:
    with pytest.raises(NotAnEventError) as caught:
        event_of(item)

    assert caught.value.message.startswith(message)


@ODD
def test_events_by_type_are_served_to_everybody_and_what_is_none_is_listed(aws: Any, ask: Invoke, odd: str) -> None:
    keep(aws, story("a", [1, 2]), story("b", [3]))
    change, problem = FOREIGN[odd]
    put_foreign(aws, "foreign", "3", change)

    status, body = ask("getEventsByType", eventType="TransactionProcessed")

    assert status == 200
    served = [(each["AggregateId"], each["EventSequence"]) for each in body["events"]]
    assert sorted(served) == [("a", 2), ("a", 3), ("b", 2)]
    assert body["count"] == 3
    assert body["unreadable"] == [{"aggregateId": "foreign", "sequence": 3, "problem": problem}]


def test_pages_of_events_by_type_go_on_behind_what_is_none(aws: Any, ask: Invoke) -> None:
    keep(aws, story("a", [1] * 6))
    for number in range(5):
        put_foreign(aws, "foreign", str(number + 1), FOREIGN["no data"][0])
    served: list[int] = []
    token: str | None = None
    while len(served) < 10:
        status, body = ask("getEventsByType", eventType="TransactionProcessed", limit=1, nextToken=token)
        assert status == 200
        served += [each["EventSequence"] for each in body["events"]]
        token = body.get("nextToken")
        if token is None:
            break

    assert served == [7, 6, 5, 4, 3, 2]


@ODD
def test_the_account_itself_is_a_fault_that_names_the_item(
    aws: Any, ask: Invoke, send: Invoke, caplog: pytest.LogCaptureFixture, *, odd: str
) -> None:
    keep(aws, story("a", [1, 2]), story("b", [3]))
    change, problem = FOREIGN[odd]
    put_foreign(aws, "a", "4", change)

    asked: list[Callable[[], Any]] = [
        lambda: ask("getAggregateEvents", aggregateId="a"),
        lambda: ask("reconstructState", aggregateId="a"),
        lambda: send("TransactionProcessed", {"amount": 1}, aggregateId="a"),
    ]
    for each in asked:
        caplog.clear()
        with pytest.raises(InvocationError, match="is no event"):
            each()
        assert f"item 4 of a is no event: {problem}" in caplog.text
    assert ask("reconstructState", aggregateId="b")[0] == 200
    assert send("TransactionProcessed", {"amount": 1}, aggregateId="b")[0] == 200


def test_a_look_up_that_finds_what_is_no_event_names_it(aws: Any, send: Invoke, caplog: Any) -> None:
    keep(aws, story("a", [1] * 9))
    put_foreign(aws, "a", "2.5", {"CommandId": {"S": "mine"}})

    with pytest.raises(InvocationError, match="is no event"):
        send("TransactionProcessed", {"amount": 1}, aggregateId="a", commandId="mine")

    assert "item 2.5 of a is no event: EventSequence must be a whole number" in caplog.text


def test_a_page_that_ends_between_two_places_goes_on_at_the_next(aws: Any) -> None:
    keep(aws, story("a", [1] * 4))
    put_foreign(aws, "a", "2.5", {})
    foreign: list[NotAnEventError] = []
    store, found, after = EventStore(aws, STORE), [], 0

    for _ in range(10):
        events, following, _ = store.page("a", after=after, limit=3, unreadable=foreign.append)
        found += [event.sequence for event in events]
        if following is None:
            break
        after = following

    assert found == [1, 2, 3, 4, 5]
    assert [error.sequence for error in foreign] == ["2.5"]


@pytest.mark.parametrize("sequence", ["0", "-10", "2.5", "1E+30"])
def test_snapshots_are_made_beside_an_item_at_no_place(
    aws: Any, handlers: Callable[[str], ModuleType], sequence: str
) -> None:
    events = story("a", [1])
    keep(aws, events)
    odd = record(events[1])
    odd["dynamodb"]["Keys"] = {"AggregateId": {"S": "odd"}, "EventSequence": {"N": sequence}}

    answer = handlers("snapshot").lambda_handler({"Records": [odd, record(events[1])]}, Context())

    assert answer == {"batchItemFailures": []}
    assert sorted(kept(aws)) == [("a", 2)]


def test_snapshots_of_others_are_made_beside_a_stream_with_what_is_no_event(
    aws: Any, handlers: Callable[[str], ModuleType]
) -> None:
    events, damaged = story("a", [1]), story("damaged", [1])
    keep(aws, events, damaged[:1])
    put_foreign(aws, "damaged", "2", FOREIGN["no data"][0])

    answer = handlers("snapshot").lambda_handler({"Records": [record(damaged[1]), record(events[1])]}, Context())

    assert answer == {"batchItemFailures": []}
    assert sorted(kept(aws)) == [("a", 2)]


def test_a_message_that_holds_no_event_says_whose_and_what_is_missing(
    aws: Any, handlers: Callable[[str], ModuleType], caplog: Any
) -> None:
    body = '{"detail": {"AggregateId": "a", "EventSequence": 3, "EventId": "e", "EventType": "t"}}'

    handlers("projection").lambda_handler({"Records": [{"messageId": "m", "body": body}]}, Context())

    assert "holds no event: item 3 of a is no event: EventData is missing" in caplog.text
    assert "KeyError" not in caplog.text


def test_a_fault_of_the_store_is_still_a_fault(aws: Any, ask: Invoke, calls: Calls) -> None:
    def refuse(operation: str, _: Any) -> None:
        raise refusal("InternalServerError", operation)

    calls.before = refuse
    with pytest.raises(InvocationError):
        ask("getEventsByType", eventType="TransactionProcessed")
