"""Answers to operators about replays: which there are, how far each one is, and whether it is to go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handlers.sourcing import times
from handlers.sourcing.fields import check_identifier, identifier, whole
from handlers.sourcing.values import Value
from handlers.store import tokens
from handlers.store.deadline import Deadline
from handlers.store.replays import Run, State

from .replays import Runs, described, described_whole, is_scanned, items_of

PAGE = 50
"""Replays on a page where nobody says another number."""
MOST = 1_000


@dataclass(frozen=True, slots=True)
class ReplayAnswers:
    """Answers to requests. `store_table` is the event store, of which DynamoDB says how large it is."""

    runs: Runs
    store_table: str

    def every(self, request: Mapping[str, Any], left: Callable[[], float]) -> Value:
        """`{limit?, nextToken?}`: replays, the newest first.

        A Scan of the table of replays for each page, one request a megabyte of it; a DescribeTable, where one of them
        goes through the store.
        """
        limit = whole(request, "limit", 1, MOST, default=PAGE) or 0
        subject = ["getReplays"]
        behind = tokens.decode(request.get("nextToken"), subject, _age)
        runs = self.runs.replays.every(Deadline(left, "an operator's `replay list` takes longer").allow)
        older = [run for run in runs if behind is None or run.head.age < behind]
        page, now = older[:limit], self.runs.now()
        items = self._items(page)
        rest = {"nextToken": tokens.encode(subject, list(page[-1].head.age))} if len(older) > limit else {}
        listed = [{**described(run, now), "items": items if is_scanned(run) else None} for run in page]
        return {"replays": listed, "count": len(page), "at": now, **rest}

    def one(self, request: Mapping[str, Any], _: Callable[[], float]) -> Value:
        """`{replayId}`: one with its segments. What `Runs.read` takes, and a DescribeTable where it goes through the
        store."""
        return self._told(self.runs.read(identifier(request, "replayId")))

    def changed(self, wanted: State, request: Mapping[str, Any], _: Callable[[], float]) -> Value:
        """`{replayId}`: the same, once it is what is `wanted`. What `Runs.change` takes, and that DescribeTable."""
        return self._told(self.runs.change(identifier(request, "replayId"), wanted))

    def _told(self, run: Run) -> Value:
        now = self.runs.now()
        return {**described_whole(run, now), "items": self._items([run]), "at": now}

    def _items(self, runs: Sequence[Run]) -> int | None:
        """Of the store, if one of these goes through it."""
        return items_of(self.runs.replays.client, self.store_table) if any(map(is_scanned, runs)) else None


def _age(place: Value) -> tuple[str, str]:
    at, replay_id = place  # what is no pair raises, as it should
    return times.normalize(at, "nextToken"), check_identifier(replay_id, "nextToken")
