"""What `serve --data` keeps in SQLite, part by part, and its folder: without DynamoDB Local, so without Java."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from local.engine import backends
from local.engine.api import ACCOUNT
from local.engine.durable import folder
from local.engine.durable.checkpoints import Checkpoint
from local.engine.durable.database import Database, write_ahead
from local.engine.durable.folder import DataError, DataFolder
from local.engine.durable.histories import KeptHistories
from local.engine.durable.messages import KeptMessages
from local.engine.durable.names import FileNames
from local.engine.durable.pending import KeptPending
from local.engine.durable.replacements import Replacements
from local.engine.exact_json import ExactNumber
from tests.local.conftest import PROJECT

REGION = "us-east-1"
ORPHAN = """
import fcntl, sys, time
file = open(sys.argv[1])
fcntl.flock(file, fcntl.LOCK_EX)
print(flush=True)
time.sleep(60)
"""
KILLED = """
import os, signal, sys
from pathlib import Path
from local.engine.durable.database import Database
database = Database(Path(sys.argv[1]))
database.write("INSERT INTO setting VALUES ('a', 'b')")
os.kill(os.getpid(), signal.SIGKILL)
"""
STREAM, FUNCTION = "a-stream", "a-function"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(tmp_path / "state.db")) as made:
        yield made


def opened(path: Path) -> DataFolder:
    """As `closing` takes it, so that a test says in which engine it is."""
    return DataFolder(path)


def test_a_folder_is_one_engines_at_a_time(path: Path) -> None:
    with closing(opened(path)), pytest.raises(DataError) as refused:
        opened(path)
    assert str(refused.value) == (
        f"{path} is in use by another embedded AWS (process {os.getpid()}): stop that one, or choose another folder"
    )
    opened(path).close()


def test_a_dynamodb_local_that_outlived_its_engine_is_ended(path: Path) -> None:
    opened(path).close()
    with subprocess.Popen([sys.executable, "-c", "pass"]) as gone:
        gone.wait()
    (path / "lock").write_text(str(gone.pid))
    command = [sys.executable, "-c", ORPHAN, str(path / "lock")]
    with subprocess.Popen([*command, "-dbPath", str(path / "tables"), "-x"], stdout=subprocess.PIPE) as orphan:
        assert orphan.stdout
        orphan.stdout.readline()
        opened(path).close()
        assert orphan.wait(10) < 0


def test_a_lock_that_something_else_has_is_waited_for_and_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(path).close()
    (path / "lock").write_text("")
    monkeypatch.setattr(folder, "ORPHAN_SECONDS", 0.1)
    with subprocess.Popen([sys.executable, "-c", ORPHAN, str(path / "lock")], stdout=subprocess.PIPE) as other:
        assert other.stdout
        other.stdout.readline()
        with pytest.raises(DataError, match="is in use: another process has a lock on"):
            opened(path)
        assert other.poll() is None
        other.kill()


def test_another_folders_files_are_left_alone(path: Path) -> None:
    path.mkdir()
    (path / "thesis.txt").write_text("precious")
    with pytest.raises(DataError, match="holds other files"):
        opened(path)
    assert [each.name for each in path.iterdir()] == ["thesis.txt"]


def rewritten(statement: str) -> Callable[[Path], object]:
    def rewrite(file: Path) -> None:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute(statement)

    return rewrite


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (rewritten("PRAGMA user_version = 99"), "has the format 99, and this version of the program reads 1"),
        (rewritten("PRAGMA application_id = 1"), "was not written by the embedded AWS"),
        (lambda file: file.write_bytes(b"no database at all" * 100), "is damaged (file is not a database)"),
        (lambda file: file.write_bytes(file.read_bytes()[:8192]), "is damaged"),
    ],
)
def test_a_state_that_cannot_be_read_is_one_sentence(path: Path, spoil: Callable[[Path], object], said: str) -> None:
    opened(path).close()
    spoil(path / "state.db")
    with pytest.raises(DataError) as refused:
        opened(path)
    text = str(refused.value)
    assert said in text
    assert f"put back a copy of {path}, or remove the folder" in text
    assert "\n" not in text
    with pytest.raises(DataError, match=r"state\.db"):
        opened(path)  # and nothing is locked


def made(path: Path) -> None:
    """A folder as an engine leaves it."""
    with closing(opened(path)) as data:
        data.database.write("INSERT INTO setting VALUES ('access key', 'key')")
        data.prepare_tables("key_us-east-1.db")


def remove_tables(path: Path) -> None:
    shutil.rmtree(path / "tables")


def remove_files_of_tables(path: Path) -> None:
    for each in (path / "tables").iterdir():
        each.unlink()


def remove_state(path: Path) -> None:
    for each in path.glob("state.db*"):
        each.unlink()


def empty_a_table(path: Path) -> None:
    (path / "tables" / "key_us-east-1.db").write_bytes(b"")


def empty_state(path: Path) -> None:
    remove_state(path)
    (path / "state.db").touch()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (remove_tables, "tables is missing"),
        (remove_files_of_tables, "tables/key_us-east-1.db is missing"),
        (empty_a_table, "tables/key_us-east-1.db is empty"),
        (remove_state, "state.db is missing"),
        (empty_state, "state.db is empty, and there are tables"),
    ],
)
def test_a_part_of_a_folder_is_not_taken_for_an_empty_one(
    path: Path, damage: Callable[[Path], None], said: str
) -> None:
    made(path)
    made_again = opened(path)
    made_again.prepare_tables("key_us-east-1.db")
    made_again.close()
    damage(path)
    with pytest.raises(DataError) as refused, closing(opened(path)) as data:
        data.prepare_tables("key_us-east-1.db")
    text = str(refused.value)
    assert f"{said}; put back a copy of {path}, or remove the folder to begin with an empty one" in text
    assert "\n" not in text
    with pytest.raises(DataError, match="put back a copy"), closing(opened(path)) as data:  # nothing was locked or made
        data.prepare_tables("key_us-east-1.db")


def killed_with_a_lock(path: Path) -> None:
    path.mkdir()
    (path / "lock").touch()


def killed_with_a_folder_of_tables(path: Path) -> None:
    killed_with_a_lock(path)
    (path / "tables").mkdir()


def killed_with_an_empty_state(path: Path) -> None:
    killed_with_a_folder_of_tables(path)
    (path / "state.db").touch()


def killed_while_the_state_was_made(path: Path) -> None:
    killed_with_a_folder_of_tables(path)
    write_ahead(path / "state.db")


def killed_before_there_was_a_key(path: Path) -> None:
    opened(path).close()


def killed_before_there_were_files(path: Path) -> None:
    with closing(opened(path)) as data:
        data.database.write("INSERT INTO setting VALUES ('access key', 'key')")


def killed_before_files_were_noted(path: Path) -> None:
    killed_before_there_were_files(path)
    write_ahead(path / "tables" / "key_us-east-1.db")


@pytest.mark.parametrize(
    "killed",
    [
        Path.mkdir,
        killed_with_a_lock,
        killed_with_a_folder_of_tables,
        killed_with_an_empty_state,
        killed_while_the_state_was_made,
        killed_before_there_was_a_key,
        killed_before_there_were_files,
        killed_before_files_were_noted,
    ],
)
def test_a_folder_of_which_the_first_start_was_killed_is_taken(path: Path, killed: Callable[[Path], None]) -> None:
    killed(path)
    with closing(opened(path)) as data:
        data.prepare_tables("key_us-east-1.db")


def test_why_nothing_is_written_is_said_where_it_is_undone_already(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "state.db")) as database:
        database.write("INSERT INTO setting VALUES ('before', '')")
        (pages,) = database.read("PRAGMA page_count")[0]
        database.read(f"PRAGMA max_page_count = {pages}")
        insert = "INSERT INTO setting VALUES (?, ?)"
        with pytest.raises(sqlite3.OperationalError, match="database or disk is full"):
            database.write_all(insert, [(str(number), "x" * 10_000) for number in range(100)])
        with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):  # where it is not
            database.write_all(insert, [("after", ""), ("before", "")])
        assert database.read("SELECT name FROM setting") == [("before",)]
        database.write_all(insert, [("after", "")])
        assert database.read("SELECT name FROM setting ORDER BY name") == [("after",), ("before",)]


def test_a_full_disk_is_said_before_anything_begins(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match=r"cannot use .*, the folder of --data: No space left on device"):
        opened(path)


def test_a_path_that_can_be_no_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(DataError, match="the folder of --data"):
            opened(path)


def test_a_link_that_leads_to_itself_is_said(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(DataError, match=r"^cannot use .*loop, the folder of --data: "):
        opened(tmp_path / "loop")


def test_dynamodb_local_finds_files_that_are_written_ahead(path: Path) -> None:
    with closing(opened(path)) as data:
        with closing(sqlite3.connect(data.tables / "older.db")) as older:
            older.execute("CREATE TABLE items (id)")
        data.prepare_tables("newer.db")
        for name in ("older.db", "newer.db"):
            with closing(sqlite3.connect(data.tables / name)) as connection:
                assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        (data.tables / "newer.db").unlink()
        with closing(sqlite3.connect(data.tables / "newer.db")) as connection, connection:
            connection.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, text)")
            connection.executemany("INSERT INTO items (text) VALUES (?)", [("x" * 1000,)] * 100)
        whole = (data.tables / "newer.db").read_bytes()
        (data.tables / "newer.db").write_bytes(whole[:20_480] + b"x" * 4096 + whole[24_576:])
        with pytest.raises(DataError, match=r"newer\.db is damaged \(.*\); put back a copy") as caught:
            data.prepare_tables("older.db")
        assert "\n" not in str(caught.value)
        (data.tables / "newer.db").write_bytes(whole)
        (data.tables / "older.db").write_bytes(b"no database at all" * 100)
        with pytest.raises(DataError, match=r"older\.db is damaged \(file is not a database\); put back a copy"):
            data.prepare_tables("newer.db")


def test_a_table_that_cannot_be_written_is_one_sentence(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(opened(path)) as data:
        data.prepare_tables("key_us-east-1.db")
        table, really = data.tables / "key_us-east-1.db", os.open

        def refuse(file: Any, flags: int, *more: Any) -> int:  # root may write what others may not
            if Path(file) == table and flags & os.O_RDWR:
                raise PermissionError(errno.EACCES, "Permission denied")
            return really(file, flags, *more)

        monkeypatch.setattr(os, "open", refuse)
        with pytest.raises(DataError, match=r"cannot use .*: Permission denied$"):
            data.prepare_tables("key_us-east-1.db")


def test_a_state_that_cannot_be_written_is_one_sentence(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise sqlite3.OperationalError("attempt to write a readonly database")

    with closing(opened(path)) as data:
        monkeypatch.setattr(data.database, "write", refuse)
        with pytest.raises(DataError, match=r"cannot use .*: attempt to write a readonly database$"):
            data.prepare_tables("key_us-east-1.db")


def test_what_is_written_is_there_after_a_kill(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, tmp_path / "state.db"], check=False, cwd=PROJECT)
    with closing(Database(tmp_path / "state.db")) as database:
        assert database.value("SELECT value FROM setting WHERE name = 'a'") == "b"


def test_a_name_is_kept_by_its_resource_and_property(database: Database) -> None:
    FileNames(database).keep("urn", "name", "first")
    FileNames(database).keep("urn", "name", "second")
    FileNames(database).keep("urn", "targetId", "third")
    assert FileNames(database).known() == {("urn", "name"): "second", ("urn", "targetId"): "third"}


def test_a_checkpoint_is_held_up_by_what_is_not_done(database: Database) -> None:
    checkpoint = Checkpoint(database, STREAM, FUNCTION)
    assert checkpoint.sequence is None
    checkpoint.reading(["1", "2", "3"])
    checkpoint.done(["2", "3"])
    assert Checkpoint(database, STREAM, FUNCTION).sequence is None
    checkpoint.done(["1"])
    assert Checkpoint(database, STREAM, FUNCTION).sequence == "3"
    checkpoint.reading(["4", "5"])
    checkpoint.done(["4"])
    checkpoint.done(["4", "2"])  # said again
    assert Checkpoint(database, STREAM, FUNCTION).sequence == "4"
    assert Checkpoint(database, STREAM, "another").sequence is None
    checkpoint.forget()
    assert Checkpoint(database, STREAM, FUNCTION).sequence is None
    checkpoint.done(["5"])  # which was on its way
    assert Checkpoint(database, STREAM, FUNCTION).sequence is None


def test_work_is_left_behind_for_the_next_engine_alone(database: Database) -> None:
    first = KeptPending(database)
    done, changed = first.add("delivery", lambda: "done"), first.add("delivery", lambda: "0 retries")
    first.add("invocation", lambda: "of another kind")
    first.change(changed, lambda: "1 retry")
    first.done(done)
    assert first.of("delivery") == []

    second = KeptPending(database)
    second.add("delivery", lambda: "new")
    assert second.of("delivery") == [(changed, "1 retry")]


@pytest.fixture
def restart(tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Has moto forget everything, as a process that ends, and begin with what the file has."""
    held: list[tuple[Database, Replacements]] = []

    def stop() -> None:
        for database, replacements in held:
            replacements.undo()
            database.close()
        held.clear()
        backends.reset()

    def start() -> None:
        stop()
        database, replacements = Database(tmp_path / "state.db"), Replacements()
        KeptMessages(database, replacements)
        KeptHistories(database, replacements)
        held.append((database, replacements))

    start()
    yield start
    stop()


def queues() -> Any:
    return backends.queues(REGION)


def received(queue: str, count: int = 10) -> list[Any]:
    return list(queues().receive_message(queue, count, 0, 30))


def test_messages_are_in_the_queue_again_in_their_order(restart: Callable[[], None]) -> None:
    queues().create_queue("queue")
    attributes = {
        "text": {"DataType": "String", "StringValue": "é"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\xff"},
    }
    named = {"base64": {"DataType": "String", "StringValue": "a name as any other"}}
    first = queues().send_message("queue", "first", attributes)
    queues().send_message("queue", "second")
    third = queues().send_message("queue", "third", named)
    queues().delete_message("queue", received("queue", 2)[1].receipt_handle)  # the first is in flight

    restart()
    queues().create_queue("queue")
    again = queues().queues["queue"]._messages
    assert [message.body for message in again] == ["first", "third"]
    assert (again[0].id, again[0].attribute_md5) == (first.id, first.attribute_md5)
    assert again[1].message_attributes == third.message_attributes
    assert [message.approximate_receive_count for message in received("queue")] == [1, 1]


def test_a_message_that_moved_to_the_dead_letters_is_there(restart: Callable[[], None]) -> None:
    def make() -> None:
        dead = queues().create_queue("dead")
        policy = json.dumps({"deadLetterTargetArn": dead.queue_arn, "maxReceiveCount": 1})
        queues().create_queue("queue", RedrivePolicy=policy)

    make()
    sent = queues().send_message("queue", "poison")
    queues().change_message_visibility("queue", received("queue")[0].receipt_handle, 0)
    time.sleep(0.002)  # moto compares for "later than", in milliseconds
    assert received("queue") == []

    restart()
    make()
    assert queues().queues["queue"]._messages == []
    assert [message.id for message in received("dead")] == [sent.id]


@pytest.mark.parametrize("lose", ["purge_queue", "delete_queue"])
def test_a_queue_that_lost_its_messages_has_none_again(restart: Callable[[], None], lose: str) -> None:
    queues().create_queue("queue")
    queues().send_message("queue", "gone")
    getattr(queues(), lose)("queue")
    restart()
    queues().create_queue("queue")
    assert received("queue") == []


def test_messages_beyond_the_queues_retention_are_let_go(
    restart: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    queues().create_queue("queue")
    queues().send_message("queue", "old")
    monkeypatch.setattr(time, "time", lambda: now + 100)
    restart()
    queues().create_queue("queue", MessageRetentionPeriod="60")
    assert queues().queues["queue"]._messages == []
    restart()
    queues().create_queue("queue")
    assert queues().queues["queue"]._messages == []


def test_a_log_group_has_its_streams_and_events_again(restart: Callable[[], None]) -> None:
    now = int(time.time() * 1000)
    logs = backends.logs(REGION)
    for name in ("group", "other"):
        logs.create_log_group(name, {})
        logs.create_log_stream(name, "stream")
    logs.put_log_events(
        "group", "stream", [{"timestamp": now, "message": "kept ë"}, {"timestamp": now, "message": "2"}]
    )
    logs.put_log_events("other", "stream", [{"timestamp": now, "message": "of another group"}])

    restart()
    logs = backends.logs(REGION)
    logs.create_log_group("group", {})
    assert [event.message for event in logs.groups["group"].streams["stream"].events] == ["kept ë", "2"]
    described = logs.groups["group"].streams["stream"].to_describe_dict()
    assert (described["storedBytes"], described["lastEventTimestamp"]) == (7, now)

    logs.delete_log_group("group")
    restart()
    backends.logs(REGION).create_log_group("group", {})
    assert backends.logs(REGION).groups["group"].streams == {}


def test_log_events_beyond_the_retention_are_let_go(restart: Callable[[], None]) -> None:
    now = int(time.time() * 1000)
    logs = backends.logs(REGION)
    logs.create_log_group("group", {})
    for stream, at in (("old", now - 2 * 86_400_000), ("new", now)):
        logs.create_log_stream("group", stream)
        logs.put_log_events("group", stream, [{"timestamp": at, "message": stream}])
    logs.put_retention_policy("group", 1)
    assert list(logs.groups["group"].streams) == ["new"]


def test_an_archive_has_its_events_again_with_their_numbers_as_they_were(restart: Callable[[], None]) -> None:
    def make(retention: int = 0) -> Any:
        events = backends.events(REGION)
        bus = events.create_event_bus("bus")
        return events.create_archive("archive", bus.arn, "", "", retention)

    event = {"time": "2024-01-01T00:00:00Z", "detail": {"amount": ExactNumber("100.10")}}
    make().events.append(event)
    restart()
    archive = make()
    (again,) = archive.events
    assert again == event
    assert again["detail"]["amount"].text == "100.10"
    assert archive.describe_short()["EventCount"] == 1

    archive.delete(ACCOUNT, REGION)
    restart()
    assert list(make().events) == []
