"""A replay into files, as the table of replays has it: so that `list` does, while and after a program here writes them.

It is one segment, which no message is for and nobody moves but that program.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from threading import Lock

from handlers.sourcing.replays import ReplaySpec
from handlers.store.replays import ChangedMeanwhileError, Counts, Head, ReplayExistsError, Replays, Segment
from ops.system import OperatorError

SAVE_SECONDS = 10.0
"""So often it is said how far it is."""


class Noted:
    """What is known of one replay into files; several threads may tell."""

    def __init__(
        self,
        replays: Replays,
        segment: Segment,
        before: int,
        now: Callable[[], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._replays = replays
        self._segment = segment
        self._copies = before
        self._now = now
        self._clock = clock
        self._due = clock() + SAVE_SECONDS
        self._lock = Lock()

    @classmethod
    def begin(
        cls, replays: Replays, replay_id: str, spec: ReplaySpec, now: Callable[[], str], *, before: int | None
    ) -> Noted:
        """Enter a replay, or go on with one of which `before` copies are written: a TransactWriteItems, or a Query.

        OperatorError where there is another one by this id.
        """
        moment = now()
        try:
            run = replays.create(Head(replay_id, spec, moment, moment), [0], 0)
        except ReplayExistsError as error:
            found = replays.read(replay_id)
            if before is None or found is None or not found.head.is_of_files:
                raise OperatorError(f"there is a replay {replay_id} already; give another --name") from error
            run = found
        return cls(replays, run.segments[0], before or 0, now)

    def wrote(self, copies: int) -> None:
        """So many more are written. Now and then one PutItem."""
        with self._lock:
            self._copies += copies
            if self._clock() >= self._due:
                self._due = self._clock() + SAVE_SECONDS
                self._save(Counts(sent=self._copies), done=False)

    def ended(self, sent: int, left_out: int) -> None:
        """All is written: one PutItem."""
        with self._lock:
            self._save(Counts(sent=sent, left_out=left_out), done=True)

    def _save(self, counts: Counts, *, done: bool) -> None:
        try:
            self._segment = self._replays.save(replace(self._segment, counts=counts, done=done, changed_at=self._now()))
        except ChangedMeanwhileError:  # another program goes on with the same files, which their manifest sorts out
            run = self._replays.read(self._segment.replay_id)
            self._segment = self._segment if run is None else run.segments[0]
