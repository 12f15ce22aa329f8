"""Letters by what went wrong: as much of the queues as a function has time for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from handlers.sourcing.values import Value

from .diagnosis import WAITS_FOR_NOTHING, Case, Cause, Diagnosis, Remedy
from .queues import Holding
from .sending import SENT_ON

SHOWN = 10
"""Letters of a group, and aggregates that it is about, that are told one by one."""


_NUMBERS = re.compile("[0-9]+")


class Sort(NamedTuple):
    """What letters of a group have in common. They are redriven by it, or not. `why` is what is wrong with what is
    no event, whatever its numbers, or that nothing is: their causes alone are no one thing."""

    queue: str
    cause: Cause
    remedy: Remedy
    hopeless: bool
    why: str = ""

    @classmethod
    def of(cls, case: Case) -> Sort:
        """The sort of one letter."""
        told = case.cause is Cause.NO_EVENT or case.reason == WAITS_FOR_NOTHING
        why = _NUMBERS.sub("0", case.reason) if told else ""
        return cls(case.letter.queue, case.cause, case.remedy, case.hopeless, why)

    @property
    def is_sent_on(self) -> bool:
        """Whether `Sender` moves such letters. The others are an operator's, who can look closer and reach further."""
        return self.remedy in SENT_ON and not self.hopeless


def grouped(cases: Iterable[Case]) -> list[Value]:
    """Groups of letters as JSON: the largest first, and of each its oldest letters."""
    groups: dict[Sort, list[Case]] = {}
    for case in sorted(cases, key=lambda case: (case.letter.since, case.letter.message_id)):
        groups.setdefault(Sort.of(case), []).append(case)
    return [_described(sort, groups[sort]) for sort in in_order(groups)]


def in_order(groups: Mapping[Sort, Sequence[Case]]) -> list[Sort]:
    """The largest group first."""
    return sorted(groups, key=lambda each: (-len(groups[each]), each))


def diagnosed(diagnosis: Diagnosis, holdings: Iterable[Holding], has_time: Callable[[], bool]) -> Iterator[Case]:
    """The cases of held letters, the oldest of each queue first, while there is time."""
    for holding in holdings:
        for letter in sorted(holding.letters.values(), key=lambda letter: letter.since):
            if not has_time():
                return
            yield diagnosis.of(letter)


def _described(sort: Sort, cases: Sequence[Case]) -> Value:
    about = dict.fromkeys(place.aggregate_id for case in cases for place in case.places)
    return {
        "queue": sort.queue,
        "cause": sort.cause.value,
        "remedy": sort.remedy.value,
        "hopeless": sort.hopeless,
        "redrivable": sort.is_sent_on,
        "count": len(cases),
        "oldest": cases[0].letter.since.isoformat(timespec="milliseconds"),
        "aggregateIds": list(about)[:SHOWN],
        "letters": [_letter(case) for case in cases[:SHOWN]],
    }


def _letter(case: Case) -> Value:
    told = case.describe()
    return {
        **{name: told[name] for name in ("messageId", "since", "receives", "reason")},
        "events": told["events"][:SHOWN],
    }
