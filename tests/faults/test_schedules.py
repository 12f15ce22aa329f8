"""No schedule loses, repeats or reorders anything: a few hundred random steps, or as many as FAULTS_STEPS says."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from ..effort import LONG
from .machine import Schedules
from .schedules import RandomSchedules
from .transfer_machine import WAYS_TO_END, TransferSchedules

STEPS = int(os.environ.get("FAULTS_STEPS", "1000"))
ENOUGH = 10_000
"""So many steps come to every way in which a transfer can end."""
FIRST_SEED = int(os.environ.get("FAULTS_SEED", "1"))
SETTINGS = settings(
    max_examples=30,
    stateful_step_count=100,
    database=None,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
    print_blob=False,
)


@pytest.mark.timeout(60 + STEPS)
def test_any_schedule_ends_where_the_model_does(record_property: Callable[[str, object], None]) -> None:
    RandomSchedules.steps, number = 0, FIRST_SEED
    while RandomSchedules.steps < STEPS:
        run_state_machine_as_test(seed(number)(type("Schedules", (Schedules,), {})), settings=SETTINGS)
        number += 1
    record_property("cases", f"{RandomSchedules.steps} random steps from seeds {FIRST_SEED} to {number - 1}")


@pytest.mark.timeout(60 + STEPS)
def test_any_schedule_of_transfers_keeps_the_money(record_property: Callable[[str, object], None]) -> None:
    RandomSchedules.steps, number = 0, FIRST_SEED
    TransferSchedules.ended.clear()
    settings_ = settings(SETTINGS, max_examples=5, stateful_step_count=50)
    while RandomSchedules.steps < (STEPS if LONG else STEPS // 5):
        machine = type("TransferSchedules", (TransferSchedules,), {})
        run_state_machine_as_test(seed(number)(machine), settings=settings_)
        number += 1
    ended = TransferSchedules.ended
    ways = "; ".join(f"{number} {way}" for way, number in ended.most_common())
    record_property("cases", f"{RandomSchedules.steps} random steps of transfers from seeds {FIRST_SEED} on ({ways})")
    assert ended.keys() >= WAYS_TO_END or STEPS < ENOUGH
