"""Amounts through the program and the handlers to the digit, over HTTP and directly; and one command under one id."""

from __future__ import annotations

import json

import pytest

from .conftest import Run
from .real import RealLedger

LARGEST = "999999999999999999.99999999"
WAYS = pytest.mark.parametrize("way", [(), ("--direct",)], ids=["over HTTP", "directly"])


@WAYS
@pytest.mark.parametrize("amount", ["100.50", "999999999999999999.99"])
def test_an_amount_is_the_same_wherever_it_is_shown(
    real: RealLedger, run: Run, way: tuple[str, ...], amount: str
) -> None:
    assert run("account", "open", "a", *way).code == 0
    assert run("account", "deposit", "a", amount, "--id", "once", *way).code == 0
    assert run("account", "deposit", "a", amount, "--id", "once", *way).code == 0
    real.catch_up()
    exact = amount.rstrip("0") if "." in amount else amount
    shown = "100.50" if amount == "100.50" else "999,999,999,999,999,999.99"

    for typed in (("show", "a"), ("statement", "a"), ("history", "a"), ("at", "a", "--sequence", "2")):
        assert shown in run("account", *typed, *way, terminal=True).out
        assert exact in run("account", *typed, *way).out
        text = run("account", *typed, *way, "--json").out
        assert f": {exact}," in text.replace("\n", ",")
        json.loads(text)
    assert run("account", "withdraw", "a", amount, *way).code == 0
    real.catch_up()
    assert run("account", "show", "a", *way, "--json", "Balance").out == '{\n  "Balance": 0\n}\n'


@WAYS
def test_digits_that_a_currency_has_not_are_refused_and_none_is_cut(
    real: RealLedger, run: Run, way: tuple[str, ...]
) -> None:
    assert run("account", "open", "a", *way).code == 0
    stored = real.api.stored()

    ran = run("account", "deposit", "a", LARGEST, *way)

    assert ran.code == 1
    assert ran.err.splitlines() == [
        "error: RuleBroken (amount-scale): an amount in USD has at most 2 digits after the point",
        "Say the amount with fewer digits after the point.",
    ]
    assert real.api.stored() == stored


@WAYS
def test_the_same_id_with_something_else_is_another_command_and_refused(
    real: RealLedger, run: Run, way: tuple[str, ...]
) -> None:
    assert run("account", "open", "a", "--id", "k").code == 0
    assert run("account", "deposit", "a", "1", "--id", "d").code == 0
    stored = real.api.stored()

    for typed in (("deposit", "a", "2"), ("withdraw", "a", "1"), ("deposit", "a", "1", "--category", "rent")):
        ran = run("account", *typed, "--id", "d", *way)
        assert ran.code == 1
        assert "CommandReused" in ran.err
        assert "take another --id" in ran.err
    assert real.api.stored() == stored
