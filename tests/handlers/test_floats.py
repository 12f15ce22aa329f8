"""Direct invocations, whose numbers Lambda's runtime reads as binary floats before any of our code runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from types import ModuleType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handlers.domain import check, meaning, scales
from handlers.sourcing.command import Command
from handlers.sourcing.errors import MalformedError

from .conftest import Calls, Context, Invoke, opened

COARSE = ["281474976710656.01", "35184372088832.001", "4398046511104.0001", "67108864.00000001", "-67108864.0", "1e17"]
FIELDS = [("TransactionProcessed", "amount"), ("AccountCreated", "overdraftLimit")]
MESSAGE = (
    "numbers with a point are read as binary floats by a direct invocation, which cannot carry this one exactly: "
    "send it as text, or the whole request as text in `body`"
)


@pytest.mark.parametrize("function", ["command", "validate"])
@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("sent", COARSE)
def test_a_float_that_may_be_several_amounts_is_refused_before_anything_is_read(
    handlers: Callable[[str], ModuleType], calls: Calls, function: str, field: tuple[str, str], sent: str
) -> None:
    event_type, name = field
    text = f'{{"aggregateId": "account-1", "eventType": "{event_type}", "eventData": {{"{name}": {sent}}}}}'

    status, body = opened(handlers(function).lambda_handler(json.loads(text), Context()))

    assert (status, body["error"]["details"]["field"]) == (400, f"eventData.{name}")
    assert MESSAGE in [each["message"] for each in body["error"]["details"]["violations"]]
    assert set(calls.names) <= {"PutEvents"}


@pytest.mark.parametrize("amount", ["281474976710656.01", "67108864.01", "999999999999999.99"])
def test_such_an_amount_is_exact_as_text_and_in_a_body_and_no_other_is_taken_for_it(
    send: Invoke, handlers: Callable[[str], ModuleType], amount: str
) -> None:
    send("AccountCreated", {})
    handler = handlers("command").lambda_handler
    asked = {"aggregateId": "account-1", "eventType": "TransactionProcessed", "commandId": "pay-1"}
    in_body = json.dumps({**asked, "eventData": {"amount": "?"}}).replace('"?"', amount)

    first = opened(handler({"body": in_body}, Context()))

    assert first[0] == 200
    assert opened(handler({**asked, "eventData": {"amount": amount}}, Context())) == first
    assert opened(handler({**asked, "eventData": {"amount": float(amount)}}, Context()))[0] == 400
    whole = {**asked, "eventData": {"amount": int(Decimal(amount))}}
    assert opened(handler(whole, Context()))[1]["error"]["code"] == "CommandReused"


def test_whole_numbers_and_fine_floats_are_sent_directly_as_ever(send: Invoke) -> None:
    send("AccountCreated", {"overdraftLimit": 10**17})

    for amount in (10**17, 281474976710656, 67108863.99, 0.1, -0.01, 100.0):
        assert send("TransactionProcessed", {"amount": amount})[0] == 200


def read(value: float | str) -> Decimal:
    """The amount that a transaction would be stored with."""
    request = {"aggregateId": "a", "eventType": "TransactionProcessed", "eventData": {"amount": value}}
    return Decimal(Command.parse(request, "r", check, meaning, scales=scales).event_data["amount"])


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**18), max_value=10**18, places=8))
@example(Decimal("281474976710656.01"))
@example(Decimal("67108863.99999999"))
@example(Decimal("67108864.00000001"))
@example(Decimal("8388608.00000001"))
def test_a_float_that_is_taken_is_the_very_number_that_was_sent(sent: Decimal) -> None:
    try:
        taken = read(float(format(sent, "f")))
    except MalformedError:
        return

    assert taken == sent


NEAR = st.floats(-(2.0**27), 2.0**27) | st.builds(
    lambda cents, scale: cents / 10**scale, st.integers(), st.integers(0, 8)
)


@given(NEAR, st.integers(-3, 3))
def test_no_neighbour_of_the_scale_is_the_same_float(value: float, steps: int) -> None:
    try:
        taken = read(value)
    except MalformedError:
        return

    neighbour = taken + steps * Decimal("1E-8")
    assert (float(neighbour) == value) == (steps == 0)
