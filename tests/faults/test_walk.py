"""Whatever happens to an AWS call, nothing acknowledged is lost, nothing is applied twice or answered wrong."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

import pytest

import handlers

from ..effort import LONG
from .scenarios import SCENARIOS, Scenario, one_command, one_event
from .walk import tell, walk, walk_pairs

Record = Callable[[str, object], None]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_one_fault_at_any_call(scenario: Scenario, record_property: Record) -> None:
    record_property("cases", f"{walk(scenario)} faults, one at a time")


def test_two_faults_at_any_calls_on_a_commands_way(record_property: Record) -> None:
    record_property("cases", f"{walk_pairs(one_command, every=1 if LONG else 4)} pairs of faults")


def test_two_faults_at_any_calls_on_an_events_way(record_property: Record) -> None:
    record_property("cases", f"{walk_pairs(one_event, every=1 if LONG else 14)} pairs of faults")


def test_the_scenarios_use_every_function() -> None:
    entries = [f"handlers.{module.name}" for module in iter_modules(handlers.__path__)]
    functions = {name.removeprefix("handlers.") for name in entries if hasattr(import_module(name), "lambda_handler")}

    used = {place.function for scenario in SCENARIOS for place, _ in tell(scenario).calls}

    assert used == functions
