"""The outbox passes on every event, whatever stands between them in the stream."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ..domain.builders import story
from ..handlers.conftest import record
from .budget import PATIENCE, examples
from .system import System

pytestmark = PATIENCE

GOOD = [event for name in ("a", "b") for event in story(name, [5, -3, 8])]
DIGITS = "12345678901234567890123456789012345678"
storable = st.text(max_size=10) | st.sampled_from(["", "t" * 129, "2024-01-15T10:00:00", "\uffff", "é" * 300])
attribute_numbers = st.sampled_from(
    ["0", "-1", "1.5", "1E+125", f"{DIGITS}E-167", f"-{DIGITS}", "1E-130", "1e400", "1e-400", "x"]
)
attributes = st.recursive(
    st.one_of(
        st.builds(lambda text: {"S": text}, storable),
        st.builds(lambda text: {"N": text}, attribute_numbers | st.integers().map(str)),
        st.sampled_from([{"B": "eHg="}, {"B": b"xx"}, {"SS": ["a", "b"]}, {"NS": ["1", "2"]}, {"BS": ["eA=="]}]),
        st.sampled_from([{"BOOL": True}, {"BOOL": False}, {"NULL": True}, {}, {"X": 1}, {"S": None}, {"N": None}]),
    ),
    lambda inner: (
        st.builds(lambda items: {"L": items}, st.lists(inner, max_size=3))
        | st.builds(lambda items: {"M": items}, st.dictionaries(st.text(max_size=5), inner, max_size=3))
    ),
    max_leaves=4,
)
"""Attributes as a stream may hold them, and some that it could not."""


@st.composite
def strange(draw: st.DrawFn) -> dict[str, Any]:
    """A stream record that is not the insertion of an event, or hardly."""
    made = deepcopy(
        record(draw(st.sampled_from(GOOD)), name=draw(st.sampled_from(["INSERT"] * 5 + ["MODIFY", "REMOVE", "x"])))
    )
    change = made["dynamodb"]
    change["Keys"] = {"AggregateId": {"S": draw(st.text(min_size=1))}, "EventSequence": {"N": draw(keys)}}
    if draw(st.integers(0, 9)) == 0:
        del change["NewImage"]
        return made
    for _ in range(draw(st.integers(1, 3))):
        image = change["NewImage"]
        place = draw(st.sampled_from([image, image, image.get("EventData", {}).get("M", image)]))
        name = draw(st.sampled_from(sorted(place) or ["x"]))
        if draw(st.booleans()):
            place.pop(name, None)
        else:
            place[name] = draw(attributes)
    return made


keys = st.integers(-(10**15), 10**37).map(str) | st.sampled_from(["1.5", "1E+125", "-1E-130", "0"])


@examples(125)
@given(st.lists(st.sampled_from(GOOD) | strange(), max_size=12))
def test_every_event_goes_out_in_order_whatever_stands_beside_it(system: System, batch: list[Any]) -> None:
    records = [each if isinstance(each, dict) else record(each) for each in batch]
    for number, each in enumerate(records):
        each["dynamodb"]["SequenceNumber"] = str(number)

    entries = system.relay(records)

    sent = iter(json.loads(entry["Detail"])["Hash"] for entry in entries)
    good = [each.hash for each in batch if not isinstance(each, dict)]
    assert all(one in sent for one in good)  # `in` uses up the iterator: so in this order, too
