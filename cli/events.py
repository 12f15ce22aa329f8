"""Events as people and programs read them, and how to wait for those that come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cli.answers import entries, member
from cli.errors import CliError
from cli.output import Column
from cli.requests import BY_TYPE, Ledger
from cli.shown import money, printable

FIELDS = (
    "AggregateId",
    "EventSequence",
    "EventId",
    "EventType",
    "EventData",
    "Version",
    "Timestamp",
    "CommandId",
    "CommandDigest",
    "CorrelationId",
    "CausationId",
    "Actor",
    "PreviousHash",
    "Hash",
)
OVERLAP = timedelta(minutes=1)
"""So far back each look goes again: the index by type comes after the events, and clocks that wrote them differ."""
Troubled = Callable[[Exception], None]
_PAGE = 1000
_FIRST_SAID = ("currency", "type", "category")


def what(event: Mapping[str, Any]) -> str:
    """An event's data in a few words, without the amount, which stands beside them."""
    data = event.get("EventData")
    if not isinstance(data, Mapping):
        return ""
    said = [name for name in _FIRST_SAID if data.get(name) is not None]
    said += [name for name, value in data.items() if name not in (*said, "accountId", "amount") and value is not None]
    return " ".join(money(data[name]) if name in _FIRST_SAID else f"{name}={money(data[name])}" for name in said)


def amount(event: Mapping[str, Any]) -> Any:
    """How much it is about, if about money."""
    data = event.get("EventData")
    return data.get("amount") if isinstance(data, Mapping) else None


COLUMNS = (
    Column("Timestamp", "RECORDED", "time"),
    Column("AggregateId", "ID", "id"),
    Column("EventSequence", "#", "number"),
    Column("EventType", "TYPE", "word"),
    Column("amount", "AMOUNT", "money", get=amount),
    Column("EventData", "WHAT", get=what),
    Column("Actor", "BY", "person"),
)
EXACT_COLUMNS = tuple(
    Column(name, name)
    for name in ("Timestamp", "AggregateId", "EventSequence", "EventType", "EventData", "Actor", "EventId")
)
"""In a pipe: the data whole, and the id by which an event is known."""


@dataclass
class Tail:
    """Events of some types as they are recorded, each once.

    There is no clock in it but that of the events: it begins behind the newest one, and each look goes back OVERLAP
    before the newest that was seen. What was seen within that is remembered.
    """

    ledger: Ledger
    types: Sequence[str]
    since: str | None = None
    """From when on; None: what is recorded from now on."""
    _newest: datetime | None = None
    _seen: dict[str, datetime] = field(default_factory=dict)

    def start(self) -> list[Mapping[str, Any]]:
        """Find where to begin; with `since`, what there is from then on. A request or two for each type."""
        if self.since is not None:
            self._newest = datetime.fromisoformat(self.since).astimezone(UTC) + OVERLAP
            return self.look()
        looked = [entries(self._ask(each, limit=1), "events") for each in self.types]
        latest = [found[0] for found in looked if found]
        if not latest:
            return []
        begin = self._newest = max(_time(each) for each in latest)
        return [event for event in self.look() if _time(event) > begin]  # came in between

    def look(self) -> list[Mapping[str, Any]]:
        """What is new, the oldest first. A request for each type, and one for each further page."""
        since = None if self._newest is None else self._newest - OVERLAP
        fresh: dict[str, Mapping[str, Any]] = {}
        for each in self.types:
            for event in self._from(each, since):
                name = member(event, "EventId", str)
                if name not in self._seen:
                    fresh[name] = event
        times = {name: _time(event) for name, event in fresh.items()}
        for name, at in times.items():  # only once all types were read: a look that fails is made again as a whole
            self._seen[name] = at
            self._newest = at if self._newest is None else max(self._newest, at)
        if self._newest is not None:
            floor = self._newest - OVERLAP
            self._seen = {name: at for name, at in self._seen.items() if at >= floor}
        return sorted(fresh.values(), key=_order)

    def _from(self, event_type: str, since: datetime | None) -> Iterator[Mapping[str, Any]]:
        token = None
        while True:
            page = self._ask(event_type, limit=_PAGE, from_=None if since is None else _text(since), nextToken=token)
            yield from entries(page, "events")
            token = page.get("nextToken")
            if token is None:
                return

    def _ask(self, event_type: str, **parameters: Any) -> dict[str, Any]:
        return self.ledger.ask(BY_TYPE, type=event_type, **parameters)


def followed(
    tail: Tail, wait: Callable[[], None], troubled: Troubled, trouble: type[Exception]
) -> Iterator[Mapping[str, Any]]:
    """Every event as it comes, without an end. `trouble` that a look meets is told once, and waited out."""
    yield from tail.start()
    told = False
    while True:
        wait()
        try:
            found = tail.look()
        except trouble as error:
            if not told:
                troubled(error)
            told = True
            continue
        told = False
        yield from found


def _order(event: Mapping[str, Any]) -> tuple[str, str, int]:
    number = str(event.get("EventSequence", ""))
    return str(event["Timestamp"]), str(event.get("AggregateId", "")), int(number) if number.isdecimal() else 0


def _time(event: Mapping[str, Any]) -> datetime:
    text: str = member(event, "Timestamp", str)
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError as error:
        raise CliError(f"{printable(text)!r} is no time: something else than a ledger answers there") from error


def _text(time: datetime) -> str:
    return time.isoformat(timespec="microseconds")
