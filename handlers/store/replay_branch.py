"""The target `branch:NAME`: what happened on the ledger behind a branch's base, brought onto the branch.

A branch has the ledger's events up to where its base ends, and none of those behind. A copy here is no message about an
event but an event of the branch: it takes the next place of the aggregate's stream there, and its hash covers the
branch. Nothing is decided: what happened is taken for granted, as from the base.

Each event of the ledger is on a branch once at most. It is there already if it is within the base; if a copy of it is,
by whichever replay; or if the branch has carried out its command itself. What an event becomes is written all or not at
all, behind the very event that was the last one when this was looked up: so whoever ends when, and whoever writes
beside, a repetition finds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Self

from botocore.exceptions import BotoCoreError, ClientError

from handlers.domain import KINDS, evolve
from handlers.sourcing.copies import Copy, on_branch
from handlers.sourcing.errors import LedgerError, NotFoundError
from handlers.sourcing.event import Event, Position
from handlers.sourcing.kinds import State
from handlers.sourcing.restoring import UNFOLDABLE

from .branch_events import There
from .branches import Branches
from .history import History, Moment
from .overlay import OverlayStates, OverlayStore
from .replay_targets import Copier, LeftOut, SendError, Sent
from .streams import AppendableStreams, ConcurrentAppendError, KeptStates

ATTEMPTS = 5
_NOTHING_YET = Moment(None, Position(), 0)


class _MisfitError(Exception):
    """What the branch has does not lead to that."""


@dataclass(slots=True)
class _Present:
    """A stream as the branch has it, up to its end: whoever appends behind another end finds its place taken."""

    aggregate_id: str
    end_of_base: int
    there: There
    state: State
    position: Position

    def take(self, made: Sequence[Event], after: State, copy_of: str) -> None:
        """Go on behind what was appended."""
        self.there.ids.update(event.event_id for event in made)
        self.there.copied.add(copy_of)
        last = made[-1]
        self.state, self.position = after, Position(last.sequence, last.hash, last.timestamp)


@dataclass(frozen=True, slots=True)
class ToBranch:
    """Onto one branch. Only its table is written. It keeps the present of the stream that it came to last."""

    store: OverlayStore
    history: History
    _kept: list[_Present] = field(default_factory=list)

    @classmethod
    def of(
        cls, branches: Branches, base: AppendableStreams, snapshots: KeptStates, every: int, target: tuple[str, str]
    ) -> Self:
        """Onto the branch of that name and id: one GetItem. SendError where it is gone, or there is another one now."""
        name, branch_id = target
        try:
            branch = branches.get(name)
        except NotFoundError as error:
            raise SendError(f"{error.message}: cancel the replay") from error
        if branch.id != branch_id:
            raise SendError(f"the branch {name} is another one than when the replay was started: cancel it")
        store = OverlayStore.of(base, branches, branch)
        return cls(store, History(store, OverlayStates(snapshots, store.bases.end), every))

    def send(self, events: Sequence[Event], copier: Copier) -> Sent:
        """One GetItem, so that a branch that was dropped gets nothing more, and one for each stream: no more where all
        is in its base. Else, once for each stream, what its present takes and a Query of the branch's own events of it;
        and for each event that is brought a PutItem, two write units up to 1 KB."""
        self._look()
        number = 0
        left_out: list[LeftOut] = []
        for aggregate_id, group in groupby(events, key=lambda event: event.aggregate_id):
            stretch = list(group)
            try:
                sent = self._brought(aggregate_id, stretch, copier)
            except (BotoCoreError, ClientError) as error:
                raise SendError(f"the branch: {error}") from error
            except (LedgerError, *UNFOLDABLE) as error:  # what the branch has of it cannot be gone on from
                sent = Sent(0, [_left_out(each, error) for each in stretch])
            number += sent.number
            left_out += sent.left_out
        return Sent(number, left_out)

    def _look(self) -> None:
        """Whether the branch is there still. SendError."""
        own = self.store.own
        try:
            is_there = own.branches.has(own.branch)
        except (BotoCoreError, ClientError, LedgerError) as error:
            raise SendError(f"the branch: {error}") from error
        if not is_there:
            raise SendError(f"the branch {own.branch.name} is gone, or is another one now: cancel the replay")

    def _brought(self, aggregate_id: str, events: Sequence[Event], copier: Copier) -> Sent:
        """Bring what is not there yet of a stream's events. SendError after losing 5 races."""
        for _ in range(ATTEMPTS):
            present = self._present(aggregate_id, events)
            if present is None:
                return Sent(0)
            try:
                sent = self._appended(present, events, copier)
            except ConcurrentAppendError:
                continue
            self._kept.append(present)
            return sent
        raise SendError(f"the branch: others keep writing {aggregate_id}")

    def _present(self, aggregate_id: str, events: Sequence[Event]) -> _Present | None:
        """The stream as it is, or was when the last stretch of it was brought; None where nothing of it is to be."""
        kept = [self._kept.pop()] if self._kept else []
        if kept and kept[0].aggregate_id == aggregate_id:
            return kept[0]
        own, at = self.store.own, self.store.own.branch.at
        fixed = own.branches.fixed(own.branch, aggregate_id)
        if fixed is None and (at is None or events[-1].timestamp <= at):
            return None  # whoever touches it first finds them in its base
        end = self.store.bases.end(aggregate_id)
        if events[-1].sequence <= end:
            return None
        there = own.there(aggregate_id)
        state, position, _ = self.history.reconstruct(aggregate_id) or _NOTHING_YET
        return _Present(aggregate_id, end, there, state, position)

    def _appended(self, present: _Present, events: Sequence[Event], copier: Copier) -> Sent:
        """What of events is there now; what was brought before, by this replay, counts as sent."""
        there = present.there
        number = 0
        left_out: list[LeftOut] = []
        for event in events:
            if event.sequence <= present.end_of_base:
                continue
            copies, failed = copier.copies([event])
            left_out += failed
            if copies and copies[0].copy_id in there.ids:
                number += len(copies)
            elif copies and event.event_id not in there.copied and event.command_id not in there.decided:
                try:
                    made, after = self._continued(copies, present.state, present.position)
                except (_MisfitError, LedgerError, *UNFOLDABLE) as error:
                    left_out.append(_left_out(event, error))
                    continue
                self.store.own.append(made, event.event_id)
                present.take(made, after, event.event_id)
                number += len(made)
        return Sent(number, left_out)

    def _continued(self, copies: Sequence[Copy], state: State, position: Position) -> tuple[list[Event], State]:
        """Copies as the branch's next events, and the state behind them; raises where they do not fit."""
        made = on_branch(copies, position, self.store.own.branch.id)
        self.store.check(made)
        for event in made:
            state = evolve(state, event)
        kind = KINDS.of_state(state)
        if kind is not None:
            kind.state.restore(state.snapshot())
            if not state.fits(made[-1].sequence):
                raise _MisfitError(f"so few events make no such {kind.name}")
        return made, state


def _left_out(event: Event, error: Exception) -> LeftOut:
    return LeftOut(event.aggregate_id, event.sequence, f"it does not fit onto the branch: {error}")
