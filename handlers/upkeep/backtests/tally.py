"""What a backtest counts: merged from aggregates to segments to all, and kept as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from handlers.sourcing.values import ARITHMETIC, Value

MAX_CAUSES = 200
"""Kinds of root causes that are told apart; what is beyond counts as others."""
OTHERS = "others"
_NUMBERS = ("aggregates", "events", "decisions", "refusals", "differing", "unread")
_ZERO = Decimal(0)


@dataclass
class Tally:
    """Of some aggregates."""

    aggregates: int = 0
    events: int = 0
    decisions: int = 0
    """Commands that were decided again."""
    refusals: int = 0
    """Those among them that the ledger had refused."""
    differing: int = 0
    """Aggregates with a decision that differs, or with what the candidate cannot read."""
    unread: int = 0
    """Aggregates that the candidate cannot cope with."""
    roots: Counter[str] = field(default_factory=Counter)
    """Decisions that differ by the rules alone, by their kind."""
    follows: Counter[str] = field(default_factory=Counter)
    """Those that differ because of others before them, by their kind."""
    causes: Counter[str] = field(default_factory=Counter)
    """The first of these, by what they are about."""
    processes: int = 0
    """Processes with such a decision; one of two aggregates counts for each."""
    recorded: dict[str, Decimal] = field(default_factory=dict)
    candidate: dict[str, Decimal] = field(default_factory=dict)
    """What all aggregates hold, by unit, by either rules; those that the candidate cannot cope with left out."""

    def take(self, differences: Sequence[Mapping[str, Any]]) -> None:
        """Count decisions that differ."""
        for each in differences:
            (self.roots if each["root"] else self.follows)[str(each["kind"])] += 1
            if each["root"]:
                self._cause(cause_of(each), 1)

    def hold(self, recorded: Mapping[str, Any] | None, candidate: Mapping[str, Any] | None) -> None:
        """Count what an aggregate holds by either rules."""
        for sums, held in ((self.recorded, recorded), (self.candidate, candidate)):
            if held is not None:
                _add(sums, str(held["unit"]), Decimal(held["amount"]))

    def add(self, other: Tally) -> None:
        """Count another one in."""
        for name in (*_NUMBERS, "processes"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.roots += other.roots
        self.follows += other.follows
        for cause, times in other.causes.items():
            self._cause(cause, times)
        for mine, others in ((self.recorded, other.recorded), (self.candidate, other.candidate)):
            for unit, amount in others.items():
                _add(mine, unit, amount)

    def describe(self) -> dict[str, Value]:
        """It as JSON."""
        return {
            **{name: getattr(self, name) for name in (*_NUMBERS, "processes")},
            "roots": dict(self.roots),
            "follows": dict(self.follows),
            "causes": dict(self.causes),
            "recorded": dict(self.recorded),
            "candidate": dict(self.candidate),
        }

    def differences(self) -> dict[str, dict[str, Decimal]]:
        """By unit, what all aggregates hold by either rules, and what that differs by."""
        units = sorted(self.recorded.keys() | self.candidate.keys())
        pairs = {unit: (self.recorded.get(unit, _ZERO), self.candidate.get(unit, _ZERO)) for unit in units}
        return {
            unit: {"recorded": before, "candidate": after, "difference": ARITHMETIC.subtract(after, before)}
            for unit, (before, after) in pairs.items()
        }

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Tally:
        """One that was described."""

        def counter(name: str) -> Counter[str]:
            return Counter({key: int(times) for key, times in told[name].items()})

        def sums(name: str) -> dict[str, Decimal]:
            return {unit: Decimal(amount) for unit, amount in told[name].items()}

        found = cls(
            roots=counter("roots"),
            follows=counter("follows"),
            causes=counter("causes"),
            recorded=sums("recorded"),
            candidate=sums("candidate"),
        )
        for name in (*_NUMBERS, "processes"):
            setattr(found, name, int(told[name]))
        return found

    def _cause(self, cause: str, times: int) -> None:
        known = cause in self.causes or len(self.causes) < MAX_CAUSES
        self.causes[cause if known else OTHERS] += times


def cause_of(difference: Mapping[str, Any]) -> str:
    """What a difference is about, in a few words that many share."""
    was, now, event_type = difference["was"], difference["is"], difference["eventType"]
    if difference["kind"] == "accepted-refused":
        return f"{event_type} is refused: {_why(now)}"
    if difference["kind"] == "refused-accepted":
        return f"{event_type} is accepted, no longer refused: {_why(was)}"
    if not isinstance(now, list):
        return f"{event_type} was carried out before"
    before, after = ([each["eventType"] for each in events] for events in (was, now))
    if before != after:
        return f"{event_type} causes {', '.join(after) or 'nothing'}"
    fields = sorted({name for one, other in zip(was, now, strict=True) for name in _differing(one, other)})
    return f"{event_type} says another {', '.join(fields)}"


def _why(refusal: Mapping[str, Any]) -> str:
    return str(refusal.get("rule") or refusal["code"])


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> set[str]:
    data, also = one["eventData"], other["eventData"]
    return {name for name in data.keys() | also.keys() if data.get(name) != also.get(name)}


def _add(sums: dict[str, Decimal], unit: str, amount: Decimal) -> None:
    sums[unit] = ARITHMETIC.add(sums.get(unit, _ZERO), amount)
