"""The commands that were refused, as the audit log tells them, kept on disk by the aggregate that they were about.

The log has them in the order of time, and they are wanted by aggregate. So they are read once and put into a file of
their own: what is in memory is one page of the log.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from handlers.sourcing.errors import MalformedError
from handlers.sourcing.rejection import EVENT_TYPE
from handlers.sourcing.values import dumps, loads

DECIDED = frozenset({"RuleBroken", "MalformedRequest"})
"""The codes of refusals that a rule or a schema gave. The others are about who else wrote, or about callers' ids."""
_LATE = 24 * 3600 * 1000
"""Milliseconds that the log may be behind: EventBridge tries to deliver for so long."""
_TABLE = "CREATE TABLE refusals (aggregate TEXT, at TEXT, id TEXT PRIMARY KEY, told TEXT)"
_INDEX = "CREATE INDEX by_aggregate ON refusals (aggregate, at)"


class Refusal(NamedTuple):
    """A refused command: when, what it asked for, and what it was told."""

    at: str
    request: Mapping[str, Any]
    told: Mapping[str, Any]


@dataclass(slots=True)
class Count:
    """How many refusals the log had: to be decided again, without what was asked, and of no rule."""

    decided: int = 0
    untold: int = 0
    others: int = 0


class Refusals:
    """Those of a stretch of time, in a file."""

    def __init__(self, file: Path) -> None:
        self._lock = Lock()
        self._base = sqlite3.connect(file, check_same_thread=False)
        self._base.execute(_TABLE)
        self._base.execute(_INDEX)
        self.count = Count()

    def close(self) -> None:
        """Let go of the file."""
        self._base.close()

    def read(self, logs: Any, group: str, since: str, until: str) -> None:
        """Read those that the audit log has of a stretch of time: one FilterLogEvents a page."""
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group,
            filterPattern=f'{{ $.detail-type = "{EVENT_TYPE}" }}',
            startTime=max(0, _milliseconds(since)),
            endTime=_milliseconds(until) + _LATE,
        )
        for page in pages:
            for line in page["events"]:
                self._take(line["message"], until)
        self._base.commit()

    def of(self, aggregate_id: str) -> list[Refusal]:
        """Those of an aggregate, in the order of their times."""
        with self._lock:
            rows = self._base.execute(
                "SELECT at, told FROM refusals WHERE aggregate = ? ORDER BY at, id", (aggregate_id,)
            ).fetchall()
        return [_refusal(at, told) for at, told in rows]

    def aggregates(self, after: str) -> Iterator[str]:
        """The aggregates that there are any of, behind `after`, in order."""
        rows = self._base.execute("SELECT DISTINCT aggregate FROM refusals WHERE aggregate > ? ORDER BY 1", (after,))
        return (str(row[0]) for row in rows)

    def _take(self, message: str, until: str) -> None:
        try:
            detail = loads(message, "line")["detail"]
            data = detail["EventData"]
            at, event_id, aggregate_id, code = (
                detail["Timestamp"],
                detail["EventId"],
                detail["AggregateId"],
                data["code"],
            )
        except (MalformedError, LookupError, TypeError):  # somebody else's line
            return
        if at > until:
            return
        if code not in DECIDED:
            self.count.others += 1
        elif not isinstance(data.get("asked"), dict) or not isinstance(data.get("eventType"), str):
            self.count.untold += 1
        else:
            row = (aggregate_id, at, event_id, dumps(detail))
            added = self._base.execute("INSERT OR IGNORE INTO refusals VALUES (?, ?, ?, ?)", row)
            self.count.decided += added.rowcount


def _milliseconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp() * 1000)


def _refusal(at: str, told: str) -> Refusal:
    detail = loads(told, "refusal")
    data = detail["EventData"]
    request = {
        "aggregateId": detail["AggregateId"],
        "eventType": data["eventType"],
        "eventData": data["asked"],
        "commandId": detail["CommandId"],
        "correlationId": detail["CorrelationId"],
        "causationId": detail["CausationId"],
        "actor": detail["Actor"],
    }
    rule = data["details"].get("rule")
    return Refusal(at, request, {"code": data["code"], "message": data["message"], **({"rule": rule} if rule else {})})
