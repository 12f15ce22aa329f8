"""Rows equal the fold of what is stored, whatever else the queue holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from handlers.sourcing.event import Event
from handlers.sourcing.values import dumps
from handlers.store.event_store import EventStore
from handlers.store.items import to_record

from ..aws import ROWS, STORE
from ..domain.builders import folded, story
from .budget import PATIENCE, examples
from .strategies import junk, mutated, names, spelled, texts
from .system import System, read
from .wire import Literal, text_of

pytestmark = PATIENCE


@st.composite
def forged(draw: st.DrawFn, events: Sequence[Event]) -> str:
    """A message's body with what nobody published in it: mostly an event with some of its attributes changed."""
    match draw(st.integers(0, 9)):
        case 0:
            return draw(texts | junk.map(text_of))
        case 1:
            return text_of({"detail": draw(junk)})
    event = draw(st.sampled_from(events))
    detail = read(dumps(event.record()))
    match draw(st.integers(0, 4)):
        case 0:
            detail["AggregateId"] = draw(st.sampled_from([each.aggregate_id for each in events]) | names)
        case 1:
            numbers = st.sampled_from(
                ["0", "2", "99", "1e15", "1e16", "1e1000000", "1.5", "-1", "true", '"1"', "1e-400"]
            )
            detail["EventSequence"] = Literal(draw(numbers))
        case 2:
            other = draw(st.sampled_from(events))
            detail |= {"PreviousHash": other.previous_hash, "Hash": other.hash}
        case 3 if "amount" in event.data:
            # However well it is chained: what cannot be applied is nowhere in the store.
            data = draw(
                st.sampled_from(
                    [{}, {"amount": "much", "type": "deposit"}, {"amount": None}, {"amount": [], "type": 1}]
                )
            )
            sealed = Event.of({**event.record(), "EventData": data})
            return text_of({"detail": read(dumps({**sealed.record(), "Hash": sealed.computed_hash()}))})
    return text_of({"detail": Literal(draw(spelled(draw(mutated(detail)))))})


def keep(system: System, client: Any, lengths: Sequence[int]) -> list[list[Event]]:
    """Stored streams so long, not projected yet."""
    streams = [story(system.new_id(), list(range(1, length))) for length in lengths]
    for stream in streams:
        for event in stream:
            EventStore(client, STORE, 3).append([event])
    return streams


def row(client: Any, key: tuple[str, str]) -> dict[str, Any]:
    item = client.get_item(TableName=ROWS, Key={"AccountId": {"S": key[0]}, "ProjectionType": {"S": key[1]}})
    return to_record(item.get("Item", {}))


@examples(25)
@given(data=st.data())
def test_every_event_is_projected_whatever_stands_beside_it(system: System, aws: Any, data: st.DataObject) -> None:
    streams = keep(system, aws, data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)))
    events = [event for stream in streams for event in stream]
    bodies = {f"good-{number}": dumps({"detail": event.record()}) for number, event in enumerate(events)}
    for number in range(data.draw(st.integers(1, 6))):
        bodies[f"bad-{number}"] = data.draw(forged(events))
    messages = [{"messageId": each, "body": bodies[each]} for each in data.draw(st.permutations(sorted(bodies)))]
    size = data.draw(st.integers(1, len(messages)))

    for start in range(0, len(messages), size):
        delivered = system.projection(messages[start : start + size])
        assert not [each for each in delivered.failed if each.startswith("good")]

    for stream in streams:
        for key, expected in folded(stream).items():
            assert row(aws, key) == expected
