"""The result of a verification, with bounded memory however much is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from handlers.store.waiting import Wait
from handlers.upkeep.verification.findings import CONTENTS, Finding

from .crossing import Sum
from .lacks import Lacks
from .verifier import Verdict


@dataclass(slots=True)
class Report:
    """Counts everything, and keeps the first `limit` findings, and each that holds what a repair took away."""

    limit: int
    aggregates: int = 0
    events: int = 0
    in_flight: int = 0
    on_their_way: int = 0
    """Rows that lag while something moves: see `settling`."""
    repaired: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    """By kind: what was found."""
    remaining: Counter[str] = field(default_factory=Counter)
    """By kind: what is left after the repair."""
    findings: list[tuple[Finding, bool]] = field(default_factory=list)
    """With whether it was repaired."""
    lacks: Lacks = field(default_factory=Lacks)
    """Of all rows that are still missing or behind, however many findings are kept."""
    processes: int = 0
    not_judged: int = 0
    """Processes that nobody can judge: see `Crossing`."""
    sums: Mapping[str, Sum] = field(default_factory=dict)
    waits: Mapping[str, Wait] = field(default_factory=dict)
    """With two Regions: the streams of which something has not come yet, by their aggregates."""

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong (any more)."""
        return not self.remaining and not self.on_their_way

    @property
    def unsettled(self) -> bool:
        """Whether nothing is wrong but for rows that may be on their way."""
        return bool(self.on_their_way) and not self.remaining

    def add(self, before: Verdict, after: Verdict) -> list[tuple[Finding, bool]]:
        """Count one aggregate; the findings that are kept, each with whether it is repaired."""
        self.aggregates += 1
        self.events += after.events
        self.in_flight += after.in_flight
        left = {finding.place for finding in after.findings}
        known = {finding.place for finding in before.findings}
        found = [(finding, finding.place not in left) for finding in before.findings]
        found += [(finding, False) for finding in after.findings if finding.place not in known]
        return self._count(found)

    def add_across(self, finding: Finding) -> list[tuple[Finding, bool]]:
        """Count something that is wrong across streams; the finding, if it is kept."""
        return self._count([(finding, False)])

    def _count(self, found: list[tuple[Finding, bool]]) -> list[tuple[Finding, bool]]:
        """Count what was found; the findings that are kept."""
        for finding, repaired in found:
            self.counts[finding.kind.value] += 1
            if finding.since and not repaired:
                self.lacks.take(finding)
            if repaired:
                self.repaired += 1
            else:
                self.remaining[finding.kind.value] += 1
        room = max(self.limit - len(self.findings), 0)
        kept = found[:room] + [each for each in found[room:] if each[1] and each[0].kind in CONTENTS]
        self.findings += kept
        return kept

    def describe(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "clean": self.clean,
            "aggregates": self.aggregates,
            "events": self.events,
            "inFlight": self.in_flight,
            "onTheirWay": self.on_their_way,
            "processes": self.processes,
            "notJudged": self.not_judged,
            "sums": {unit: total.describe() for unit, total in sorted(self.sums.items())},
            **({"waiting": [wait.describe() for wait in self.waits.values()]} if self.waits else {}),
            "counts": dict(sorted(self.counts.items())),
            "repaired": self.repaired,
            "remaining": dict(sorted(self.remaining.items())),
            "findings": [
                {**finding.describe(), "repaired": repaired}
                for finding, repaired in sorted(self.findings, key=lambda found: found[0].place)
            ],
            "findingsLeftOut": self.counts.total() - len(self.findings),
        }
