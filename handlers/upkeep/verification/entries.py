"""The entries beside a row against what the events of its stream leave."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import InitVar, dataclass, field
from hashlib import sha256
from itertools import groupby
from typing import Any

from handlers.domain import KINDS
from handlers.sourcing.errors import UnreadableRowError
from handlers.sourcing.event import Event
from handlers.sourcing.projection import Entries, Row
from handlers.sourcing.told import WHATEVER
from handlers.store.items import to_record
from handlers.store.read_model import Entry, Key, entry_in, entry_type

from .differences import describe, differing, text_of
from .findings import ENTRIES, Finding, Kind
from .rows import RowCheck

_KEYS = ("AccountId", "ProjectionType")

Fetch = Callable[[Key], Mapping[str, Any] | None]
"""An item of the read model as it is now."""


NAMES = frozenset(each.entries.name for each in KINDS.projections(WHATEVER) if each.entries)
"""Entries of these names may be there though nobody keeps them any more; and so may a row, of older code, or of one
that fills them in."""


@dataclass(slots=True)
class EntryItems:
    """The items of one aggregate that stand under the name of entries: no more of each than its key and a digest."""

    digests: dict[str, bytes] = field(default_factory=dict)

    def take(self, item: Mapping[str, Any]) -> bool:
        """Whether an item is one of them, which is kept then."""
        projection = item["ProjectionType"]["S"]
        name, mark, _ = projection.partition("#")
        if not mark or name not in NAMES:
            return False
        self.digests[projection] = digest(to_record(item))
        return True


@dataclass(slots=True)
class EntriesCheck:
    """Follows a stream event by event, behind the check of the row, and keeps no entry: its digest, and wrong places.

    Those above the row's place may be there or not. Nobody misses one at or below it unless the row says that its
    entries are all there; what is there must be right everywhere.
    """

    row: RowCheck
    kind: Entries
    items: InitVar[EntryItems]
    fetch: Fetch
    findings: list[Finding] = field(default_factory=list)
    unwritten: array[int] = field(default_factory=lambda: array("Q"))
    """Places of events whose entry is missing or another one: what a repair writes."""
    foreign: dict[str, bytes] = field(default_factory=dict)
    """ProjectionTypes under which is what no event left, with its digest: what a repair removes."""
    ahead: dict[str, bytes] = field(default_factory=dict)
    """The same of places beyond the stream's end. These are witnesses, and removed only where the store is trusted."""
    _stored: dict[int, bytes] = field(default_factory=dict)
    _transactions: int = 0
    """Events so far that leave an entry."""
    _missing: list[tuple[int, int]] = field(default_factory=list)
    """Which of them have none, with its place."""

    def __post_init__(self, items: EntryItems) -> None:
        for projection, of in items.digests.items():
            key = {"AccountId": self.row.aggregate_id, "ProjectionType": projection}
            try:
                self._stored[entry_in(key, self.kind.name).sequence] = of
            except UnreadableRowError:
                self.foreign[projection] = of

    def take(self, event: Event) -> None:
        """Compare what the next event leaves, which the row's fold has taken."""
        content = self.kind.entry(self.row.folded, event)
        if content is None:
            return
        self._transactions += 1
        stored = self._stored.pop(event.sequence, None)
        if stored is None:
            self.unwritten.append(event.sequence)
            if event.sequence <= self.row.seen and self.row.stored.has_entries:
                self._missing.append((self._transactions, event.sequence))
        elif stored != digest(self._record(event.sequence, content)):
            self.unwritten.append(event.sequence)
            self._differs(event.sequence, content)

    def finished(self) -> list[Finding]:
        """All that is wrong, now that the stream is at its end."""
        for _, run in groupby(enumerate(self._missing), lambda each: each[1][0] - each[0]):
            places = [place for _, (_, place) in run]
            first, last = places[0], places[-1]
            which = f"entry of event {first} is" if first == last else f"entries of events {first} to {last} are"
            self._find(Kind.ENTRY_MISSING, f"the {which} missing", first)
        for name, of in self.foreign.items():
            self._tell(Kind.ENTRY_FOREIGN, "this is the entry of no event", name, of)
        end = self.row.position.sequence
        for sequence, of in self._stored.items():
            name = entry_type(self.kind.name, sequence)
            if sequence > end:
                self.ahead[name] = of
                detail = f"the entry stands at event {sequence}, but the stream ends at {end}: its end was removed"
                self._tell(Kind.ENTRY_AHEAD, detail, name, of, sequence)
            else:
                self.foreign[name] = of
                self._tell(Kind.ENTRY_FOREIGN, f"event {sequence} leaves no entry", name, of, sequence)
        return self.findings

    def orphaned(self) -> list[Finding]:
        """What is wrong where there is no stream."""
        for name, of in self.foreign.items():
            self.ahead[name] = of
            self._tell(Kind.ROW_ORPHANED, "there is no stream for this entry", name, of)
        for sequence, of in self._stored.items():
            name = entry_type(self.kind.name, sequence)
            self.ahead[name] = of
            self._tell(Kind.ROW_ORPHANED, "there is no stream for this entry", name, of, sequence)
        return self.findings

    def is_repairable(self, *, trust_store: bool) -> bool:
        """Whether something is wrong with them that a repair puts right, whatever it does about the row."""
        kinds = {finding.kind for finding in self.findings}
        return bool(kinds & (ENTRIES | ({Kind.ENTRY_AHEAD} if trust_store else set())))

    def made_of(self, events: Iterator[Event]) -> Iterator[Entry]:
        """The entries that a repair writes, from the stream."""
        wanted, row = set(self.unwritten), Row()
        for event in events:
            row = self.row.projection.apply(row, event)
            if event.sequence in wanted and (content := self.kind.entry(row, event)) is not None:
                yield Entry(self.row.aggregate_id, self.kind.name, event.sequence, content)

    def _record(self, sequence: int, content: Row) -> dict[str, Any]:
        key = Entry(self.row.aggregate_id, self.kind.name, sequence, content).key
        return {**content, "AccountId": key.aggregate_id, "ProjectionType": key.projection}

    def _differs(self, sequence: int, content: Row) -> None:
        key = Entry(self.row.aggregate_id, self.kind.name, sequence, content).key
        item = self.fetch(key)
        attributes = differing(to_record(item) if item else {}, content, _KEYS)
        detail = describe(attributes) or "it was another one a moment ago"
        self.findings.append(
            Finding(self.row.aggregate_id, Kind.ENTRY_DIFFERS, detail, sequence, self.kind.name, attributes)
        )

    def _tell(self, kind: Kind, detail: str, name: str, of: bytes, sequence: int | None = None) -> None:
        """What a repair may remove, as long as it is as it was read, with its whole content: one GetItem.

        Under its whole name where that tells no place.
        """
        item = self.fetch(Key(self.row.aggregate_id, name))
        record = to_record(item) if item else {}
        content = text_of(record) if digest(record) == of else "it was another one a moment ago"
        row = name if sequence is None else self.kind.name
        self.findings.append(Finding(self.row.aggregate_id, kind, f"{detail}: {content}", sequence, row))

    def _find(self, kind: Kind, detail: str, sequence: int | None = None) -> None:
        self.findings.append(Finding(self.row.aggregate_id, kind, detail, sequence, self.kind.name))


def digest(record: Mapping[str, Any]) -> bytes:
    """Of a whole record, whatever is in it."""
    return sha256(text_of(dict(record)).encode("utf-8", "surrogatepass")).digest()
