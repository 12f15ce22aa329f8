"""The goals that the benchmark holds the ledger and its embedded AWS to, beside what was measured in the same run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from . import cost
from .parts.latency import STORED
from .results import Results

BATCH = 10
SPREAD_BEFORE = 129
"""Events a core second, spread over accounts in batches of ten, before the statement's entries were items of their own:
on the machine and with the versions of 2026-11."""


@dataclass(frozen=True)
class Goal:
    """What is measured, and the bound that it is to keep."""

    what: str
    bound: float
    unit: str
    measured: Callable[[Results], float | None]
    """None where it was not measured."""
    why_not: str
    """What stands in the way, told where it is not reached."""
    at_least: bool = False

    def is_reached(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound


def _latency(results: Results, of: Callable[[Results], float]) -> float | None:
    part = results.get("latency", {})
    return of(part) if "full" in part else None


def _slowdown(results: Results) -> float | None:
    """Nothing where the load was cut short before the store was full."""
    part = results.get("latency", {})
    if part.get("full", {}).get("events", 0) < STORED:
        return None
    slowed: float = part["full"]["acceptedMs"]["p50"] / part["acceptedMs"]["p50"]
    return slowed


def _warm_cpu(results: Results) -> float | None:
    """Of the long account: the floor reads its tail each time, which is all that it can know."""
    rows = {row["subject"]: row for row in results.get("append", {}).get("rows", ()) if row["length"] == cost.LENGTH}
    if cost.WARM not in rows:
        return None
    cpu: float = rows[cost.WARM]["cpuMs"] / rows["floor"]["cpuMs"]
    return cpu


def _projection(results: Results, name: str, of: Callable[[float], float]) -> float | None:
    for row in results.get("projection", {}).get("rows", ()):
        if (row["spread"], row["batch"]) == ("spread", BATCH) and row[name] is not None:
            return of(row[name])
    return None


def _bill(results: Results, choice: cost.Choice) -> float | None:
    """Nothing where no command on a kept present was measured."""
    if not cost.can_be_told(results) or not cost.warm_is_known(results):
        return None
    return cost.total(cost.ours(results, choice)) / cost.total(cost.recipe(results))


GOALS = (
    Goal(
        f"embedded AWS: a command at {STORED:,} stored events ÷ on the empty store, p50",
        1.2,
        "×",
        _slowdown,
        "moto looks through more than it has to somewhere",
    ),
    Goal(
        "embedded AWS: sent to accepted, p50",
        10,
        "ms",
        lambda results: _latency(results, lambda part: part["acceptedMs"]["p50"]),
        "the machine was not quiet, or the calls among moto's services take it",
    ),
    Goal(
        "embedded AWS: accepted to visible, p50",
        15,
        "ms",
        lambda results: _latency(results, lambda part: part["visibleMs"]["p50"]),
        "the machine was not quiet, or a poller sleeps where it could be woken",
    ),
    Goal(
        "embedded AWS: commands a second of 8 clients",
        80,
        "/ s",
        lambda results: _latency(results, lambda part: part["load"]["perSecond"]),
        "clients, moto and all functions behind the commands share two cores, and moto one interpreter",
        at_least=True,
    ),
    Goal(
        "embedded AWS: memory at rest, workers included",
        300,
        "MB",
        lambda results: _latency(results, lambda part: part["memoryMb"]["engine"] + part["memoryMb"]["workers"]),
        "each function's worker has an interpreter and boto3 of its own, as on Lambda",
    ),
    Goal(
        "embedded AWS: a transfer from its request to its completion, p95",
        2_000,
        "ms",
        lambda results: results["transfers"]["completedMs"]["p95"] if "transfers" in results else None,
        "the machine was not quiet, or a message waits where it could be taken at once",
    ),
    Goal(
        "command: CPU on a kept present ÷ the floor, bare boto3 that keeps nothing",
        0.8,
        "×",
        _warm_cpu,
        "the calls that remain are boto3's own, and so is most of the time",
    ),
    Goal(
        "projection: write units an event of an account of its own",
        2,
        "units",
        lambda results: _projection(results, "writeUnits", lambda units: units / BATCH),
        "a row and its entry are a unit each; what is above them is another item or a second KB",
    ),
    Goal(
        "projection: events a core second, spread over accounts, batches of 10",
        2.5 * SPREAD_BEFORE,
        "/ s",
        lambda results: _projection(results, "eventsPerCoreSecond", float),
        "a write for each event is boto3's time, whatever is batched around it; another machine has another core",
        at_least=True,
    ),
    Goal(
        "bill: a million commands ÷ the recipe's, everything on, presents kept",
        1.8,
        "×",
        lambda results: _bill(results, cost.EVERYTHING),
        "each line of cost.md is a part that can be left out, or a promise",
    ),
    Goal(
        "bill: a million commands ÷ the recipe's, with the recipe's own set of features",
        1.2,
        "×",
        lambda results: _bill(results, cost.RECIPES_OWN),
        "the promises alone are more: the command index, the queue between bus and projection, strongly consistent "
        "reads and snapshots have no counterpart in the recipe",
    ),
)


def misses(results: Results) -> Iterable[tuple[Goal, float]]:
    """The goals that were measured and not reached."""
    for goal in GOALS:
        value = goal.measured(results)
        if value is not None and not goal.is_reached(value):
            yield goal, value
