"""The folder of `serve --data`: whose it is, and that it can be used."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from local.engine.durable.database import DamagedError, Database, gather, write_ahead

_LOCK = "lock"
_STATE = "state.db"
_TABLES = "tables"
_KNOWN = "SELECT value FROM setting WHERE name = 'files'"
ORPHAN_SECONDS = 15.0
"""For a DynamoDB Local whose engine was killed to end: its watchdog ends it, or we do."""
_LOOK_SECONDS = 0.05
_ROOM = 1024 * 1024
"""Bytes that must fit on the disk before anything begins."""


class DataError(Exception):
    """Says in one sentence why the folder cannot be used, and what to do about it."""


class DataFolder:
    """Locked for this process until it is closed: `tables` for DynamoDB Local, `database` for the rest."""

    def __init__(self, path: Path) -> None:
        """Makes the folder if it is not there. Raises: DataError."""
        with _told(path):
            self.path = path.resolve()
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._refuse_others()
            self._lock = _locked(self.path / _LOCK)
        try:
            with _told(path):
                _try_room(self.path)
                self._refuse_a_part()
                self.tables.mkdir(mode=0o700, exist_ok=True)  # before the state, which is how a part is told
                self.database = Database(self.path / _STATE)
                try:
                    self._refuse_another_state()
                except BaseException:
                    self.database.close()
                    raise
        except BaseException:
            os.close(self._lock)
            raise

    @property
    def tables(self) -> Path:
        """The folder of DynamoDB Local's own files."""
        return self.path / _TABLES

    @property
    def log(self) -> Path:
        """What DynamoDB Local printed."""
        return self.path / "dynamodb-local.log"

    @property
    def lock(self) -> int:
        """The file descriptor whose lock says that the folder is in use. Who works in the folder keeps it open, too."""
        return self._lock

    def prepare_tables(self, name: str) -> None:
        """Has DynamoDB Local write ahead in its files, of which `name` is the one that it is going to make.

        SQLite keeps that mode in the file. A write then waits for the disk once and not three times, and is as safe.
        Those that are there are noted, so that one that is missing later is missed.
        Raises: DataError, also where a file is damaged or missing.
        """
        with _told(self.path):
            found = {path.name for path in self._files()}
            known = set(json.loads(self.database.value(_KNOWN) or "[]"))
            for missing in sorted(known - found):
                raise DamagedError(f"{self.tables / missing} is missing")
            for empty in sorted(each for each in known & found if not (self.tables / each).stat().st_size):
                raise DamagedError(f"{self.tables / empty} is empty")  # which SQLite takes for a new one
            for each in found:  # SQLite makes do with reading, and DynamoDB Local fails without a reason
                os.close(os.open(self.tables / each, os.O_RDWR))
            for each in {name, *found}:
                write_ahead(self.tables / each)
            noted = json.dumps(sorted({name, *found}))
            self.database.write("INSERT OR REPLACE INTO setting VALUES ('files', ?)", noted)

    def close(self) -> None:
        """After DynamoDB Local has ended."""
        for each in self._files():
            with contextlib.suppress(DamagedError, OSError):  # what was written ahead stays beside the file
                gather(each)
        self.database.close()
        os.close(self._lock)

    def _files(self) -> list[Path]:
        """Those of DynamoDB Local: none before there is a state with a setting, whenever the first start was killed."""
        return list(self.tables.glob("*.db"))

    def _refuse_a_part(self) -> None:
        """Raises: DamagedError where tables are without their state, or a state without its tables."""
        state = self.path / _STATE
        if state.exists() and not self.tables.is_dir():
            raise DamagedError(f"{self.tables} is missing")
        if not state.exists() and (self._files() or state.with_name(f"{_STATE}-wal").exists()):
            raise DamagedError(f"{state} is missing")

    def _refuse_another_state(self) -> None:
        if self._files() and not self.database.value("SELECT count(*) FROM setting"):
            raise DamagedError(f"{self.path / _STATE} is empty, and there are tables")

    def _refuse_others(self) -> None:
        found = {each.name for each in self.path.iterdir()}
        if found and _LOCK not in found:
            raise DataError(f"{self.path} holds other files: --data takes a new or empty folder, or one that it made")


def _locked(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + ORPHAN_SECONDS
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                _end_orphans(path, descriptor, deadline)
            time.sleep(_LOOK_SECONDS)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _end_orphans(lock: Path, descriptor: int, deadline: float) -> None:
    """Ends the DynamoDB Local of an engine that is gone. Raises: DataError while the engine is there."""
    try:
        engine = int(os.pread(descriptor, 100, 0))
    except ValueError:  # being written at this moment
        engine = None
    if engine is not None and _is_there(engine):
        raise DataError(
            f"{lock.parent} is in use by another embedded AWS (process {engine}): "
            "stop that one, or choose another folder"
        )
    if engine is not None:
        for process in servers_of(lock.parent / _TABLES):
            with contextlib.suppress(ProcessLookupError):  # the watchdog was faster
                os.kill(process, signal.SIGKILL)
    if time.monotonic() > deadline:
        raise DataError(f"{lock.parent} is in use: another process has a lock on {lock}")


def servers_of(tables: Path) -> list[int]:
    """The processes of DynamoDB Local that work in the folder, by what they were told: nobody else is told that."""
    return [process for process, command in _commands() if f" -dbPath {tables} " in command]


def _commands() -> Iterator[tuple[int, str]]:
    """Every process of the machine, with its command and arguments."""
    if Path("/proc/self/cmdline").exists():
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it has ended, or is not ours to look into
                yield int(folder.name), (folder / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
        return
    listed = subprocess.run(["ps", "-axww", "-o", "pid=,command="], capture_output=True, text=True, check=False)  # noqa: S607
    for line in listed.stdout.splitlines():
        process, command = line.split(maxsplit=1)
        yield int(process), f"{command} "


def _is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _try_room(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"\0" * _ROOM)
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except DamagedError as error:
        raise DataError(
            f"{error}; put back a copy of {path}, or remove the folder to begin with an empty one"
        ) from error
    except (sqlite3.Error, RuntimeError) as error:  # of a link that leads to itself there is no other
        raise DataError(f"cannot use {path}, the folder of --data: {error}") from error
    except FileExistsError as error:
        raise DataError(f"cannot use {path}, the folder of --data: it is no folder") from error
    except OSError as error:
        full = " (the disk is full)" if error.errno == errno.ENOSPC else ""
        raise DataError(f"cannot use {path}, the folder of --data: {error.strerror or error}{full}") from error
