"""Numbers, texts, times and ids: read exactly, or refused by name."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from handlers.domain.facts import asked
from handlers.sourcing import times
from handlers.sourcing.errors import MalformedError
from handlers.sourcing.fields import check_identifier
from handlers.sourcing.values import dumps, exact, loads
from handlers.store.event_store import MAX_JSON_EXPANSION
from handlers.store.items import item_bytes

from .attempts import attempt
from .budget import PATIENCE, examples
from .strategies import TEXTS, junk, numbers, parsed, scalars, spelled, texts
from .wire import Literal

pytestmark = PATIENCE


@examples(250)
@given(st.data())
def test_any_text_is_one_exact_value_or_none(tally: Counter[str], data: st.DataObject) -> None:
    text = data.draw(spelled(data.draw(junk)))
    record = attempt(tally, "values", lambda: {"EventData": exact(loads(text, "body"), "body")})
    if record is None:
        return
    stored = {name: TypeDeserializer().deserialize(TypeSerializer().serialize(each)) for name, each in record.items()}

    assert stored == record
    assert loads(dumps(record), "body") == record
    assert json.loads(dumps(record), parse_float=Decimal, parse_int=Decimal) == record
    assert len(dumps(record).encode()) <= MAX_JSON_EXPANSION * item_bytes(record)


@examples(250)
@given(parsed)
def test_any_object_is_one_exact_value_or_none(tally: Counter[str], value: Any) -> None:
    made = attempt(tally, "values", lambda: [exact(value, "eventData")])

    if made is not None:
        assert loads(dumps(made), "body") == made


def money(value: Any) -> Decimal:
    """The amount of a command with this value for one. Raises MalformedError."""
    read, found = asked("TransactionProcessed", exact({"amount": value}, "eventData"))
    if found:
        raise MalformedError(*found[0])
    amount: Decimal = read["amount"]
    return amount


@examples(250)
@given(numbers | texts | scalars)
def test_any_amount_is_money_or_none(tally: Counter[str], value: Any) -> None:
    given_as = str(value) if isinstance(value, Literal) else value

    amount = attempt(tally, "amounts", money, given_as)

    if amount is not None:
        assert abs(amount) < 10**18
        assert amount == round(amount, 8)
        assert amount == Decimal(given_as)


like_times = st.from_regex(r"\A\d{4}-\d\d-\d\d.\d\d:\d\d(:\d\d(\.\d{1,7})?)?(Z|[+-]\d\d:?\d\d)?\Z")
# Whole minutes, as in all the world's offsets: CPython itself reads +00:00:00.000001 as +00:00.
offsets = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(timezones=offsets)


@examples(250)
@given(like_times | texts | junk)
def test_any_text_is_a_time_or_none(tally: Counter[str], text: Any) -> None:
    made = attempt(tally, "times", times.normalize, text, "asOf")

    if made is not None:
        assert times.FIRST <= made <= times.LAST
        assert len(made) == len(times.LAST)
        assert times.normalize(made, "asOf") == made


@examples(250)
@given(moments, moments)
def test_the_order_of_times_is_the_order_of_their_texts(tally: Counter[str], one: datetime, other: datetime) -> None:
    first, second = (attempt(tally, "times", times.normalize, each.isoformat(), "asOf") for each in (one, other))

    if first and second:
        assert (first < second) == (one < other)
        assert datetime.fromisoformat(first) == one.astimezone(UTC)


@examples(250)
@given(st.text(st.characters(), max_size=300) | st.sampled_from(TEXTS) | junk)
def test_any_value_is_an_id_or_none(tally: Counter[str], value: Any) -> None:
    made = attempt(tally, "ids", check_identifier, value, "aggregateId")

    if made is not None:
        assert made == made.strip() == value
        assert 1 <= len(made.encode()) <= 256
        assert made.isprintable()
