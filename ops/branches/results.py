"""What a backtest finds, written into the branch's own table as it goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handlers.sourcing.values import Value, dumps, loads
from handlers.store.branches import EXPIRES_AT, PART, PLACE, Branches
from handlers.store.items import to_item
from handlers.upkeep.backtests.results import HEAD, OUTCOMES, RUN, KeptResults, differences_of, place_of
from ops.system import OperatorError, System

PACKED = 64 * 1024
"""Characters of decisions in one item, but for one that is larger by itself."""
BATCH_WRITES = 25
_ATTEMPTS = 8


def branches_of(system: System) -> Branches:
    """A stack's table of branches."""
    return Branches(system.client("dynamodb"), system.output("branchesTable"))


@dataclass(frozen=True, slots=True)
class Results(KeptResults):
    """Of one branch, for who runs a backtest there."""

    def begin(self, head: Mapping[str, Any]) -> None:
        """Write down what the run is: one PutItem."""
        self._put([(RUN, HEAD, head)])

    def save(self, segment: int, position: Mapping[str, Any]) -> None:
        """Write down how far a segment is: one PutItem."""
        self._put([(RUN, place_of(segment), position)])

    def keep(self, aggregate_id: str, first: int, differences: Sequence[Mapping[str, Any]]) -> int:
        """Write decisions of an aggregate that differ, behind the `first` ones; how many items. One BatchWriteItem for
        25 of them, a write unit for each KB."""
        packs: list[list[str]] = [[]]
        size = 0
        for text in map(dumps, differences):
            if packs[-1] and size + len(text) > PACKED:
                packs.append([])
                size = 0
            packs[-1].append(text)
            size += len(text)
        items = []
        for pack in packs:
            items.append((differences_of(aggregate_id), f"{first:016d}", [loads(text, "difference") for text in pack]))
            first += len(pack)
        self._put(items)
        return len(items)

    def tell(self, aggregate_id: str, outcome: Mapping[str, Any]) -> None:
        """Write what an aggregate comes to, where that differs: one PutItem."""
        self._put([(OUTCOMES, aggregate_id, outcome)])

    def check(self, under_way: Iterable[str] = ()) -> None:
        """Whether the branch is there still: one GetItem. OperatorError where it is gone; what was written since is
        taken away then, that of the aggregates that were under way as well."""
        if not self.branches.has(self.branch):
            for aggregate_id in under_way:
                self.branches.clear(self.branch.part(differences_of(aggregate_id)))
            self.clear()
            raise OperatorError(f"the branch {self.branch.name} is gone, dropped or lapsed; nothing of the run is left")

    def clear(self) -> None:
        """Forget the run: one write unit for each KB of it."""
        for aggregate_id, _ in self.outcomes():
            self.branches.clear(self.branch.part(differences_of(aggregate_id)))
        for part in (OUTCOMES, RUN):
            self.branches.clear(self.branch.part(part))

    def _put(self, contents: Iterable[tuple[str, str, Value]]) -> None:
        items = [self._item(*each) for each in contents]
        for first in range(0, len(items), BATCH_WRITES):
            undone: Any = {self.branches.table: items[first : first + BATCH_WRITES]}
            for _ in range(_ATTEMPTS):
                undone = self.branches.client.batch_write_item(RequestItems=undone).get("UnprocessedItems")
                if not undone:
                    break
            else:
                raise OperatorError("DynamoDB keeps leaving results unwritten; the same command goes on later")

    def _item(self, part: str, place: str, content: Value) -> Any:
        record = {PART: self.branch.part(part), PLACE: place, EXPIRES_AT: self.branch.expires_at}
        return {"PutRequest": {"Item": to_item({**record, "Content": dumps(content)})}}
