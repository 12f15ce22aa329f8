"""Commands, events, messages and tokens out of anything: whole ones, or refused."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from handlers.domain import EVENT_TYPES, decide, evolve
from handlers.domain.account import Account
from handlers.sourcing.command import MAX_SEQUENCE, Command
from handlers.sourcing.errors import LedgerError, NotAnEventError
from handlers.sourcing.event import Event, Position, chain
from handlers.sourcing.fields import check_whole
from handlers.sourcing.payload import request_of
from handlers.sourcing.values import dumps
from handlers.store import tokens
from handlers.store.event_bus import delivered_event
from handlers.store.items import item_bytes

from ..domain.builders import NOW, story, summaries
from .attempts import attempt
from .budget import PATIENCE, examples
from .strategies import NUMBERS, junk, mutated, parsed, spelled, texts
from .wire import text_of

pytestmark = PATIENCE

REQUEST = {"aggregateId": "a", "eventType": "X", "eventData": {"amount": 1}, "commandId": "c", "expectedSequence": 1}


@examples(250)
@given(st.data())
def test_any_object_is_a_command_or_none(tally: Counter[str], data: st.DataObject) -> None:
    request = dict(REQUEST)
    for _ in range(data.draw(st.integers(0, 3))):
        request[data.draw(st.sampled_from([*REQUEST, "actor", "correlationId", "causationId"]))] = data.draw(parsed)

    command = attempt(tally, "commands", Command.parse, request, "request-1")

    if command is not None:
        assert len(command.digest) == 64
        ids = (command.aggregate_id, command.event_type, command.command_id, command.correlation_id, command.actor)
        assert all(1 <= len(each.encode()) <= 256 and each.isprintable() for each in ids)
        assert command.expected_sequence in (None, *range(2)) or 0 <= command.expected_sequence <= MAX_SEQUENCE


@examples(250)
@given(st.data())
def test_any_token_is_a_place_or_none(tally: Counter[str], data: st.DataObject) -> None:
    subject = ["getAggregateEvents", data.draw(st.sampled_from(["a", "é", "b"]))]
    place = data.draw(st.integers(0, MAX_SEQUENCE))
    given_out = tokens.encode(subject, place)
    cut = data.draw(st.integers(0, len(given_out)))
    token = data.draw(
        st.sampled_from([given_out, given_out[:cut], given_out[cut:]]) | st.text(st.characters()) | parsed
    )

    def read(content: Any) -> int:
        return check_whole(content, "nextToken", 0, MAX_SEQUENCE)

    found = attempt(tally, "tokens", tokens.decode, token, subject, read)

    assert tokens.decode(given_out, subject, read) == place
    if found is not None:
        assert tokens.decode(tokens.encode(subject, found), subject, read) == found


EVENTS = story("account-1", [5, -3])


@examples(250)
@given(st.data())
def test_any_record_is_an_event_or_none(tally: Counter[str], data: st.DataObject) -> None:
    record: dict[str, Any] = {**data.draw(st.sampled_from(EVENTS)).record()}
    for name in data.draw(st.lists(st.sampled_from(sorted(record)), max_size=3)):
        record[name] = data.draw(parsed | st.sampled_from([Decimal("1E+1000000"), Decimal("1.5"), b"x", {"a"}, -1]))

    event = attempt(tally, "events", Event.of, record, refusal=NotAnEventError)

    if event is not None:
        assert event.record() == record
        assert all(type(each) is str for name, each in event.record().items() if name not in NO_TEXTS)


NO_TEXTS = ("EventSequence", "EventData", "Version")


@examples(250)
@given(st.data())
def test_any_message_is_an_event_or_none(tally: Counter[str], data: st.DataObject) -> None:
    detail = json.loads(dumps(data.draw(st.sampled_from(EVENTS)).record()))
    body = data.draw(
        st.sampled_from([text_of(detail), *NUMBERS])
        | junk.map(text_of)
        | spelled({"detail": data.draw(mutated(detail))})
    )

    event = attempt(tally, "messages", delivered_event, body)

    if event is not None:
        assert len(event.computed_hash()) == 64
        assert 1 <= event.sequence <= MAX_SEQUENCE


@st.composite
def contents(draw: st.DrawFn) -> dict[str, Any]:
    """Some event's data, mostly of the right names and often of the right types."""
    money_like = st.decimals(-(10**10), 10**10, places=2) | st.sampled_from(
        [0, 1, -1, "1", "1E+17", "999999999999999999"]
    )
    moments = st.datetimes().map(lambda moment: f"{moment.isoformat()}Z")
    known = {
        "amount": money_like,
        "overdraftLimit": money_like,
        "type": st.sampled_from(["deposit", "withdrawal"]),
        "currency": st.sampled_from(["USD", "EUR", "JPY", "ZZZ", "euro"]),
        "category": st.sampled_from(["salary", "Rent"]),
        **dict.fromkeys(("accountId", "transactionId", "reason"), texts),
        **dict.fromkeys(("timestamp", "createdAt", "closedAt"), moments | texts),
    }
    chosen = draw(st.lists(st.sampled_from(sorted(known)), unique=True, max_size=5))
    return {name: draw(known[name] if draw(st.integers(0, 5)) else parsed) for name in chosen}


@examples(250)
@given(
    st.lists(
        st.tuples(st.sampled_from([*EVENT_TYPES, "TransactionProcessed", "X"]), contents()), min_size=1, max_size=12
    )
)
def test_any_data_is_one_event_that_everything_behind_can_take_or_none(
    tally: Counter[str], attempts: list[tuple[str, Mapping[str, Any]]]
) -> None:
    state, position = Account(), Position()
    rows: dict[str, dict[str, Any]] = {each.name: {} for each in summaries()}
    for number, (event_type, content) in enumerate(attempts):
        request = {"aggregateId": "a", "eventType": event_type, "eventData": content}
        command = attempt(tally, "commands", Command.parse, request, f"request-{number}")
        decided = command and attempt(tally, "decisions", decide, state, command, refusal=LedgerError)
        if not decided:
            continue
        (event,) = chain(position, decided, command, NOW)
        event = delivered_event(dumps({"detail": event.record()}))
        state, position = evolve(state, event), position.advance(event)
        rows = {each.name: each.apply(rows[each.name], event) for each in summaries()}

        assert state.balance >= -state.overdraft_limit
        assert all(row.get("Balance", state.balance) == state.balance for row in rows.values())
        assert all(item_bytes(row) < 10_000 for row in rows.values())


@examples(250)
@given(data=st.data())
def test_any_event_holds_a_request_or_none(tally: Counter[str], data: st.DataObject) -> None:
    event = data.draw(st.dictionaries(st.sampled_from(["body", "isBase64Encoded", "x"]), parsed | texts) | parsed)

    request = attempt(tally, "requests", request_of, event)

    assert request is None or isinstance(request, dict)
