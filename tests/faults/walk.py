"""The walk: tell a scenario, note every AWS call, then tell it again for each fault at each of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from . import truth
from .faults import NONE, Call, Fault, faults_of
from .scenarios import Scenario
from .story import Story


@dataclass
class Recorder:
    """A fate in which `plan` happens and all else goes well, and that notes every call made after the plan was done."""

    plan: Sequence[Strike] = ()
    calls: list[tuple[Place, Call]] = field(default_factory=list)
    _seen: dict[tuple[int, str, str], int] = field(default_factory=dict)
    _done: int = 0

    def __call__(self, call: Call) -> Fault:
        place = self._place(call)
        if self._done == len(self.plan):
            self.calls.append((place, call))
        elif self.plan[self._done].place == place:
            self._done += 1
            return self.plan[self._done - 1].fault
        return NONE

    @property
    def fulfilled(self) -> bool:
        return self._done == len(self.plan)

    def _place(self, call: Call) -> Place:
        subject = (call.invocation.number, call.operation, json.dumps(call.arguments, sort_keys=True))
        self._seen[subject] = self._seen.get(subject, 0) + 1
        return Place(*subject, self._seen[subject], call.invocation.function)


@dataclass(frozen=True)
class Place:
    """Which call: known by what it asks, since a query makes several at a time in no fixed order."""

    invocation: int
    operation: str
    arguments: str
    time: int
    function: str

    def __str__(self) -> str:
        return f"invocation {self.invocation} ({self.function}): {self.operation} {self.arguments[:200]}"


@dataclass(frozen=True)
class Strike:
    """A fault at a call."""

    place: Place
    fault: Fault

    def __str__(self) -> str:
        return f"{self.place} {self.fault}"


def tell(scenario: Scenario, *plan: Strike) -> Recorder:
    """Tell a scenario in which `plan` happens, to its end, and check that all is as it must be."""
    fate = Recorder(plan)
    story = Story(fate)
    try:
        with story.world.running():
            scenario(story)
            story.finish()
            if not plan:
                truth.check_all_refusals_published(story.world, story.client.sent)
        assert fate.fulfilled, "the same scenario made other calls than the last time"
    except BaseException as error:
        error.add_note("\n".join([f"in the scenario {scenario.__name__}, where", *(f"- {strike}" for strike in plan)]))
        raise
    return fate


def strikes(recorded: Recorder) -> Iterator[Strike]:
    """Every fault at every call that was recorded."""
    for place, call in recorded.calls:
        for fault in faults_of(call):
            yield Strike(place, fault)


def sample(recorded: Recorder, every: int) -> list[Strike]:
    """Every n-th fault at each call, at each call others than at the one before it; each fault at one call at least."""
    chosen = [
        Strike(place, fault)
        for index, (place, call) in enumerate(recorded.calls)
        for number, fault in enumerate(faults_of(call))
        if (index + number) % every == 0
    ]
    known = {strike.fault for strike in chosen}
    rare = {strike.fault: strike for strike in strikes(recorded) if strike.fault not in known}
    return [*chosen, *rare.values()]


def walk(scenario: Scenario, every: int = 1) -> int:
    """Tell a scenario for each fault at each call, or a sample of these; return how many times that was."""
    chosen = sample(tell(scenario), every)
    for strike in chosen:
        tell(scenario, strike)
    return len(chosen)


def walk_pairs(scenario: Scenario, every: int = 1, first_every: int = 1) -> int:
    """Tell a scenario for each fault at each call with each fault at each call after it, or every n-th of these.

    Only every so manyth fault comes first: to know the calls behind one takes as long as to try a pair.
    """
    cases = number = 0
    for first in islice(strikes(tell(scenario)), None, None, first_every):
        for second in strikes(tell(scenario, first)):
            number += 1
            if number % every == 0:
                tell(scenario, first, second)
                cases += 1
    return cases
