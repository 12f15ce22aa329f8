"""The target `file`: copies on the operator's machine, all of them once, whatever interrupts the writing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from handlers.sourcing.copies import Copy
from handlers.sourcing.event import Event
from handlers.sourcing.values import loads
from ops.bulk import durable
from tests.domain.builders import story

from ..aws import STORE
from .conftest import Run, keep

PATTERN = json.dumps({"EventData": {"amount": [{"numeric": [">", 10.5]}]}})


@pytest.fixture
def stored(aws: Any) -> list[Event]:
    return [event for number in range(20) for event in keep(aws, story(f"account-{number}", [5, 50]))]


def copies(folder: Path) -> list[dict[str, Any]]:
    lines = [line for file in sorted(folder.glob("copies-*.jsonl")) for line in file.read_bytes().split(b"\n") if line]
    return [loads(line, "line") for line in lines]


def test_each_copy_is_a_line_of_json(run: Run, stored: list[Event], tmp_path: Path) -> None:
    out = tmp_path / "new"
    done = run("replay", "start", "--target", "file", "--out", str(out), "--name", "r", "--pattern", PATTERN, "--json")
    assert (done.code, done.json["sent"], done.json["leftOut"]) == (0, 20, 0)
    selected = [event for event in stored if event.sequence == 3]
    assert {each["EventId"] for each in copies(out)} == {Copy.of(event, "r").copy_id for event in selected}
    assert all("Hash" not in each and each["Replay"]["id"] == "r" for each in copies(out))
    assert "not empty" in run("replay", "start", "--target", "file", "--out", str(out)).error
    assert "which are no events" in run("import", str(out)).error
    assert "holds copies of a replay" in run("export", "--out", str(out), "--resume").error


def test_what_was_interrupted_goes_on_under_the_same_ids(
    run: Run, stored: list[Event], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, sync, syncs = tmp_path / "new", durable.Spool.sync, 0

    def ends(spool: durable.Spool) -> None:
        nonlocal syncs
        syncs += 1
        if syncs == 5:
            raise KeyboardInterrupt
        sync(spool)

    with monkeypatch.context() as patched:
        patched.setattr(durable.Spool, "sync", ends)
        assert run("replay", "start", "--target", "file", "--out", str(out), "--name", "r").code == 130
    again = run("replay", "start", "--target", "file", "--out", str(out), "--resume", "--json")
    assert again.json["replayId"] == "r"
    found = [each["EventId"] for each in copies(out)]
    assert len(found) == len(set(found)) == len(stored)
    assert set(found) == {Copy.of(event, "r").copy_id for event in stored}


def test_as_parquet_with_the_mark_as_a_column(run: Run, stored: list[Event], tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    out = tmp_path / "new"
    transformed = ("--transform", "without-data@1", "--account", "account-3", "--format", "parquet")
    assert run("replay", "start", "--target", "file", "--out", str(out), *transformed).code == 0
    (file,) = out.glob("*.parquet")
    rows = parquet.read_table(file).to_pylist()
    assert [row["EventSequence"] for row in rows] == [1, 2, 3]
    assert {row["EventData"] for row in rows} == {"{}"}
    assert {json.loads(row["Replay"])["transform"] for row in rows} == {"without-data@1"}
    assert "Hash" not in rows[0]


def test_what_is_left_out_is_told(run: Run, stored: list[Event], aws: Any, tmp_path: Path) -> None:
    aws.put_item(TableName=STORE, Item={"AggregateId": {"S": "account-3"}, "EventSequence": {"N": "9"}})
    done = run("replay", "start", "--target", "file", "--out", str(tmp_path / "new"), "--json")
    assert (done.code, done.json["sent"], done.json["leftOut"]) == (1, len(stored), 1)
    assert "account-3 #9" in done.error


def test_options_of_files_are_for_files_alone(run: Run, stored: list[Event], tmp_path: Path) -> None:
    assert run("replay", "start", "--target", "file").code == 2
    assert run("replay", "start", "--target", "bus", "--out", str(tmp_path / "new")).code == 2
    assert run("replay", "start", "--target", "bus", "--resume").code == 2
    assert run("replay", "start", "--target", "file", "--out", str(tmp_path / "none"), "--resume").code == 1
