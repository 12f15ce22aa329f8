"""What a backtest found, in the branch's own table: how far it is, which aggregates differ, and by which decisions.

An aggregate's decisions are written before the aggregate, and that before the position that counts it. So whatever is
counted is there, and a run that goes on behind a position writes what it wrote before once more, the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from handlers.sourcing.errors import MalformedError
from handlers.sourcing.values import loads
from handlers.store.branches import PART, PLACE, Branch, Branches, DamagedBranchError

RUN = "run"
OUTCOMES = "outcomes"
HEAD = "head"
_IN_AN_ITEM = 100
"""Decisions that one item has, about: up to 200, in 64 KB."""


class Among(NamedTuple):
    """A place among an aggregate's decisions: behind one item, and so many decisions of the next one."""

    item: str | None = None
    decisions: int = 0


@dataclass(frozen=True, slots=True)
class KeptResults:
    """Of one branch. Everything is kept as JSON text, so that numbers stay exact. Each method: DamagedBranchError."""

    branches: Branches
    branch: Branch

    def head(self) -> Mapping[str, Any] | None:
        """What the run is: code, selection, until when; None where there is none. One GetItem."""
        return self._get(RUN, HEAD)

    def run(self) -> tuple[Mapping[str, Any] | None, list[Mapping[str, Any]]]:
        """What the run is, and how far each segment that was begun is: one Query a megabyte, one as a rule."""
        found = dict(self._all(RUN))
        return found.pop(HEAD, None), list(found.values())

    def position(self, segment: int) -> Mapping[str, Any] | None:
        """How far a segment of the run is, and what it has counted. One GetItem."""
        return self._get(RUN, place_of(segment))

    def outcomes(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The aggregates that differ, by their ids: one Query a megabyte."""
        return self._all(OUTCOMES)

    def some_outcomes(
        self, limit: int, after: str | None = None
    ) -> tuple[list[tuple[str, Mapping[str, Any]]], str | None]:
        """So many of the aggregates that differ behind one, and behind which there may be more: one Query."""
        items, rest = self.branches.page(self.branch.part(OUTCOMES), limit, after)
        return [(str(item[PLACE]["S"]), _content(item)) for item in items], rest

    def differences(self, aggregate_id: str) -> Iterator[Mapping[str, Any]]:
        """The decisions of an aggregate that differ, in order: one Query a megabyte."""
        for _, pack in self._all(differences_of(aggregate_id)):
            yield from pack

    def some_differences(
        self, aggregate_id: str, limit: int, behind: Among | None = None
    ) -> tuple[list[Mapping[str, Any]], Among | None]:
        """So many decisions of an aggregate that differ, or fewer, in order, and behind which there may be more.

        One Query: 16 units for each hundred that are asked for, and 16 more, at most.
        """
        item, skip = behind or Among()
        items, rest = self.branches.page(self.branch.part(differences_of(aggregate_id)), 1 + limit // _IN_AN_ITEM, item)
        found: list[Mapping[str, Any]] = []
        for each in items:
            decisions = _content(each)[skip:]
            if len(found) + len(decisions) > limit:
                taken = limit - len(found)
                return [*found, *decisions[:taken]], Among(item, skip + taken)
            found += decisions
            item, skip = str(each[PLACE]["S"]), 0
        return found, Among(rest) if rest is not None else None

    def _get(self, part: str, place: str) -> Mapping[str, Any] | None:
        key: Any = {PART: {"S": self.branch.part(part)}, PLACE: {"S": place}}
        answer = self.branches.client.get_item(TableName=self.branches.table, Key=key, ConsistentRead=True)
        return _content(answer["Item"]) if "Item" in answer else None

    def _all(self, part: str) -> Iterator[tuple[str, Any]]:
        for item in self.branches.items(self.branch.part(part)):
            yield str(item[PLACE]["S"]), _content(item)


def place_of(segment: int) -> str:
    """The place of a segment's position."""
    return f"{segment:04d}"


def differences_of(aggregate_id: str) -> str:
    """The part of a branch in which the decisions of an aggregate are."""
    return f"differences/{aggregate_id}"


def _content(item: Mapping[str, Any]) -> Any:
    try:
        return loads(item["Content"]["S"], "result")
    except (LookupError, TypeError, MalformedError) as error:
        raise DamagedBranchError(str(item[PART]["S"]), str(item[PLACE]["S"])) from error
