"""An event that is missing or was changed is put back, and no other event can be passed off for it."""

from __future__ import annotations

import gzip
import io
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest

from handlers.sourcing.event import Event
from handlers.sourcing.standing import Role, Standing
from handlers.store.event_store import EventStore
from handlers.store.standings import Standings
from ops.restoring.fitting import Fit, UnfitError, fitting

from ..aws import around_every_call
from ..domain.builders import story
from ..handlers.conftest import BUS, STORE
from ..quick_moto import make, make_tables
from ..tables import region_tables
from .conftest import BUCKETS, Run, keep, taken
from .test_dead_letters import body, project

GROUP = "/aws/events/audit-log-1"
FILES = "audit-files-1"
WHY = ("--reason", "somebody deleted it", "--yes")


@pytest.fixture
def audited(aws: Any, outputs: Path) -> Callable[[Sequence[Event]], None]:
    """Have the audit log hold events, as EventBridge writes them."""
    outputs.write_text(json.dumps({**json.loads(outputs.read_text()), "auditLogGroup": GROUP}))
    logs = boto3.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="s")

    def write(events: Sequence[Event]) -> None:
        lines: Any = [{"timestamp": int(time.time() * 1000), "message": body(event)} for event in events]
        logs.put_log_events(logGroupName=GROUP, logStreamName="s", logEvents=lines)

    return write


def key(sequence: int, aggregate_id: str = "a") -> dict[str, Any]:
    return {"AggregateId": {"S": aggregate_id}, "EventSequence": {"N": str(sequence)}}


def removed(aws: Any, sequence: int) -> None:
    aws.delete_item(TableName=STORE, Key=key(sequence))


def changed(aws: Any, event: Event, **attributes: Any) -> None:
    """Put what somebody made of an event in its place."""
    aws.put_item(TableName=STORE, Item=EventStore(aws, STORE, BUCKETS).item(replace(event, **attributes)))


def items(aws: Any) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = aws.query(
        TableName=STORE, KeyConditionExpression="AggregateId = :a", ExpressionAttributeValues={":a": {"S": "a"}}
    )["Items"]
    return found


@pytest.mark.parametrize("sequence", [1, 2, 4])
def test_a_missing_event_comes_back_from_the_audit_log_and_the_bus_is_told(
    aws: Any, sqs: Any, run: Run, audited: Callable[[Sequence[Event]], None], published: Any, *, sequence: int
) -> None:
    events = keep(aws, story("a", [1, 2, 3, 4]))
    audited([*events, events[sequence - 1]])
    before = items(aws)
    removed(aws, sequence)

    result = run("restore-event", "a", str(sequence), "--from", "audit-log", *WHY)

    assert result.code == 0, result.error
    assert items(aws) == before
    (told,) = [json.loads(text) for text in taken(sqs, "heard")]
    assert (told["source"], told["detail-type"]) == ("event-sourcing.operations", "EventRestoration")
    assert {name: told["detail"][name] for name in ("AggregateId", "EventSequence", "Hash", "Found", "Reason")} == {
        "AggregateId": "a",
        "EventSequence": sequence,
        "Hash": events[sequence - 1].hash,
        "Found": "missing",
        "Reason": "somebody deleted it",
    }
    assert told["detail"]["By"].startswith("arn:aws:")


def written(s3: Any, key: str, events: Sequence[Event]) -> None:
    """As Firehose writes a file."""
    lines = "".join(f"{body(event)}\n" for event in events)
    s3.put_object(Bucket=FILES, Key=f"events/{key}", Body=gzip.compress(lines.encode()))


def test_a_missing_event_comes_back_from_the_audit_files_of_the_hours_since_the_event_before(
    aws: Any, run: Run, outputs: Path
) -> None:
    events = keep(aws, story("a", [1, 2, 3, 4]))
    before = items(aws)
    outputs.write_text(json.dumps({**json.loads(outputs.read_text()), "auditFilesBucket": FILES}))
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=FILES)
    hour = datetime.fromisoformat(events[1].timestamp)
    since, earlier, later = (f"{hour + timedelta(hours=by):%Y/%m/%d/%H}" for by in (0, -2, 1))
    s3.put_object(Bucket=FILES, Key=f"events/{earlier}/s-1-a.gz", Body=b"of hours before, and not read")
    written(s3, f"{since}/s-1-b.gz", [events[3], *story("b", [1, 2, 3])])
    written(s3, f"{later}/s-1-c.gz", [events[2], events[2]])
    s3.put_object(Bucket=FILES, Key=f"events/{later[:-2]}99/s-1-d.gz", Body=b"behind what was found, and not read")
    removed(aws, 3)

    result = run("restore-event", "a", "3", "--from", "audit-files", *WHY)

    assert result.code == 0, result.error
    assert items(aws) == before


def test_audit_files_that_lack_the_event_are_read_to_the_end_and_put_nothing_there(
    aws: Any, run: Run, outputs: Path
) -> None:
    events = keep(aws, story("a", [1, 2, 3]))
    outputs.write_text(json.dumps({**json.loads(outputs.read_text()), "auditFilesBucket": FILES}))
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=FILES)
    written(s3, "2999/01/01/00/s-1-a.gz", [events[0], events[2]])
    removed(aws, 2)

    result = run("restore-event", "a", "2", "--from", "audit-files", *WHY)

    assert (result.code, "audit-files" in result.error) == (1, True)
    assert [int(item["EventSequence"]["N"]) for item in items(aws)] == [1, 3, 4]


def test_a_changed_event_is_put_back_and_verify_finds_nothing_more(
    aws: Any, run: Run, audited: Callable[[Sequence[Event]], None], handlers: Callable[[str], ModuleType]
) -> None:
    events = keep(aws, story("a", [1, 2, 3]))
    project(handlers, [body(event) for event in events])
    audited(events)
    changed(aws, events[1], data={**events[1].data, "amount": 1_000_000})
    assert run("verify", "--aggregate", "a", "--grace", "0").code == 1

    mended = run("restore-event", "a", "2", "--from", "audit-log", *WHY)

    assert (mended.code, "next: verify --aggregate a --repair-read-model" in mended.out) == (0, True)
    assert run("verify", "--aggregate", "a", "--grace", "0").code == 0
    again = run("restore-event", "a", "2", "--from", "audit-log", "--json", *WHY)
    assert (again.code, again.json["outcome"]) == (0, "in its place already")


def test_events_that_were_changed_with_hashes_that_fit_each_other_are_put_back_in_their_order(
    aws: Any, run: Run, audited: Callable[[Sequence[Event]], None]
) -> None:
    events = keep(aws, story("a", [1, 2, 3, 4]))
    before = items(aws)
    audited(events)
    forged = rehashed(replace(events[1], data={**events[1].data, "amount": 7}))
    changed(aws, forged)
    changed(aws, rehashed(replace(events[2], previous_hash=forged.hash)))

    behind = run("restore-event", "a", "3", "--from", "audit-log", *WHY)
    assert (behind.code, "its PreviousHash is not the Hash of event 2" in behind.error) == (1, True)
    for sequence in ("2", "3"):
        assert run("restore-event", "a", sequence, "--from", "audit-log", *WHY).code == 0
    assert items(aws) == before


def rehashed(event: Event) -> Event:
    return replace(event, hash=event.computed_hash())


@pytest.mark.parametrize(
    ("forge", "why"),
    [
        (lambda event: replace(event, actor="mallory"), "the content of event 3 does not have its Hash"),
        (lambda event: rehashed(replace(event, actor="mallory")), "event 4 behind it names another PreviousHash"),
        (lambda event: rehashed(replace(event, previous_hash="0" * 64)), "is not the Hash of event 2"),
    ],
)
def test_another_event_cannot_be_passed_off_for_the_missing_one(
    aws: Any, run: Run, audited: Callable[[Sequence[Event]], None], *, forge: Callable[[Event], Event], why: str
) -> None:
    events = keep(aws, story("a", [1, 2, 3, 4]))
    audited([forge(events[2])])
    removed(aws, 3)
    before = items(aws)

    result = run("restore-event", "a", "3", "--from", "audit-log", *WHY)

    assert result.code == 1
    assert "event 3 of a, from audit-log: the event with the Hash" in result.error
    assert why in result.error
    assert items(aws) == before


def test_an_event_comes_back_that_a_replay_of_the_archive_brought_into_the_log_once_more(
    aws: Any, run: Run, audited: Callable[[Sequence[Event]], None]
) -> None:
    events = keep(aws, story("a", [1, 2, 3]))
    before = items(aws)
    line = json.dumps({**json.loads(body(events[1])), "replay-name": "march", "id": "another"})
    told: Any = [{"timestamp": int(time.time() * 1000), "message": line}]
    boto3.client("logs").put_log_events(logGroupName=GROUP, logStreamName="s", logEvents=told)
    removed(aws, 2)

    assert run("restore-event", "a", "2", "--from", "audit-log", *WHY).code == 0
    assert items(aws) == before


@pytest.mark.usefixtures("audited")
def test_what_is_no_event_in_the_log_is_passed_over(aws: Any, run: Run) -> None:
    keep(aws, story("a", [1, 2]))
    told: Any = [{"timestamp": int(time.time() * 1000), "message": text} for text in ("x", "{}", '{"detail": 3}')]
    boto3.client("logs").put_log_events(logGroupName=GROUP, logStreamName="s", logEvents=told)
    removed(aws, 2)

    result = run("restore-event", "a", "2", "--from", "audit-log", *WHY)

    assert (result.code, "there is no event 2" in result.error) == (1, True)


def test_an_event_that_fits_is_found_among_forged_ones(
    aws: Any, run: Run, audited: Callable[[Sequence[Event]], None]
) -> None:
    events = keep(aws, story("a", [1, 2, 3]))
    before = items(aws)
    audited([rehashed(replace(events[1], actor="mallory")), events[1]])
    removed(aws, 2)

    assert run("restore-event", "a", "2", "--from", "audit-log", *WHY).code == 0
    assert items(aws) == before


def test_the_end_of_a_stream_comes_back_where_a_row_or_the_operator_vouches_for_it(
    aws: Any, run: Run, audited: Callable[[Sequence[Event]], None], handlers: Callable[[str], ModuleType]
) -> None:
    events = keep(aws, story("a", [1, 2, 3]))
    audited(events)
    removed(aws, 4)

    refused = run("restore-event", "a", "4", "--from", "audit-log", *WHY)
    assert (refused.code, "nothing stands behind it" in refused.error) == (1, True)
    assert run("restore-event", "a", "4", "--from", "audit-log", "--unconfirmed", *WHY).code == 0
    project(handlers, [body(event) for event in events])
    removed(aws, 4)
    removed(aws, 3)
    for sequence in ("3", "4"):
        assert run("restore-event", "a", sequence, "--from", "audit-log", *WHY).code == 0
    removed(aws, 4)
    changed(aws, rehashed(replace(events[2], actor="mallory")))
    forged = run("restore-event", "a", "4", "--from", "audit-log", *WHY)
    assert (forged.code, "is not the Hash of event 3" in forged.error) == (1, True)


def test_what_indexes_read_beside_an_event_is_put_back_as_well(
    aws: Any, run: Run, audited: Callable[[Sequence[Event]], None]
) -> None:
    events = keep(aws, story("a", [1, 2]))
    before = items(aws)
    audited(events)
    for event in events[1:]:
        item = EventStore(aws, STORE, BUCKETS).item(event)
        aws.put_item(TableName=STORE, Item={**item, "TypeBucket": {"S": "elsewhere"}})

    for sequence in ("2", "3"):
        assert run("restore-event", "a", sequence, "--from", "audit-log", *WHY).code == 0

    assert items(aws) == before


def test_what_was_changed_is_told_member_by_member(
    aws: Any, run: Run, audited: Callable[[Sequence[Event]], None]
) -> None:
    events = keep(aws, story("a", [10, 20]))
    audited(events)
    changed(aws, events[1], data={**events[1].data, "amount": 7_000}, actor="mallory")
    how = ("restore-event", "a", "2", "--from", "audit-log", "--reason", "x", "--dry-run")

    told, listed = run(*how).out.splitlines(), run(*how, "--json").json

    place = told.index("  stands there, and comes back:")
    assert told[place + 1 : place + 3] == [
        f'    Actor: "mallory" -> "{events[1].actor}"',
        "    EventData.amount: 7000 -> 10",
    ]
    assert len(told) == place + 4
    assert listed["changed"]["EventData.amount"] == {"found": "7000", "event": "10"}
    assert (listed["found"]["Actor"], listed["found"]["EventData"]["amount"]) == ("mallory", 7_000)


def test_a_sound_event_is_replaced_by_no_other(aws: Any, run: Run, audited: Callable[[Sequence[Event]], None]) -> None:
    events = keep(aws, story("a", [1, 2]))
    audited([rehashed(replace(events[2], actor="mallory"))])

    result = run("restore-event", "a", "3", "--from", "audit-log", "--unconfirmed", *WHY)

    assert (result.code, "the one that stands there fits as well" in result.error) == (1, True)


def test_a_table_beside_the_store_or_an_export_have_it_as_well(aws: Any, run: Run, tmp_path: Path) -> None:
    events = keep(aws, story("a", [1, 2]))
    before = items(aws)
    assert run("export", "--out", str(tmp_path / "out")).code == 0
    make(
        "dynamodb",
        "CreateTable",
        TableName="beside",
        AttributeDefinitions=[
            {"AttributeName": "AggregateId", "AttributeType": "S"},
            {"AttributeName": "EventSequence", "AttributeType": "N"},
        ],
        KeySchema=[
            {"AttributeName": "AggregateId", "KeyType": "HASH"},
            {"AttributeName": "EventSequence", "KeyType": "RANGE"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    aws.put_item(TableName="beside", Item=EventStore(aws, "beside", BUCKETS).item(events[1]))
    for source in (str(tmp_path / "out"), "table:beside"):
        removed(aws, 2)
        assert run("restore-event", "a", "2", "--from", source, *WHY).code == 0
        assert items(aws) == before
    nowhere = run("restore-event", "a", "9", "--from", "table:beside", *WHY)
    assert (nowhere.code, "event 9 of a, from table:beside: there is no event 9" in nowhere.error) == (1, True)
    unknown = run("restore-event", "a", "2", "--from", "table:nix", *WHY)
    assert (unknown.code, unknown.error) == (1, "error: there is no table nix in this Region\n")


def test_a_place_that_somebody_else_fills_meanwhile_is_left_to_him(
    aws: Any, run: Run, audited: Callable[[Sequence[Event]], None]
) -> None:
    events = keep(aws, story("a", [1, 2]))
    audited(events)
    removed(aws, 2)

    def fill(_: Any, operation: str, __: Any, proceed: Callable[[], Any]) -> Any:
        if operation == "PutEvents":
            aws.put_item(TableName=STORE, Item={**key(2), "Odd": {"S": "x"}})
        return proceed()

    with around_every_call(fill):
        result = run("restore-event", "a", "2", "--from", "audit-log", *WHY)

    assert (result.code, "somebody wrote to its place meanwhile" in result.error) == (1, True)
    assert aws.get_item(TableName=STORE, Key=key(2))["Item"]["Odd"] == {"S": "x"}


def test_nothing_is_put_back_unless_it_is_meant(
    aws: Any, run: Run, audited: Callable[[Sequence[Event]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    events = keep(aws, story("a", [1, 2]))
    audited(events)
    removed(aws, 2)
    asked = ("restore-event", "a", "2", "--from", "audit-log", "--reason", "x")

    assert run(*asked, "--dry-run").code == 0
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert run(*asked).code == 2
    monkeypatch.setattr("sys.stdin", Terminal("no\n"))
    assert run(*asked).code == 1
    assert len(items(aws)) == 2
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert run(*asked).code == 0
    assert len(items(aws)) == 3


def test_nothing_is_put_back_of_which_the_bus_is_not_told(
    aws: Any, run: Run, audited: Callable[[Sequence[Event]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    events = keep(aws, story("a", [1, 2]))
    audited(events)
    removed(aws, 2)
    boto3.client("events").delete_event_bus(Name=BUS)

    assert run("restore-event", "a", "2", "--from", "audit-log", *WHY).code == 1
    assert len(items(aws)) == 2


def test_copies_of_a_whole_stretch_stand_in_for_it_up_to_a_stored_event() -> None:
    events = story("a", [1, 2, 3, 4])

    class Stream:
        def __init__(self, *there: int) -> None:
            self.there = there

        def event(self, sequence: int) -> Event | None:
            return events[sequence - 1] if sequence in self.there else None

        def ends_before(self, sequence: int) -> bool:
            return max(self.there) < sequence

        def witnessed(self, sequence: int) -> str | None:
            return None

    def copies(*there: int) -> Callable[[int], Sequence[Event]]:
        return lambda sequence: [events[sequence - 1]] if sequence in there else []

    assert fitting(2, Stream(1, 5), copies(2, 3, 4)) == Fit(events[1], "event 5")
    assert fitting(2, Stream(1), copies(2, 3)).by == ""
    with pytest.raises(UnfitError, match="event 3 behind it is missing or changed, and there is no copy"):
        fitting(2, Stream(1, 5), copies(2, 4))
    with pytest.raises(UnfitError, match="event 2 in front of it is missing or changed as well"):
        fitting(3, Stream(1, 5), copies(2, 3, 4))


@pytest.mark.parametrize(
    ("has_the_other", "standing", "code"),
    [
        (True, None, 0),
        (False, None, 1),
        (True, Standing("us-east-1", Role.FENCED, 1, decides="eu-west-1"), 1),
        (False, Standing("us-east-1", Role.ACTIVE, 2), 0),
    ],
    ids=["the first one, as it began", "the second one, as it began", "fenced", "promoted"],
)
def test_of_two_regions_an_event_is_put_back_where_it_is_decided(
    aws: Any,
    outputs: Path,
    run: Run,
    audited: Callable[[Sequence[Event]], None],
    *,
    has_the_other: bool,
    standing: Standing | None,
    code: int,
) -> None:
    """What another Region decides, it may be deciding just now."""
    events = keep(aws, story("a", [1, 2, 3]))
    audited(events)
    removed(aws, 2)
    make_tables(region_tables("conflicts", "standings"))
    if standing:
        known = Standings(aws, "standings", standing)
        known.change(known.read(), standing)
    more = {"conflictQueueUrl": "q", "standingsTable": "standings", "regionMode": "standby"}
    there: dict[str, Any] = {"regions": {"eu-west-1": {}}} if has_the_other else {}
    outputs.write_text(json.dumps({**json.loads(outputs.read_text()), **more, **there}))

    assert run("restore-event", "a", "2", "--from", "audit-log", "--dry-run", *WHY).code == 0
    result = run("restore-event", "a", "2", "--from", "audit-log", *WHY)

    assert result.code == code, result.error
    assert len(items(aws)) == (4 if code == 0 else 3)
    if code:
        assert "us-east-1 does not decide this" in result.error
        assert "--region " in result.error
