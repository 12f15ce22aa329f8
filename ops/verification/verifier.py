"""Checks one aggregate, its stream, its rows and snapshots, and puts right what can be made from the stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from handlers.domain import KINDS
from handlers.sourcing import times
from handlers.sourcing.event import Event
from handlers.sourcing.kinds import OfKind
from handlers.store.clocks import CLOCK_TOLERANCE
from handlers.store.items import to_record
from handlers.store.read_model import Key, ReadModel, StaleRowError, stored_in

from .differences import text_of
from .findings import BROKEN, Finding, Kind
from .rows import RowCheck
from .snapshot_check import SnapshotCheck
from .stream import StreamCheck

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ATTEMPTS = 3
"""Of a repair that loses against a live projection."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found about one aggregate. `in_flight`: the events too young to be missed in a row."""

    aggregate_id: str
    events: int
    in_flight: int
    findings: tuple[Finding, ...]
    rows: tuple[RowCheck, ...]
    records: tuple[Mapping[str, Any], ...]
    """All rows, as they were read before the stream was."""
    snapshots: SnapshotCheck


@dataclass(frozen=True, slots=True)
class Verifier:
    """Strongly consistent reads: no row or snapshot shows an event that the stream, read after it, lacks."""

    client: DynamoDBClient
    store_table: str
    rows_table: str
    snapshots_table: str
    projections: Sequence[OfKind]
    type_buckets: int
    grace: timedelta
    now: Callable[[], datetime]

    def check(self, aggregate_id: str) -> Verdict:
        """Read rows and snapshots, then the stream: one Query per megabyte of each, one read unit per 4 KB."""
        verdict = self._check(aggregate_id)
        if any(finding.kind is Kind.GAP for finding in verdict.findings):
            verdict = self._check(aggregate_id)  # a Query may see half of a transaction; a moment later it is whole
        return verdict

    def repair(self, verdict: Verdict, *, trust_store: bool = False) -> Verdict:
        """Rebuild the rows that lag, differ or are missing, delete orphans and snapshots that differ, and check again.

        Never writes to the event store. Rows are written on the condition that their LastSequence is still the one
        seen, so that no progress of a live projection is undone. (A projection that read a damaged row before and
        writes after the repair puts the damage back; the next verification finds it.) Snapshots are deleted without a
        condition: whatever has come to stand there meanwhile is a copy as well. What belongs to a broken stream is
        left alone, and so is what contradicts its stream, unless the store is to be trusted.
        """
        for _ in range(ATTEMPTS):
            if not self._write(verdict, trust_store=trust_store):
                break
            verdict = self.check(verdict.aggregate_id)
        return verdict

    def places(self, aggregate_id: str) -> tuple[int, ...]:
        """Where the aggregate's rows stand, 0 where there is none: one Query."""
        rows = {row["ProjectionType"]["S"]: row for row in self._read(self.rows_table, "AccountId", aggregate_id)}
        return tuple(
            stored_in(rows[each.name]).position.sequence if each.name in rows else 0 for each in self.projections
        )

    def _check(self, aggregate_id: str) -> Verdict:
        records = tuple(self._read(self.rows_table, "AccountId", aggregate_id))
        by_projection = {record["ProjectionType"]["S"]: record for record in records}
        rows = [RowCheck(aggregate_id, each, by_projection.get(each.name)) for each in self.projections]
        kept = self._read(self.snapshots_table, "AggregateId", aggregate_id)
        snapshots = SnapshotCheck(aggregate_id, map(to_record, kept))
        stream = StreamCheck(aggregate_id, self.type_buckets, self._latest)
        events = 0
        for item in self._read(self.store_table, "AggregateId", aggregate_id):
            events += 1
            event = stream.take(item)
            if event is not None and stream.intact:
                rows = _concerned(rows, event)
                _take(stream, rows, snapshots, event)
        in_flight = 0
        if not events:
            snapshots.orphan()
            findings = [_orphan(aggregate_id, name, to_record(record)) for name, record in by_projection.items()]
        else:
            stream.finish()
            findings = stream.findings
            if stream.intact:
                cutoff = times.to_text(self.now() - self.grace)
                in_flight = max((row.finish(cutoff, self._latest()) for row in rows), default=0)
                snapshots.finish()
                findings += [finding for row in rows for finding in row.findings]
            known = {row.projection.name for row in rows}
            findings += [_unknown(aggregate_id, name) for name in by_projection if name not in known]
        if stream.intact:
            findings += snapshots.findings
        return Verdict(aggregate_id, events, in_flight, tuple(findings), tuple(rows), records, snapshots)

    def _latest(self) -> str:
        """The latest Timestamp that an event can have by now: the clocks of those that write differ a little."""
        return times.to_text(self.now() + timedelta(seconds=CLOCK_TOLERANCE))

    def _read(self, table: str, key: str, aggregate_id: str) -> Any:
        pages = self.client.get_paginator("query").paginate(
            TableName=table,
            KeyConditionExpression="#key = :id",
            ExpressionAttributeNames={"#key": key},
            ExpressionAttributeValues={":id": {"S": aggregate_id}},
            ConsistentRead=True,
        )
        return (item for page in pages for item in page["Items"])

    def _write(self, verdict: Verdict, *, trust_store: bool) -> bool:
        """Write what can be put right; whether there was anything."""
        if any(finding.kind in BROKEN for finding in verdict.findings):
            return False
        removable = verdict.snapshots.removable(trust_store=trust_store)
        for key in removable:
            self._delete_snapshot(verdict.aggregate_id, key)
        if not verdict.events:
            for record in verdict.records:
                self._delete_orphan(record)
            return bool(verdict.records or removable)
        read_model = ReadModel(self.client, self.rows_table)
        lagging = [row for row in verdict.rows if row.is_repairable(trust_store=trust_store)]
        for row in lagging:
            place = Key(verdict.aggregate_id, row.projection.name)
            try:
                read_model.put(place, row.rebuilt, seen=row.stored.position, odd_place=row.stored.odd_place)
            except StaleRowError:
                continue  # a live projection moved it; the check that follows says how it is now
        return bool(lagging or removable)

    def _delete_snapshot(self, aggregate_id: str, key: str) -> None:
        self.client.delete_item(
            TableName=self.snapshots_table, Key={"AggregateId": {"S": aggregate_id}, "SnapshotKey": {"S": key}}
        )

    def _delete_orphan(self, record: Mapping[str, Any]) -> None:
        seen = record.get("LastSequence")
        try:
            self.client.delete_item(
                TableName=self.rows_table,
                Key={name: record[name] for name in ("AccountId", "ProjectionType")},
                **_unmoved(seen),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise


def _concerned(rows: Sequence[RowCheck], event: Event) -> list[RowCheck]:
    """Those of the rows that are of the kind of aggregate that an event tells; all, where it tells none."""
    kind = KINDS.of_type(event.event_type)
    return [row for row in rows if kind in (None, row.projection.kind)]


def _take(stream: StreamCheck, rows: Sequence[RowCheck], snapshots: SnapshotCheck, event: Event) -> None:
    folds = [(row.projection.name, row.take) for row in rows]
    for name, take in [*folds, ("the state", snapshots.take)]:
        try:
            take(event)
        except Exception as error:  # noqa: BLE001 -- whatever a projection or the state raises is the finding
            stream.find(Kind.UNFOLDABLE, event.sequence, f"{name} cannot take the event: {error!r}")


def _unmoved(seen: Any) -> dict[str, Any]:
    if seen is None:
        return {"ConditionExpression": "attribute_not_exists(LastSequence)"}
    return {"ConditionExpression": "LastSequence = :seen", "ExpressionAttributeValues": {":seen": seen}}


def _orphan(aggregate_id: str, projection: str, record: Mapping[str, Any]) -> Finding:
    detail = f"there is no stream for this row: {text_of(dict(record))}"
    return Finding(aggregate_id, Kind.ROW_ORPHANED, detail, None, projection)


def _unknown(aggregate_id: str, projection: str) -> Finding:
    return Finding(
        aggregate_id, Kind.ROW_UNKNOWN, "no projection of this program makes such rows of it", None, projection
    )
