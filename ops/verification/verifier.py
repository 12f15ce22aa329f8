"""Checks one aggregate, its stream and its rows, and rebuilds rows that are not what they must be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from handlers.domain import times
from handlers.domain.event import Event, Position
from handlers.domain.projections import Projection
from handlers.store.items import to_record
from handlers.store.read_model import Key, ReadModel, StaleRowError

from .findings import BROKEN, Finding, Kind
from .rows import RowCheck, text_of
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


@dataclass(frozen=True, slots=True)
class Verifier:
    """Strongly consistent reads of both tables: a row never shows an event that the stream read after it lacks."""

    client: DynamoDBClient
    store_table: str
    rows_table: str
    projections: Sequence[Projection]
    type_buckets: int
    grace: timedelta
    now: Callable[[], datetime]

    def check(self, aggregate_id: str) -> Verdict:
        """Read the rows, then the stream: one Query per megabyte of either, one read unit per 4 KB."""
        verdict = self._check(aggregate_id)
        if any(finding.kind is Kind.GAP for finding in verdict.findings):
            verdict = self._check(aggregate_id)  # a Query may see half of a transaction; a moment later it is whole
        return verdict

    def repair(self, verdict: Verdict, *, trust_store: bool = False) -> Verdict:
        """Rebuild the rows that lag, differ or are missing, delete orphans, and check again.

        Writes only rows, each on the condition that its LastSequence is still the one seen, so that no progress of a
        live projection is undone. (A projection that read a damaged row before and writes after the repair puts the
        damage back; the next verification finds it.) A row of a broken stream is left alone, and so is one that
        contradicts its stream, unless the store is to be trusted.
        """
        for _ in range(ATTEMPTS):
            if not self._write(verdict, trust_store=trust_store):
                break
            verdict = self.check(verdict.aggregate_id)
        return verdict

    def _check(self, aggregate_id: str) -> Verdict:
        records = tuple(self._read(self.rows_table, "AccountId", aggregate_id))
        by_projection = {record["ProjectionType"]["S"]: to_record(record) for record in records}
        rows = [RowCheck(aggregate_id, each, by_projection.get(each.name)) for each in self.projections]
        stream = StreamCheck(aggregate_id, self.type_buckets)
        events = 0
        for item in self._read(self.store_table, "AggregateId", aggregate_id):
            events += 1
            event = stream.take(item)
            if event is not None and stream.intact:
                _take(stream, rows, event)
        in_flight = 0
        if not events:
            findings = [_orphan(aggregate_id, name, record) for name, record in by_projection.items()]
        else:
            findings = stream.findings
            if stream.intact:
                cutoff = times.to_text(self.now() - self.grace)
                in_flight = max(row.finish(cutoff) for row in rows)
                findings += [finding for row in rows for finding in row.findings]
            known = {projection.name for projection in self.projections}
            findings += [_unknown(aggregate_id, name) for name in by_projection if name not in known]
        return Verdict(aggregate_id, events, in_flight, tuple(findings), tuple(rows), records)

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
        if not verdict.events:
            for record in verdict.records:
                self._delete_orphan(record)
            return bool(verdict.records)
        if any(finding.kind in BROKEN for finding in verdict.findings):
            return False
        read_model = ReadModel(self.client, self.rows_table)
        lagging = [row for row in verdict.rows if row.is_repairable(trust_store=trust_store)]
        for row in lagging:
            try:
                read_model.put(Key(verdict.aggregate_id, row.projection.name), row.rebuilt, seen=Position(row.seen))
            except StaleRowError:
                continue  # a live projection moved it; the check that follows says how it is now
        return bool(lagging)

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


def _take(stream: StreamCheck, rows: Sequence[RowCheck], event: Event) -> None:
    for row in rows:
        try:
            row.take(event)
        except Exception as error:  # noqa: BLE001 -- whatever a projection raises is the finding
            detail = f"{row.projection.name} cannot take the event: {error!r}"
            stream.find(Kind.UNFOLDABLE, event.sequence, detail)


def _unmoved(seen: Any) -> dict[str, Any]:
    if seen is None:
        return {"ConditionExpression": "attribute_not_exists(LastSequence)"}
    return {"ConditionExpression": "LastSequence = :seen", "ExpressionAttributeValues": {":seen": seen}}


def _orphan(aggregate_id: str, projection: str, record: Mapping[str, Any]) -> Finding:
    detail = f"there is no stream for this row: {text_of(dict(record))}"
    return Finding(aggregate_id, Kind.ROW_ORPHANED, detail, None, projection)


def _unknown(aggregate_id: str, projection: str) -> Finding:
    return Finding(aggregate_id, Kind.ROW_UNKNOWN, "no projection of this program makes such rows", None, projection)
