"""An export holds exactly the events asked for, whatever interrupts it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from handlers.sourcing.event import Event
from handlers.sourcing.values import dumps
from ops.bulk import durable, jsonl
from ops.bulk import parquet as parquet_files

from ..domain.builders import story
from ..handlers.conftest import STORE, Calls, refusal
from .conftest import BUCKETS, Run, keep

FORMATS = ("jsonl", "parquet")
TRICKY: dict[str, Any] = {
    "memo": "a\nb\u2028c\x85d \U0001f4b6",
    "rate": Decimal("1.2345678901234567890123456789012345678"),
    "no": None,
}


@pytest.fixture
def events(aws: Any, outputs: Path) -> list[Event]:
    """Five accounts of seven events each."""
    streams = [keep(aws, story(f"account-{number}", [1, 2, 3, 4, 5, 6], **TRICKY)) for number in range(5)]
    return [event for stream in streams for event in stream]


@pytest.fixture
def small_pages(calls: Calls) -> Calls:
    """The store's pages hold two items, which is what makes a handful of events many pages."""
    calls.before = small
    return calls


def small(operation: str, arguments: dict[str, Any]) -> None:
    if operation in ("Scan", "Query") and arguments["TableName"] == STORE:
        arguments["Limit"] = 2


def manifest(folder: Path) -> Any:
    return json.loads((folder / "manifest.json").read_text())


def exported(folder: Path) -> list[Event]:
    """What the files hold, by the parts' own readers."""
    content = manifest(folder)
    paths = [folder / part["file"] for part in content["parts"]]
    if content["format"] == "parquet":
        return [event for path in paths for event in parquet_files.read(path)]
    return [event for path in paths for event, _ in jsonl.read(path)]


def ordered(events: Iterable[Event]) -> list[Event]:
    return sorted(events, key=lambda event: (event.aggregate_id, event.sequence))


def check_sums(folder: Path) -> None:
    for part in manifest(folder)["parts"]:
        content = (folder / part["file"]).read_bytes()
        assert (part["bytes"], part["sha256"]) == (len(content), sha256(content).hexdigest())


@pytest.mark.parametrize("form", FORMATS)
def test_everything_is_in_it_once(events: list[Event], run: Run, small_pages: Calls, tmp_path: Path, form: str) -> None:
    folder = tmp_path / "deep" / "export"

    result = run("export", "--out", str(folder), "--format", form, "--segments", "3", "--json")

    assert result.code == 0, result.error
    assert (result.json["events"], result.json["files"]) == (35, 3)
    assert ordered(exported(folder)) == ordered(events)
    assert all(event.computed_hash() == event.hash for event in exported(folder))
    assert sorted(path.name for path in folder.iterdir()) == [
        *(f"events-{number:03}.{form}" for number in range(3)),
        "manifest.json",
    ]
    assert (manifest(folder)["finished"], manifest(folder)["events"]) == (True, 35)
    check_sums(folder)
    scans = small_pages.to("Scan")
    assert {scan["Segment"] for scan in scans} == {0, 1, 2}
    assert any("ExclusiveStartKey" in scan for scan in scans)
    assert all(scan["ConsistentRead"] for scan in scans)


def test_a_line_is_the_events_canonical_json(events: list[Event], run: Run, tmp_path: Path) -> None:
    assert run("export", "--out", str(tmp_path / "out"), "--aggregate", "account-1").code == 0

    lines = (tmp_path / "out" / "events-000.jsonl").read_bytes().split(b"\n")

    assert lines == [*(dumps(event.record()).encode() for event in events[7:14]), b""]


def test_parquet_has_a_typed_column_for_each_attribute(events: list[Event], run: Run, tmp_path: Path) -> None:
    assert run("export", "--out", str(tmp_path / "out"), "--aggregate", "account-1", "--format", "parquet").code == 0

    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(tmp_path / "out" / "events-000.parquet")

    assert set(table.schema.names) == set(events[0].record())
    assert table.schema.field("EventSequence").type == pa.int64()
    assert table.schema.field("Timestamp").type == pa.timestamp("us", "UTC")
    assert table.column("EventData").to_pylist()[1] == dumps(events[8].data)


def test_a_large_parquet_file_has_many_row_groups(
    events: list[Event], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(parquet_files, "ROWS", 3)
    folder = tmp_path / "rows"
    assert run("export", "--out", str(folder), "--aggregate", "account-1", "--format", "parquet").code == 0
    assert parquet.read_metadata(folder / "events-000.parquet").num_row_groups == 3
    assert exported(folder) == events[7:14]

    monkeypatch.setattr(parquet_files, "GROUP_BYTES", 1)
    folder = tmp_path / "bytes"
    assert run("export", "--out", str(folder), "--aggregate", "account-1", "--format", "parquet").code == 0
    assert parquet.read_metadata(folder / "events-000.parquet").num_row_groups == 7


@pytest.mark.parametrize("form", FORMATS)
def test_an_empty_store_makes_an_empty_export(form: str, outputs: Path, run: Run, tmp_path: Path) -> None:
    result = run("export", "--out", str(tmp_path / form), "--format", form, "--json")
    assert (result.code, result.json["events"], exported(tmp_path / form)) == (0, 0, [])


def test_one_account_is_one_query(events: list[Event], run: Run, small_pages: Calls, tmp_path: Path) -> None:
    assert run("export", "--out", str(tmp_path / "out"), "--aggregate", "account-3").code == 0

    assert exported(tmp_path / "out") == events[21:28]
    assert "Scan" not in small_pages.names


def test_one_type_is_read_by_its_index(events: list[Event], run: Run, small_pages: Calls, tmp_path: Path) -> None:
    assert run("export", "--out", str(tmp_path / "out"), "--type", "TransactionProcessed").code == 0

    wanted = [event for event in events if event.event_type == "TransactionProcessed"]
    assert ordered(exported(tmp_path / "out")) == ordered(wanted)
    assert len(manifest(tmp_path / "out")["parts"]) == BUCKETS
    assert {query["IndexName"] for query in small_pages.to("Query")} == {"EventType-Timestamp-index"}


@pytest.mark.parametrize("which", [(), ("--aggregate", "account-2"), ("--type", "TransactionProcessed")])
def test_a_time_range_holds_both_its_ends(
    events: list[Event], run: Run, small_pages: Calls, tmp_path: Path, which: tuple[str, ...]
) -> None:
    since, until = "2024-01-15T11:00:02+01:00", "2024-01-15T10:00:04Z"

    assert run("export", "--out", str(tmp_path / "out"), *which, "--from", since, "--to", until).code == 0

    wanted = [event for event in events if "10:00:02" <= event.timestamp[11:19] <= "10:00:04"]
    if "--aggregate" in which:
        wanted = [event for event in wanted if event.aggregate_id == "account-2"]
    assert ordered(exported(tmp_path / "out")) == ordered(wanted)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("survived", [1, 9])
def test_an_interrupted_export_goes_on(
    events: list[Event], run: Run, calls: Calls, tmp_path: Path, *, form: str, survived: int
) -> None:
    pages = 0

    def break_off(operation: str, arguments: dict[str, Any]) -> None:
        nonlocal pages
        small(operation, arguments)
        if operation == "Scan":
            pages += 1
            if pages > survived:
                raise refusal("InternalServerError")

    calls.before = break_off
    broken = run("export", "--out", str(tmp_path / "out"), "--segments", "2", "--format", form)
    assert broken.code == 1
    assert "--resume" in broken.error
    assert manifest(tmp_path / "out")["finished"] is False

    calls.before = small
    calls.made.clear()
    resumed = run("export", "--out", str(tmp_path / "out"), "--resume", "--json")

    assert (resumed.code, resumed.json["events"]) == (0, 35)
    assert ordered(exported(tmp_path / "out")) == ordered(events)
    check_sums(tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.tmp"))
    if survived == 9:
        first = {scan["Segment"]: scan for scan in reversed(calls.to("Scan"))}
        assert any("ExclusiveStartKey" in scan for scan in first.values()), "it goes on where it was"


@pytest.mark.parametrize("form", FORMATS)
def test_what_was_written_behind_the_last_checkpoint_does_not_count(
    events: list[Event], run: Run, small_pages: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, form: str
) -> None:
    """As after a crash between the data and the manifest: whole lines, and half a one, of which nothing is known."""
    saved = 0

    def fail(path: Path, text: str, replace: Callable[[Path, str], None] = durable.replace) -> None:
        nonlocal saved
        saved += 1
        if saved > 5:
            raise OSError(28, "No space left on device", str(path))
        replace(path, text)

    with monkeypatch.context() as patch:
        patch.setattr(durable, "replace", fail)
        full = run("export", "--out", str(tmp_path / "out"), "--segments", "2", "--format", form)
    assert full.code == 1
    assert "No space left on device" in full.error
    for part in manifest(tmp_path / "out")["parts"]:
        if not part["finished"]:
            with (tmp_path / "out" / part["file"]).with_suffix(".jsonl").open("ab") as file:
                file.write(b'{"AggregateId":"half a li' + b"n" * 100_000)

    assert run("export", "--out", str(tmp_path / "out"), "--resume").code == 0
    assert ordered(exported(tmp_path / "out")) == ordered(events)
    check_sums(tmp_path / "out")


def test_a_crash_before_the_finished_parquet_file_counts_repeats_nothing(
    events: list[Event], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(durable, "rename", refuse_parquet)
        assert run("export", "--out", str(folder), "--segments", "1", "--format", "parquet").code == 1

    assert run("export", "--out", str(folder), "--resume").code == 0
    assert ordered(exported(folder)) == ordered(events)


def refuse_parquet(source: Path, target: Path, rename: Callable[[Path, Path], None] = durable.rename) -> None:
    if target.suffix == ".parquet":
        raise OSError(5, "Input/output error", str(target))
    rename(source, target)


def test_a_finished_export_is_left_as_it_is(events: list[Event], run: Run, calls: Calls, tmp_path: Path) -> None:
    assert run("export", "--out", str(tmp_path / "out")).code == 0
    calls.made.clear()

    result = run("export", "--out", str(tmp_path / "out"), "--resume", "--json")

    assert (result.code, result.json["events"]) == (0, 35)
    assert "Scan" not in calls.names


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--format", "parquet"), "--format"),
        (("--segments", "3"), "--segments"),
        (("--aggregate", "account-1"), "--aggregate"),
        (("--from", "2024-01-15T10:00:00Z"), "--from"),
    ],
)
def test_an_export_goes_on_as_what_it_was_begun(
    events: list[Event], run: Run, tmp_path: Path, arguments: tuple[str, ...], problem: str
) -> None:
    assert run("export", "--out", str(tmp_path / "out"), "--segments", "2").code == 0

    result = run("export", "--out", str(tmp_path / "out"), "--resume", *arguments)

    assert result.code == 1
    assert problem in result.error


def test_an_export_does_not_go_on_from_a_table_made_anew(
    aws: Any, events: list[Event], run: Run, tmp_path: Path
) -> None:
    assert run("export", "--out", str(tmp_path / "out")).code == 0
    path = tmp_path / "out" / "manifest.json"
    path.write_text(path.read_text().replace('"created": "2', '"created": "1'))

    result = run("export", "--out", str(tmp_path / "out"), "--resume")

    assert result.code == 1
    assert "another table" in result.error


def test_an_export_does_not_go_on_behind_a_damaged_beginning(
    events: list[Event], run: Run, calls: Calls, tmp_path: Path
) -> None:
    def break_off(operation: str, arguments: dict[str, Any]) -> None:
        small(operation, arguments)
        if len(calls.to("Scan")) > 3:
            raise refusal("InternalServerError")

    calls.before = break_off
    assert run("export", "--out", str(tmp_path / "out"), "--segments", "1").code == 1
    path = tmp_path / "out" / "events-000.jsonl"
    path.write_bytes(path.read_bytes().replace(b"account-0", b"account-9", 1))

    calls.before = small
    result = run("export", "--out", str(tmp_path / "out"), "--resume")

    assert result.code == 1
    assert "events-000.jsonl" in result.error


@pytest.mark.parametrize(
    ("code", "arguments", "problem"),
    [
        (1, ("--aggregate", "acount-1"), "acount-1 has no events"),
        (2, ("--from", "2024-01-15T10:00:00Z", "--to", "2024-01-15T09:00:00Z"), "--from must not be later than --to"),
        (2, ("--from", "yesterday"), "--from"),
        (2, ("--to", "2024-01-15T10:00:00"), "--to: '2024-01-15T10:00:00' must say its offset"),
        (2, ("--to", "2024-01-15"), "for example by a Z at the end: 2024-01-15T00:00:00Z"),
        (2, ("--aggregate", "account-1", "--segments", "3"), "--segments"),
        (1, ("--resume",), "no export here"),
    ],
)
def test_what_makes_no_sense_is_refused_and_leaves_no_folder(
    events: list[Event], run: Run, tmp_path: Path, *, code: int, arguments: tuple[str, ...], problem: str
) -> None:
    result = run("export", "--out", str(tmp_path / "out"), *arguments)

    assert result.code == code
    assert problem in result.error
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_anything_is_refused(events: list[Event], run: Run, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "precious").touch()

    result = run("export", "--out", str(tmp_path / "out"))

    assert result.code == 1
    assert "not empty" in result.error
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["precious"]


@pytest.mark.parametrize(
    "more", [{"Note": {"S": "reversed"}}, {"EventData": {"S": "x"}}], ids=["an attribute more", "no object"]
)
def test_an_item_that_is_no_event_is_named(
    aws: Any, events: list[Event], run: Run, tmp_path: Path, more: dict[str, Any]
) -> None:
    key = {"AggregateId": {"S": "account-2"}, "EventSequence": {"N": "4"}}
    item = aws.get_item(TableName=STORE, Key=key)["Item"]
    aws.put_item(TableName=STORE, Item={**item, **more})

    result = run("export", "--out", str(tmp_path / "out"))

    assert result.code == 1
    assert "account-2 #4" in result.out


def test_parquet_without_pyarrow_says_what_is_missing(
    events: list[Event], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    result = run("export", "--out", str(tmp_path / "out"), "--format", "parquet")

    assert result.code == 1
    assert "pyarrow" in result.error
    assert run("export", "--out", str(tmp_path / "other")).code == 0
