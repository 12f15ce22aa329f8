"""Which events are meant: of a replay, a plan, a backtest. Pure: the same events each time it is asked.

A selection is a JSON object, from a file or made of an operator's options; each member narrows it, and one of none
takes every event. Even its sample is no matter of chance: an event's id decides, so that what a plan counted is sent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final, NamedTuple

from . import times
from .command import MAX_SEQUENCE
from .errors import MalformedError, Violation
from .event import Event
from .fields import check_key, check_whole, unknown
from .patterns import Pattern
from .values import Value, dumps, exact, number

MAX_LISTED = 100
"""Types or aggregates in one list: a selection must stay something that a person reads, and fits an item."""
MAX_SEED_BYTES = 64
_ALL: Final = Decimal(100)
_SPAN = 2**64
MEMBERS = (
    *("eventTypes", "aggregateIds", "aggregatePrefix", "from", "to", "fromSequence", "toSequence"),
    *("correlationId", "pattern", "sample", "seed"),
)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events are meant; all that is said must hold of each."""

    event_types: tuple[str, ...] = ()
    """Of one of these; of any type where there are none."""
    aggregate_ids: tuple[str, ...] = ()
    aggregate_prefix: str = ""
    """What their aggregate's id begins with."""
    since: str = times.FIRST
    until: str = times.LAST
    """The times of the ledger between which their Timestamps lie, both inclusive."""
    first_sequence: int = 1
    last_sequence: int = MAX_SEQUENCE
    """Places in their streams, both inclusive."""
    correlation_id: str | None = None
    pattern: Pattern | None = None
    """What their records look like."""
    sample: Decimal = _ALL
    """Of those that all else takes, so many in a hundred."""
    seed: str = ""
    """Another one takes another sample."""

    @classmethod
    def of(cls, given: Value, path: str = "", *, beside: Collection[str] = ()) -> Selection:
        """A selection as JSON. MalformedError with the path of every member that is wrong, below `path`.

        Members that are called as in `beside` are somebody else's.
        """
        if not isinstance(given, Mapping):
            raise MalformedError(path or "selection", "must be an object")
        reader = _Reader(given, path, [])
        names = (*MEMBERS, *beside)
        reader.found.extend(Violation(reader.at(name), problem) for name, problem in unknown(given, names))
        selection = cls(
            event_types=reader.keys("eventTypes"),
            aggregate_ids=reader.keys("aggregateIds"),
            aggregate_prefix=reader.key("aggregatePrefix") or "",
            since=reader.time("from", times.FIRST),
            until=reader.time("to", times.LAST),
            first_sequence=reader.place("fromSequence", 1),
            last_sequence=reader.place("toSequence", MAX_SEQUENCE),
            correlation_id=reader.key("correlationId"),
            pattern=reader.pattern("pattern"),
            sample=reader.percent("sample"),
            seed=reader.seed("seed"),
        )
        for (low_name, low), (high_name, high) in selection.bounds():
            if low > high:
                reader.found.append(
                    Violation(reader.at(low_name), f"must not be beyond {high_name}: nothing would be left")
                )
        reader.refuse()
        return selection

    def bounds(self) -> tuple[tuple[tuple[str, Any], tuple[str, Any]], ...]:
        """Its ranges: names and values of the lower and the upper end."""
        return (
            (("from", self.since), ("to", self.until)),
            (("fromSequence", self.first_sequence), ("toSequence", self.last_sequence)),
        )

    def takes(self, event: Event) -> bool:
        """Whether an event is meant."""
        return (
            self.since <= event.timestamp <= self.until
            and self.first_sequence <= event.sequence <= self.last_sequence
            and (not self.event_types or event.event_type in self.event_types)
            and (not self.aggregate_ids or event.aggregate_id in self.aggregate_ids)
            and event.aggregate_id.startswith(self.aggregate_prefix)
            and (self.correlation_id is None or event.correlation_id == self.correlation_id)
            and (self.pattern is None or self.pattern.matches(event.record()))
            and (self.sample == _ALL or self._is_drawn(event.event_id))
        )

    def described(self) -> dict[str, Value]:
        """As JSON, and no member that narrows nothing: `of` makes the same selection of it."""
        members: dict[str, tuple[Value, Value]] = {
            "eventTypes": (list(self.event_types), []),
            "aggregateIds": (list(self.aggregate_ids), []),
            "aggregatePrefix": (self.aggregate_prefix, ""),
            "from": (self.since, times.FIRST),
            "to": (self.until, times.LAST),
            "fromSequence": (self.first_sequence, 1),
            "toSequence": (self.last_sequence, MAX_SEQUENCE),
            "correlationId": (self.correlation_id, None),
            "pattern": (None if self.pattern is None else self.pattern.value(), None),
            "sample": (self.sample, _ALL),
            "seed": (self.seed, ""),
        }
        return {name: value for name, (value, otherwise) in members.items() if value != otherwise}

    def canonical(self) -> str:
        """The one text of selections that take the same by saying the same."""
        return dumps(self.described())

    def digest(self) -> str:
        """SHA-256 of the canonical text."""
        return sha256(self.canonical().encode()).hexdigest()

    def _is_drawn(self, event_id: str) -> bool:
        drawn = sha256(f"{self.seed}\0{event_id}".encode()).digest()[:8]
        return int.from_bytes(drawn) * 100 < int(self.sample * _SPAN)


class _Reader(NamedTuple):
    """Reads the members of an object, and keeps what is wrong with them."""

    given: Mapping[str, Any]
    path: str
    found: list[Violation]

    def at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def refuse(self) -> None:
        if self.found:
            (first, problem), *more = self.found
            raise MalformedError(first, problem, *more)

    def key(self, name: str) -> str | None:
        value = self.given.get(name)
        return None if value is None else self._checked(value, self.at(name))

    def keys(self, name: str) -> tuple[str, ...]:
        """A list without its repetitions, in one order."""
        value = self.given.get(name)
        if value is None:
            return ()
        if not isinstance(value, Collection) or isinstance(value, str | Mapping) or not 1 <= len(value) <= MAX_LISTED:
            self.found.append(Violation(self.at(name), f"must be a list of 1 to {MAX_LISTED} texts"))
            return ()
        checked = {self._checked(each, f"{self.at(name)}[{index}]") for index, each in enumerate(value)}
        return tuple(sorted(checked))

    def time(self, name: str, otherwise: str) -> str:
        value = self.given.get(name)
        try:
            return otherwise if value is None else times.normalize(value, self.at(name))
        except MalformedError as error:
            self.found.extend(error.violations)
            return otherwise

    def place(self, name: str, otherwise: int) -> int:
        value = self.given.get(name)
        try:
            return otherwise if value is None else check_whole(value, self.at(name), 1, MAX_SEQUENCE)
        except MalformedError as error:
            self.found.extend(error.violations)
            return otherwise

    def pattern(self, name: str) -> Pattern | None:
        value = self.given.get(name)
        try:
            return None if value is None else Pattern.of(exact(value, self.at(name)), self.at(name))
        except MalformedError as error:
            self.found.extend(error.violations)
            return None

    def percent(self, name: str) -> Decimal:
        value = self.given.get(name)
        if value is None:
            return _ALL
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            self.found.append(Violation(self.at(name), "must be a number, of percent"))
            return _ALL
        try:
            percent = number(value, self.at(name))
        except MalformedError as error:
            self.found.extend(error.violations)
            return _ALL
        if not 0 < percent <= _ALL:
            self.found.append(Violation(self.at(name), "must be above 0, up to 100: percent"))
        return percent

    def seed(self, name: str) -> str:
        value = self.given.get(name)
        if value is None:
            return ""
        seed = self._checked(value, self.at(name))
        if len(seed.encode(errors="surrogatepass")) > MAX_SEED_BYTES:
            self.found.append(Violation(self.at(name), f"must not be longer than {MAX_SEED_BYTES} bytes"))
        return seed

    def _checked(self, value: object, path: str) -> str:
        try:
            return check_key(value, path)
        except MalformedError as error:
            self.found.extend(error.violations)
            return ""
