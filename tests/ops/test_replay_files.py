"""The target `file`: copies on the operator's machine, all of them once, whatever interrupts the writing."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from handlers.sourcing.copies import Copy
from handlers.sourcing.event import Event
from handlers.sourcing.values import loads
from handlers.store.replays import Replays
from ops.bulk import durable
from ops.commands import replay_file
from ops.replays import noted as noted_module
from ops.replays.noted import Noted
from ops.replays.pace import Pace
from tests.domain.builders import story

from ..aws import REPLAYS, STORE
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
    out, sync, syncs = tmp_path / "new", durable.Spool.sync, count(1)

    def ends(spool: durable.Spool) -> None:
        if next(syncs) == 5:  # one of several threads
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


def test_it_is_in_the_list_while_it_is_written_and_afterwards(
    run: Run, stored: list[Event], aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, seen = str(tmp_path / "new"), []
    wrote = Noted.wrote

    def looked(noted: Noted, copies: int) -> None:
        wrote(noted, copies)
        if copies:  # not every part of the store has something
            seen.append(Replays(aws, REPLAYS).read("r"))
            raise KeyboardInterrupt

    monkeypatch.setattr(noted_module, "SAVE_SECONDS", 0.0)
    with monkeypatch.context() as patched:
        patched.setattr(Noted, "wrote", looked)
        assert run("replay", "start", "--target", "file", "--out", out, "--name", "r").code == 130
    assert seen
    assert all(each and each.unfinished and each.counts.sent > 0 for each in seen)
    begun = run("replay", "show", "r", "--json").json
    assert (begun["state"], begun["segmentsDone"], begun["selected"]) == ("running", 0, None)
    assert "--resume` goes on" in run("replay", "pause", "r").error
    assert "--resume` goes on" in run("replay", "resume", "r").error
    assert "give another --name" in run("replay", "start", "--target", "bus", "--name", "r").error
    another = ("--out", str(tmp_path / "another"), "--name", "r")
    assert "give another --name" in run("replay", "start", "--target", "file", *another).error

    assert run("replay", "start", "--target", "file", "--out", out, "--resume").code == 0
    (listed,) = run("replay", "list", "--json").json["replays"]
    assert (listed["replayId"], listed["state"], listed["sent"]) == ("r", "completed", len(stored))
    assert "60 copies in files, 0 left out" in run("replay", "show", "r").out
    assert "completed" in run("replay", "list").out
    assert "r is completed" in run("replay", "cancel", "r").error


def test_it_goes_on_without_the_table_of_replays_where_that_is_not_to_be_written(
    run: Run, stored: list[Event], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: Any, **__: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "TransactWriteItems")

    monkeypatch.setattr(Replays, "create", denied)
    done = run("replay", "start", "--target", "file", "--out", str(tmp_path / "new"))
    assert done.code == 0
    assert "Not entered in the table of replays" in done.error + done.out
    assert len(copies(tmp_path / "new")) == len(stored)


def test_a_rate_is_kept_by_all_threads_together() -> None:
    paused: list[float] = []
    pace = Pace(10, paused.append, clock=lambda: 100.0)
    for number in (5, 0, 20, 1):
        pace.wait(number)
    assert paused == [0.5, 0.5, 2.5]
    assert (pace.page, Pace(5000).page, Pace(None).page) == (100, 5000, None)
    Pace(None, paused.append).wait(10**6)
    assert len(paused) == 3


@pytest.mark.parametrize("rate", ["1000", None])
def test_a_rate_holds_the_writing_back(
    run: Run, stored: list[Event], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rate: str | None
) -> None:
    waited: list[int] = []
    rates: list[int | None] = []

    class Noticed(Pace):
        def __init__(self, given: int | None, *_: Any) -> None:
            rates.append(given)
            super().__init__(given, lambda _: None)

        def wait(self, number: int) -> None:
            waited.append(number)

    monkeypatch.setattr(replay_file, "Pace", Noticed)
    given = () if rate is None else ("--rate", rate)
    assert run("replay", "start", "--target", "file", "--out", str(tmp_path / "new"), *given).code == 0
    assert sum(waited) == len(stored)
    assert rates == [rate and int(rate)]


def test_options_of_files_are_for_files_alone(run: Run, stored: list[Event], tmp_path: Path) -> None:
    assert run("replay", "start", "--target", "file").code == 2
    assert run("replay", "start", "--target", "bus", "--out", str(tmp_path / "new")).code == 2
    assert run("replay", "start", "--target", "bus", "--resume").code == 2
    assert run("replay", "start", "--target", "file", "--out", str(tmp_path / "none"), "--resume").code == 1
