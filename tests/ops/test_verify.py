"""Whatever is done to the tables behind the ledger's back is found, named, and put right where that is safe."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ClientError

from handlers.domain.account import KIND
from handlers.sourcing import times
from handlers.sourcing.event import Event, NewEvent, Position, chain
from handlers.sourcing.values import dumps
from handlers.store.event_store import EventStore
from handlers.store.items import to_item, to_record
from handlers.store.snapshot_builder import SnapshotBuilder
from handlers.store.snapshots import Snapshots, key_of
from handlers.upkeep.verification.findings import Finding, Kind
from ops.commands.verify_shown import line_of
from ops.verification.steps import NEXT

from ..domain.builders import command, folded, story
from ..handlers.conftest import ROWS, SNAPSHOTS, STORE, Calls, Context, kept, message, refusal, rows
from .conftest import EVERY, Published, Result, Run, keep, url

YEAR = timedelta(days=365)

Project = Callable[[Sequence[Event]], None]


@pytest.fixture(autouse=True)
def _counted(summary_alone: None) -> None:
    """What is counted here does not grow with the domain."""


@pytest.fixture
def project(aws: Any, handlers: Callable[[str], ModuleType]) -> Project:
    """Deliver events to the projection."""

    def deliver(events: Sequence[Event]) -> None:
        records = [message(event, number) for number, event in enumerate(events)]
        assert handlers("projection").lambda_handler({"Records": records}, Context()) == {"batchItemFailures": []}

    return deliver


@pytest.fixture
def account(aws: Any, outputs: Any, project: Project) -> list[Event]:
    """account-1 with five events, projected; and two others, so that there is something to confuse it with."""
    streams = [keep(aws, story(name, [10, 20, 30, 40])) for name in ("account-0", "account-1", "account-2")]
    for stream in streams:
        project(stream)
    return streams[1]


def event_key(sequence: int, aggregate_id: str = "account-1") -> dict[str, Any]:
    return {"AggregateId": {"S": aggregate_id}, "EventSequence": {"N": str(sequence)}}


def row_key(projection: str = "AccountSummary", account_id: str = "account-1") -> dict[str, Any]:
    return {"AccountId": {"S": account_id}, "ProjectionType": {"S": projection}}


def set_attribute(aws: Any, table: str, key: dict[str, Any], name: str, value: dict[str, Any]) -> None:
    aws.update_item(
        TableName=table,
        Key=key,
        UpdateExpression="SET #name = :value",
        ExpressionAttributeNames={"#name": name},
        ExpressionAttributeValues={":value": value},
    )


def found(result: Result) -> set[tuple[str, str, int | None]]:
    """Which aggregate, what kind, which sequence."""
    return {(each["aggregateId"], each["kind"], each["sequence"]) for each in result.json["findings"]}


def put(aws: Any, event: Event, **more: Any) -> None:
    """Replace a stored event, as nobody may."""
    item = aws.get_item(TableName=STORE, Key=event_key(event.sequence, event.aggregate_id)).get("Item", {})
    aws.put_item(TableName=STORE, Item={**item, **to_item({**event.record(), **more})})


def sealed(event: Event) -> Event:
    """With the hash that fits the content: what somebody who knows the format would write."""
    return replace(event, hash=event.computed_hash())


def continued(account: list[Event], amount: int) -> list[Event]:
    """The event of one more transaction."""
    last = account[-1]
    transaction = command("TransactionProcessed", last.aggregate_id, amount=amount)
    new = [NewEvent(transaction.event_type, {"amount": amount, "type": "deposit"})]
    return chain(Position(last.sequence, last.hash, last.timestamp), new, transaction, last.timestamp)


def test_what_the_ledger_wrote_is_clean(account: list[Event], run: Run) -> None:
    result = run("verify", "--json")

    assert result.code == 0
    assert result.json["clean"] is True
    assert run("verify").out.strip().splitlines()[-1] == "clean"
    assert (result.json["aggregates"], result.json["events"], result.json["findings"]) == (3, 15, [])


def test_an_edited_event_is_named(aws: Any, account: list[Event], run: Run) -> None:
    put(aws, replace(account[2], data={**account[2].data, "amount": 1_000_000}))

    result = run("verify", "--json")

    assert result.code == 1
    assert found(result) == {("account-1", "wrong-hash", 3)}


def test_an_edited_event_with_a_hash_that_fits_breaks_the_next_link(aws: Any, account: list[Event], run: Run) -> None:
    put(aws, sealed(replace(account[2], data={**account[2].data, "amount": 1_000_000})))

    assert found(run("verify", "--json")) == {("account-1", "broken-link", 4)}


def test_an_attribute_that_was_added_to_an_event_is_named(aws: Any, account: list[Event], run: Run) -> None:
    set_attribute(aws, STORE, event_key(2), "Note", {"S": "reversed"})

    assert found(run("verify", "--json")) == {("account-1", "wrong-hash", 2)}


def test_a_removed_event_in_the_middle_is_named(aws: Any, account: list[Event], run: Run) -> None:
    aws.delete_item(TableName=STORE, Key=event_key(3))

    result = run("verify", "--json")

    assert found(result) == {("account-1", "gap", 3)}
    assert result.json["findings"][0]["detail"] == "event 3 is missing"


def test_several_removed_events_are_one_gap(aws: Any, account: list[Event], run: Run) -> None:
    for sequence in (1, 2, 3):
        aws.delete_item(TableName=STORE, Key=event_key(sequence))

    result = run("verify", "--json")

    assert found(result) == {("account-1", "gap", 1)}
    assert result.json["findings"][0]["detail"] == "events 1 to 3 are missing"


def test_a_removed_last_event_is_named_since_the_rows_have_seen_it(aws: Any, account: list[Event], run: Run) -> None:
    aws.delete_item(TableName=STORE, Key=event_key(5))

    result = run("verify", "--json")

    assert result.code == 1
    assert found(result) == {("account-1", "truncated", 5), ("account-1", "entry-ahead", 5)}
    assert {each["row"] for each in result.json["findings"]} == {"AccountSummary", "AccountStatement"}


def test_a_last_event_that_was_replaced_is_named_since_the_rows_have_its_hash(
    aws: Any, account: list[Event], run: Run
) -> None:
    put(aws, sealed(replace(account[4], data={**account[4].data, "amount": 41})))

    assert found(run("verify", "--json")) == {
        ("account-1", "row-hash", 5),
        ("account-1", "row-differs", 5),
        ("account-1", "entry-differs", 5),
    }


def test_swapped_events_are_named(aws: Any, account: list[Event], run: Run) -> None:
    second, fourth = account[1], account[3]
    put(aws, replace(fourth, sequence=2))
    put(aws, replace(second, sequence=4))

    assert found(run("verify", "--json")) >= {("account-1", "wrong-hash", 2), ("account-1", "wrong-hash", 4)}


def test_a_removed_stream_leaves_orphans(aws: Any, account: list[Event], run: Run) -> None:
    for event in account:
        aws.delete_item(TableName=STORE, Key=event_key(event.sequence))

    result = run("verify", "--json")

    assert {kind for _, kind, _ in found(result)} == {"row-orphaned"}
    assert len(result.json["findings"]) == 1 + 4
    told = by_type(content(each) for each in result.json["findings"])
    assert told == by_type(row for key, row in rows(aws).items() if key[0] == "account-1")


@pytest.mark.usefixtures("snapshots")
def test_what_has_no_stream_is_a_witness_and_removed_only_when_told_to_with_its_content_in_the_report(
    aws: Any, account: list[Event], run: Run
) -> None:
    """Also where there is more of it than findings are shown; and what nobody can tell the place of."""
    for event in account:
        aws.delete_item(TableName=STORE, Key=event_key(event.sequence))
    third = aws.get_item(TableName=ROWS, Key=entry_key(3))["Item"]
    aws.put_item(TableName=ROWS, Item={**third, **entry_key("3")})
    before = (rows(aws), kept(aws))

    result = run("verify", "--repair-read-model", "--json")

    assert (result.code, result.json["repaired"]) == (1, 0)
    assert (rows(aws), kept(aws)) == before

    result = run("verify", "--repair-read-model", "--trust-store", "--show", "1", "--json")

    assert (result.code, result.json["remaining"], result.json["findingsLeftOut"]) == (0, {}, 0)
    gone = [row for key, row in before[0].items() if key not in rows(aws)]
    assert len(gone) == 1 + 5
    assert by_type(content(each) for each in result.json["findings"] if each["row"]) == by_type(gone)
    assert not [key for key in kept(aws) if key[0] == "account-1"]


@pytest.mark.usefixtures("snapshots")
def test_what_is_removed_or_rewritten_where_the_store_is_trusted_is_in_the_report(
    aws: Any, account: list[Event], run: Run
) -> None:
    for sequence in (4, 5):
        aws.delete_item(TableName=STORE, Key=event_key(sequence))
    before, snapshots = rows(aws), aws.scan(TableName=SNAPSHOTS)["Items"]

    result = run("verify", "--repair-read-model", "--trust-store", "--json")

    assert result.code == 0
    told = {each["kind"]: content(each) for each in result.json["findings"]}
    assert told["truncated"] == before["account-1", "AccountSummary"]
    assert told["entry-ahead"] == before["account-1", "AccountStatement#0000000000000005"]
    assert told["snapshot-ahead"]["Hash"] in {item["Hash"]["S"] for item in snapshots}


def content(finding: Any) -> Any:
    """What a finding says was there."""
    return json.loads("{" + finding["detail"].partition(": {")[2], parse_float=Decimal)


def by_type(contents: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {each["ProjectionType"]: each for each in contents}


def test_an_item_that_is_no_event_is_named(aws: Any, account: list[Event], run: Run) -> None:
    aws.put_item(TableName=STORE, Item={**event_key(6), "EventType": {"S": "TransactionProcessed"}})

    assert found(run("verify", "--json")) == {("account-1", "unreadable", 6)}


@pytest.mark.parametrize("sequence", ["0", "-3", "2.5"])
def test_an_item_at_a_place_that_is_none_is_named(aws: Any, account: list[Event], run: Run, sequence: str) -> None:
    aws.put_item(TableName=STORE, Item={"AggregateId": {"S": "account-1"}, "EventSequence": {"N": sequence}})

    result = run("verify", "--json")

    assert found(result) == {("account-1", "unreadable", None)}
    assert sequence in result.json["findings"][0]["detail"]


def test_an_event_that_the_type_index_hides_is_named(aws: Any, account: list[Event], run: Run) -> None:
    set_attribute(aws, STORE, event_key(3), "TypeBucket", {"S": "TransactionProcessed#77"})

    assert found(run("verify", "--json")) == {("account-1", "wrong-type-bucket", 3)}


def test_an_event_that_the_index_by_correlation_has_for_another_is_named(
    aws: Any, account: list[Event], run: Run
) -> None:
    set_attribute(aws, STORE, event_key(3), "Correlation", {"S": "another-saga"})

    assert found(run("verify", "--json")) == {("account-1", "wrong-correlation", 3)}


def test_buckets_of_the_time_when_there_were_fewer_are_right(
    aws: Any, outputs: Any, run: Run, project: Project
) -> None:
    events = story("old", [1] * 8)
    for event in events:
        put(aws, event, TypeBucket=f"{event.event_type}#0")
    project(events)

    assert run("verify").code == 0


@pytest.mark.parametrize("name", ["TypeBucket", "Correlation"])
def test_a_key_of_an_index_that_is_no_text_is_named(
    aws: Any, outputs: Any, run: Run, project: Project, name: str
) -> None:
    events = story("odd", [1])
    for event in events[:-1]:
        put(aws, event)
    put(aws, events[-1], **{name: b"x"})
    project(events)

    result = run("verify")
    assert result.code == 1
    assert f"{name} is no text" in result.out + result.error
    assert "Traceback" not in result.error


def test_a_clock_that_goes_back_is_named(aws: Any, outputs: Any, run: Run, project: Project) -> None:
    events = story("back", [1, 2])
    early = sealed(replace(events[1], timestamp="2024-01-15T09:59:59.000000Z"))
    last = sealed(replace(events[2], previous_hash=early.hash))
    project(keep(aws, [events[0], early, last]))

    assert found(run("verify", "--json")) == {("back", "time-goes-back", 2)}


def test_a_command_that_was_carried_out_twice_is_named(aws: Any, outputs: Any, run: Run, project: Project) -> None:
    events = story("twice", [1, 2])
    again = sealed(replace(events[1], sequence=4, previous_hash=events[2].hash, timestamp=events[2].timestamp))
    project(keep(aws, [*events, again]))

    assert found(run("verify", "--json")) == {("twice", "command-repeated", 4)}


def test_several_events_of_one_command_are_no_repetition(aws: Any, outputs: Any, run: Run, project: Project) -> None:
    events = story("both", [1, 2])
    sibling = sealed(replace(events[2], command_id=events[1].command_id))
    project(keep(aws, [*events[:2], sibling]))

    assert run("verify").code == 0


def test_an_event_that_cannot_be_folded_is_named(aws: Any, outputs: Any, run: Run) -> None:
    keep(aws, [sealed(replace(story("orphan", [1])[1], sequence=1, previous_hash="0" * 64))])

    assert found(run("verify", "--json")) == {("orphan", "unfoldable", 1)}


def test_events_that_only_newer_code_can_read_are_intact_but_not_foldable(
    aws: Any, account: list[Event], run: Run
) -> None:
    last = account[-1]
    newer = replace(last, sequence=6, previous_hash=last.hash, version=99, event_id="e-6", command_id="c-6")
    keep(aws, [sealed(newer)])

    assert ("account-1", "unfoldable", newer.sequence) in found(run("verify", "--json"))
    assert not {kind for _, kind, _ in found(run("verify", "--json"))} & {"wrong-hash", "broken-link"}


def test_an_event_of_an_unknown_type_is_intact_and_changes_no_row(
    aws: Any, account: list[Event], project: Project, run: Run
) -> None:
    last = account[-1]
    strange = replace(
        last, sequence=6, previous_hash=last.hash, event_type="AccountPainted", event_id="e-6", command_id="c-6"
    )
    (kept,) = keep(aws, [sealed(strange)])
    project([kept])

    assert found(run("verify", "--json")) == set()


def test_an_edited_row_is_named_by_attribute_with_both_values(aws: Any, account: list[Event], run: Run) -> None:
    set_attribute(aws, ROWS, row_key(), "Balance", {"N": "1000000"})
    set_attribute(aws, ROWS, row_key(), "Note", {"S": "x"})

    result = run("verify", "--json")

    assert result.code == 1
    (finding,) = result.json["findings"]
    assert (finding["aggregateId"], finding["row"], finding["kind"]) == ("account-1", "AccountSummary", "row-differs")
    assert finding["attributes"] == {
        "Balance": {"stored": "1000000", "folded": "100"},
        "Note": {"stored": '"x"', "folded": "absent"},
    }


def test_repair_rebuilds_what_differs_lags_or_is_missing_and_touches_nothing_else(
    aws: Any, account: list[Event], run: Run, project: Project, calls: Calls
) -> None:
    keep(aws, story("account-3", [5, 6]))
    behind = keep(aws, story("account-4", [5, 6, 7]))
    project(behind[:2])
    set_attribute(aws, ROWS, row_key(), "Balance", {"N": "1000000"})
    aws.delete_item(TableName=ROWS, Key=row_key("AccountSummary", "account-2"))
    aws.update_item(TableName=ROWS, Key=row_key(account_id="account-0"), UpdateExpression="REMOVE LastSequence")
    assert run("verify").code == 1
    calls.made.clear()

    result = run("verify", "--repair-read-model", "--json")

    assert result.code == 0
    assert result.json["counts"] == {"row-behind": 1, "row-differs": 2, "row-missing": 2}
    assert (result.json["repaired"], result.json["remaining"]) == (5, {})
    assert all(each["repaired"] for each in result.json["findings"])
    assert {made["TableName"] for made in calls.to("PutItem")} == {ROWS}
    assert {table for made in calls.to("BatchWriteItem") for table in made["RequestItems"]} == {ROWS}
    assert Counter(name for name in calls.names if name not in READS) == {"PutItem": 5, "BatchWriteItem": 2}
    streams = [story("account-3", [5, 6]), behind]  # ids differ between stories: balances must not
    assert rows(aws)["account-4", "AccountSummary"] == folded(streams[1])["account-4", "AccountSummary"]
    assert rows(aws)["account-1", "AccountSummary"] == folded(account)["account-1", "AccountSummary"]
    assert run("verify").code == 0


READS = {"GetItem", "Query", "Scan", "GetFunctionConfiguration", "GetFunctionConfiguration20150331v2"}


def test_repair_deletes_orphans_and_reports_them(aws: Any, account: list[Event], run: Run) -> None:
    aws.put_item(TableName=ROWS, Item={**row_key(account_id="ghost"), "LastSequence": {"N": "2"}})
    aws.put_item(TableName=ROWS, Item=row_key("AccountStatement", "ghost"))

    result = run("verify", "--repair-read-model", "--trust-store", "--json")

    assert result.code == 0
    assert result.json["counts"] == {"row-orphaned": 2}
    assert not [key for key in rows(aws) if key[0] == "ghost"]


def test_an_orphan_that_moves_meanwhile_is_left_alone(aws: Any, account: list[Event], run: Run, calls: Calls) -> None:
    aws.put_item(TableName=ROWS, Item={**row_key(account_id="ghost"), "LastSequence": {"N": "2"}})

    def move(operation: str, _: Any) -> None:
        if operation == "DeleteItem":
            calls.before = None
            set_attribute(aws, ROWS, row_key(account_id="ghost"), "LastSequence", {"N": "3"})
            calls.before = refuse

    def refuse(operation: str, _: Any) -> None:
        if operation == "DeleteItem":
            raise refusal("ConditionalCheckFailedException")

    calls.before = move
    assert run("verify", "--repair-read-model", "--trust-store").code == 1
    assert ("ghost", "AccountSummary") in rows(aws)


def test_repair_leaves_the_rows_of_a_broken_stream_alone(aws: Any, account: list[Event], run: Run) -> None:
    before = rows(aws)
    put(aws, replace(account[2], data={**account[2].data, "amount": 1_000_000}))

    result = run("verify", "--repair-read-model", "--json")

    assert result.code == 1
    assert result.json["remaining"] == {"wrong-hash": 1}
    assert rows(aws) == before


def test_a_row_that_contradicts_its_stream_is_only_rebuilt_when_told_to(
    aws: Any, account: list[Event], run: Run
) -> None:
    aws.delete_item(TableName=STORE, Key=event_key(5))

    assert run("verify", "--repair-read-model").code == 1
    assert rows(aws)["account-1", "AccountSummary"]["LastSequence"] == 5

    assert run("verify", "--repair-read-model", "--trust-store").code == 0
    assert rows(aws)["account-1", "AccountSummary"] == folded(account[:4])["account-1", "AccountSummary"]


def test_a_row_that_is_the_only_witness_of_a_rewritten_event_is_not_repaired(
    aws: Any, account: list[Event], run: Run
) -> None:
    before = rows(aws)
    put(aws, sealed(replace(account[4], data={**account[4].data, "amount": 41})))

    result = run("verify", "--repair-read-model", "--json")

    assert (result.code, result.json["repaired"]) == (1, 0)
    assert rows(aws) == before


def test_repair_does_not_undo_what_a_live_projection_does_meanwhile(
    aws: Any, account: list[Event], run: Run, project: Project, calls: Calls
) -> None:
    more = story("busy", [1, 2, 3])
    project(keep(aws, more[:2]))
    keep(aws, more[2:])
    races = []

    def overtake(operation: str, arguments: dict[str, Any]) -> None:
        if operation == "PutItem" and arguments["TableName"] == ROWS:
            calls.before = None
            races.append(arguments)
            project(more)

    calls.before = overtake
    result = run("verify", "--aggregate", "busy", "--repair-read-model", "--json")

    assert result.code == 0
    assert len(races) == 1
    assert rows(aws)["busy", "AccountSummary"] == folded(more)["busy", "AccountSummary"]


def test_events_younger_than_the_grace_period_are_in_flight(aws: Any, outputs: Any, run: Run, project: Project) -> None:
    events = story("fresh", [1, 2, 3])
    now = times.to_text(datetime.now(UTC))
    project(keep(aws, events[:2]))
    third = sealed(replace(events[2], timestamp=now))
    keep(aws, [third, sealed(replace(events[3], timestamp=now, previous_hash=third.hash))])

    result = run("verify", "--json")
    assert (result.code, result.json["inFlight"], result.json["findings"]) == (0, 2, [])

    told = run("verify").out
    assert "2 events may still be on the way to the rows" in told
    assert told.strip().endswith("clean, apart from what is too early to tell")

    late = run("verify", "--json", "--grace", "0")
    assert (late.code, late.json["inFlight"]) == (1, 0)
    assert found(late) == {("fresh", "row-behind", 3)}


def stamped(ahead: timedelta) -> str:
    """A Timestamp so much later than now."""
    return times.to_text(datetime.now(UTC) + ahead)


def test_events_from_the_future_are_found_once_a_stream(aws: Any, outputs: Any, project: Project, run: Run) -> None:
    """A clock that was a year ahead stamped the first event, and all behind it inherit the year."""
    project(keep(aws, story("early", [1, 2], now=stamped(YEAR))))

    result = run("verify", "--json")

    assert found(result) == {("early", "from-the-future", 1)}
    (finding,) = result.json["findings"]
    assert "2 events behind it" in finding["detail"]
    assert (result.code, result.json["inFlight"]) == (1, 0)


def test_an_event_from_the_future_is_not_in_flight(aws: Any, outputs: Any, run: Run) -> None:
    keep(aws, story("early", [], now=stamped(YEAR)))

    result = run("verify", "--json")
    repaired = run("verify", "--repair-read-model", "--json")

    assert found(result) == {("early", "from-the-future", 1), ("early", "row-missing", None)}
    assert result.json["inFlight"] == 0
    assert {each["kind"]: each["repaired"] for each in repaired.json["findings"]} == {
        "from-the-future": False,
        "row-missing": True,
    }


def test_an_event_by_a_clock_a_little_ahead_is_in_flight(aws: Any, outputs: Any, run: Run) -> None:
    keep(aws, [sealed(replace(story("new", [])[0], timestamp=stamped(timedelta(seconds=30))))])

    result = run("verify", "--json")

    assert (found(result), result.json["inFlight"]) == (set(), 1)


def test_a_new_account_without_rows_is_in_flight_within_the_grace_period(aws: Any, outputs: Any, run: Run) -> None:
    keep(aws, [sealed(replace(story("new", [])[0], timestamp=times.to_text(datetime.now(UTC))))])

    assert run("verify", "--json").json["inFlight"] == 1
    assert found(run("verify", "--json", "--grace", "0")) == {("new", "row-missing", None)}


def test_only_the_aggregates_asked_for_are_read(aws: Any, account: list[Event], run: Run, calls: Calls) -> None:
    aws.delete_item(TableName=STORE, Key=event_key(3))

    clean = run("verify", "--aggregate", "account-0", "--aggregate", "account-2", "--json")

    assert (clean.code, clean.json["aggregates"]) == (0, 2)
    assert "Scan" not in calls.names
    assert run("verify", "--aggregate", "account-1").code == 1


def test_an_aggregate_that_does_not_exist_is_not_called_clean(account: list[Event], run: Run) -> None:
    result = run("verify", "--aggregate", "acount-1", "--json")

    assert result.code == 1
    assert found(result) == {("acount-1", "absent", None)}


def test_everything_is_seen_over_many_pages_and_segments(
    aws: Any, outputs: Any, run: Run, project: Project, calls: Calls
) -> None:
    for number in range(4):
        events = story(f"long-{number}", [1] * 5)
        position, padded = events[0].previous_hash, []
        for event in events:
            padded.append(sealed(replace(event, data={**event.data, "memo": "x" * 250_000}, previous_hash=position)))
            position = padded[-1].hash
        project(keep(aws, padded))
    aws.delete_item(TableName=STORE, Key=event_key(5, "long-3"))
    calls.made.clear()

    result = run("verify", "--json", "--segments", "3")

    assert found(result) == {("long-3", "gap", 5)}
    assert (result.json["aggregates"], result.json["events"]) == (4, 23)
    scans = calls.to("Scan")
    assert {scan["Segment"] for scan in scans} == {0, 1, 2}
    assert any("ExclusiveStartKey" in scan for scan in scans)
    assert any("ExclusiveStartKey" in query for query in calls.to("Query"))


def test_half_a_transaction_seen_under_way_is_no_gap(aws: Any, account: list[Event], run: Run, calls: Calls) -> None:
    hidden = aws.get_item(TableName=STORE, Key=event_key(4))["Item"]
    aws.delete_item(TableName=STORE, Key=event_key(4))

    def complete(operation: str, arguments: dict[str, Any]) -> None:
        if operation == "Query" and arguments["TableName"] == STORE:
            calls.after = None
            aws.put_item(TableName=STORE, Item=hidden)

    calls.after = complete
    assert run("verify", "--aggregate", "account-1").code == 0


def test_the_report_names_what_is_wrong_for_people(aws: Any, account: list[Event], run: Run) -> None:
    aws.delete_item(TableName=STORE, Key=event_key(3))

    result = run("verify")

    assert "account-1 stream #3 gap: event 3 is missing" in result.out
    assert "not clean" in result.out


def test_the_report_counts_what_it_does_not_show(aws: Any, account: list[Event], run: Run) -> None:
    for account_id in ("account-0", "account-1", "account-2"):
        set_attribute(aws, ROWS, row_key(account_id=account_id), "Balance", {"N": "1"})

    report = run("verify", "--json", "--show", "2").json

    assert (report["counts"], len(report["findings"]), report["findingsLeftOut"]) == ({"row-differs": 3}, 2, 1)


def test_a_row_of_a_projection_that_is_unknown_is_reported_and_kept(aws: Any, account: list[Event], run: Run) -> None:
    aws.put_item(TableName=ROWS, Item={**row_key("Newer"), "LastSequence": {"N": "1"}})

    assert run("verify", "--repair-read-model", "--json").json["remaining"] == {"row-unknown": 1}
    assert ("account-1", "Newer") in rows(aws)


def test_a_refusal_of_aws_ends_the_command_with_its_message(account: list[Event], run: Run, calls: Calls) -> None:
    def refuse(operation: str, _: Any) -> None:
        if operation == "Scan":
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not you"}}, "Scan")

    calls.before = refuse
    result = run("verify")

    assert result.code == 1
    assert "not you" in result.error


def test_values_that_json_does_not_have_are_shown_too(aws: Any, account: list[Event], run: Run) -> None:
    set_attribute(aws, ROWS, row_key(), "Status", {"SS": ["Active"]})

    (finding,) = run("verify", "--json").json["findings"]

    assert finding["attributes"]["Status"]["folded"] == dumps("Active")


@pytest.fixture
def snapshots(aws: Any, account: list[Event]) -> SnapshotBuilder:
    """What makes snapshots; those of the accounts, at events 2 and 4, are there."""
    builder = SnapshotBuilder(EventStore(aws, STORE), Snapshots(aws, SNAPSHOTS), EVERY)
    for name in ("account-0", "account-1", "account-2"):
        assert builder.bring_up_to(name, len(account)) == 2
    return builder


def snapshot_key(sequence: int, account_id: str = "account-1") -> dict[str, Any]:
    return {"AggregateId": {"S": account_id}, "SnapshotKey": {"S": key_of(KIND, sequence)}}


@pytest.mark.usefixtures("snapshots")
def test_snapshots_as_the_ledger_makes_them_are_clean(aws: Any, run: Run) -> None:
    set_attribute(aws, SNAPSHOTS, snapshot_key(2), "ExpiresAt", {"N": "1"})
    older = {"AggregateId": {"S": "account-1"}, "SnapshotKey": {"S": "000000#0000000000000004"}}
    aws.put_item(TableName=SNAPSHOTS, Item={**older, "State": {"S": "of another shape"}})

    result = run("verify", "--json")

    assert (result.code, result.json["aggregates"], result.json["findings"]) == (0, 3, [])


@pytest.mark.usefixtures("snapshots")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("State", {"M": {"balance": {"N": "1000000"}}}),
        ("Hash", {"S": "0" * 64}),
        ("Timestamp", {"S": "2024-01-15T09:00:00.000000Z"}),
        ("TimeKey", {"S": "000001#2024-01-15T09:00:00.000000Z"}),
        ("EventSequence", {"N": "3"}),
    ],
)
def test_an_edited_snapshot_is_named_by_attribute_with_both_values(
    aws: Any, run: Run, name: str, value: dict[str, Any]
) -> None:
    before = to_record(aws.get_item(TableName=SNAPSHOTS, Key=snapshot_key(4))["Item"])
    set_attribute(aws, SNAPSHOTS, snapshot_key(4), name, value)

    result = run("verify", "--json")

    assert result.code == 1
    (finding,) = result.json["findings"]
    assert (finding["aggregateId"], finding["kind"], finding["sequence"]) == ("account-1", "snapshot-differs", 4)
    stored = to_record({name: value})[name]
    assert finding["attributes"] == {name: {"stored": dumps(stored), "folded": dumps(before[name])}}


@pytest.mark.usefixtures("snapshots")
def test_a_snapshot_without_its_state_is_named(aws: Any, run: Run) -> None:
    aws.update_item(
        TableName=SNAPSHOTS, Key=snapshot_key(4), UpdateExpression="REMOVE #s", ExpressionAttributeNames={"#s": "State"}
    )

    result = run("verify")

    assert result.code == 1
    assert "account-1 snapshot #4 snapshot-differs: State is absent, not {" in result.out


@pytest.mark.usefixtures("snapshots")
@pytest.mark.parametrize("place", ["0000000000000000", "4", "last", "00000000000000004", "9" * 16])
def test_a_snapshot_at_a_place_that_is_none_is_named_and_removed(aws: Any, run: Run, place: str) -> None:
    key = {"AggregateId": {"S": "account-1"}, "SnapshotKey": {"S": f"{KIND.key_prefix}{place}"}}
    aws.put_item(TableName=SNAPSHOTS, Item=key)

    assert found(run("verify", "--json")) == {("account-1", "snapshot-differs", None)}
    assert run("verify", "--repair-read-model").code == 0
    assert len(kept(aws)) == 6


@pytest.mark.usefixtures("snapshots")
def test_repair_removes_snapshots_that_differ_and_only_those(aws: Any, run: Run) -> None:
    before = kept(aws)
    set_attribute(aws, SNAPSHOTS, snapshot_key(4), "State", {"M": {}})
    set_attribute(aws, SNAPSHOTS, snapshot_key(2, "account-2"), "Hash", {"S": "0" * 64})

    result = run("verify", "--repair-read-model", "--json")

    assert (result.code, result.json["counts"], result.json["repaired"]) == (0, {"snapshot-differs": 2}, 2)
    assert set(before) - set(kept(aws)) == {("account-1", 4), ("account-2", 2)}
    assert run("snapshots", "--aggregate", "account-1").code == 0
    assert kept(aws)["account-1", 4] == before["account-1", 4]


@pytest.mark.usefixtures("snapshots")
def test_a_snapshot_beyond_the_end_is_a_witness_and_only_removed_when_told_to(aws: Any, run: Run) -> None:
    for sequence in (4, 5):
        aws.delete_item(TableName=STORE, Key=event_key(sequence))
    aws.delete_item(TableName=ROWS, Key=row_key("AccountSummary"))

    result = run("verify", "--repair-read-model", "--json")

    assert (result.code, result.json["remaining"]) == (1, {"entry-ahead": 2, "snapshot-ahead": 1})
    assert ("account-1", "AccountStatement#0000000000000005") in rows(aws)
    assert ("account-1", "snapshot-ahead", 4) in found(result)
    assert ("account-1", 4) in kept(aws)

    assert run("verify", "--repair-read-model", "--trust-store").code == 0
    assert sorted(sequence for name, sequence in kept(aws) if name == "account-1") == [2]
    assert ("account-1", "AccountStatement#0000000000000005") not in rows(aws)


@pytest.mark.usefixtures("snapshots")
@pytest.mark.parametrize(
    "damage", [{}, {"State": {"L": []}}, {"Hash": {"NULL": True}}, {"EventSequence": {"N": "1E+125"}}]
)
def test_a_damaged_snapshot_is_no_witness_of_an_end_that_was_removed(
    aws: Any, run: Run, *, damage: dict[str, Any]
) -> None:
    """Without damage, it has the hash of an event that the stream has at another place."""
    (item,) = [each for each in aws.scan(TableName=SNAPSHOTS)["Items"] if snapshot_key(4).items() <= each.items()]
    aws.put_item(TableName=SNAPSHOTS, Item={**item, **snapshot_key(999), "EventSequence": {"N": "999"}, **damage})

    result = run("verify", "--repair-read-model", "--json")

    assert (result.code, result.json["counts"]) == (0, {"snapshot-differs": 1})
    assert ("account-1", "snapshot-differs", 999) in found(result)
    assert len(kept(aws)) == 6


@pytest.mark.usefixtures("snapshots")
def test_snapshots_of_a_broken_stream_are_neither_judged_nor_removed(aws: Any, account: list[Event], run: Run) -> None:
    put(aws, replace(account[2], data={**account[2].data, "amount": 1_000_000}))
    set_attribute(aws, SNAPSHOTS, snapshot_key(2), "Hash", {"S": "0" * 64})
    before = kept(aws)

    result = run("verify", "--repair-read-model", "--trust-store", "--json")

    assert (result.code, result.json["remaining"]) == (1, {"wrong-hash": 1})
    assert kept(aws) == before


@pytest.mark.usefixtures("snapshots")
def test_snapshots_without_a_stream_are_reported_with_their_content_and_removed(aws: Any, run: Run) -> None:
    item = aws.get_item(TableName=SNAPSHOTS, Key=snapshot_key(4))["Item"]
    aws.put_item(TableName=SNAPSHOTS, Item={**item, **snapshot_key(4, "ghost")})
    aws.put_item(
        TableName=SNAPSHOTS,
        Item={**item, **snapshot_key(4, "ghost"), "SnapshotKey": {"S": "000000#0000000000000006"}},
    )

    assert run("verify", "--repair-read-model").code == 1
    assert ("ghost", 4) in kept(aws)
    result = run("verify", "--repair-read-model", "--trust-store", "--json")

    assert result.code == 0
    assert found(result) == {("ghost", "snapshot-orphaned", 4), ("ghost", "snapshot-orphaned", 6)}
    assert f'"Hash":"{item["Hash"]["S"]}"' in result.json["findings"][0]["detail"], "the only trace is kept"
    assert {name for name, _ in kept(aws)} == {"account-0", "account-1", "account-2"}


def test_a_snapshot_that_is_made_meanwhile_is_not_ahead(
    aws: Any, account: list[Event], run: Run, calls: Calls, snapshots: SnapshotBuilder
) -> None:
    (sixth,) = continued(account, 1)

    def go_on(operation: str, arguments: dict[str, Any]) -> None:
        if operation == "Query" and arguments["TableName"] == STORE:
            calls.after = None
            keep(aws, [sixth])
            snapshots.bring_up_to("account-1", 6)

    calls.after = go_on
    assert run("verify", "--aggregate", "account-1").code == 0
    assert ("account-1", 6) in kept(aws)


def test_an_event_that_the_state_cannot_take_is_named(aws: Any, account: list[Event], run: Run) -> None:
    (last,) = continued(account, 1)
    keep(aws, [sealed(replace(last, data={}))])

    result = run("verify", "--json")

    assert found(result) == {("account-1", "unfoldable", 6)}
    details = [finding["detail"].partition(" cannot")[0] for finding in result.json["findings"]]
    assert sorted(details) == ["AccountStatement", "AccountSummary", "the state"]


@pytest.fixture
def imported(aws: Any, outputs: Any) -> list[list[Event]]:
    """Two accounts with old events, and no rows yet: as behind an import, whose events are told one after the other."""
    return [keep(aws, story(name, [1, 2])) for name in ("early", "late")]


def test_rows_that_lag_while_messages_wait_may_be_on_their_way(
    aws: Any, imported: list[list[Event]], run: Run, sqs: Any
) -> None:
    sqs.send_message(QueueUrl=url("projection"), MessageBody="of whatever account")

    result = run("verify", "--json")

    assert result.code == 3
    assert (result.json["clean"], result.json["onTheirWay"], result.json["findings"]) == (False, 2, [])
    assert "2 rows may be on their way (1 message in the projection queue, 0 of 2 aggregates moved)" in result.error
    assert "not settled" in run("verify").out
    assert "`status` says whether anything feeds the projection" in result.error


def test_rows_that_lag_while_others_move_may_be_on_their_way(
    aws: Any, imported: list[list[Event]], run: Run, project: Project, calls: Calls
) -> None:
    def go_on(operation: str, _: Any) -> None:
        if operation == "GetQueueAttributes":
            calls.before = None
            project(imported[0])

    calls.before = go_on
    result = run("verify", "--json")

    assert (result.code, result.json["onTheirWay"], result.json["findings"]) == (3, 1, [])
    assert "0 messages in the projection queue, 1 of 2 aggregates moved" in result.error


def test_rows_that_lag_while_nothing_moves_are_findings(imported: list[list[Event]], run: Run) -> None:
    result = run("verify", "--json")

    assert (result.code, result.json["onTheirWay"]) == (1, 0)
    assert found(result) == {("early", "row-missing", None), ("late", "row-missing", None)}


def test_rows_that_are_there_at_the_second_look_are_clean(
    aws: Any, imported: list[list[Event]], run: Run, project: Project, calls: Calls
) -> None:
    def go_on(operation: str, _: Any) -> None:
        if operation == "GetQueueAttributes":
            calls.before = None
            for events in imported:
                project(events)

    calls.before = go_on

    assert run("verify").code == 0


def test_what_else_is_wrong_is_not_excused_by_what_is_on_its_way(
    aws: Any, imported: list[list[Event]], account: list[Event], run: Run, sqs: Any
) -> None:
    sqs.send_message(QueueUrl=url("projection"), MessageBody="of whatever account")
    set_attribute(aws, ROWS, row_key(), "Balance", {"N": "1000000"})
    aws.delete_item(TableName=STORE, Key=event_key(2, "late"))

    result = run("verify", "--json")

    assert (result.code, result.json["onTheirWay"]) == (1, 1)
    assert found(result) == {("account-1", "row-differs", 5), ("late", "gap", 2)}


def entry_key(sequence: int | str, account_id: str = "account-1") -> dict[str, Any]:
    name = f"{sequence:016d}" if isinstance(sequence, int) else sequence
    return row_key(f"AccountStatement#{name}", account_id)


def test_entries_that_are_missing_altered_or_of_no_event_are_named_and_repaired(
    aws: Any, account: list[Event], run: Run
) -> None:
    truth = rows(aws)
    third = aws.get_item(TableName=ROWS, Key=entry_key(3))["Item"]
    for sequence in (2, 3):
        aws.delete_item(TableName=ROWS, Key=entry_key(sequence))
    set_attribute(aws, ROWS, entry_key(4), "Balance", {"N": "1000000"})
    set_attribute(aws, ROWS, entry_key(5), "Note", {"S": "x"})
    aws.put_item(TableName=ROWS, Item={**third, **entry_key(1)})
    aws.put_item(TableName=ROWS, Item={**third, **entry_key("3")})

    result = run("verify", "--json")

    assert found(result) == {
        ("account-1", "entry-missing", 2),
        ("account-1", "entry-differs", 4),
        ("account-1", "entry-differs", 5),
        ("account-1", "entry-foreign", 1),
        ("account-1", "entry-foreign", None),
    }
    details = {each["sequence"]: each["detail"] for each in result.json["findings"]}
    assert details[2] == "the entries of events 2 to 3 are missing"
    assert "Balance is 1000000, not " in details[4]
    assert details[5] == 'Note is "x", not absent'
    foreign = by_type(content(each) for each in result.json["findings"] if each["kind"] == "entry-foreign")
    strange = [("account-1", f"AccountStatement#{name}") for name in ("0000000000000001", "3")]
    assert foreign == by_type(rows(aws)[key] for key in strange)
    repaired = run("verify", "--repair-read-model", "--json")
    assert (repaired.code, repaired.json["repaired"], repaired.json["remaining"]) == (0, 5, {})
    assert rows(aws) == truth


def test_repair_fills_in_the_entries_of_a_row_that_does_not_have_them(aws: Any, account: list[Event], run: Run) -> None:
    truth = rows(aws)
    for sequence in range(2, 6):
        aws.delete_item(TableName=ROWS, Key=entry_key(sequence))
    aws.update_item(TableName=ROWS, Key=row_key(), UpdateExpression="REMOVE EntriesSequence")

    result = run("verify", "--repair-read-model", "--json")

    assert (result.code, result.json["counts"]) == (0, {"row-differs": 1})
    assert result.json["findings"][0]["attributes"] == {"EntriesSequence": {"stored": "absent", "folded": "5"}}
    assert rows(aws) == truth


def test_entries_above_the_row_that_are_right_are_no_findings(
    aws: Any, account: list[Event], run: Run, project: Project
) -> None:
    """A process ended between its two writes, a moment ago."""
    row = aws.get_item(TableName=ROWS, Key=row_key())["Item"]
    sixth = keep(aws, continued(account, 1))
    project(sixth)
    aws.put_item(TableName=ROWS, Item=row)

    assert found(run("verify", "--json")) == {("account-1", "row-behind", 6)}


def test_an_older_programs_statement_is_passed_over(aws: Any, account: list[Event], run: Run) -> None:
    aws.put_item(TableName=ROWS, Item={**row_key("AccountStatement"), "Entries": {"L": []}})

    assert run("verify").code == 0


def test_an_entry_that_changes_while_it_is_removed_stays(
    aws: Any, account: list[Event], run: Run, calls: Calls
) -> None:
    """What was of no event when it was read may be the newest event's by now. The next look decides anew."""
    truth = rows(aws)
    (right,) = (each for each in aws.scan(TableName=ROWS)["Items"] if entry_key(5).items() <= each.items())
    aws.put_item(TableName=ROWS, Item={**right, **entry_key(1)})
    there: list[Any] = []

    def change(operation: str, _: Any) -> None:
        if operation == "DeleteItem":
            there.append(rows(aws).get(("account-1", "AccountStatement#0000000000000001"), {}).get("Balance"))
            if len(there) == 1:
                set_attribute(aws, ROWS, entry_key(1), "Balance", {"N": "17"})

    calls.before = change
    result = run("verify", "--aggregate", "account-1", "--repair-read-model", "--json")

    assert result.code == 0
    assert [content(each)["Balance"] for each in result.json["findings"]] == [100, 17], "what was deleted, too"
    assert there == [100, 17]
    assert rows(aws) == truth


def test_findings_are_told_in_groups_in_order_with_what_comes_next(aws: Any, account: list[Event], run: Run) -> None:
    set_attribute(aws, STORE, event_key(3), "Actor", {"S": "mallory"})
    for name in ("account-0", "account-2"):
        set_attribute(aws, ROWS, row_key(account_id=name), "Balance", {"N": "1"})

    lines = run("verify").out.splitlines()

    heads = [line for line in lines if not line.startswith("  ")]
    assert heads[:2] == ["wrong-hash: 1 finding", "row-differs: 2 findings"]
    place = lines.index(heads[1])
    assert lines[1].startswith("  next: an incident: find who did it, and restore-event")
    assert lines[place + 1] == "  next: verify --repair-read-model"
    assert [line.split()[0] for line in lines[place + 2 : place + 4]] == ["account-0", "account-2"]


def test_rows_that_lag_are_told_in_numbers_by_when_that_began(
    aws: Any, outputs: Any, run: Run, project: Project
) -> None:
    for number in range(12):
        hour = "10" if number < 8 else "12"
        events = keep(aws, story(f"a{number:02}", [1], now=f"2024-01-15T{hour}:00:00.000000Z"))
        project(events[:1])

    lines = run("verify").out.splitlines()

    place = lines.index("row-behind: 12 findings")
    assert lines[place + 2 : place + 4] == [
        "  8 of AccountSummary lack events from 2024-01-15T10:00:00Z to 2024-01-15T10:01:00Z: "
        "republish 2024-01-15T10:00:00Z 2024-01-15T10:01:00Z",
        "  4 of AccountSummary lack events from 2024-01-15T12:00:00Z to 2024-01-15T12:01:00Z: "
        "republish 2024-01-15T12:00:00Z 2024-01-15T12:01:00Z",
    ]
    assert [line.split()[0] for line in lines[place + 4 : place + 8]] == ["a00", "a01", "a02", "and"]
    assert "the row lacks event 2 of 2024-01-15T10:00:01.000000Z" in lines[place + 4]
    assert len(run("verify", "--json").json["findings"]) == 12


def test_a_republish_that_verify_prints_reaches_to_the_last_event_that_a_row_lacks(
    aws: Any, outputs: Any, run: Run, project: Project, published: Published
) -> None:
    early, late = "2024-01-15T10:00:00.000000Z", "2024-01-15T10:59:30.000000Z"
    events = story("a", [1, 2, 3], now=early)
    keep(aws, [*events[:-1], sealed(replace(events[-1], timestamp=late))])
    project(events[:1])

    printed = next(each for each in run("verify").out.splitlines() if "republish " in each and " lack " in each)
    window = printed.partition("republish ")[2].split()
    assert window == ["2024-01-15T10:00:00Z", "2024-01-15T11:00:00Z"]
    assert run("republish", *window).code == 0
    assert {("a", 2), ("a", 3), ("a", 4)} <= set(published())


def test_what_is_repaired_is_not_to_be_republished(aws: Any, outputs: Any, run: Run) -> None:
    keep(aws, story("a", [1], now="2024-01-15T10:00:00.000000Z"))

    mended = run("verify", "--repair-read-model")

    assert "row-missing" in mended.out
    assert "republish" not in mended.out


def test_an_event_out_of_turn_leads_to_how_it_is_taken_away(aws: Any, outputs: Any, run: Run) -> None:
    event = keep(aws, story("a", [1, 2]))[-1]
    keep(aws, [replace(event, sequence=40)])

    found, refused = (
        run("verify"),
        run("restore-event", "a", "14", "--from", f"table:{STORE}", "--reason", "r", "--yes"),
    )

    entry = "docs/operations.md#an-event-out-of-turn"
    assert f"where no event ever stood there: {entry}" in " ".join(found.out.split())
    assert refused.code == 1
    assert "if none ever stood there" in " ".join(refused.error.split())
    assert entry in refused.error
    assert "\n### An event out of turn\n" in (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")


def test_what_was_found_until_an_interruption_is_told(
    aws: Any, account: list[Event], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.delete_item(TableName=STORE, Key=event_key(3))

    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ops.commands.verify._cross", interrupt)
    result = run("verify")

    assert result.code == 130
    assert "it did not come to its end; so far:" in result.out
    assert "account-1 stream #3 gap: event 3 is missing" in result.out


def test_one_of_a_thing_is_not_called_several(aws: Any, outputs: Any, run: Run, project: Project) -> None:
    project(keep(aws, story("alone", [])))

    assert "1 aggregate, 1 event\n" in run("verify").out


def test_every_kind_of_finding_has_its_next_step() -> None:
    runbook = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
    titles = {f"#{line.strip(' #').lower().replace(' ', '-')}" for line in runbook.split("\n") if line[:2] == "##"}

    assert set(NEXT) == set(Kind)
    for step in NEXT.values():
        assert set(re.findall(r"#[a-z-]+", step)) <= titles


def test_people_read_amounts_as_they_write_them_and_programs_as_they_are_stored() -> None:
    attributes = {"Balance": ("1000000", "30100.5"), "LastSequence": ("1000", "1001")}
    detail = "Balance is 1000000, not 30100.5; LastSequence is 1000, not 1001"
    finding = Finding("a", Kind.ROW_DIFFERS, detail, 5, "AccountSummary", attributes)

    told = "Balance is 1,000,000, not 30,100.50; LastSequence is 1000, not 1001"
    assert line_of(finding, repaired=False).endswith(f": {told}")
    assert finding.describe()["detail"] == detail
