"""The read side converges to the fold of the stream, whatever is delivered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handlers.sourcing.event import Event
from handlers.sourcing.projection import Projection
from handlers.sourcing.values import dumps
from handlers.store import folding, projector
from handlers.store.event_store import EventStore

from ..domain.builders import folded, of_rows, story, with_tally
from ..effort import LONG
from .conftest import ROWS, STORE, Calls, Context, message, refusal, rows

Deliver = Callable[..., list[str]]


@pytest.fixture(autouse=True)
def _counted(summary_alone: None) -> None:
    """What is counted here does not grow with the domain."""


@pytest.fixture
def deliver(aws: Any, handlers: Callable[[str], ModuleType]) -> Deliver:
    """The projection handler: events or raw details in, ids of failed messages (m0, m1, ...) out."""

    def call(*events: Any, context: Context | None = None) -> list[str]:
        records = [message(event, number) for number, event in enumerate(events)]
        answer = handlers("projection").lambda_handler({"Records": records}, context or Context())
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    return call


def keep(aws: Any, events: Sequence[Event]) -> list[Event]:
    store = EventStore(aws, STORE, 3)
    for event in events:
        store.append([event])
    return list(events)


def test_events_in_order_become_rows(aws: Any, deliver: Deliver) -> None:
    events = keep(aws, story("a", [Decimal("100.50"), -3]))

    for event in events:
        assert deliver(event) == []

    assert rows(aws) == folded(events)
    assert rows(aws)["a", "AccountSummary"]["Balance"] == Decimal("97.5")


def test_an_event_in_order_takes_one_read_its_entry_and_its_row(aws: Any, deliver: Deliver, calls: Calls) -> None:
    events = keep(aws, story("a", [1]))
    deliver(events[0])
    calls.made.clear()

    deliver(events[1])

    assert calls.names == ["BatchGetItem", "BatchWriteItem", "PutItem"]


def test_a_batch_of_one_aggregate_is_one_write_of_entries_and_one_of_its_row(
    aws: Any, deliver: Deliver, calls: Calls
) -> None:
    events = keep(aws, story("a", [1] * 9))
    calls.made.clear()

    assert deliver(*reversed(events)) == []

    assert calls.names == ["BatchGetItem", "BatchWriteItem", "PutItem"]
    assert rows(aws) == folded(events)


def test_duplicates_and_stragglers_write_nothing(aws: Any, deliver: Deliver, calls: Calls) -> None:
    events = keep(aws, story("a", [1, 2]))
    deliver(*events)
    calls.made.clear()

    assert deliver(events[0], events[2], events[1], events[2]) == []
    assert deliver(events[0], events[1]) == []

    assert calls.names == ["BatchGetItem"] * 2


def test_a_gap_is_filled_from_the_store(aws: Any, deliver: Deliver, calls: Calls) -> None:
    events = keep(aws, story("a", [1, 2, 3]))
    deliver(events[0])
    calls.made.clear()

    assert deliver(events[3]) == []

    assert calls.names == ["BatchGetItem", "Query", "BatchWriteItem", "PutItem"]
    assert rows(aws) == folded(events)


@pytest.fixture
def two(handlers: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> Sequence[Projection]:
    """The projection function with a further projection."""
    module = handlers("projection")
    projections = with_tally()
    monkeypatch.setattr(module, "_projector", replace(module._projector, projections=projections))
    return projections


def test_rows_at_different_places_are_brought_up_by_one_reading(
    aws: Any, deliver: Deliver, two: Sequence[Projection], calls: Calls
) -> None:
    events = keep(aws, story("a", [1, 2]))
    deliver(*events[:2])
    aws.delete_item(TableName=ROWS, Key={"AccountId": {"S": "a"}, "ProjectionType": {"S": "Tally"}})
    calls.made.clear()

    assert deliver(events[2]) == []

    assert calls.names == ["BatchGetItem", "Query", "BatchWriteItem", "PutItem", "PutItem"]
    assert rows(aws) == folded(events, two)


class Hourglass(Context):
    """Time for so many looks at it, then none."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.looks = looks

    def get_remaining_time_in_millis(self) -> int:
        self.looks -= 1
        return 30_000 if self.looks >= 0 else 1_000


def test_a_long_gap_is_written_piece_by_piece_so_that_no_attempt_is_in_vain(
    aws: Any, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projector, "CHUNK", 3)
    monkeypatch.setattr(folding, "CHUNK", 3)
    events = keep(aws, story("a", [1] * 9))

    assert deliver(events[9], context=Hourglass(7)) == ["m0"]

    assert rows(aws) == folded(events[:6])
    assert deliver(events[9], context=Hourglass(4)) == []
    assert rows(aws) == folded(events)


def test_an_account_far_behind_takes_no_time_from_the_others_of_its_batch(aws: Any, deliver: Deliver) -> None:
    far, near = keep(aws, story("far", [1] * 9)), keep(aws, story("near", [1]))

    assert deliver(far[9], near[1], context=Hourglass(3)) == ["m0"]

    assert rows(aws) == folded(near)


@settings(max_examples=60 if LONG else 15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_any_duplicates_any_batches_end_in_the_fold(
    data: st.DataObject, handlers: Callable[[str], ModuleType], fresh: Callable[[], Any]
) -> None:
    aws = fresh()
    streams = [keep(aws, story(name, list(range(1, length)))) for name, length in (("a", 6), ("b", 4))]
    every = [event for stream in streams for event in stream]
    extra = data.draw(st.lists(st.sampled_from(every), max_size=8))
    delivery = data.draw(st.permutations(every + extra))

    while delivery:
        size = data.draw(st.integers(1, 6))
        batch, delivery = delivery[:size], delivery[size:]
        records = [message(event, number) for number, event in enumerate(batch)]
        assert handlers("projection").lambda_handler({"Records": records}, Context()) == {"batchItemFailures": []}

    assert rows(aws) == {**folded(streams[0]), **folded(streams[1])}


@pytest.fixture
def fresh(aws: Any) -> Callable[[], Any]:
    """Empties both tables, for each example of a property."""

    def empty() -> Any:
        for table, keys in ((STORE, ("AggregateId", "EventSequence")), (ROWS, ("AccountId", "ProjectionType"))):
            for item in aws.scan(TableName=table)["Items"]:
                aws.delete_item(TableName=table, Key={key: item[key] for key in keys})
        return aws

    return empty


def test_a_row_that_another_worker_moved_is_read_again(aws: Any, deliver: Deliver, calls: Calls) -> None:
    events = keep(aws, story("a", [1, 2, 3]))
    deliver(events[0])

    def overtake(operation: str, arguments: dict[str, Any]) -> None:
        if operation == "PutItem" and arguments["TableName"] == ROWS:
            calls.before = None
            assert deliver(events[1], events[2]) == []

    calls.before = overtake
    assert deliver(events[1], events[2], events[3]) == []

    assert rows(aws) == folded(events)


@pytest.mark.parametrize("known", [0, 1])
def test_a_slow_worker_does_not_turn_a_row_back(aws: Any, deliver: Deliver, calls: Calls, known: int) -> None:
    events = keep(aws, story("a", [1, 2, 3]))
    deliver(*events[:known])

    def overtake(operation: str, arguments: dict[str, Any]) -> None:
        if operation == "PutItem" and arguments["TableName"] == ROWS:
            calls.before = None
            assert deliver(*events[known:]) == []

    calls.before = overtake
    assert deliver(events[known]) == []

    assert rows(aws) == folded(events)


def test_a_worker_that_dies_between_two_rows_is_made_up_for_by_the_next_delivery(
    aws: Any, deliver: Deliver, two: Sequence[Projection], calls: Calls
) -> None:
    events = keep(aws, story("a", [1]))
    writes: list[str] = []

    def die(operation: str, _: Any) -> None:
        if operation == "PutItem":
            writes.append(operation)
            if len(writes) == 2:
                raise refusal("ProvisionedThroughputExceededException")

    calls.before = die
    assert deliver(*events) == ["m0", "m1"]
    assert len(of_rows(rows(aws))) == 1
    calls.before = None

    assert deliver(*events) == []
    assert rows(aws) == folded(events, two)


@pytest.mark.parametrize(
    "poison",
    [
        {},
        {"AggregateId": "a"},
        "text",
        None,
        {"AggregateId": "a", "EventSequence": "x"},
        {**story("a", [1])[0].record(), "EventSequence": 0},
        {**story("a", [1])[0].record(), "EventSequence": 10**16},
    ],
)
def test_a_message_that_is_no_event_fails_alone(aws: Any, deliver: Deliver, poison: Any) -> None:
    events = keep(aws, story("a", [1]))

    assert deliver(events[0], poison, events[1]) == ["m1"]
    assert rows(aws) == folded(events)


@pytest.mark.parametrize("aggregate_id", ["", "x" * 3000, " ", "line\nbreak"])
def test_a_key_that_dynamodb_would_refuse_fails_alone(
    aws: Any, deliver: Deliver, calls: Calls, aggregate_id: str
) -> None:
    events = keep(aws, story("a", [1]))
    poison = {**events[0].record(), "AggregateId": aggregate_id}

    assert deliver(events[0], poison, events[1]) == ["m1"]

    assert rows(aws) == folded(events)
    (read,) = calls.to("BatchGetItem")  # DynamoDB would fail all of it for one bad key; moto does not mind
    assert {key["AccountId"]["S"] for key in read["RequestItems"][ROWS]["Keys"]} == {"a"}


@pytest.mark.parametrize("damage", ["REMOVE LastSequence", "REMOVE LastHash, LastSequence"])
def test_a_row_that_lost_its_position_is_made_again(aws: Any, deliver: Deliver, damage: str) -> None:
    events = keep(aws, story("a", [1, 2]))
    deliver(*events[:2])
    aws.update_item(
        TableName=ROWS,
        Key={"AccountId": {"S": "a"}, "ProjectionType": {"S": "AccountSummary"}},
        UpdateExpression=damage,
    )

    assert deliver(events[2]) == []
    assert rows(aws) == folded(events)


REAL = dumps(story("a", [1])[1].record())


@pytest.mark.timeout(8)  # to make an int of 1E+600000 takes longer
@pytest.mark.parametrize(
    "body",
    [
        *("", "[]", "{", "null", "5", '"text"', '{"detail": {"AggregateId": NaN}}', '{"detail": []}'),
        *(
            f'{{"detail": {REAL.replace(old, new)}}}'
            for old, new in (
                ('"EventSequence":2', '"EventSequence":1E+600000'),
                ('"EventSequence":2', '"EventSequence":true'),
                ('"EventSequence":2', '"EventSequence":"2"'),
                ('"EventSequence":2', '"EventSequence":1.5'),
                ('"amount":1', '"amount":1E+400'),
                ('"amount":1', '"amount":"\\ud800"'),
                ('"amount":1', f'"amount":{"[" * 900}{"]" * 900}'),
                ('"Version":1', '"Version":1E+600000'),
                ('"Actor":"', '"Actor":"\\ud800'),
            )
        ),
    ],
)
def test_a_body_that_is_no_bus_event_fails_alone(aws: Any, handlers: Callable[[str], ModuleType], body: str) -> None:
    (event,) = keep(aws, story("a", []))
    records = [{"messageId": "bad", "body": body}, message(event)]

    answer = handlers("projection").lambda_handler({"Records": records}, Context())

    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert rows(aws) == folded([event])


def test_one_aggregates_failure_leaves_the_others_alone(aws: Any, deliver: Deliver) -> None:
    kept = keep(aws, story("a", [1]))
    never_stored = story("ghost", [1])[1]

    assert deliver(kept[0], never_stored, kept[1]) == ["m1"]
    assert rows(aws) == folded(kept)


@pytest.mark.parametrize("sequence", [4, 99, 10**15])
def test_an_event_announced_beyond_the_stores_end_fails_alone(aws: Any, deliver: Deliver, sequence: int) -> None:
    events = keep(aws, story("a", [1, 2]))
    beyond = {**events[2].record(), "EventSequence": sequence}

    assert deliver(events[0], beyond, events[1], events[2]) == ["m1"]
    assert rows(aws) == folded(events)


@pytest.mark.parametrize("data", [{}, {"amount": "much", "type": "deposit"}, {"amount": [1], "type": "deposit"}])
def test_a_made_up_event_that_chains_but_cannot_be_applied_holds_up_nothing(
    aws: Any, deliver: Deliver, data: dict[str, Any]
) -> None:
    events = keep(aws, story("a", [1, 2]))
    forged = Event.of({**events[1].record(), "EventData": data})
    sealed = {**forged.record(), "Hash": forged.computed_hash()}

    assert deliver(events[0], sealed) == []
    assert rows(aws) == folded(events)
    assert deliver(sealed, *events[1:]) == []


def test_an_event_that_somebody_made_up_is_not_believed(aws: Any, deliver: Deliver) -> None:
    events = keep(aws, story("a", [1]))
    forged = Event.of({**events[1].record(), "EventData": {"amount": 1_000_000, "type": "deposit"}})

    assert deliver(events[0], forged) == []

    assert rows(aws) == folded(events)


def test_a_new_projection_fills_itself_from_the_store(aws: Any, deliver: Deliver, request: Any) -> None:
    events = keep(aws, story("a", [1, 2, 3]))
    deliver(*events[:3])
    projections = request.getfixturevalue("two")

    assert deliver(events[3]) == []
    assert rows(aws) == folded(events, projections)


def test_more_rows_than_one_batch_read_takes_are_all_found(aws: Any, deliver: Deliver, calls: Calls) -> None:
    streams = [keep(aws, story(f"account-{number}", [1])) for number in range(110)]
    deliver(*(stream[0] for stream in streams))
    calls.made.clear()

    assert deliver(*(stream[1] for stream in streams)) == []

    assert calls.names.count("BatchGetItem") == 2
    assert rows(aws) == {key: row for stream in streams for key, row in folded(stream).items()}


def test_keys_that_dynamodb_leaves_unprocessed_are_asked_for_again(
    aws: Any, handlers: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    read_model = handlers("projection")._projector.read_model
    asked: list[int] = []

    class OneAtATime:
        def batch_get_item(self, RequestItems: Any) -> Any:  # noqa: N803 -- the API's name
            keys = RequestItems[ROWS]["Keys"]
            asked.append(len(keys))
            answer = aws.batch_get_item(RequestItems={ROWS: {"Keys": keys[:1]}})
            undone = {ROWS: {"Keys": keys[1:]}} if keys[1:] else {}
            return {**answer, "UnprocessedKeys": undone}

    streams = {name: keep(aws, story(name, [1])) for name in ("a", "b")}
    for events in streams.values():
        handlers("projection").lambda_handler({"Records": [message(event) for event in events]}, Context())
    monkeypatch.setattr(read_model, "_client", OneAtATime())

    found = handlers("projection")._projector.load(streams)

    assert asked == [2, 1]
    assert len(found) == 2
