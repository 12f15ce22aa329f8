"""The read side answers whatever it is asked: what there is, or a refusal that says why."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .budget import PATIENCE, examples
from .strategies import delivered, junk, mutated, names, numbers, shapeless, spelled, texts
from .system import System, read
from .wire import Literal, bodies, nested, text_of

pytestmark = PATIENCE


class Library(NamedTuple):
    """A system with something to ask for: queries that are answered, and tokens that were given out."""

    system: System
    queries: list[dict[str, Any]]
    tokens: dict[str, str]
    """By the query that it was given out for."""


@pytest.fixture
def library(system: System) -> Library:
    for item in system.create("account-a", *map(Decimal, ("5", "-3", "0.01", "7"))) + system.create("b", Decimal(1)):
        system.follow(item)
    times = {"fromTimestamp": "2020-01-01T00:00:00Z", "toTimestamp": "2999-01-01T00:00:00+01:00"}
    paged: list[dict[str, Any]] = [
        {"queryType": "getAggregateEvents", "aggregateId": "account-a", "limit": 1},
        {"queryType": "getAggregateEvents", "aggregateId": "b", "limit": 1},
        {"queryType": "getEventsByType", "eventType": "TransactionProcessed", "limit": 1},
        {"queryType": "getEventsByType", "eventType": "TransactionProcessed", "limit": 1, **times},
    ]
    tokens = {text_of(query): system.query(query).body["nextToken"] for query in paged}
    whole: list[dict[str, Any]] = [
        {"queryType": "getAccountSummary", "accountId": "account-a"},
        {"queryType": "getAccountStatement", "accountId": "account-a"},
        {
            "queryType": "reconstructState",
            "aggregateId": "account-a",
            "upToSequence": 2,
            "asOf": "2999-01-01T00:00:00Z",
        },
    ]
    continued = [{**query, "nextToken": tokens[text_of(query)]} for query in paged]
    for query in continued + whole:
        assert system.query(query).status == 200
    return Library(system, paged + continued + whole, tokens)


@examples(125)
@given(data=st.data())
def test_any_change_of_a_query_in_any_shape(library: Library, data: st.DataObject) -> None:
    query = data.draw(mutated(data.draw(st.sampled_from(library.queries))))

    library.system.query(data.draw(delivered(data.draw(spelled(query)))))


@examples(75)
@given(data=st.data(), value=numbers | texts | junk)
def test_any_value_of_any_argument(library: Library, data: st.DataObject, value: Any) -> None:
    query = dict(data.draw(st.sampled_from(library.queries)))
    arguments = ("limit", "upToSequence", "asOf", "fromTimestamp", "toTimestamp", "eventType", "nextToken", "accountId")
    query[data.draw(st.sampled_from(arguments))] = value

    library.system.query(data.draw(delivered(text_of(query))))


@examples(50)
@given(data=st.data())
def test_any_event_that_carries_a_query_wrongly(library: Library, data: st.DataObject) -> None:
    text = text_of(library.queries[0])

    assert library.system.query(data.draw(shapeless(text))).status in (200, 400)


@st.composite
def edited(draw: st.DrawFn, token: str) -> Any:
    """A token that was given out, opened, changed and closed again; or damaged; or none at all."""
    match draw(st.integers(0, 9)):
        case 0:
            return draw(junk)
        case 1:
            place = draw(st.integers(0, len(token)))
            return (
                token[:place]
                + draw(st.sampled_from("aA0-_=+/ \n\x00é\ud800"))
                + token[place + draw(st.integers(0, 3)) :]
            )
        case 2:
            return draw(st.sampled_from(["A" * 1_000_000, token * 1_000, token + "====", token[:-1], token[::-1]]))
        case 3:
            return closed(draw(spelled(draw(junk))))
    subject, place = read(base64.urlsafe_b64decode(token + "=="))
    if draw(st.integers(0, 3)) == 0:
        subject = draw(replaced(subject))
    return closed(text_of([subject, draw(replaced(place))]))


@st.composite
def replaced(draw: st.DrawFn, value: Any) -> Any:
    """A value with one value in it replaced."""
    if isinstance(value, list) and value and draw(st.integers(0, 4)):
        index = draw(st.integers(0, len(value) - 1))
        return [*value[:index], draw(replaced(value[index])), *value[index + 1 :]]
    return draw(
        st.one_of(numbers, names, junk, st.sampled_from(["account-a", [], "2024-01-15T10:00:00.000000Z", None]))
    )


def closed(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode(errors="surrogatepass")).decode().rstrip("=")


@examples(150)
@given(data=st.data())
def test_any_token(library: Library, data: st.DataObject) -> None:
    asked, given_out = (data.draw(st.sampled_from(sorted(library.tokens))) for _ in range(2))
    token = data.draw(edited(library.tokens[given_out]))
    query = {**read(asked), "nextToken": token}

    outcome = library.system.query(data.draw(delivered(text_of(query))))

    if outcome.status == 200:
        for event in outcome.body["events"]:
            assert query.get("aggregateId", event["AggregateId"]) == event["AggregateId"]
            assert query.get("eventType", event["EventType"]) == event["EventType"]
    else:
        assert outcome.body["error"]["details"]["field"] in ("nextToken", "body")


@pytest.mark.timeout(30)
@pytest.mark.parametrize("levels", [100, 900, 980, 985, 990, 995, 3_000])
def test_a_token_of_any_depth(library: Library, levels: int) -> None:
    for asked in library.tokens:
        for content in (
            nested(levels),
            Literal(f"[{nested(levels)}, 1]"),
            Literal(f"[[{nested(levels)}], [[1, 2, 3]]]"),
        ):
            query = {**read(asked), "nextToken": closed(text_of(content))}

            assert all(library.system.query(event).status == 400 for event in bodies(text_of(query))[:1])
