"""The write side takes whatever is sent to it: one sound event, or a refusal that says why and leaves no trace."""

from __future__ import annotations

import base64
from collections.abc import Callable
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.sourcing.values import MAX_DEPTH

from ..aws import STORE
from .budget import PATIENCE, examples
from .strategies import delivered, mutated, numbers, shapeless, spelled, texts
from .system import Item, System, read
from .wire import Literal, bodies, invoked, nested, text_of

pytestmark = PATIENCE

CREATED = {"customerId": "customer-456", "accountType": "checking", "createdAt": "2024-01-15T10:00:00Z"}
DEPOSITED = {
    "transactionId": "tx-789",
    "amount": Literal("100.50"),
    "type": "deposit",
    "timestamp": "2024-01-15T10:30Z",
}


def request(system: System, event_type: str) -> dict[str, Any]:
    """A command that would be accepted."""
    kinds: dict[str, tuple[dict[str, Any], Callable[[], str]]] = {
        "AccountCreated": (CREATED, system.new_id),
        "AccountClosed": ({"reason": "moved"}, system.new_account),
    }
    data, find = kinds.get(event_type, (DEPOSITED, system.account))
    aggregate_id = find()
    return {
        "aggregateId": aggregate_id,
        "eventType": event_type,
        "eventData": {"accountId": aggregate_id, **data},
        "commandId": system.new_id(),
        "actor": "teller-7",
    }


def try_out(system: System, event: Any) -> int:
    """Send it; where it is accepted, see that it is what was sent, everywhere. The status."""
    outcome = system.command(event)
    if outcome.status == 200:
        made = system.follow(system.receipted(outcome))
        check_kept(data_in(event), system.stream(made.aggregate_id)[made.sequence - 1]["EventData"])
    return outcome.status


def data_in(event: Any) -> Any:
    """The eventData in an event, every number as it was written."""
    body = event.get("body")
    if body is None:
        return decimals(event["eventData"])  # of what stands beside it, nobody knows how deep it is
    return read(base64.b64decode(body) if event.get("isBase64Encoded") else body)["eventData"]


def decimals(value: Any) -> Any:
    """A value that Lambda's runtime has read, with the numbers that its floats stand for."""
    if isinstance(value, dict):
        return {name: decimals(each) for name, each in value.items()}
    if isinstance(value, list):
        return [decimals(each) for each in value]
    return Decimal(repr(value)) if type(value) in (int, float) else value


FILLED_IN = {"type", "currency", "category"}


def check_kept(sent: dict[str, Any], kept: dict[str, Any]) -> None:
    """All that was sent, digit by digit; money in a text became a number, what the ledger fills in may be added."""
    for name, value in sent.items():
        if name in ("amount", "overdraftLimit") and isinstance(value, str) and isinstance(kept[name], Decimal):
            assert Decimal(value) == kept[name]
        elif not (name in FILLED_IN and value is None):
            check_same(value, kept[name])
    assert kept.keys() - sent.keys() <= FILLED_IN


def check_same(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for name, each in one.items():
            check_same(each, other[name])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for each, kept in zip(one, other, strict=True):
            check_same(each, kept)
    else:
        assert one == other


KINDS = st.sampled_from(["AccountCreated", "TransactionProcessed", "TransactionProcessed", "AccountClosed"])


@examples(75)
@given(data=st.data())
def test_any_change_of_a_command_in_any_shape(system: System, data: st.DataObject) -> None:
    sent = data.draw(mutated(request(system, data.draw(KINDS))))
    try_out(system, data.draw(delivered(data.draw(spelled(sent)))))


@examples(75)
@given(
    data=st.data(),
    number=numbers | texts,
    place=st.sampled_from(["amount", "overdraftLimit", "note", "expectedSequence"]),
)
def test_any_number_in_any_place(system: System, data: st.DataObject, number: Any, place: str) -> None:
    sent = request(system, "AccountCreated" if place == "overdraftLimit" else "TransactionProcessed")
    sent["eventData"].pop("type", None)
    (sent if place == "expectedSequence" else sent["eventData"])[place] = number

    try_out(system, data.draw(delivered(text_of(sent))))


@examples(75)
@given(data=st.data())
def test_any_event_that_carries_a_command_wrongly(system: System, data: st.DataObject) -> None:
    text = text_of(request(system, "TransactionProcessed"))
    event = data.draw(shapeless(text))
    outcome = system.command(event)
    assert outcome.status in (200, 400)


LEVELS = (1, 27, 28, 29, 900, 980, 985, 990, 995, 1_000, 3_000, 100_000)


@pytest.mark.parametrize("objects", [False, True], ids=["lists", "objects"])
def test_any_depth(system: System, objects: bool) -> None:
    for levels, place in product(LEVELS, ("eventData", "note", "extra", "aggregateId", "amount")):
        sent = request(system, "TransactionProcessed")
        (sent["eventData"] if place in ("note", "amount") else sent)[place] = nested(levels, objects=objects)

        status = try_out(system, {"body": text_of(sent)})

        if place == "note":
            assert status == (200 if levels < MAX_DEPTH else 400), levels
        else:
            assert status == 400, (levels, place)


FILLERS: dict[str, Callable[[int], Any]] = {
    "letters": lambda size: "x" * size,
    "two bytes each": lambda size: "é" * (size // 2),
    "four bytes each": lambda size: "😀" * (size // 4),
    "control characters": lambda size: "\x01" * size,
    "quotes": lambda size: '"' * size,
    "long numbers": lambda size: [Literal("-1.2345678901234567890123456789012345678E-128")] * (size // 22),
    "longest numbers": lambda size: [Literal("-1.2345678901234567890123456789012345E-130")] * (size // 22),
    "large numbers": lambda size: [Literal("-9E125")] * (size // 22),
    "nulls": lambda size: [None] * (size // 16),
    "empty texts": lambda size: [""] * (size // 16),
    "empty objects": lambda size: [{}] * (size // 16),
    "names": lambda size: {f"{number}": None for number in range(size // 16)},
    "control names": lambda size: {chr(1) * (number + 1): None for number in range(int(size**0.5))},
}
PLACES = ["note", "customerId", "accountType", "reason", "createdAt", "transactionId", "timestamp", "closedAt", "type"]
SIZES = (60_000, 100_000, 120_000, 140_000, 160_000, 170_000, 200_000, 300_000, 390_000, 405_000, 500_000)


@examples(6)
@given(filler=st.sampled_from(sorted(FILLERS)), size=st.sampled_from(SIZES), place=st.sampled_from(PLACES), kind=KINDS)
def test_any_large_content_in_any_place(system: System, filler: str, size: int, place: str, kind: str) -> None:
    sent = request(system, kind)
    sent["eventData"][place] = FILLERS[filler](size)

    assert try_out(system, {"body": text_of(sent)}) in (200, 400, 413)


def long_names(size: int) -> Literal:
    """Objects in each other under names of control characters, so long altogether, and then a bad number."""
    count = -(-size // 60_000)
    return Literal(f'{{"{chr(92)}u0001{"n" * 59_994}":' * count + "1e999" + "}" * count)


PARTS = ("aggregateId", "eventType", "commandId", "actor", "expectedSequence", "eventData")


@pytest.mark.parametrize("size", [300_000, 500_000, 1_500_000])
def test_a_refusal_is_short_however_long_the_request(system: System, size: int) -> None:
    twice = Literal(f'{{"{"n" * size}":1,"{"n" * size}":2}}')
    for place, content in product(PARTS, ("\x01" * size, Literal("9" * size), long_names(size), twice)):
        assert try_out(system, {"body": text_of({**request(system, "TransactionProcessed"), place: content})}) == 400


def test_the_table_holds_what_was_accepted_and_nothing_else(system: System, aws: Any) -> None:
    for kind in ("AccountCreated", "TransactionProcessed", "Nonsense"):
        text = text_of(request(system, kind))
        statuses = {try_out(system, event) for event in (invoked(text), *bodies(text))}
        assert statuses == ({400} if kind == "Nonsense" else {200})  # in whatever shape it comes, it is one command

    def key(item: Item) -> tuple[str, int]:
        return item["AggregateId"]["S"], int(item["EventSequence"]["N"])

    assert sorted(aws.scan(TableName=STORE)["Items"], key=key) == sorted(system.written, key=key)
    assert len(system.written) == 3
