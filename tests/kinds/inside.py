"""Run by `test_a_second_kind` in a copy of the project in which there are parcels beside the accounts."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from handlers.domain import KINDS
from handlers.sourcing.event import Event, NewEvent, Position, chain
from handlers.store.items import to_item
from handlers.store.snapshots import Snapshots

from ..domain.builders import NOW, command, folded, story
from ..handlers.conftest import (
    ROWS,
    SNAPSHOTS,
    STORE,
    Calls,
    Context,
    Invoke,
    _environment,
    ask,
    aws,
    calls,
    failing,
    handlers,
    kept,
    message,
    record,
    rows,
    send,
)
from ..http_api.conftest import SUBJECT, Api
from ..ops.conftest import Run, _no_waiting, keep, outputs, run
from ..ops.test_import import TARGET, TARGET_SNAPSHOTS, Import, on_target, target

__all__ = [
    "_environment",
    "_no_waiting",
    "ask",
    "aws",
    "calls",
    "handlers",
    "on_target",
    "outputs",
    "run",
    "send",
    "target",
]

PLACES = ("Riga", "Tartu", "Turku", "Oulu", "Umea", "Bodo", "Bergen")


def journey(aggregate_id: str = "parcel-1", places: Sequence[str] = PLACES) -> list[Event]:
    """The events of a parcel: posted at the first place, moved to the others, delivered at the last."""
    news = [NewEvent("ParcelPosted", {"place": places[0]})]
    news += [NewEvent("ParcelMoved", {"place": place}) for place in places[1:]]
    return stream([*news, NewEvent("ParcelDelivered", {})], aggregate_id)


def stream(news: Sequence[NewEvent], aggregate_id: str) -> list[Event]:
    """These events, second by second."""
    events: list[Event] = []
    position = Position()
    for index, new in enumerate(news):
        events += chain(position, [new], command(new.event_type, aggregate_id), f"{NOW[:17]}{index:02d}.000000Z")
        position = position.advance(events[-1])
    return events


def states(events: Sequence[Event]) -> list[dict[str, Any]]:
    """The state after each event, as it is answered."""
    state, described = None, []
    for event in events:
        state = KINDS.evolve(state, event)
        described.append(KINDS.described(state))
    return described


def project(handlers: Callable[[str], ModuleType], *events: Event) -> list[dict[str, str]]:
    records = [message(event, number) for number, event in enumerate(events)]
    failed: list[dict[str, str]] = handlers("projection").lambda_handler({"Records": records}, Context())[
        "batchItemFailures"
    ]
    return failed


def snap(handlers: Callable[[str], ModuleType], *events: Event) -> None:
    answer = handlers("snapshot").lambda_handler({"Records": [record(event) for event in events]}, Context())
    assert answer == {"batchItemFailures": []}


def test_commands_are_carried_out_once_by_the_rules_of_the_kind(send: Invoke, ask: Invoke) -> None:
    assert send("ParcelPosted", {"place": "Riga"}, aggregateId="p", commandId="c")[0] == 200
    assert send("ParcelPosted", {"place": "Riga"}, aggregateId="p", commandId="c")[1]["sequence"] == 1
    assert send("ParcelPosted", {"place": "Turku"}, aggregateId="p", commandId="c")[0] == 409
    assert send("ParcelMoved", {"place": "Turku"}, aggregateId="p", expectedSequence=1)[1]["sequence"] == 2
    assert send("ParcelDelivered", {}, aggregateId="p")[1]["sequence"] == 3

    status, refused = send("ParcelMoved", {"place": "Oulu"}, aggregateId="p")
    assert (status, refused["error"]["details"]["rule"]) == (422, "parcel-under-way")
    status, malformed = send("ParcelMoved", {"Place": "Oulu"}, aggregateId="p")
    assert (status, malformed["error"]["details"]["field"]) == (400, "eventData.Place")
    types = [event["EventType"] for event in ask("getAggregateEvents", aggregateId="p")[1]["events"]]
    assert types == ["ParcelPosted", "ParcelMoved", "ParcelDelivered"]


@pytest.mark.parametrize("moves", [0, 6])
def test_an_id_of_one_kind_is_refused_to_the_other(aws: Any, send: Invoke, calls: Calls, moves: int) -> None:
    """Also where the stream is longer than what is read of it."""
    keep(aws, story("a", [5] * moves))
    keep(aws, journey("p", PLACES[: moves + 1]))
    calls.made.clear()

    refusals = [
        send("ParcelPosted", {"place": "Riga"}, aggregateId="a", commandId="post"),
        send("ParcelMoved", {"place": "Riga"}, aggregateId="a", commandId="move"),
        send("AccountCreated", {}, aggregateId="p", commandId="open"),
        send("TransactionProcessed", {"amount": 5}, aggregateId="p", commandId="pay"),
    ]

    assert [status for status, _ in refusals] == [422] * 4
    assert [answer["error"]["details"]["rule"] for _, answer in refusals] == ["aggregate-kind"] * 4
    assert [answer["error"]["details"]["aggregateKind"] for _, answer in refusals] == ["account"] * 2 + ["parcel"] * 2
    assert "PutItem" not in calls.names
    assert calls.names.count("Query") <= 2 * (4 + 3)  # whoever opens an aggregate reads a short end first


def test_the_state_at_any_point_is_that_of_the_kind(aws: Any, ask: Invoke, handlers: Any) -> None:
    events = keep(aws, journey())
    for made in (False, True):
        if made:
            snap(handlers, *events)
        for event, expected in zip(events, states(events), strict=True):
            up_to = ask("reconstructState", aggregateId="parcel-1", upToSequence=event.sequence)[1]
            as_of = ask("reconstructState", aggregateId="parcel-1", asOf=event.timestamp)[1]
            assert up_to["reconstructedState"] == as_of["reconstructedState"] == expected
        for before in ({"upToSequence": 0}, {"asOf": "2000-01-01T00:00:00Z"}):
            answer = ask("reconstructState", aggregateId="parcel-1", **before)[1]
            assert answer["reconstructedState"] == {"status": "Unknown", "place": None, "moves": 0}


def test_events_are_found_by_type(aws: Any, ask: Invoke) -> None:
    keep(aws, journey())
    keep(aws, story("a", [5]))

    found = ask("getEventsByType", eventType="ParcelMoved")[1]["events"]

    assert [event["EventData"]["place"] for event in found] == list(reversed(PLACES[1:]))
    assert ask("getEventsByType", eventType="parcel-moved")[0] == 400


def test_each_kind_has_rows_of_its_own_projections_alone(aws: Any, handlers: Any) -> None:
    parcel, account = keep(aws, journey()), keep(aws, story("a", [5, 6]))

    assert project(handlers, *parcel, *account) == []

    assert rows(aws).keys() == {("parcel-1", "ParcelWhereabouts"), *folded(account)}
    whereabouts = rows(aws)["parcel-1", "ParcelWhereabouts"]
    assert (whereabouts["Status"], whereabouts["Place"], whereabouts["LastSequence"]) == ("Delivered", "Bergen", 8)


def test_a_query_of_the_kind_shows_its_row(aws: Any, ask: Invoke, handlers: Any) -> None:
    events = keep(aws, journey())
    status, answer = ask("getParcel", parcelId="parcel-1")
    assert (status, answer["error"]["details"]) == (404, {"parcelId": "parcel-1"})
    assert answer["error"]["message"].startswith("there is no parcel parcel-1, or no ParcelWhereabouts of it yet")

    project(handlers, *events)

    status, answer = ask("getParcel", parcelId="parcel-1")
    assert (status, answer["ParcelId"], answer["Place"]) == (200, "parcel-1", "Bergen")
    assert "AccountId" not in answer
    assert ask("getParcel", accountId="parcel-1")[0] == 400
    status, answer = ask("reconstructState", aggregateId="nobody")
    assert (status, answer["error"]["message"]) == (404, "there is no aggregate nobody")


def test_the_kind_has_its_place_in_the_http_api(aws: Any, handlers: Callable[[str], ModuleType]) -> None:
    api = Api(aws, handlers)
    post = {"parcelId": "a/b", "place": "Riga", "correlationId": "tour-1", "actor": "somebody"}

    posted = api("POST /parcels", body=post, headers={"Idempotency-Key": "post-1"})
    again = api("POST /parcels", body=post, headers={"Idempotency-Key": "post-1"})
    named = api("POST /parcels", body={"place": "Oulu"}, headers={"Idempotency-Key": "parcel-2"})
    moved = api(
        "POST /parcels/{id}/commands",
        "a%2Fb",
        body={"eventType": "ParcelMoved", "eventData": {"place": "Turku"}},
        headers={"If-Match": posted.headers["etag"]},
    )

    assert (posted.status, posted.body["aggregateId"], posted.text) == (200, "a/b", again.text)
    assert (named.body["aggregateId"], named.body["commandId"]) == ("parcel-2", "parcel-2")
    assert (moved.status, moved.body["sequence"]) == (200, 2)
    stored = {event["AggregateId"]: event for event in api.stored() if event["EventSequence"] == 1}
    assert [stored[name]["Actor"] for name in ("a/b", "parcel-2")] == [SUBJECT] * 2
    assert (stored["a/b"]["CorrelationId"], stored["a/b"]["EventData"]) == ("tour-1", {"place": "Riga"})
    api.project("a/b")
    assert api("GET /parcels/{id}", "a%2Fb").body["Place"] == "Turku"
    assert api("GET /parcels/{id}/state", "a%2Fb").body["reconstructedState"]["place"] == "Turku"
    assert len(api("GET /parcels/{id}/events", "a%2Fb").body["events"]) == 2


def test_what_is_wrong_with_the_data_that_a_body_is_is_told_by_its_names(
    aws: Any, handlers: Callable[[str], ModuleType]
) -> None:
    api = Api(aws, handlers)
    for body, name in (
        ({"place": "Riga"}, "parcelId"),
        ({"parcelId": "p"}, "place"),
        ({"parcelId": "p", "place": 7}, "place"),
        ({"parcelId": "p", "Place": "Riga"}, "Place"),
        ({"parcelId": " p", "place": "Riga"}, "parcelId"),
        ({"parcelId": ["p"], "place": "Riga"}, "parcelId"),
        ({"parcelId": "p", "place": "Riga", "correlationId": ""}, "correlationId"),
    ):
        answer = api("POST /parcels", body=body)
        assert (answer.status, answer.error["details"]["field"]) == (400, name), body
    other = {"eventType": "AccountCreated", "eventData": {}}
    answer = api("POST /parcels/{id}/commands", "p", body=other)
    assert (answer.status, answer.error["details"]["field"]) == (400, "eventType")
    assert api.stored() == []


def test_what_does_not_tell_the_kind_brings_up_the_rows_that_the_stream_tells(aws: Any, handlers: Any) -> None:
    """A type of newer code, whether first or last."""
    newer = NewEvent("ParcelBlessed", {})
    events = keep(aws, stream([newer, NewEvent("ParcelPosted", {"place": "Riga"}), newer], "p"))

    assert project(handlers, events[2]) == []

    assert rows(aws).keys() == {("p", "ParcelWhereabouts")}
    assert rows(aws)["p", "ParcelWhereabouts"]["LastSequence"] == 3


def test_a_message_that_lies_about_the_kind_makes_no_row(aws: Any, handlers: Any) -> None:
    account = keep(aws, story("a", [5]))
    liar = journey("a")[1]

    assert project(handlers, liar) == [{"itemIdentifier": "m0"}]
    assert project(handlers, *account) == []

    assert rows(aws).keys() == folded(account).keys()


def test_snapshots_of_each_kind_stand_under_keys_of_its_own(
    aws: Any, send: Invoke, calls: Calls, handlers: Any
) -> None:
    events = keep(aws, journey()[:-1])
    account = keep(aws, story("a", [5, 6, 7]))
    snap(handlers, *events, *account)

    keys = {(item["AggregateId"]["S"], item["SnapshotKey"]["S"]) for item in aws.scan(TableName=SNAPSHOTS)["Items"]}
    assert keys == {
        *(("parcel-1", f"parcel.000001#{sequence:016d}") for sequence in (2, 4, 6)),
        *(("a", f"{KINDS.all[0].state_version:06d}#{sequence:016d}") for sequence in (2, 4)),
    }
    newest = Snapshots(aws, SNAPSHOTS).nearest("parcel-1")
    assert newest is not None
    assert KINDS.described(newest.state) == states(events)[5]
    calls.made.clear()
    assert send("ParcelDelivered", {}, aggregateId="parcel-1")[0] == 200
    assert calls.names == ["Query"] * 3 + ["PutItem"]


def test_verify_looks_at_every_kind_and_mends_it(aws: Any, run: Run, handlers: Any) -> None:
    parcel, account = keep(aws, journey()), keep(aws, story("a", [5, 6]))
    project(handlers, *parcel, *account)
    snap(handlers, *parcel, *account)
    assert run("verify", "--grace", "0").code == 0
    whole = (rows(aws), kept(aws))

    key = {"AccountId": {"S": "parcel-1"}, "ProjectionType": {"S": "ParcelWhereabouts"}}
    aws.update_item(
        TableName=ROWS, Key=key, UpdateExpression="SET Moves = :few", ExpressionAttributeValues={":few": {"N": "1"}}
    )
    (foreign,) = (item for item in aws.scan(TableName=SNAPSHOTS)["Items"] if item["AggregateId"] == {"S": "a"})
    aws.put_item(TableName=SNAPSHOTS, Item={**foreign, "AggregateId": {"S": "parcel-1"}})
    aws.put_item(TableName=ROWS, Item={**key, "ProjectionType": {"S": "AccountSummary"}, "LastSequence": {"N": "1"}})

    found = run("verify", "--grace", "0", "--json")

    kinds = sorted(finding["kind"] for finding in found.json["findings"])
    assert (found.code, kinds) == (1, ["row-differs", "row-unknown", "snapshot-differs"])
    aws.delete_item(TableName=ROWS, Key={**key, "ProjectionType": {"S": "AccountSummary"}})
    assert run("verify", "--grace", "0", "--repair-read-model").code == 0
    assert (rows(aws), kept(aws)) == whole


def test_verify_reports_rows_that_lag_while_nothing_moves(aws: Any, run: Run, handlers: Any) -> None:
    """The rows of its kind are all that an aggregate has."""
    parcel = keep(aws, journey())
    account = keep(aws, story("a", [5, 6]))
    project(handlers, *account[:1])

    result = run("verify", "--grace", "0", "--json")

    found = {(each["aggregateId"], each["kind"], each["row"]) for each in result.json["findings"]}
    behind = {("a", "row-behind", "AccountSummary")}
    assert (result.code, found) == (1, {(parcel[0].aggregate_id, "row-missing", "ParcelWhereabouts")} | behind)


def test_a_stream_of_two_kinds_is_nobodys_state(aws: Any, run: Run, ask: Invoke, send: Invoke, handlers: Any) -> None:
    """As only somebody else than the ledger can have written it."""
    moved = NewEvent("TransactionProcessed", {"amount": 5, "type": "deposit"})
    events = stream([NewEvent("ParcelPosted", {"place": "Riga"}), moved], "p")
    for event in events:
        aws.put_item(TableName=STORE, Item=to_item({**event.record(), "TypeBucket": f"{event.event_type}#0"}))

    for invoke in (
        lambda: ask("reconstructState", aggregateId="p"),
        lambda: send("ParcelDelivered", {}, aggregateId="p"),
    ):
        assert failing(invoke)[0] == "IntegrityBreach"
    assert project(handlers, *events) == [{"itemIdentifier": "m0"}, {"itemIdentifier": "m1"}]
    found = run("verify", "--json")
    assert found.code == 1
    assert "unfoldable" in {finding["kind"] for finding in found.json["findings"]}


def test_an_export_of_every_kind_makes_an_empty_store_the_same(
    aws: Any,
    run: Run,
    on_target: Import,
    tmp_path: Path,
) -> None:
    parcel, account = keep(aws, journey()), keep(aws, story("a", [5, 6]))
    folder = tmp_path / "export"
    assert run("export", "--out", str(folder)).code == 0
    assert json.loads((folder / "manifest.json").read_text())["events"] == len(parcel) + len(account)

    imported = on_target("import", str(folder))

    assert imported.code == 0
    stored = {(item["AggregateId"]["S"], item["Hash"]["S"]) for item in aws.scan(TableName=TARGET)["Items"]}
    assert stored == {(event.aggregate_id, event.hash) for event in (*parcel, *account)}
    made = {item["SnapshotKey"]["S"] for item in aws.scan(TableName=TARGET_SNAPSHOTS)["Items"]}
    assert f"parcel.000001#{8:016d}" in made
