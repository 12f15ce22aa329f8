"""The SQLite file of a data folder: a few small tables, each owned by the module that is named beside it.

A write has reached the operating system when `write` returns, so that it survives the end of this process by whatever
signal; it is not forced onto the disk, so a power failure may cost the last moments (never the file). Who writes before
it acknowledges loses nothing to a kill.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

_APPLICATION = 0x4C454447
"""Marks the file as one of ours."""
_FORMAT = 1
"""Goes up with every change that an older program could not read, or a newer one could not either."""

_SCHEMA = """
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
-- names
CREATE TABLE name (urn TEXT, property TEXT, name TEXT NOT NULL, PRIMARY KEY (urn, property)) WITHOUT ROWID;
-- checkpoints
CREATE TABLE checkpoint (stream TEXT, function TEXT, sequence TEXT NOT NULL, PRIMARY KEY (stream, function));
-- pending
CREATE TABLE pending (place INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, content TEXT NOT NULL);
-- contents
CREATE TABLE message (place INTEGER PRIMARY KEY, queue TEXT NOT NULL, id TEXT NOT NULL UNIQUE, content TEXT NOT NULL);
CREATE INDEX message_of ON message (queue, place);
CREATE TABLE archived (place INTEGER PRIMARY KEY, archive TEXT NOT NULL, at REAL NOT NULL, event TEXT NOT NULL);
CREATE INDEX archived_in ON archived (archive, place);
CREATE TABLE logged (
  place INTEGER PRIMARY KEY, log_group TEXT NOT NULL, stream TEXT NOT NULL, at INTEGER NOT NULL,
  ingested INTEGER NOT NULL, text TEXT NOT NULL
);
CREATE INDEX logged_in ON logged (log_group, stream, place);
"""


class DamagedError(Exception):
    """The file is none of ours, of another format, or damaged; the message says which in one clause."""


def write_ahead(path: Path) -> None:
    """Has whoever writes to the file do so in a log first. Makes the file. Raises: DamagedError, OSError."""
    with _told(path), contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        _check(connection, path)


def gather(path: Path) -> None:
    """Has what was written ahead be in the file itself, when nobody else has it open. Raises: DamagedError, OSError."""
    with _told(path), contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _check(connection: sqlite3.Connection, path: Path) -> None:
    """Reads the whole file, of which a gigabyte takes seconds. Raises: DamagedError."""
    state = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if state != "ok":
        told = " ".join(str(state).split())  # of SQLite it is several lines
        raise DamagedError(f"{path} is damaged ({told})")


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise OSError(str(error)) from error
    except sqlite3.DatabaseError as error:
        raise DamagedError(f"{path} is damaged ({error})") from error


class Database:
    """One connection, used by one thread at a time. Raises sqlite3.Error where the disk does not do its part."""

    def __init__(self, path: Path) -> None:
        """Opens the file, or makes it. Raises: DamagedError, OSError."""
        self._lock = threading.Lock()
        with _told(path):
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            try:
                self._prepare(path)
            except BaseException:
                self._connection.close()
                raise

    def read(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def value(self, sql: str, *values: Any) -> Any:
        """The first column of the first row, None if there is none."""
        rows = self.read(sql, *values)
        return rows[0][0] if rows else None

    def write(self, sql: str, *values: Any) -> int:
        """Carries out one statement. Returns the place of the row that it inserted, if it did."""
        with self._lock:
            return self._connection.execute(sql, values).lastrowid or 0

    def write_all(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Carries out one statement for each of the rows: for all of them, or for none."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany(sql, rows)
                self._connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _roll_back(self) -> None:
        """Says nothing of its own: why it came to this matters. On a full disk SQLite has done it already."""
        if self._connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")

    def _prepare(self, path: Path) -> None:
        run = self._connection.execute
        if run("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
            run("PRAGMA journal_mode = WAL")
            statements = f"{_SCHEMA} PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = {_FORMAT};"
            self._connection.executescript(f"BEGIN; {statements} COMMIT;")
        application, found = (run(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
        if application != _APPLICATION:
            raise DamagedError(f"{path} was not written by the embedded AWS")
        if found != _FORMAT:
            raise DamagedError(f"{path} has the format {found}, and this version of the program reads {_FORMAT}")
        _check(self._connection, path)
        run("PRAGMA synchronous = NORMAL")
