"""The goals' section of docs/performance.md."""

from __future__ import annotations

from bench.goals import GOALS, Goal, misses
from bench.results import Results

from .markdown import number, table


def render(results: Results) -> str:
    """The section; goals that were not measured are in it as such."""
    lines = [_line(goal, goal.measured(results)) for goal in GOALS]
    why = "\n".join(f"- *{goal.what}*: {goal.why_not}." for goal, _ in misses(results))
    text = (
        "## Goals\n\n"
        "What this ledger and its embedded AWS are held to, by the figures of the sections below.\n\n"
        f"{table(['', 'goal', 'measured', 'reached'], lines)}"
    )
    return f"{text}\n\nNot reached, and why:\n\n{why}" if why else text


def _line(goal: Goal, value: float | None) -> list[str]:
    bound = f"{'≥' if goal.at_least else '≤'} {number(goal.bound)} {goal.unit}"
    if value is None:
        return [goal.what, bound, "–", "not measured"]
    return [goal.what, bound, f"{number(value)} {goal.unit}", "yes" if goal.is_reached(value) else "**no**"]
