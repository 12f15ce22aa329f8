"""The goals' section says what was measured, whether that is enough, and why not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bench import cost, goals, results
from bench.goals import GOALS, Goal, misses
from bench.render import goals as section

LATENCY: dict[str, Any] = {
    "acceptedMs": {"p50": 10.0},
    "visibleMs": {"p50": 14.0},
    "full": {"acceptedMs": {"p50": 12.0}, "events": 10_000},
    "load": {"perSecond": 79.9},
    "memoryMb": {"engine": 200, "workers": 101},
}


def goal(words: str) -> Goal:
    (found,) = (each for each in GOALS if words in each.what)
    return found


@pytest.mark.parametrize(
    ("words", "value", "is_reached"),
    [
        ("÷ on the empty store", 1.2, True),
        ("sent to accepted", 10.0, True),
        ("accepted to visible", 14.0, True),
        ("of 8 clients", 79.9, False),
        ("memory at rest", 301, False),
    ],
)
def test_a_goal_is_reached_at_its_bound_and_not_beyond(words: str, value: float, is_reached: bool) -> None:
    each = goal(words)

    assert each.measured({"latency": LATENCY}) == pytest.approx(value)
    assert each.is_reached(value) is is_reached


@pytest.mark.parametrize(("p95", "is_reached"), [(2_000, True), (2_000.1, False)])
def test_of_a_hundred_transfers_95_are_completed_within_two_seconds(p95: float, is_reached: bool) -> None:
    each = goal("a transfer from its request")

    value = each.measured({"transfers": {"completedMs": {"p50": 1.0, "p95": p95}}})
    assert value == p95
    assert each.is_reached(value) is is_reached


def test_a_store_that_did_not_get_full_says_nothing_of_a_full_one() -> None:
    short = {**LATENCY, "full": {**LATENCY["full"], "events": 9_999}}

    assert goal("÷ on the empty store").measured({"latency": short}) is None


def test_what_was_not_measured_is_said_and_is_no_miss() -> None:
    told = section.render({})

    assert told.count("| – | not measured |") == len(GOALS)
    assert "Not reached" not in told
    assert not list(misses({}))


def test_a_miss_is_told_with_its_reason() -> None:
    told = section.render({"latency": LATENCY})

    assert told.count("**no**") == 2
    for words in ("of 8 clients", "memory at rest"):
        assert f"- *{goal(words).what}*: {goal(words).why_not}." in told


def test_a_command_on_a_kept_present_is_compared_with_the_floor_of_the_same_account() -> None:
    rows = [{"subject": cost.WARM, "length": cost.LENGTH, "cpuMs": 4.0}]
    rows += [{"subject": "floor", "length": length, "cpuMs": cpu} for length, cpu in ((0, 1.0), (cost.LENGTH, 5.0))]

    assert goal("CPU on a kept present").measured({"append": {"rows": rows}}) == 0.8


def test_the_projection_is_held_to_two_and_a_half_times_what_it_did_before() -> None:
    row = {"spread": "spread", "batch": 10, "writeUnits": 20.0, "eventsPerCoreSecond": 322}
    measured = {"projection": {"rows": [row]}}

    assert goal("write units an event").measured(measured) == 2.0
    assert not goal("events a core second").is_reached(goal("events a core second").measured(measured) or 0)
    assert goal("events a core second").is_reached(2.5 * goals.SPREAD_BEFORE)


@pytest.fixture
def kept() -> results.Results:
    """What was measured last, with logs of known size."""
    function = {"ownBytes": 300.0, "platformBytes": 400.0}
    logs = dict.fromkeys(("command", "relay", "projection", "snapshot"), function)
    return {**results.load(), "latency": {"logs": {**logs, "auditedEventBytes": 1_026.0}}}


def test_what_is_left_out_costs_nothing_and_nothing_else_changes(kept: results.Results) -> None:
    everything = {line.what: line.usd for line in cost.ours(kept)}

    for field, words in (("audit_log", "audit log"), ("tracing", "X-Ray"), ("statement", "account statement")):
        lean = {line.what: line.usd for line in cost.ours(kept, replace(cost.EVERYTHING, **{field: False}))}
        assert {what for what in everything if what not in lean} == {what for what in everything if words in what}
        assert lean.items() <= everything.items()
    saved = {setting.partition(":")[0]: usd for setting, _, usd in cost.settings(kept)}
    assert saved["typeIndex"] == pytest.approx(0.625)
    assert saved["auditLog"] == pytest.approx(1_026 / 1e9 * 1e6 * 0.5)


def test_rarer_snapshots_cost_a_tenth_but_for_the_events_that_they_read(kept: results.Results) -> None:
    often, seldom = cost.ours(kept), cost.ours(kept, replace(cost.EVERYTHING, snapshot_every=100))

    def of_snapshots(lines: list[cost.Line]) -> dict[str, float]:
        return {line.unit: line.quantity for line in lines if line.what.startswith("snapshots:")}

    assert of_snapshots(often) == {"write units": 200_000, "read units": pytest.approx(250_000)}
    assert of_snapshots(seldom) == {"write units": 20_000, "read units": pytest.approx(160_000)}
    assert cost.total(seldom) < cost.total(often)


def test_the_log_of_a_command_is_its_own_and_its_share_of_what_is_behind_it(kept: results.Results) -> None:
    assert cost.function_log_bytes(kept) == pytest.approx(700 * (1 + 0.1 + 0.1 + 0.1))
    assert cost.function_log_bytes(kept, cost.Choice(reports=False)) == pytest.approx(300 * (1 + 0.1 + 0.1 + 0.1))


def test_a_transfer_is_six_events_and_what_wakes_and_shows_it(kept: results.Results) -> None:
    transfers = {line.what: line for line in cost.transfers(kept)}

    assert transfers["appends: 6 events"].quantity == 23e6
    assert transfers["custom events on the bus"].quantity == 6e6
    assert transfers["function process: invocations"].quantity == 3e6
    assert transfers["read model: the transfer's row and its index, written"].quantity == 7e6
    assert not cost.transfers_can_be_told({})


def test_a_kept_present_takes_one_unit_that_dynamodb_local_does_not_state(kept: results.Results) -> None:
    cold = [row for row in kept["append"]["rows"] if row["subject"] == "ours"]
    warm = [{**row, "subject": cost.WARM, "readUnits": 0.0, "cpuMs": 1.0} for row in cold]
    both = {**kept, "append": {**kept["append"], "rows": [*cold, *warm]}}

    def reads(choice: cost.Choice) -> float:
        (line,) = (line for line in cost.ours(both, choice) if line.what.startswith("reads before it"))
        return line.quantity

    assert reads(cost.EVERYTHING) == 1_000_000
    assert reads(replace(cost.EVERYTHING, warm=False)) > reads(cost.EVERYTHING)
