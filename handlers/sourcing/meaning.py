"""What a command means: its data without what goes without saying, so that one wish spelled in two ways is one wish.

An amount as text means the number, null means that nothing is said, and what the ledger would fill in anyway may be
spelled out. Values are left out rather than filled in, so that a field with a default that a later schema adds changes
no meaning of before. Nothing here fails, whatever the data: a retry is recognised even where today's schema refuses it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from .command import Command
from .event import Event
from .facts import Facts
from .kinds import Kind, Kinds, State
from .values import Value, dumps


@dataclass(frozen=True, slots=True)
class Meanings:
    """What commands mean in a domain of these kinds and facts."""

    kinds: Kinds
    facts: Facts

    def of(self, aggregate_id: str, event_type: str, data: Mapping[str, Value]) -> dict[str, Value]:
        """What a command's data says, as far as that can be told without the aggregate's state."""
        kind = self.kinds.of_type(event_type)
        if kind is None:
            return self.facts.plain(event_type, data)
        return self._said(kind, kind.state(), aggregate_id, event_type, data)

    def repeats(self, command: Command, event: Event) -> bool:
        """Whether a command asks for what the event of its id was stored for.

        The digests tell it of a command that is spelled as before, and of one whose meaning is clear from itself. For
        the rest, and behind a digest that older code took of the data as it was spelled, the event tells: it holds what
        was asked for, and what the aggregate's state made of that which was left out. Only here one time may be said in
        other words: in the digest it stays as it is spelled, so that older code takes the same.
        """
        if event.command_digest in (command.digest, command.literal_digest):
            return True
        kind = self.kinds.of_type(event.event_type)
        if kind is None or event.event_type != command.event_type:
            return False
        state, told = kind.shown_by(event), self.facts.extra_fields(event)
        asked, done = (
            self._said(kind, state, command.aggregate_id, event.event_type, data, told=told)
            for data in (command.event_data, event.data)
        )
        punctual = partial(self.facts.punctual, event.event_type)
        return dumps(punctual(asked)) == dumps(punctual(done))

    def _said(
        self,
        kind: Kind[Any],
        state: State,
        aggregate_id: str,
        event_type: str,
        data: Mapping[str, Value],
        *,
        told: Collection[str] = (),
    ) -> dict[str, Value]:
        """Data without what goes without saying; fields that were `told` where nobody filled them in never do."""
        read = self.facts.plain(event_type, data)
        needless = {
            name: value
            for name, value in kind.unsaid(state, aggregate_id, event_type, read).items()
            if name not in told
        }
        return {
            name: value
            for name, value in read.items()
            if name not in needless or dumps(value) != dumps(needless[name])  # as texts: false is not the number 0
        }
