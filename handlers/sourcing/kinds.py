"""Kinds of aggregates: what the mechanics ask of each, and which one an event, a command or a state is of.

An aggregate is of one kind for good. Its first event of a known type tells which; until then its state is None. Types
that no kind here knows are newer code's: such an event changes no state. One of another kind's stands in no stream that
the ledger wrote.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeAlias, TypeVar

from .command import Command
from .errors import IntegrityError, MalformedError, RuleBrokenError, Violation
from .event import Event, NewEvent
from .projection import DueQuery, Entries, Projection, Row, RowQuery
from .settling import Settling
from .told import WHATEVER, Settings
from .values import Value

State: TypeAlias = Any
"""An object of its kind's class, which never changes; None where nothing of a known type has happened yet."""
Data = Mapping[str, Value]
Complete = Callable[[Command, str], Command]
"""A command with what the ledger's clock and settings say where it leaves that out. The clock is the ledger's text of
now. The command's digest stays: what is filled in is nothing that was asked for. MalformedError, RuleBrokenError."""


class Folded(Protocol):
    """A kind's state: immutable; without arguments, its class makes the one that an aggregate begins with."""

    def describe(self) -> dict[str, Value]:
        """The state under the names of reconstructState's answer."""
        ...

    def snapshot(self) -> dict[str, Value]:
        """The whole state as JSON values, for `restore`."""
        ...

    @classmethod
    def restore(cls, snapshot: Any) -> Self:
        """The state of a snapshot of this version. ValueError where `evolve` made none such."""
        ...

    def fits(self, sequence: int) -> bool:
        """Whether so many events can lead to it."""
        ...


S = TypeVar("S", bound=Folded)

KEEPS_ENTRIES = "STATEMENT"
"""The switch of all entries beside rows, of whatever kind: without it no function has the permissions for them."""
RULE = "aggregate-kind"
"""The rule that an id in use by one kind is nothing to another."""


def as_it_is(command: Command, _: str) -> Command:
    """The command, where there is nothing to fill in."""
    return command


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kind(Generic[S]):
    """One kind of aggregate: its state, what may happen to it, and what follows. All functions are pure."""

    name: str
    """As the schemas' `x-stream` has it."""
    state: type[S]
    """The class of its states."""
    state_version: int
    """Of what `evolve` makes of events: snapshots of other versions are left alone."""
    snapshots: str
    """What the keys of its snapshots begin with, before the version: no two kinds the same."""
    commands: tuple[str, ...]
    """The types of events that a command may ask for."""
    check: Callable[[str, str, Data], list[Violation]]
    """All that is wrong with a command's aggregate id ("" where it says none), type and data, whatever the state."""
    opens: Callable[[Command], bool]
    """Whether a command is for an aggregate without events."""
    decide: Callable[[S, Command], list[NewEvent]]
    """The events that a command causes. MalformedError, RuleBrokenError."""
    evolve: Callable[[S, Event], S]
    """The state after an event. UnreadableEventError; a type that it does not know changes nothing."""
    unsaid: Callable[[S, str, str, Data], dict[str, Value]]
    """What goes without saying in data of any kind, by state, aggregate id and type."""
    shown_by: Callable[[Event], S]
    """As much of a state as one event tells of what went without saying there."""
    projections: Callable[[Settings], tuple[Projection, ...]]
    """Its read models, under the function's settings. A new one fills itself: its rows start at sequence 0 and catch up
    from the store."""
    collection: str | None = None
    """Where the HTTP API has its aggregates: `parcels` is /parcels/{id}. None where it has them nowhere."""
    opened_by: str | None = None
    """The command that a POST to its collection is: its body is that command's data, and the new aggregate's id."""
    reserved: str = ""
    """What the ids of its aggregates begin with where it is the ledger's own, and no business: no other kind's then
    do, and nobody who asks what there is to command is told of it."""
    completes: Callable[[Settings], Complete] = lambda _: as_it_is
    """What fills its commands in before `decide`, which knows neither clock nor settings."""
    settles: Callable[[Event], Settling] = lambda _: Settling.MANUAL
    """What is done about one of its events that was lost between two Regions."""

    @property
    def key_prefix(self) -> str:
        """With it begin the keys of the snapshots of this version of its state."""
        return f"{self.snapshots}{self.state_version:06d}#"

    @property
    def queries(self) -> tuple[RowQuery | DueQuery, ...]:
        """What can be asked of the rows of its projections and of the entries beside them, whatever the settings."""
        return tuple(query for each in self.projections(WHATEVER) for query in each.queries)


@dataclass(frozen=True, slots=True)
class OfKind:
    """A projection that takes no event of another kind: rows must not come from a stream that is not theirs.

    Its events leave no entries where the ledger keeps none.
    """

    kind: Kind[Any]
    projection: Projection
    kinds: Kinds
    keeps_entries: bool = True

    @property
    def name(self) -> str:
        return self.projection.name

    @property
    def queries(self) -> tuple[RowQuery | DueQuery, ...]:
        return self.projection.queries

    @property
    def entries(self) -> Entries | None:
        return self.projection.entries if self.keeps_entries else None

    def apply(self, row: Row, event: Event) -> Row:
        self.kinds.hold(self.kind, event)
        return self.projection.apply(row, event)

    def knows(self, row: Row, sequence: int) -> bool:
        return self.projection.knows(row, sequence)

    def damage(self, row: Row, sequence: int) -> list[str]:
        return self.projection.damage(row, sequence)


class Kinds:
    """All the kinds there are, and what is asked of whichever it concerns.

    `streams` says by event type which kind it belongs to, `internal` which types no caller may ask for, `forbidden`
    what else no caller may say, by type and data. The first kind is what an aggregate is shown as of which nothing is
    known.
    """

    def __init__(
        self,
        streams: Mapping[str, str],
        *kinds: Kind[Any],
        internal: Collection[str] = (),
        forbidden: Callable[[str, Data], list[Violation]] = lambda *_: [],
    ) -> None:
        self._internal, self._forbidden = internal, forbidden
        self.all: Sequence[Kind[Any]] = kinds
        by_name = {kind.name: kind for kind in kinds}
        _refuse_clashes(streams, kinds)
        self._by_type = {event_type: by_name[name] for event_type, name in streams.items()}
        self._by_command = {event_type: kind for kind in kinds for event_type in kind.commands}
        self._by_state = {kind.state: kind for kind in kinds}

    def of_type(self, event_type: str) -> Kind[Any] | None:
        """The kind that a type of events belongs to; None for one that has no schema here."""
        return self._by_type.get(event_type)

    def of_events(self, events: Iterable[Event]) -> Kind[Any] | None:
        """The kind that the first event of a known type tells; None where there is no such event."""
        return next((kind for event in events if (kind := self.of_type(event.event_type))), None)

    def of_state(self, state: State) -> Kind[Any] | None:
        """The kind of a state; None for None."""
        return None if state is None else self._by_state[type(state)]

    def settling(self, event: Event) -> Settling:
        """What is done about an event that was lost between two Regions; of a type that nobody here knows, by hand."""
        kind = self.of_type(event.event_type)
        return Settling.MANUAL if kind is None else kind.settles(event)

    def hold(self, kind: Kind[Any], event: Event) -> None:
        """Raise IntegrityError for an event in a stream of `kind` that is of another one."""
        of = self.of_type(event.event_type)
        if of is not None and of is not kind:
            raise IntegrityError(
                f"event {event.sequence} of {event.aggregate_id}, {event.event_type}, is of kind {of.name} "
                f"in a stream of kind {kind.name}",
                aggregateId=event.aggregate_id,
                sequence=event.sequence,
            )

    def evolve(self, state: State, event: Event) -> State:
        """The state after `event`. Raises UnreadableEventError, and IntegrityError for an event of another kind's."""
        kind = self.of_type(event.event_type)
        if kind is None:
            return state
        if state is None:
            state = kind.state()
        elif type(state) is not kind.state:
            self.hold(self._by_state[type(state)], event)
        return kind.evolve(state, event)

    def decide(self, state: State, command: Command) -> list[NewEvent]:
        """The events that `command` causes. Raises MalformedError, and RuleBrokenError, as where the id is in use by
        another kind."""
        kind, present = self.of_command(command.event_type), self.of_state(state)
        if kind is None:
            raise MalformedError(*self._no_command())
        if present is not None and present is not kind:
            raise RuleBrokenError(
                RULE,
                f"the id is in use by another kind of aggregate: {present.name}, not {kind.name}",
                aggregateKind=present.name,
                commandKind=kind.name,
            )
        return kind.decide(kind.state() if present is None else state, command)

    def of_command(self, event_type: str) -> Kind[Any] | None:
        """The kind of the command that asks for such an event; None where none does."""
        return self._by_command.get(event_type)

    def check(self, aggregate_id: str, event_type: str, data: Data) -> list[Violation]:
        """Everything that is wrong with a caller's command whatever the aggregate's state; see `Kind.check`.

        A command of the ledger's own is not asked for what callers may not say.
        """
        kind = self.of_command(event_type)
        if kind is None:
            return [self._no_command()]
        found = [*self._forbidden(event_type, data), *kind.check(aggregate_id, event_type, data)]
        return [*self._not_its_id(kind, aggregate_id), *found]

    def completion(self, settings: Settings) -> Complete:
        """What fills in commands of whatever kind, in a function with these settings."""
        by_kind = {kind.name: kind.completes(settings) for kind in self.all}

        def complete(command: Command, now: str) -> Command:
            kind = self.of_command(command.event_type)
            return by_kind[kind.name](command, now) if kind else command

        return complete

    def opens(self, command: Command) -> bool:
        """Whether it is for an aggregate without events; on any other it is refused, or was executed before."""
        kind = self.of_command(command.event_type)
        return kind is not None and kind.opens(command)

    def described(self, state: State) -> dict[str, Value]:
        """A state under the names of reconstructState's answer."""
        shown: Folded = self.all[0].state() if state is None else state
        return shown.describe()

    def projections(self, settings: Settings) -> tuple[OfKind, ...]:
        """Every projection there is, of all kinds.

        ValueError for two of one name, and for one whose entries would stand behind its row.
        """
        keeps = settings.flag(KEEPS_ENTRIES)
        every = tuple(OfKind(kind, each, self, keeps) for kind in self.all for each in kind.projections(settings))
        if twice := repeated(each.name for each in every):
            owners = " and ".join(each.kind.name for each in every if each.name == twice[0])
            raise ValueError(f"two projections are named {twice[0]}, of {owners}: their rows would be one")
        if late := [each.name for each in every if each.entries and each.entries.name >= each.name]:
            raise ValueError(f"the entries beside {', '.join(late)} have a name that sorts behind the row's")
        return every

    def queries(self, settings: Settings) -> tuple[tuple[RowQuery | DueQuery, OfKind], ...]:
        """Every query of rows, of all kinds, with its projection.

        ValueError for one about entries that there never are, and for two of one name.
        """
        found = tuple((query, each) for each in self.projections(settings) for query in each.queries)
        for query, each in found:
            if isinstance(query, RowQuery) and query.head is not None and each.projection.entries is None:
                raise ValueError(f"{query.name} is about entries, and {each.name} leaves none")
        if twice := repeated(query.name for query, _ in found):
            raise ValueError(f"two queries of rows are named {twice[0]}")
        return found

    def _not_its_id(self, kind: Kind[Any], aggregate_id: str) -> list[Violation]:
        """What is wrong with an id that belongs to the ledger's own aggregates, or to none of them; "" is no id."""
        if not aggregate_id:
            return []
        if kind.reserved and not aggregate_id.startswith(kind.reserved):
            return [Violation("aggregateId", f"must begin with {kind.reserved} for a {kind.name}")]
        others = (each.reserved for each in self.all if each.reserved and each is not kind)
        return [
            Violation("aggregateId", f"must not begin with {reserved}: such ids are the ledger's own")
            for reserved in others
            if aggregate_id.startswith(reserved)
        ]

    def _no_command(self) -> Violation:
        names = [name for name, kind in self._by_command.items() if name not in self._internal and not kind.reserved]
        return Violation("eventType", f"must be one of {', '.join(names)}")


def repeated(names: Iterable[str]) -> list[str]:
    """Those that come more than once."""
    return [name for name, times in Counter(names).items() if times > 1]


def _refuse_clashes(streams: Mapping[str, str], kinds: Sequence[Kind[Any]]) -> None:
    """Raise ValueError where kinds and schemas do not go together, naming the kind and the type that are wrong."""
    names = [kind.name for kind in kinds]
    if twice := repeated(names):
        raise ValueError(f"two kinds are named {twice[0]}")
    for event_type, name in streams.items():
        if name not in names:
            raise ValueError(
                f"{event_type}'s schema is of the kind {name}, which is not registered; "
                f"the kinds are {', '.join(names)}"
            )
    for kind in kinds:
        if kind.name not in streams.values():
            known = ", ".join(dict.fromkeys(streams.values()))
            raise ValueError(f"no schema is of the kind {kind.name} (x-stream); they are of {known}")
        for event_type in kind.commands:
            if (of := streams.get(event_type)) != kind.name:
                is_what = "stands in no stream" if of is None else f"is of the kind {of}"
                raise ValueError(f"the kind {kind.name} has a command for {event_type}, which {is_what}")
        if kind.opened_by is not None and kind.opened_by not in kind.commands:
            raise ValueError(f"the kind {kind.name} is opened by {kind.opened_by}, which is none of its commands")
    if twice := repeated(kind.snapshots for kind in kinds):
        sharing = " and ".join(kind.name for kind in kinds if kind.snapshots == twice[0])
        raise ValueError(f"the kinds {sharing} keep their snapshots under one name, {twice[0]!r}")
