"""Timings of one thing: taken until there are enough of them, or until they have taken long enough."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field

SLOW_MS = 2_000
"""What takes longer is timed once, while it is counted: it varies little, and takes minutes of this benchmark."""
LONGEST_MS = 10_000
"""What has been timed for so long in all is not timed again."""


@dataclass(slots=True)
class Timings:
    """At most `rounds` samples (`{"cpuMs", "wallMs"}`), after a first run in which the calls are counted."""

    rounds: int
    _samples: list[Mapping[str, float]] = field(default_factory=list)

    def counted(self, sample: Mapping[str, float]) -> None:
        """Note the run in which the calls were counted, which is the only timing of what is slow."""
        if sample["wallMs"] > SLOW_MS:
            self.add(sample)
            self.rounds = 1

    def add(self, sample: Mapping[str, float]) -> None:
        """Note one more timing."""
        self._samples.append(sample)

    @property
    def enough(self) -> bool:
        """Whether no more are to be taken."""
        return len(self._samples) >= self.rounds or sum(each["wallMs"] for each in self._samples) > LONGEST_MS

    def medians(self) -> dict[str, float]:
        """`{"cpuMs", "wallMs", "samples": how many}`."""
        medians = {name: round(statistics.median(s[name] for s in self._samples), 3) for name in ("cpuMs", "wallMs")}
        return {**medians, "samples": len(self._samples)}
