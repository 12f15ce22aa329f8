"""How a stack is in each of its Regions, and what these say of each other.

Whether a Region answers is asked first, by a client that gives up soon: of one that does not, nothing else is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from handlers.sourcing import times
from handlers.upkeep.health import seconds_between
from ops.regions import RefusedError, Seen, UnreachableError, disagreement, has_two_regions, region_of, seen_in
from ops.system import System
from tools.numbers import counted, lasting, verb

from .looks import LATE, Looks
from .points import Point

_NAMED = 3
"""Streams that wait which are named."""


class Looked(NamedTuple):
    """What was seen of a stack in one Region."""

    region: str
    points: list[Point]
    answers: bool = True

    @property
    def is_well(self) -> bool:
        return not any(point.wrong for point in self.points)


def look_at(systems: Sequence[System]) -> list[Looked]:
    """A stack in some of its Regions, side by side; in each what `Looks` takes, and with two Regions what `Region.seen`
    does."""
    if not has_two_regions(systems[0]):
        return [Looked(each.region, Looks.at(each).points()) for each in systems]
    seen = seen_in({each.region: region_of(each) for each in systems})
    # The clients are made here, since no two threads may.
    looks = {each.region: Looks.at(each) for each in systems if _does_answer(seen[each.region])}
    with ThreadPoolExecutor(len(systems)) as pool:
        asked = {name: pool.submit(each.points) for name, each in looks.items()}
        found = {
            name: [*_of(seen[name], times.to_text(looks[name].now)), *each.result()] for name, each in asked.items()
        }
    looked = [
        Looked(name, found[name]) if name in found else Looked(name, [_unanswered(name, each)], answers=False)
        for name, each in seen.items()
    ]
    if wrong := disagreement(seen):
        first = next((each for each in looked if each.answers), looked[0])
        first.points.insert(0, Point("region", "who decides", "not settled", {}, wrong, "two-regions-that-disagree"))
    return looked


def _does_answer(seen: Seen | UnreachableError) -> bool:
    return isinstance(seen, Seen | RefusedError)


def _unanswered(name: str, why: Seen | UnreachableError) -> Point:
    return Point("region", name, "does not answer", {}, str(why), "a-region-that-does-not-answer")


def _of(seen: Seen | UnreachableError, now: str) -> Iterator[Point]:
    """Where a Region stands, and what it has to settle."""
    if not isinstance(seen, Seen):
        yield Point("region", "standing", "cannot be asked", {}, str(seen), "what-an-operators-role-needs")
        return
    standing = seen.standing
    covers = f", also for {', '.join(sorted(standing.covers))}" if standing.covers else ""
    facts = {"role": standing.role.value, "epoch": standing.epoch}
    yield Point("region", "standing", f"{standing.role}{covers}, epoch {standing.epoch}", facts)
    wrong = f"{counted(seen.open, 'lost event')} {verb(seen.open, 'is', 'are')} open" if seen.open else ""
    told = wrong or "none is open"
    yield Point("region", "lost events", told, {"open": seen.open}, wrong, "open-conflicts" if wrong else "")
    yield _waiting(seen, now)


def _waiting(seen: Seen, now: str) -> Point:
    waits = sorted(seen.waiting, key=lambda wait: wait.since)
    if not waits:
        return Point("region", "streams", "none waits", {"waiting": []})
    late = seconds_between(waits[0].since, now)
    told = f"{len(waits):,} {verb(len(waits), 'waits', 'wait')}, the oldest for {lasting(late)}"
    named = "; ".join(f"{each.aggregate_id} since {each.since[:19]}Z" for each in waits[:_NAMED])
    more = f"; and {len(waits) - _NAMED:,} more" if len(waits) > _NAMED else ""
    wrong = f"something of these has not come: {named}{more}" if late > LATE["conflict"] else ""
    facts = {"waiting": [each.describe() for each in waits]}
    return Point("region", "streams", told, facts, wrong, "streams-that-wait" if wrong else "")
