"""An import makes an empty store what the exported one was, whatever interrupts it, and refuses what is not whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from handlers.sourcing.event import Event
from handlers.store.event_store import EventStore, bucket_of
from handlers.store.items import to_record
from ops.__main__ import main
from ops.bulk import importer, jsonl

from ..domain.builders import story
from ..domain.forged import bank
from ..handlers.conftest import STORE, Calls, refusal, refusing
from ..tables import deployed_tables
from .conftest import Result, Run, create_functions, keep
from .feed import Feed

TARGET = "imported-store"
TARGET_ROWS = "imported-rows"
TARGET_SNAPSHOTS = "imported-snapshots"
TARGET_BUCKETS = 5
TRICKY: dict[str, Any] = {
    "memo": "a\nb\u2028c\x85d \U0001f4b6",
    "rate": Decimal("1.2345678901234567890123456789012345678"),
    "no": None,
}

Import = Callable[..., Result]


@pytest.fixture
def events(aws: Any, outputs: Path) -> list[Event]:
    """Four accounts of five events each, in the store that is exported."""
    streams = [keep(aws, story(f"account-{number}", [1, 2, 3, 4], **TRICKY)) for number in range(4)]
    return [event for stream in streams for event in stream]


@pytest.fixture
def target(aws: Any, outputs: Path, tmp_path: Path) -> Path:
    """Another stack's outputs: its tables are empty, and its store has another number of type buckets."""
    for table in deployed_tables(event_store=TARGET, read_model=TARGET_ROWS, snapshots=TARGET_SNAPSHOTS):
        aws.create_table(**table)
    create_functions({"targetCommandFunction": {"TYPE_BUCKETS": str(TARGET_BUCKETS)}})
    content = json.loads(outputs.read_text())
    content |= {"eventStoreTable": TARGET, "readModelTable": TARGET_ROWS, "snapshotsTable": TARGET_SNAPSHOTS}
    content |= {"commandFunction": "targetCommandFunction"}
    path = tmp_path / "target.json"
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def feed(aws: Any, target: Path) -> Feed:
    """What carries transfers on in that stack."""
    made = Feed("targetProcess")
    target.write_text(json.dumps(json.loads(target.read_text()) | made.outputs))
    return made


@pytest.fixture
def on_target(target: Path, capsys: pytest.CaptureFixture[str]) -> Import:
    """`on_target("import", ...)`: the command line, on the other stack."""

    def call(*arguments: str) -> Result:
        capsys.readouterr()
        code = main([*arguments, "--outputs", str(target)])
        printed = capsys.readouterr()
        return Result(code, printed.out, printed.err)

    return call


@pytest.fixture
def folder(events: list[Event], run: Run, tmp_path: Path) -> Path:
    """An export of everything in two files."""
    path = tmp_path / "export"
    assert run("export", "--out", str(path), "--segments", "2").code == 0
    return path


def items(aws: Any) -> list[dict[str, Any]]:
    found = [item for page in aws.get_paginator("scan").paginate(TableName=TARGET) for item in page["Items"]]
    return sorted((to_record(item) for item in found), key=lambda each: (each["AggregateId"], each["EventSequence"]))


def imported(aws: Any) -> list[Event]:
    return [Event.of(item) for item in items(aws)]


def puts(calls: Calls) -> list[tuple[str, int]]:
    made = [each["Item"] for each in calls.to("PutItem")]
    return [(item["AggregateId"]["S"], int(item["EventSequence"]["N"])) for item in made]


def rewrite(folder: Path, change: Callable[[list[Event]], Sequence[Event]]) -> None:
    """Put other events into an export, with everything in the manifest that fits them."""
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    everything = [event for part in content["parts"] for event, _ in jsonl.read(folder / part["file"])]
    everything.sort(key=lambda event: (event.aggregate_id, event.sequence))
    changed = change(everything)
    for number, part in enumerate(content["parts"]):
        lines = b"".join(map(jsonl.line, changed if number == 0 else []))
        (folder / part["file"]).write_bytes(lines)
        part |= {
            "events": len(changed) if number == 0 else 0,
            "bytes": len(lines),
            "sha256": sha256(lines).hexdigest(),
        }
    path.write_text(json.dumps(content))


def sealed(event: Event, **more: Any) -> Event:
    changed = replace(event, **more)
    return replace(changed, hash=changed.computed_hash())


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_a_round_trip_keeps_everything_and_verify_finds_it_clean(
    aws: Any, events: list[Event], run: Run, on_target: Import, tmp_path: Path, *, form: str
) -> None:
    assert run("export", "--out", str(tmp_path / "export"), "--format", form).code == 0

    result = on_target("import", str(tmp_path / "export"), "--json")

    assert result.code == 0, result.error
    assert result.json == {"events": 20, "written": 20, "thereAlready": 0, "snapshots": 8, "broken": []}
    assert items(aws) == [{**event.record(), "TypeBucket": bucket_of(event, TARGET_BUCKETS)} for event in events]
    assert list(EventStore(aws, TARGET).read("account-1")) == events[5:10]
    # There is no stream in this process, so that nothing has built the rows yet; `verify` does it, and is content.
    assert on_target("verify", "--json").json["counts"] == {"row-missing": 4}
    assert on_target("verify", "--repair-read-model").code == 0
    assert on_target("verify", "--json").json["clean"] is True


def test_transfers_are_not_imported_while_anybody_would_carry_them_on(
    aws: Any, feed: Feed, run: Run, on_target: Import, tmp_path: Path
) -> None:
    """A process that met a half of their streams would end them another way than they did."""
    for stream in bank(steps=5).streams.values():
        keep(aws, stream)
    export = str(tmp_path / "export")
    assert run("export", "--out", export).code == 0

    for off in ("", "feed", "schedule"):
        feed.switch(feed=off != "feed", schedule=off != "schedule")
        result = on_target("import", export)
        assert (result.code, items(aws)) == (1, [])
        assert ("the feed of targetProcess" in result.error) == (off != "feed")
        assert ("the schedule g/every-minute" in result.error) == (off != "schedule")
    assert on_target("transfers", "pause").code == 0

    result = on_target("import", export)

    assert result.code == 0, result.error
    assert "`verify`, then `transfers resume`" in result.out
    assert len(items(aws)) == 8


def test_one_account_alone_can_be_imported(
    aws: Any, events: list[Event], run: Run, on_target: Import, tmp_path: Path
) -> None:
    assert run("export", "--out", str(tmp_path / "export"), "--aggregate", "account-2").code == 0
    assert on_target("import", str(tmp_path / "export")).code == 0
    assert imported(aws) == events[10:15]


def test_an_export_up_to_a_time_holds_the_beginnings_of_all_streams(
    aws: Any, events: list[Event], run: Run, on_target: Import, tmp_path: Path
) -> None:
    assert run("export", "--out", str(tmp_path / "export"), "--to", "2024-01-15T10:00:02Z").code == 0
    assert on_target("import", str(tmp_path / "export")).code == 0
    assert imported(aws) == [event for event in events if event.sequence <= 3]


@pytest.mark.parametrize("workers", ["1", "8"])
def test_each_stream_is_written_in_its_order_whatever_the_files_have(
    aws: Any, events: list[Event], folder: Path, on_target: Import, calls: Calls, *, workers: str
) -> None:
    rewrite(folder, lambda everything: everything[::-1])

    assert on_target("import", str(folder), "--workers", workers).code == 0

    assert imported(aws) == events
    for number in range(4):
        written = [sequence for aggregate_id, sequence in puts(calls) if aggregate_id == f"account-{number}"]
        assert written == [1, 2, 3, 4, 5]


def test_a_store_that_holds_anything_is_refused(
    aws: Any, events: list[Event], folder: Path, run: Run, *, on_target: Import, calls: Calls
) -> None:
    result = run("import", str(folder))

    assert result.code == 1
    assert f"the table {STORE} is not empty" in result.error
    assert not calls.to("PutItem")


@pytest.mark.parametrize("which", [("--type", "TransactionProcessed"), ("--from", "2024-01-15T10:00:02Z")])
def test_an_export_of_parts_of_streams_is_refused(
    aws: Any, events: list[Event], run: Run, on_target: Import, tmp_path: Path, *, which: tuple[str, str]
) -> None:
    assert run("export", "--out", str(tmp_path / "export"), *which).code == 0

    result = on_target("import", str(tmp_path / "export"))

    assert result.code == 1
    assert which[1][:10] in result.error
    assert "gaps" in result.error
    assert items(aws) == []


def test_an_export_that_is_not_finished_is_refused(
    aws: Any, events: list[Event], run: Run, *, on_target: Import, calls: Calls, tmp_path: Path
) -> None:
    calls.before = refusing("Scan", "InternalServerError")
    assert run("export", "--out", str(tmp_path / "export")).code == 1
    calls.before = None

    result = on_target("import", str(tmp_path / "export"))

    assert result.code == 1
    assert "not finished" in result.error


def test_a_file_that_was_changed_is_refused(aws: Any, folder: Path, on_target: Import) -> None:
    path = folder / "events-001.jsonl"
    path.write_bytes(path.read_bytes() + b"\n")

    result = on_target("import", str(folder))

    assert result.code == 1
    assert "events-001.jsonl: its SHA-256" in result.error
    assert items(aws) == []


def _edited(events: list[Event]) -> list[Event]:
    return [*events[:7], replace(events[7], data={**events[7].data, "amount": 1_000_000}), *events[8:]]


def _edited_and_sealed(events: list[Event]) -> list[Event]:
    return [*events[:7], sealed(events[7], data={**events[7].data, "amount": 1_000_000}), *events[8:]]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (_edited, "event 3 of account-1: its content does not have its Hash"),
        (_edited_and_sealed, "event 4 of account-1 does not continue"),
        (lambda events: [*events[:7], *events[8:]], "account-1 #3"),
        (lambda events: events[:5] + events[6:], "account-1 #1"),
        (lambda events: [*events, events[7]], "event 3 of account-1 does not continue"),
        (lambda events: [events[7], events[7], *events[:7]], "event 3 of account-1 is there twice"),
    ],
    ids=["edited", "edited and sealed", "gap", "no beginning", "twice", "twice and early"],
)
def test_a_broken_stream_is_named_and_nothing_is_written(
    aws: Any,
    folder: Path,
    on_target: Import,
    *,
    change: Callable[[list[Event]], Sequence[Event]],
    problem: str,
) -> None:
    rewrite(folder, change)

    result = on_target("import", str(folder))

    assert result.code == 1
    assert problem in result.error
    assert items(aws) == []


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda content: content.pop("parts"), "'parts' is missing"),
        (lambda content: content["parts"][0].update(file="../elsewhere"), "not a file's name"),
        (lambda content: content["parts"][0].update(events="7"), "events must be a number"),
        (lambda content: content.update(manifestVersion=2), "manifestVersion is 2"),
        (lambda content: content.update(format="csv"), "csv"),
        (lambda content: content["parts"][0].update(events=99), "99 by the manifest"),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(
    aws: Any, folder: Path, on_target: Import, *, damage: Callable[[Any], Any], problem: str
) -> None:
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    damage(content)
    path.write_text(json.dumps(content))

    result = on_target("import", str(folder))

    assert result.code == 1
    assert problem in result.error
    assert items(aws) == []


@pytest.mark.parametrize("took_effect", [False, True])
@pytest.mark.parametrize("workers", ["1", "4"])
def test_an_interrupted_import_goes_on_and_doubles_nothing(
    aws: Any,
    events: list[Event],
    folder: Path,
    on_target: Import,
    calls: Calls,
    *,
    monkeypatch: pytest.MonkeyPatch,
    workers: str,
    took_effect: bool,
) -> None:
    monkeypatch.setattr(importer, "_AHEAD", 1)
    numbers = count(1)

    def break_off(operation: str, _: Any) -> None:
        if operation == "PutItem" and next(numbers) > 9:
            raise refusal("InternalServerError")

    if took_effect:
        calls.after = break_off
    else:
        calls.before = break_off
    broken = on_target("import", str(folder), "--workers", workers)
    assert broken.code == 1
    assert "--resume" in broken.error
    there = imported(aws)
    assert 9 <= len(there) < 20
    calls.before = calls.after = None
    calls.made.clear()

    assert on_target("import", str(folder)).code == 1, "without --resume, the table is not empty"
    resumed = on_target("import", str(folder), "--resume", "--json")

    assert resumed.code == 0, resumed.error
    assert resumed.json["written"] == 20 - len(there)
    assert imported(aws) == events
    again = 20 - 9 if workers == "1" else 20 - 1  # what stands behind a hole in its file is tried once more
    assert 20 - len(there) <= len(puts(calls)) <= again, "what is known to be there is not put again"


def test_a_running_import_saves_how_far_it_is(
    aws: Any, folder: Path, on_target: Import, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "CHECKPOINT", 4)
    monkeypatch.setattr(importer, "_AHEAD", 1)
    saved: list[int] = []

    def look(operation: str, _: Any) -> None:
        if operation == "PutItem":
            saved.append(sum(json.loads((folder / f"import-{TARGET}.json").read_text())["written"]))

    calls.before = look
    assert on_target("import", str(folder), "--workers", "1").code == 0

    assert saved == sorted(saved)
    assert all(written <= before for before, written in enumerate(saved))
    assert saved[-1] >= 12


def test_an_interrupted_import_leaves_beginnings_of_streams(
    aws: Any, events: list[Event], folder: Path, on_target: Import, calls: Calls
) -> None:
    """What is behind an event that failed must not be written: the stream would publish it first."""

    def refuse(operation: str, arguments: dict[str, Any]) -> None:
        if operation == "PutItem" and arguments["Item"]["EventSequence"] == {"N": "3"}:
            raise refusal("ValidationException")

    calls.before = refuse
    assert on_target("import", str(folder), "--workers", "2").code == 1
    assert {event.sequence for event in imported(aws)} <= {1, 2}


def test_a_killed_import_goes_on_from_its_last_checkpoint(
    aws: Any, events: list[Event], folder: Path, on_target: Import, calls: Calls
) -> None:
    """A kill saves no checkpoint; the events since the last one are met again, and recognised by their hash."""
    rewrite(folder, lambda everything: everything)
    assert on_target("import", str(folder)).code == 0
    path = folder / f"import-{TARGET}.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "written": [12, 0], "finished": False}))
    for sequence in ("4", "5"):
        aws.delete_item(TableName=TARGET, Key={"AggregateId": {"S": "account-3"}, "EventSequence": {"N": sequence}})
    calls.made.clear()

    resumed = on_target("import", str(folder), "--resume", "--json")

    assert (resumed.code, resumed.json["written"], resumed.json["thereAlready"]) == (0, 2, 18)
    assert imported(aws) == events
    assert sorted(puts(calls)) == [(event.aggregate_id, event.sequence) for event in events[12:]]


def test_a_finished_import_has_nothing_to_go_on_with(aws: Any, folder: Path, on_target: Import, calls: Calls) -> None:
    assert on_target("import", str(folder)).code == 0
    calls.made.clear()

    resumed = on_target("import", str(folder), "--resume", "--json")

    assert (resumed.code, resumed.json["written"]) == (0, 0)
    assert not calls.to("PutItem")


def test_an_import_into_another_table_does_not_go_on(aws: Any, folder: Path, run: Run, on_target: Import) -> None:
    assert on_target("import", str(folder), "--resume").code == 1
    assert on_target("import", str(folder)).code == 0
    path = folder / f"import-{TARGET}.json"
    path.write_text(path.read_text().replace('"created": "2', '"created": "1'))

    result = on_target("import", str(folder), "--resume")

    assert result.code == 1
    assert "--resume: no import of this export into this table was begun" in result.error


def test_an_import_of_another_export_does_not_go_on(
    aws: Any, folder: Path, run: Run, on_target: Import, tmp_path: Path
) -> None:
    assert on_target("import", str(folder)).code == 0
    other = tmp_path / "other"
    assert run("export", "--out", str(other)).code == 0
    (folder / f"import-{TARGET}.json").rename(other / f"import-{TARGET}.json")

    assert on_target("import", str(other), "--resume").code == 1


def test_somebody_elses_event_in_a_place_ends_the_import(
    aws: Any, events: list[Event], folder: Path, on_target: Import, calls: Calls
) -> None:
    stranger = sealed(events[6], data={**events[6].data, "amount": 7})

    def overtake(operation: str, _: Any) -> None:
        if operation == "PutItem":
            calls.before = None
            EventStore(aws, TARGET).append([stranger])

    calls.before = overtake
    result = on_target("import", str(folder), "--workers", "1")

    assert result.code == 1
    assert "event 2 of account-1: another one is in its place" in result.error
    assert stranger in imported(aws)


def test_a_throttled_table_is_waited_for(
    aws: Any, events: list[Event], folder: Path, *, on_target: Import, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "FIRST_PAUSE", 0.0)
    tries: dict[str, int] = {}

    def throttle(operation: str, arguments: dict[str, Any]) -> None:
        if operation == "PutItem":
            key = json.dumps([arguments["Item"]["AggregateId"], arguments["Item"]["EventSequence"]])
            tries[key] = tries.get(key, 0) + 1
            if tries[key] <= 3:
                raise refusal("ProvisionedThroughputExceededException")

    calls.before = throttle
    assert on_target("import", str(folder)).code == 0
    assert imported(aws) == events
    assert set(tries.values()) == {4}


def test_a_table_that_stays_throttled_ends_the_import_and_it_goes_on(
    aws: Any, events: list[Event], folder: Path, *, on_target: Import, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "FIRST_PAUSE", 0.0)

    calls.before = refusing("PutItem", "ProvisionedThroughputExceededException")
    result = on_target("import", str(folder))
    assert result.code == 1
    assert "ProvisionedThroughputExceededException" in result.error
    calls.before = None

    assert on_target("import", str(folder), "--resume").code == 0
    assert imported(aws) == events


def places_of_snapshots(aws: Any) -> list[tuple[str, int]]:
    found = [to_record(item) for item in aws.scan(TableName=TARGET_SNAPSHOTS)["Items"]]
    return sorted((each["AggregateId"], int(each["EventSequence"])) for each in found)


EVERY_ACCOUNT_AT_2_AND_4 = [(f"account-{number}", sequence) for number in range(4) for sequence in (2, 4)]


def test_snapshots_are_made_of_what_was_imported(aws: Any, folder: Path, on_target: Import) -> None:
    result = on_target("import", str(folder))

    assert result.code == 0
    assert "20 were written now, and 8 snapshots made of them" in result.out
    assert places_of_snapshots(aws) == EVERY_ACCOUNT_AT_2_AND_4
    assert on_target("snapshots", "--json").json["snapshots"] == 0


def test_an_interruption_among_the_snapshots_is_gone_on_from(
    aws: Any, folder: Path, on_target: Import, calls: Calls
) -> None:
    calls.before = refusing("BatchWriteItem", "InternalServerError")
    interrupted = on_target("import", str(folder), "--workers", "1")
    calls.before = None
    calls.made.clear()

    resumed = on_target("import", str(folder), "--resume", "--json")

    assert interrupted.code == 1
    assert "all events are there, not all snapshots; --resume goes on from here" in interrupted.error
    assert (resumed.code, resumed.json["written"], resumed.json["snapshots"]) == (0, 0, 8)
    assert calls.to("PutItem") == []
    assert places_of_snapshots(aws) == EVERY_ACCOUNT_AT_2_AND_4


def test_an_import_without_snapshots_says_what_follows(aws: Any, folder: Path, on_target: Import) -> None:
    result = on_target("import", str(folder), "--no-snapshots")

    assert result.code == 0
    assert "No snapshots were made. Until `python -m ops snapshots` has been run" in result.out
    assert places_of_snapshots(aws) == []


def test_accounts_too_short_for_a_snapshot_are_not_even_looked_at(
    aws: Any, folder: Path, on_target: Import, calls: Calls
) -> None:
    rewrite(folder, lambda events: [events[0], *events[5:10]])
    calls.made.clear()

    assert on_target("import", str(folder)).code == 0

    assert {call["ExpressionAttributeValues"][":id"]["S"] for call in calls.to("Query")} == {"account-1"}


def test_what_cannot_be_folded_is_imported_and_named(aws: Any, folder: Path, on_target: Import) -> None:
    """Of newer code, say: the event at 2 is not readable here, so that its account gets no snapshot."""

    def of_newer_code(events: list[Event]) -> list[Event]:
        return [events[0], sealed(events[1], version=99), *events[5:]]

    rewrite(folder, of_newer_code)

    result = on_target("import", str(folder), "--json")

    assert (result.code, result.json["events"], result.json["snapshots"]) == (0, 17, 6)
    assert [each["aggregateId"] for each in result.json["broken"]] == ["account-0"]
    assert len(imported(aws)) == 17
