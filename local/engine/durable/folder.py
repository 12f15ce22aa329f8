"""The folder of `serve --data`: whose it is, and that it can be used."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from local.engine.durable.database import DamagedError, Database, write_ahead

_LOCK = "lock"
_STATE = "state.db"
_ORPHAN_SECONDS = 15.0
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
        self.path = path.resolve()
        with _told(path):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._refuse_others()
            self._lock = _locked(self.path / _LOCK)
        try:
            with _told(path):
                _try_room(self.path)
                self.tables.mkdir(mode=0o700, exist_ok=True)
                self.database = Database(self.path / _STATE)
        except BaseException:
            os.close(self._lock)
            raise

    @property
    def tables(self) -> Path:
        """The folder of DynamoDB Local's own files."""
        return self.path / "tables"

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
        Raises: DataError, also where a file is damaged.
        """
        with _told(self.path):
            for path in {self.tables / name, *self.tables.glob("*.db")}:
                write_ahead(path)

    def used_by(self, dynamodb_local: int) -> None:
        """Tells the next engine which process to end, if it outlives this one."""
        _say_owner(self._lock, dynamodb_local)

    def close(self) -> None:
        self.database.close()
        os.close(self._lock)

    def _refuse_others(self) -> None:
        found = {each.name for each in self.path.iterdir()}
        if found and _LOCK not in found:
            raise DataError(f"{self.path} holds other files: --data takes a new or empty folder, or one that it made")


def _locked(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + _ORPHAN_SECONDS
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                _end_orphan(path, descriptor, deadline)
            time.sleep(_LOOK_SECONDS)
        _say_owner(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _end_orphan(path: Path, descriptor: int, deadline: float) -> None:
    """Ends the DynamoDB Local of an engine that is gone. Raises: DataError while the engine is there."""
    try:
        owner = json.loads(os.pread(descriptor, 1000, 0))
    except ValueError:  # being written at this moment
        owner = {}
    if "engine" in owner and not _is_there(owner["engine"]) and "dynamodbLocal" in owner:
        with contextlib.suppress(ProcessLookupError):  # the watchdog was faster
            os.kill(owner["dynamodbLocal"], signal.SIGKILL)  # it has the lock, so nobody else has its number
    elif "engine" in owner and _is_there(owner["engine"]):
        raise DataError(
            f"{path.parent} is in use by another embedded AWS (process {owner['engine']}): "
            "stop that one, or choose another folder"
        )
    if time.monotonic() > deadline:
        raise DataError(f"{path.parent} is in use: another process has a lock on {path}")


def _is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _say_owner(descriptor: int, dynamodb_local: int | None = None) -> None:
    owner = {"engine": os.getpid()} | ({} if dynamodb_local is None else {"dynamodbLocal": dynamodb_local})
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(owner).encode(), 0)


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
    except FileExistsError as error:
        raise DataError(f"cannot use {path}, the folder of --data: it is no folder") from error
    except OSError as error:
        full = " (the disk is full)" if error.errno == errno.ENOSPC else ""
        raise DataError(f"cannot use {path}, the folder of --data: {error.strerror or error}{full}") from error
