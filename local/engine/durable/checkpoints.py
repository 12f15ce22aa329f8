"""How far each mapping has got with its stream: the last record before which every record is done with."""

from __future__ import annotations

import threading
from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from local.engine.durable.database import Database


class Checkpoint:
    """Of one function at one stream. Records are done in any order; one that is not holds the checkpoint up.

    After a restart everything behind the checkpoint comes again, also what was done: at least once, as on AWS.
    """

    def __init__(self, database: Database, stream: str, function: str) -> None:
        self._database = database
        self._key = (stream, function)
        self._lock = threading.Lock()
        self._read: dict[str, bool] = {}  # whether each is done, in the order of the stream, from the checkpoint on
        self._forgotten = False
        self.sequence: str | None = database.value(
            "SELECT sequence FROM checkpoint WHERE stream = ? AND function = ?", *self._key
        )

    def begin(self, sequence: str) -> None:
        """Sets it for the first time."""
        with self._lock:
            self._write(sequence)

    def reading(self, sequences: Iterable[str]) -> None:
        """These were read, in the order of the stream."""
        with self._lock:
            self._read.update(dict.fromkeys(sequences, False))

    def done(self, sequences: Iterable[str]) -> None:
        """These are not needed again. What is said twice counts once."""
        with self._lock:
            self._read.update({each: True for each in sequences if each in self._read})
            reached = list(takewhile(self._read.__getitem__, self._read))
            for each in reached:
                del self._read[each]
            if reached:
                self._write(reached[-1])

    def forget(self) -> None:
        """The mapping was deleted: another one begins where it is told to, whatever this one still gets done."""
        with self._lock:
            self._forgotten = True
            self._database.write("DELETE FROM checkpoint WHERE stream = ? AND function = ?", *self._key)

    def _write(self, sequence: str) -> None:
        if self._forgotten:
            return
        self._database.write("INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?)", *self._key, sequence)
        self.sequence = sequence
