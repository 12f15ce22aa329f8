"""What docs/events.md promises of events that this code does not know, in every command of the operator."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from handlers.domain.account import Account
from handlers.sourcing.event import Event, Position
from handlers.store.items import to_item
from handlers.store.snapshots import Snapshot, record_of

from ..domain.builders import moved, story
from ..handlers.conftest import SNAPSHOTS, Context, kept, message, rows
from ..handlers.strange import EXTRA, NEWER, OLDER, UNFIT, UNKNOWN, stream
from .conftest import Published, Run, keep, taken, url
from .test_export import exported, ordered
from .test_import import Import, imported, on_target, target  # noqa: F401 -- fixtures

CHANGES = {"newer": NEWER, "unknown": UNKNOWN, "unfit": UNFIT, "extra": EXTRA, "older": OLDER}
APPLICABLE = ("unknown", "extra", "older")


@pytest.fixture
def strange(aws: Any, outputs: Path) -> dict[str, list[Event]]:
    """An account of four events for each kind, the last of which is of that kind."""
    return {kind: stream(aws, change, kind, amounts=(5, 7, 9)) for kind, change in CHANGES.items()}


def all_of(strange: dict[str, list[Event]]) -> list[Event]:
    return ordered(event for events in strange.values() for event in events)


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_an_export_and_its_import_carry_everything_unchanged(
    aws: Any,
    strange: dict[str, list[Event]],
    run: Run,
    on_target: Import,  # noqa: F811 -- the fixture
    tmp_path: Path,
    *,
    form: str,
) -> None:
    folder = tmp_path / "export"

    assert run("export", "--out", str(folder), "--format", form).code == 0
    assert on_target("import", str(folder)).code == 0

    assert ordered(exported(folder)) == all_of(strange)
    assert imported(aws) == all_of(strange)


def test_an_export_by_type_is_of_known_types_only(strange: Any, run: Run, tmp_path: Path) -> None:
    result = run("export", "--out", str(tmp_path / "export"), "--type", "AccountPainted")

    assert result.code == 2
    assert "argument --type: 'AccountPainted' is none of AccountClosed, " in result.error


def test_verify_finds_intact_what_it_can_apply_and_names_what_it_cannot(
    strange: dict[str, list[Event]], run: Run
) -> None:
    found = run("verify", "--repair-read-model", "--json").json["findings"]

    kinds: dict[str, set[str]] = {}
    for each in found:
        kinds.setdefault(each["aggregateId"], set()).add(each["kind"])
    assert kinds == {kind: {"row-missing"} if kind in APPLICABLE else {"unfoldable"} for kind in CHANGES}
    assert {(each["aggregateId"], each["sequence"]) for each in run("verify", "--json").json["findings"]} == {
        ("newer", 4),
        ("unfit", 4),
    }


def test_rows_that_are_repaired_stand_at_the_unknown_event(aws: Any, strange: dict[str, list[Event]], run: Run) -> None:
    run("verify", "--repair-read-model")

    row = rows(aws)["unknown", "AccountSummary"]
    assert (row["Balance"], row["LastSequence"], row["LastHash"]) == (12, 4, strange["unknown"][-1].hash)


def test_snapshots_are_made_of_what_can_be_applied_and_the_other_streams_are_named(
    aws: Any, strange: dict[str, list[Event]], run: Run
) -> None:
    result = run("snapshots", "--json")

    assert result.code == 1
    broken = {each["aggregateId"]: each["detail"] for each in result.json["broken"]}
    assert broken.keys() == {"newer", "unfit"}
    assert "version 99" in broken["newer"]
    newest = {account: kept(aws)[account, 4]["State"]["balance"] for account in APPLICABLE}
    assert newest == {"unknown": 12, "extra": 13, "older": 13}


def test_whole_streams_are_republished_unchanged(
    aws: Any, sqs: Any, strange: dict[str, list[Event]], run: Run, published: Published
) -> None:
    assert run("republish", *(word for kind in strange for word in ("--aggregate", kind))).code == 0

    details = [json.loads(text)["detail"] for text in taken(sqs, "heard")]
    assert {(each["AggregateId"], each["EventSequence"]): (each["Hash"], each["EventType"]) for each in details} == {
        (event.aggregate_id, event.sequence): (event.hash, event.event_type) for event in all_of(strange)
    }


def test_a_window_is_republished_with_the_unknown_types_that_are_named(
    strange: dict[str, list[Event]], run: Run, published: Published
) -> None:
    places = [(event.aggregate_id, event.sequence) for event in all_of(strange)]
    window = "2024-01-15T09:00:00Z", "2024-01-15T11:00:00Z"

    assert run("republish", *window).code == 0
    assert sorted(published()) == [place for place in places if place != ("unknown", 4)]
    assert run("republish", *window, "--type", "AccountPainted", "--type", "AccountCreated").code == 0
    assert sorted(published()) == places


@pytest.mark.parametrize(("kind", "projected"), [(kind, kind in APPLICABLE) for kind in CHANGES])
def test_a_dead_letter_of_any_event_is_redriven_and_projected_where_that_can_be(
    aws: Any,
    sqs: Any,
    strange: dict[str, list[Event]],
    run: Run,
    handlers: Callable[[str], ModuleType],
    *,
    kind: str,
    projected: bool,
) -> None:
    last = strange[kind][-1]
    sqs.send_message(QueueUrl=url("projection-dlq"), MessageBody=message(last)["body"])

    (letter,) = run("dead-letters", "list", "--json").json["letters"]
    assert letter["reason"].startswith("not projected yet")
    assert letter["hopeless"] is False
    assert run("dead-letters", "redrive").code == 0

    (text,) = taken(sqs, "projection")
    records = [{"messageId": "m", "body": text}]
    failed = handlers("projection").lambda_handler({"Records": records}, Context())["batchItemFailures"]
    assert bool(failed) is not projected
    assert ((kind, "AccountSummary") in rows(aws)) is projected


def test_events_of_other_accounts_are_not_held_up(aws: Any, strange: Any, run: Run) -> None:
    stream(aws, {}, "plain", amounts=(5, 7, 9))

    run("snapshots", "--segments", "1")
    run("verify", "--repair-read-model", "--segments", "1")

    assert kept(aws)["plain", 4]["State"]["balance"] == 21
    assert rows(aws)["plain", "AccountSummary"]["Balance"] == 21


def test_an_aggregate_of_unknown_types_alone_lacks_no_row(
    aws: Any, run: Run, handlers: Callable[[str], ModuleType]
) -> None:
    """Nor is a snapshot that older code made of it believed."""
    events = keep(aws, moved([replace(event, event_type="ThingDone") for event in story("x", [1] * 3)], "x"))
    handlers("projection").lambda_handler({"Records": [message(each) for each in events]}, Context())
    assert (run("verify", "--grace", "0").code, rows(aws)) == (0, {})

    place = Position(4, events[-1].hash, events[-1].timestamp)
    aws.put_item(TableName=SNAPSHOTS, Item=to_item(record_of("x", Snapshot(Account(), place))))

    assert [each["kind"] for each in run("verify", "--json").json["findings"]] == ["snapshot-differs"]
    assert run("verify", "--repair-read-model").code == 0
    assert kept(aws) == {}
