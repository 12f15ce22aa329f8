"""The heartbeat notices whatever stops between a command and where it is read, in minutes that take no time."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ClientError

from components.alarms import heartbeat_alarm
from handlers.sourcing import times
from handlers.sourcing.event import Event
from handlers.store.event_store import EventStore

from .conftest import STORE, Calls, Context, Invoke, message, record, rows

ID = "ledger-heartbeat-us-east-1"
BEAT = 5
"""Minutes."""
START = datetime(2026, 1, 1, tzinfo=UTC)
ALARM = heartbeat_alarm("heartbeat", BEAT * 60)
assert isinstance(ALARM.threshold, int)
MOST: int = ALARM.threshold
EVALUATION = 60
"""Seconds behind the end of a period in which CloudWatch looks at it."""
Module = Callable[[str], ModuleType]


@dataclass
class Ledger:
    """The stations from the store to the rows, each of which can be stopped, under a clock of its own."""

    aws: Any
    modules: Module
    calls: Calls
    minute: int = 0
    stopped: set[str] = field(default_factory=set)
    told: dict[int, list[int]] = field(default_factory=dict)
    answers: list[dict[str, Any]] = field(default_factory=list)
    _relayed: int = 0
    _queue: list[dict[str, str]] = field(default_factory=list)

    def now(self) -> str:
        return times.to_text(START + timedelta(minutes=self.minute))

    def invoke(self, *, FunctionName: str, Payload: str) -> dict[str, Any]:  # noqa: N803 -- as AWS spells it
        if FunctionName in self.stopped:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "gone"}}, "Invoke")
        context = Context(f"{FunctionName}-{self.minute}")
        answer = self.modules(FunctionName).lambda_handler(json.loads(Payload), context)
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}

    def run(self, minutes: int) -> None:
        for _ in range(minutes):
            if "schedule" not in self.stopped:
                self.answers.append(self.modules("heartbeat").lambda_handler({}, Context()))
            self._carry()
            self.minute += 1

    def _carry(self) -> None:
        """What happens within the minute: stream, relay, bus, queue, mapping, projection."""
        events = self.events()
        if not {"relay", "mapping of the stream"} & self.stopped:
            self.calls.made.clear()
            new = [record(event) for event in events[self._relayed :]]
            assert self.modules("relay").lambda_handler({"Records": new}, Context()) == {"batchItemFailures": []}
            self._relayed = len(events)
            sent = [entry for call in self.calls.to("PutEvents") for entry in call["Entries"]]
            if "queue" not in self.stopped:
                self._queue += [message(json.loads(entry["Detail"]), self.minute) for entry in sent]
        if not {"projection", "mapping of the queue"} & self.stopped:
            done = self.modules("projection").lambda_handler({"Records": self._queue}, Context())
            assert done == {"batchItemFailures": []}
            self._queue.clear()

    def events(self) -> list[Event]:
        return list(EventStore(self.aws, STORE).read(ID))

    def rings(self) -> int | None:
        """After how many seconds the alarm goes off first; None if it has not."""
        bad = [not self.told.get(each) or max(self.told[each]) > MOST for each in range(1, self.minute)]
        assert (ALARM.period, ALARM.periods, ALARM.or_silence) == (60, 2, True)  # what the next line reckons with
        first = next((number for number, both in enumerate(pairwise(bad), 1) if all(both)), None)
        return None if first is None else (first + 2) * ALARM.period + EVALUATION


@pytest.fixture
def ledger(aws: Any, handlers: Module, calls: Calls, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    made = Ledger(aws, handlers, calls)
    heartbeat, command, wiring = handlers("heartbeat"), handlers("command"), handlers("wiring")

    def count(metric: str, value: int, _: Context) -> None:
        assert metric == ALARM.metric
        made.told.setdefault(made.minute, []).append(value)

    monkeypatch.setattr(wiring, "now", made.now)
    monkeypatch.setattr(wiring, "ClockCheck", lambda _: lambda _: None)  # this clock is off AWS's on purpose
    monkeypatch.setattr(command, "_ledger", wiring.wired_ledger())
    for name, value in {"_lambda": made, "now": made.now, "count": count}.items():
        monkeypatch.setattr(heartbeat, name, value)
    return made


def test_with_nothing_stopped_there_is_a_beat_every_five_minutes_and_no_alarm(ledger: Ledger) -> None:
    ledger.run(31)

    assert len(ledger.events()) == 31 // BEAT + 1
    assert ledger.rings() is None
    assert max(age for ages in ledger.told.values() for age in ages) == BEAT * 60
    assert rows(ledger.aws).keys() == {(ID, "LastHeartbeat")}


@pytest.mark.parametrize(("before", "after"), [(60, 300), (300, 60), (120, 300)])
def test_a_change_of_pace_is_kept_to_from_the_next_stretch_on(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, handlers: Module, before: int, after: int
) -> None:
    monkeypatch.setattr(handlers("heartbeat"), "_SECONDS", before)
    ledger.run(12)
    so_far = len(ledger.events())
    monkeypatch.setattr(handlers("heartbeat"), "_SECONDS", after)
    ledger.run(20)

    first, last = (-(-(12 * 60) // after), (12 + 19) * 60 // after)
    assert len(ledger.events()) - so_far == last - first + 1
    assert ledger.rings() is None


STATIONS = (
    *("command", "relay", "mapping of the stream", "queue", "mapping of the queue", "projection", "query", "schedule"),
)


@pytest.mark.parametrize("after", [1, BEAT])
@pytest.mark.parametrize("station", STATIONS)
def test_whatever_stops_is_noticed_within_ten_minutes(ledger: Ledger, station: str, after: int) -> None:
    """Also where it stops as soon as a beat came through, which is when the next one is furthest away."""
    ledger.run(BEAT + after)
    assert ledger.rings() is None

    ledger.stopped.add(station)
    ledger.run(3 * BEAT)

    rung, stopped = ledger.rings(), (BEAT + after - 1) * 60
    assert rung is not None
    assert rung <= stopped + 600


def test_what_goes_on_again_is_seen_to(ledger: Ledger) -> None:
    ledger.run(2)
    ledger.stopped.add("relay")
    ledger.run(3 * BEAT)
    ledger.stopped.clear()
    ledger.run(2)

    assert ledger.answers[-1]["age"] <= BEAT * 60
    assert len({event.command_id for event in ledger.events()}) == len(ledger.events()) == 4  # none sent twice


def test_a_beat_that_was_not_stored_is_sent_again_the_next_minute(ledger: Ledger) -> None:
    ledger.stopped.add("command")
    ledger.run(2)
    assert (ledger.events(), ledger.told) == ([], {})

    ledger.stopped.clear()
    ledger.run(2)

    assert [len(ledger.events()), ledger.answers[-1]] == [1, {"age": 60, "sent": False}]


def test_where_the_region_decides_nothing_there_is_no_beat_and_no_alarm(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = {"statusCode": 409, "body": json.dumps({"error": {"code": "NotHome", "message": "elsewhere"}})}
    command = ModuleType("command")
    monkeypatch.setattr(command, "lambda_handler", lambda *_: refusal, raising=False)
    real = ledger.modules
    ledger.modules = lambda name: command if name == "command" else real(name)

    ledger.run(2 * BEAT)

    assert ledger.told == {minute: [0] for minute in range(2 * BEAT)}


def test_ids_of_the_heartbeat_are_nobody_elses_and_its_beats_are_of_no_other_id(send: Invoke) -> None:
    for event_type, data, aggregate_id in (
        ("AccountCreated", {}, f"{ID}-2"),
        ("TransactionProcessed", {"amount": 1}, ID),
        ("HeartbeatSent", {"beat": 1}, "account-1"),
    ):
        status, refused = send(event_type, data, aggregateId=aggregate_id)
        assert (status, refused["error"]["details"]["field"]) == (400, "aggregateId")
    assert send("AccountCreated", {}, aggregateId="heartbeat-1")[0] == 200


def test_who_asks_what_there_is_to_command_is_not_told_of_it(send: Invoke) -> None:
    told = send("Nonsense", {})[1]["error"]["message"]

    assert "AccountCreated" in told
    assert "HeartbeatSent" not in told
