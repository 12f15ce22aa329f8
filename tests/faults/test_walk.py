"""Whatever happens to an AWS call, nothing acknowledged is lost, nothing is applied twice or answered wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import handlers

from ..effort import LONG
from .faults import FAULTS
from .scenarios import (
    SCENARIOS,
    Scenario,
    a_replay,
    a_transfer,
    a_transfer_that_expires,
    a_transfer_that_is_called_off,
    a_transfer_that_is_refused,
    a_transfer_that_nobody_wakes,
    an_account,
    one_command,
    one_event,
    processes_that_met,
    round_by_round,
    snapshots,
)
from .walk import sample, strikes, tell, walk, walk_pairs

LEAST_SINGLE_FAULTS, LEAST_PAIRS = 60, (700, 150, 100)
"""Of each scenario, and of three ways in the ordinary run: what the documents say of how much is tried."""
LEAST_PAIRS_OF_TRANSFERS = 1_000
"""In the long run. There are tens of thousands; the numbers by which some are left out share no factor with that of
the kinds of faults at a call, so that every kind meets every other."""
COME_TO_NOTHING = (a_transfer_that_is_refused, a_transfer_that_expires, a_transfer_that_is_called_off)

SAMPLED: dict[Scenario, int] = {
    a_replay: 3,
    a_transfer: 2,
    a_transfer_that_nobody_wakes: 3,
    a_transfer_that_is_refused: 5,
    a_transfer_that_expires: 4,
    a_transfer_that_is_called_off: 2,
    an_account: 2,
    processes_that_met: 2,
    round_by_round: 2,
    snapshots: 2,
}
"""Of these long ways the ordinary run tries every so manyth fault at each call only."""

Record = Callable[[str, object], None]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_one_fault_at_any_call(scenario: Scenario, record_property: Record) -> None:
    tried = walk(scenario, every=1 if LONG else SAMPLED.get(scenario, 1))

    record_property("cases", f"{tried} faults, one at a time")
    assert tried >= LEAST_SINGLE_FAULTS


@pytest.mark.parametrize("scenario", SAMPLED, ids=lambda scenario: scenario.__name__)
def test_a_sample_has_every_call_every_fault_and_the_share_that_is_said(scenario: Scenario) -> None:
    recorded = tell(scenario)
    chosen, whole = sample(recorded, SAMPLED[scenario]), list(strikes(recorded))

    assert {strike.place for strike in chosen} == {strike.place for strike in whole}
    assert {strike.fault for strike in chosen} == {strike.fault for strike in whole}
    assert len(set(chosen)) == len(chosen)
    assert len(whole) / SAMPLED[scenario] * 0.9 < len(chosen) < len(whole) / SAMPLED[scenario] + len(FAULTS)
    assert set(sample(recorded, 1)) == set(whole)


@pytest.mark.slow
def test_two_faults_at_any_calls_on_a_commands_way(record_property: Record) -> None:
    tried = walk_pairs(one_command, every=1 if LONG else 3)

    record_property("cases", f"{tried} pairs of faults")
    assert tried >= LEAST_PAIRS[0]


@pytest.mark.slow
def test_two_faults_at_any_calls_on_an_events_way(record_property: Record) -> None:
    tried = walk_pairs(one_event, every=1 if LONG else 11)

    record_property("cases", f"{tried} pairs of faults")
    assert tried >= LEAST_PAIRS[1]


@pytest.mark.slow
@pytest.mark.timeout(1_800 if LONG else 240)
def test_two_faults_at_any_calls_on_a_transfers_way(record_property: Record) -> None:
    tried = walk_pairs(a_transfer, every=29 if LONG else 19, first_every=3 if LONG else 17)

    record_property("cases", f"{tried} pairs of faults")
    assert tried >= (LEAST_PAIRS_OF_TRANSFERS if LONG else LEAST_PAIRS[2])


@pytest.mark.slow
@pytest.mark.timeout(1_800 if LONG else 240)
@pytest.mark.parametrize("scenario", COME_TO_NOTHING, ids=lambda scenario: scenario.__name__)
def test_two_faults_on_the_way_of_a_transfer_that_comes_to_nothing(scenario: Scenario, record_property: Record) -> None:
    tried = walk_pairs(scenario, every=101 if LONG else 37, first_every=17 if LONG else 97)

    record_property("cases", f"{tried} pairs of faults")
    assert tried


ASKS_NOBODY = {"token_scopes"}
"""There is no call that could fail."""
CHANGES_NOTHING = {"branch", "operations"}
"""The one writes what is no part of the ledger; the other looks, says whether a replay is to go on, and sends on what
consumers take twice: tests/ops walks the faults of that."""


CALLS_FUNCTIONS = {"heartbeat"}
"""It calls others as a caller does, and repeats what failed under the same commandId."""
OF_TWO_REGIONS = {"reconcile"}
"""Its faults are walked in tests/regions/test_walk.py."""


def test_the_scenarios_use_every_function() -> None:
    entries = {file.stem: file.read_text("utf-8") for file in Path(handlers.__path__[0]).glob("*.py")}
    functions = {name for name, text in entries.items() if re.search("^(def )?lambda_handler\\b", text, re.MULTILINE)}

    used = {place.function for scenario in SCENARIOS for place, _ in tell(scenario).calls}

    assert used == functions - ASKS_NOBODY - CHANGES_NOTHING - CALLS_FUNCTIONS - OF_TWO_REGIONS
