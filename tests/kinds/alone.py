"""Run by `test_a_second_kind` in a copy of the project in which there are parcels instead of accounts."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from handlers.domain import KINDS
from handlers.store.event_store import EventStore

from ..handlers.conftest import (
    SNAPSHOTS,
    STORE,
    Calls,
    Context,
    Invoke,
    _environment,
    ask,
    aws,
    calls,
    handlers,
    message,
    record,
    rows,
    send,
)
from ..ops.conftest import Run, outputs, run

__all__ = ["_environment", "ask", "aws", "calls", "handlers", "outputs", "run", "send"]

PLACES = ("Riga", "Tartu", "Turku", "Oulu")


def test_there_is_nothing_but_parcels() -> None:
    assert [kind.name for kind in KINDS.all] == ["parcel", "heartbeat"]
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("handlers.domain.account")


def test_a_domain_without_a_process_has_nothing_to_carry_on(
    aws: Any, send: Invoke, handlers: Any, calls: Calls
) -> None:
    for number, name in enumerate(("p/commit", "p/poke")):
        assert send("ParcelPosted", {"place": PLACES[0]}, aggregateId=f"p{number}", commandId=name)[0] == 200
    (event,) = EventStore(aws, STORE).read("p0")
    calls.made.clear()

    assert handlers("process").lambda_handler({"Records": [message(event, 0)]}, Context()) == {"batchItemFailures": []}
    swept = handlers("sweep").lambda_handler({}, Context())

    assert swept == {"due": 0, "carried": 0, "failed": 0, "more": False}
    assert calls.names == []


def test_verify_looks_at_every_stream_where_nothing_crosses_them(aws: Any, send: Invoke, run: Run) -> None:
    assert send("ParcelPosted", {"place": PLACES[0]}, aggregateId="p")[0] == 200

    verified, listed = run("verify", "--json", "--grace", "1000"), run("transfers", "list", "--json")

    assert (verified.code, verified.json["events"], verified.json["processes"]) == (0, 1, 0)
    assert verified.json["sums"] == {}
    assert (listed.code, listed.json["transfers"]) == (0, [])


def test_commands_queries_projection_and_snapshots_work(aws: Any, send: Invoke, ask: Invoke, handlers: Any) -> None:
    assert send("ParcelPosted", {"place": PLACES[0]}, aggregateId="p", commandId="c")[0] == 200
    for place in PLACES[1:]:
        assert send("ParcelMoved", {"place": place}, aggregateId="p")[0] == 200
    assert send("ParcelPosted", {"place": PLACES[0]}, aggregateId="p", commandId="c")[1]["sequence"] == 1
    assert send("AccountCreated", {}, aggregateId="a")[0] == 400
    events = list(EventStore(aws, STORE).read("p"))

    messages = [message(event, number) for number, event in enumerate(events)]
    assert handlers("projection").lambda_handler({"Records": messages}, Context()) == {"batchItemFailures": []}
    recorded = [record(event) for event in events]
    assert handlers("snapshot").lambda_handler({"Records": recorded}, Context()) == {"batchItemFailures": []}

    assert rows(aws).keys() == {("p", "ParcelWhereabouts")}
    made = {item["SnapshotKey"]["S"] for item in aws.scan(TableName=SNAPSHOTS)["Items"]}
    assert made == {f"parcel.000001#{sequence:016d}" for sequence in (2, 4)}
    assert ask("getParcel", parcelId="p")[1]["Place"] == PLACES[-1]
    assert len(ask("getAggregateEvents", aggregateId="p")[1]["events"]) == len(PLACES)
    assert len(ask("getEventsByType", eventType="ParcelMoved")[1]["events"]) == len(PLACES) - 1
    state = ask("reconstructState", aggregateId="p", upToSequence=3)[1]["reconstructedState"]
    assert state == {"status": "Posted", "place": PLACES[2], "moves": 2}
    assert ask("getAccountSummary", accountId="p")[0] == 400
