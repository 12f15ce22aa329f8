"""Events as they come: each once, however late the index by type has it, and none that was there before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cli.errors import CliError, Unreachable
from cli.event_types import EVENT_TYPES
from cli.events import OVERLAP, Tail, followed
from cli.requests import Command, Question
from handlers.domain import KINDS
from handlers.domain.facts import FACTS

START = datetime(2026, 1, 1, 10, tzinfo=UTC)


class Indexed:
    """A Ledger with events by type, a page of two at a time, newest first."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.is_gone = False

    def record(self, name: str, seconds: float, event_type: str = "AccountCreated") -> None:
        at = (START + timedelta(seconds=seconds)).isoformat(timespec="microseconds").replace("+00:00", "Z")
        number = str(len(self.events))
        self.events.append(
            {"EventId": name, "EventType": event_type, "Timestamp": at, "AggregateId": "a", "EventSequence": number}
        )

    def ask(self, question: Question, subject: str = "", **parameters: Any) -> dict[str, Any]:
        if self.is_gone:
            raise Unreachable("gone")
        since = datetime.fromisoformat(parameters.get("from_") or "0001-01-01T00:00:00+00:00")
        found = [
            each
            for each in sorted(self.events, key=lambda each: each["Timestamp"], reverse=True)
            if each["EventType"] == parameters["type"] and datetime.fromisoformat(each["Timestamp"]) >= since
        ]
        first = int(parameters.get("nextToken") or 0)
        size = min(2, parameters["limit"])
        more = {"nextToken": str(first + size)} if len(found) > first + size else {}
        return {"events": found[first : first + size], **more}

    def send(self, command: Command) -> dict[str, Any]:
        raise AssertionError


def _names(found: list[Any]) -> list[str]:
    return [each["EventId"] for each in found]


def test_it_begins_behind_what_is_there_and_shows_each_event_once() -> None:
    ledger = Indexed()
    for number in range(5):
        ledger.record(f"old-{number}", number)
    tail = Tail(ledger, ["AccountCreated", "AccountClosed"])

    assert tail.start() == []
    assert tail.look() == []
    ledger.record("second", 12)
    ledger.record("first", 11, "AccountClosed")
    assert _names(tail.look()) == ["first", "second"]
    ledger.record("late", 9)  # behind those that were seen already
    assert _names(tail.look()) == ["late"]
    ledger.record("far", 12 + 10 * OVERLAP.total_seconds())
    assert _names(tail.look()) == ["far"]
    assert tail.look() == []


def test_it_begins_at_a_time_that_is_named() -> None:
    ledger = Indexed()
    for number in range(5):
        ledger.record(f"old-{number}", number)

    tail = Tail(ledger, ["AccountCreated"], (START + timedelta(seconds=3)).isoformat())

    assert _names(tail.start()) == ["old-3", "old-4"]
    assert tail.look() == []


def test_a_ledger_that_is_gone_for_a_while_loses_nothing_and_is_told_of_once() -> None:
    ledger = Indexed()
    ledger.record("old", 0)
    steps = iter(["gone", "gone", "back"])
    told: list[Exception] = []

    def wait() -> None:
        step = next(steps)
        ledger.is_gone = step == "gone"
        if step == "back":
            ledger.record("new", 1)

    coming = followed(Tail(ledger, ["AccountCreated"]), wait, told.append, CliError)

    assert next(coming)["EventId"] == "new"
    assert len(told) == 1


def test_every_type_of_the_ledgers_events_is_followed() -> None:
    """A type that is added is one of them, whatever its kind, where the API has that kind at all."""
    of_the_api = [kind.name for kind in KINDS.all if kind.collection]

    assert sorted(EVENT_TYPES) == sorted(name for name, of in FACTS.streams.items() if of in of_the_api), (
        "run `python -m schemas generate`"
    )


def test_what_was_seen_long_ago_is_not_kept() -> None:
    ledger = Indexed()
    tail = Tail(ledger, ["AccountCreated"])
    tail.start()
    for number in range(50):
        ledger.record(str(number), number * OVERLAP.total_seconds())
        tail.look()

    assert len(tail._seen) <= 2
