"""Answers to operators about branches: which there are, and what other rules would have decided otherwise there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from handlers.sourcing.errors import NotFoundError
from handlers.sourcing.fields import check_key, check_whole, whole
from handlers.sourcing.values import Value
from handlers.store import tokens
from handlers.store.branches import Branch, Branches, check_name

from .backtests.diff import Diff, run_of
from .backtests.results import Among, KeptResults

PAGE = 100
"""Of whatever is listed, where nobody says another number."""
MOST = 1_000
_MOST_PACKED = 1_000_000

Left = Callable[[], float]


@dataclass(frozen=True, slots=True)
class BranchAnswers:
    """Answers to requests. Each but the first takes a GetItem for the branch (NotFoundError), and what it says."""

    branches: Branches

    def every(self, request: Mapping[str, Any], _: Left) -> Value:
        """`{limit?, nextToken?}`: branches by their names. One Query."""
        limit, subject = _limit(request), ["getBranches"]
        found, rest = self.branches.some(limit, tokens.decode(request.get("nextToken"), subject, _key))
        return {"branches": [each.describe() for each in found], "count": len(found), **_next(subject, rest)}

    def one(self, request: Mapping[str, Any], _: Left) -> Value:
        """`{branch, limit?, nextToken?}`: one, and the aggregates that were touched on it, by their ids.

        A Query, and a GetItem for what was decided again on it.
        """
        limit, branch = _limit(request), self._branch(request)
        subject = ["getBranch", branch.id]
        place = tokens.decode(request.get("nextToken"), subject, _key)
        touched, rest = self.branches.some_touched(branch, limit, place)
        return {
            **branch.describe(),
            "run": run_of(KeptResults(self.branches, branch).head()),
            "touched": [each.describe() for each in touched],
            **_next(subject, rest),
        }

    def diff(self, request: Mapping[str, Any], _: Left) -> Value:
        """`{branch, limit?, nextToken?}`: what a backtest comes to, and the aggregates that differ, by their ids.

        Two Queries: one for the run, and one for the page. NotFoundError where nothing was decided again.
        """
        limit, branch = _limit(request), self._branch(request)
        subject = ["getBranchDiff", branch.id]
        place = tokens.decode(request.get("nextToken"), subject, _key)
        results = KeptResults(self.branches, branch)
        diff = Diff.of(results)
        if diff is None:
            raise NotFoundError(f"nothing was decided again on the branch {branch.name} yet", branch=branch.name)
        outcomes, rest = results.some_outcomes(limit, place)
        accounts = [{"aggregateId": aggregate_id, **outcome} for aggregate_id, outcome in outcomes]
        return {"branch": branch.name, **diff.describe(), "accounts": accounts, **_next(subject, rest)}

    def decisions(self, request: Mapping[str, Any], _: Left) -> Value:
        """`{branch, aggregateId, limit?, nextToken?}`: the decisions of one aggregate that differ, in order. A Query.

        A page may have fewer than `limit` where they are large; none of an aggregate of which nothing differs.
        """
        limit, branch = _limit(request), self._branch(request)
        aggregate_id = check_key(request.get("aggregateId"), "aggregateId")
        subject = ["getBranchDecisions", branch.id, aggregate_id]
        place = tokens.decode(request.get("nextToken"), subject, _among)
        found, rest = KeptResults(self.branches, branch).some_differences(aggregate_id, limit, place)
        decisions = [dict(each) for each in found]
        return {
            "branch": branch.name,
            "aggregateId": aggregate_id,
            "decisions": decisions,
            "count": len(decisions),
            **_next(subject, None if rest is None else list(rest)),
        }

    def _branch(self, request: Mapping[str, Any]) -> Branch:
        return self.branches.get(check_name(request.get("branch"), "branch"))


def _limit(request: Mapping[str, Any]) -> int:
    return whole(request, "limit", 1, MOST, default=PAGE) or 0


def _next(subject: Value, rest: Value) -> dict[str, Value]:
    return {} if rest is None else {"nextToken": tokens.encode(subject, rest)}


def _key(place: Value) -> str:
    return check_key(place, "nextToken")


def _among(place: Value) -> Among:
    item, decisions = place  # what is no pair raises, as it should
    behind = None if item is None else check_key(item, "nextToken")
    return Among(behind, check_whole(decisions, "nextToken", 0, _MOST_PACKED))
