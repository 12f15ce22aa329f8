"""What a backtest found, in the branch's own table: how far it is, which aggregates differ, and by which decisions.

An aggregate's decisions are written before the aggregate, and that before the position that counts it. So whatever is
counted is there, and a run that goes on behind a position writes what it wrote before once more, the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handlers.sourcing.errors import MalformedError
from handlers.sourcing.values import Value, dumps, loads
from handlers.store.branches import EXPIRES_AT, PART, PLACE, Branch, Branches, DamagedBranchError
from handlers.store.items import to_item
from ops.system import OperatorError, System

PACKED = 64 * 1024
"""Characters of decisions in one item, but for one that is larger by itself."""
BATCH_WRITES = 25
_ATTEMPTS = 8
_RUN = "run"
_HEAD = "head"


def branches_of(system: System) -> Branches:
    """A stack's table of branches."""
    return Branches(system.client("dynamodb"), system.output("branchesTable"))


@dataclass(frozen=True, slots=True)
class Results:
    """Of one branch. Everything is kept as JSON text, so that numbers stay exact."""

    branches: Branches
    branch: Branch

    def head(self) -> Mapping[str, Any] | None:
        """What the run is: code, selection, until when; None where there is none."""
        return self._get(_RUN, _HEAD)

    def begin(self, head: Mapping[str, Any]) -> None:
        """Write down what the run is: one PutItem."""
        self._put([(_RUN, _HEAD, head)])

    def position(self, segment: int) -> Mapping[str, Any] | None:
        """How far a segment of the run is, and what it has counted."""
        return self._get(_RUN, f"{segment:04d}")

    def save(self, segment: int, position: Mapping[str, Any]) -> None:
        """Write down how far a segment is: one PutItem."""
        self._put([(_RUN, f"{segment:04d}", position)])

    def positions(self) -> Iterator[Mapping[str, Any]]:
        """Those of all segments that were begun."""
        return (content for place, content in self._all(_RUN) if place != _HEAD)

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
        part = f"differences/{aggregate_id}"
        items = []
        for pack in packs:
            items.append((part, f"{first:016d}", [loads(text, "difference") for text in pack]))
            first += len(pack)
        self._put(items)
        return len(items)

    def tell(self, aggregate_id: str, outcome: Mapping[str, Any]) -> None:
        """Write what an aggregate comes to, where that differs: one PutItem."""
        self._put([("outcomes", aggregate_id, outcome)])

    def outcomes(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The aggregates that differ, by their ids: one Query a megabyte."""
        return self._all("outcomes")

    def differences(self, aggregate_id: str) -> Iterator[Mapping[str, Any]]:
        """The decisions of an aggregate that differ, in order: one Query a megabyte."""
        for _, pack in self._all(f"differences/{aggregate_id}"):
            yield from pack

    def clear(self) -> None:
        """Forget the run: one write unit for each KB of it."""
        for aggregate_id, _ in self.outcomes():
            self.branches.clear(self.branch.part(f"differences/{aggregate_id}"))
        for part in ("outcomes", _RUN):
            self.branches.clear(self.branch.part(part))

    def _get(self, part: str, place: str) -> Mapping[str, Any] | None:
        key: Any = {PART: {"S": self.branch.part(part)}, PLACE: {"S": place}}
        answer = self.branches.client.get_item(TableName=self.branches.table, Key=key, ConsistentRead=True)
        return _content(answer["Item"]) if "Item" in answer else None

    def _all(self, part: str) -> Iterator[tuple[str, Any]]:
        for item in self.branches.items(self.branch.part(part)):
            yield str(item[PLACE]["S"]), _content(item)

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


def _content(item: Mapping[str, Any]) -> Any:
    try:
        return loads(item["Content"]["S"], "result")
    except (LookupError, TypeError, MalformedError) as error:
        raise DamagedBranchError(str(item[PART]["S"]), str(item[PLACE]["S"])) from error
