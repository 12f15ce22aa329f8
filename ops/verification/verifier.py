"""Checks one aggregate, its stream, its rows and snapshots, and puts right what can be made from the stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from handlers.domain import KINDS
from handlers.sourcing import times
from handlers.sourcing.event import Event
from handlers.sourcing.kinds import OfKind
from handlers.store.clocks import CLOCK_TOLERANCE
from handlers.store.event_store import EventStore
from handlers.store.items import to_record
from handlers.store.read_model import BATCH_WRITES, NOTHING, Key, ReadModel, StaleRowError
from handlers.upkeep.verification.entries import NAMES, EntriesCheck, EntryItems, digest
from handlers.upkeep.verification.findings import BROKEN, CONTENTS, Finding, Kind, orphaned, unknown
from handlers.upkeep.verification.rows import RowCheck
from handlers.upkeep.verification.stream import StreamCheck
from ops.conditions import unchanged

from .crossing import Gathering, Parts
from .snapshot_check import SnapshotCheck

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ROW_KEY = ("AccountId", "ProjectionType")
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
    entries: tuple[EntriesCheck, ...] = ()


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
    parts: Parts | None = None
    """Where the parts in processes are kept of the streams that are checked."""

    def check(self, aggregate_id: str) -> Verdict:
        """Read rows and snapshots, then the stream: one Query per megabyte of each, one read unit per 4 KB."""
        verdict = self._check(aggregate_id)
        # A Query may see half of a transaction, or a row and not yet the entries from before it; a moment later all.
        if any(finding.kind in (Kind.GAP, Kind.ENTRY_MISSING) for finding in verdict.findings):
            verdict = self._check(aggregate_id)
        return verdict

    def repair(self, verdict: Verdict, *, trust_store: bool = False) -> tuple[Verdict, Verdict]:
        """Rebuild the rows that lag, differ or are missing, and their entries before them; delete foreign entries and
        snapshots that differ; and check again. The verdict with all that was found on the way, and the last one.

        Never writes to the event store. Rows are written on the condition that their LastSequence is still the one
        seen, so that no progress of a live projection is undone. (A projection that read a damaged row before and
        writes after the repair puts the damage back; the next verification finds it.) Snapshots are deleted without a
        condition: whatever has come to stand there meanwhile is a copy as well; entries while they are as they were
        read, since a live projection may have written the right one by now. What belongs to a broken stream is
        left alone, and so is what contradicts its stream, or has none, unless the store is to be trusted.
        """
        found = verdict
        for _ in range(ATTEMPTS):
            if not self._write(verdict, trust_store=trust_store):
                break
            verdict = self.check(verdict.aggregate_id)
            known = {_told(finding) for finding in found.findings}
            new = (finding for finding in verdict.findings if _told(finding) not in known)
            found = replace(found, findings=(*found.findings, *new))
        return found, verdict

    def places(self, aggregate_id: str, projections: Iterable[str]) -> dict[str, int]:
        """Where the aggregate's rows of these projections stand, 0 where there is none: one BatchGetItem."""
        keys = [Key(aggregate_id, each) for each in projections]
        rows = ReadModel(self.client, self.rows_table).get_many(keys)
        return {key.projection: rows.get(key, NOTHING).position.sequence for key in keys}

    def _check(self, aggregate_id: str) -> Verdict:
        by_projection, digests = self._rows(aggregate_id)
        rows = [RowCheck(aggregate_id, each, by_projection.get(each.name)) for each in self.projections]
        entries = [
            EntriesCheck(row, row.projection.entries, digests, self._item) for row in rows if row.projection.entries
        ]
        kept = self._read(self.snapshots_table, "AggregateId", aggregate_id)
        snapshots = SnapshotCheck(aggregate_id, map(to_record, kept))
        stream = StreamCheck(aggregate_id, self.type_buckets, self._latest)
        gathering = Gathering(aggregate_id, self.parts) if self.parts else None
        events, kind = 0, None
        for item in self._read(self.store_table, "AggregateId", aggregate_id):
            events += 1
            event = stream.take(item)
            if event is not None and stream.intact:
                if kind is None and (kind := KINDS.of_type(event.event_type)):
                    rows = [row for row in rows if row.projection.kind is kind]
                    entries = [each for each in entries if each.row.projection.kind is kind]
                _take(stream, rows, entries, snapshots, event)
                if gathering and stream.intact:
                    gathering.take(event)
        if gathering and events:
            gathering.finish(snapshots.state, intact=stream.intact)
        known = {row.projection.name for row in rows} | NAMES
        if kind is None and events:  # newer code's, which says what rows there must be
            rows, entries = [], []
        in_flight = 0
        if not events:
            snapshots.orphan()
            findings = [orphaned(aggregate_id, name, to_record(record)) for name, record in by_projection.items()]
            findings += [finding for each in entries for finding in each.orphaned()]
        else:
            stream.finish()
            findings = stream.findings
            if stream.intact:
                cutoff = times.to_text(self.now() - self.grace)
                in_flight = max((row.finish(cutoff, self._latest()) for row in rows), default=0)
                snapshots.finish()
                findings += [finding for row in rows for finding in row.findings]
                findings += [finding for each in entries for finding in each.finished()]
            findings += [unknown(aggregate_id, name) for name in by_projection if name not in known]
        if stream.intact:
            findings += snapshots.findings
        records = tuple(by_projection.values())
        return Verdict(
            aggregate_id, events, in_flight, tuple(findings), tuple(rows), records, snapshots, tuple(entries)
        )

    def _rows(self, aggregate_id: str) -> tuple[dict[str, Mapping[str, Any]], EntryItems]:
        """The items of an aggregate that are rows, by their projections, and what is kept of those that are entries.

        Backwards: by its name a row stands behind its entries, and so is read before them.
        """
        rows: dict[str, Mapping[str, Any]] = {}
        entries = EntryItems()
        for item in self._read(self.rows_table, "AccountId", aggregate_id, ScanIndexForward=False):
            if not entries.take(item):
                rows[item["ProjectionType"]["S"]] = item
        return rows, entries

    def _item(self, key: Key) -> Mapping[str, Any] | None:
        answer = self.client.get_item(TableName=self.rows_table, Key=key.item(), ConsistentRead=True)
        return answer.get("Item")

    def _latest(self) -> str:
        """The latest Timestamp that an event can have by now: the clocks of those that write differ a little."""
        return times.to_text(self.now() + timedelta(seconds=CLOCK_TOLERANCE))

    def _read(self, table: str, key: str, aggregate_id: str, **order: Any) -> Any:
        pages = self.client.get_paginator("query").paginate(
            TableName=table,
            KeyConditionExpression="#key = :id",
            ExpressionAttributeNames={"#key": key},
            ExpressionAttributeValues={":id": {"S": aggregate_id}},
            ConsistentRead=True,
            **order,
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
            orphans = verdict.records if trust_store else ()
            entries = [each.ahead for each in verdict.entries if each.ahead and trust_store]
            for record in orphans:
                self._deleteorphaned(record)
            for ahead in entries:
                self._delete_entries(verdict.aggregate_id, ahead)
            return bool(removable or orphans or entries)
        read_model = ReadModel(self.client, self.rows_table)
        lagging = [row for row in verdict.rows if row.is_repairable(trust_store=trust_store)]
        wrong = [
            each
            for each in verdict.entries
            if (each.row in lagging or each.is_repairable(trust_store=trust_store))
            and (trust_store or not each.row.is_contradicted)
        ]
        for each in wrong:
            self._write_entries(read_model, verdict.aggregate_id, each)
            self._delete_entries(verdict.aggregate_id, each.foreign)
            if trust_store:
                self._delete_entries(verdict.aggregate_id, each.ahead)
        for row in lagging:
            place = Key(verdict.aggregate_id, row.projection.name)
            try:
                read_model.put(place, row.rebuilt, seen=row.stored.position, odd_place=row.stored.odd_place)
            except StaleRowError:
                continue  # a live projection moved it; the check that follows says how it is now
        return bool(lagging or removable or wrong)

    def _write_entries(self, read_model: ReadModel, aggregate_id: str, check: EntriesCheck) -> None:
        """Before the row: it says that they are there."""
        if check.unwritten:
            stream = EventStore(self.client, self.store_table).read(aggregate_id, up_to=check.row.position.sequence)
            made = check.made_of(stream)
            while some := list(islice(made, BATCH_WRITES)):
                read_model.put_entries(some)

    def _delete_entries(self, aggregate_id: str, digests: Mapping[str, bytes]) -> None:
        for projection, was in digests.items():
            key = Key(aggregate_id, projection)
            item = self._item(key)
            if item is not None and digest(to_record(item)) == was:
                self._delete(key, unchanged(item, _ROW_KEY, "EventSequence", "LastSequence"))

    def _delete(self, key: Key, condition: Mapping[str, Any]) -> None:
        try:
            self.client.delete_item(TableName=self.rows_table, Key=key.item(), **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise

    def _delete_snapshot(self, aggregate_id: str, key: str) -> None:
        self.client.delete_item(
            TableName=self.snapshots_table, Key={"AggregateId": {"S": aggregate_id}, "SnapshotKey": {"S": key}}
        )

    def _deleteorphaned(self, record: Mapping[str, Any]) -> None:
        key = Key(record["AccountId"]["S"], record["ProjectionType"]["S"])
        self._delete(key, unchanged(record, _ROW_KEY, "EventSequence", "LastSequence"))


def _take(
    stream: StreamCheck,
    rows: Sequence[RowCheck],
    entries: Sequence[EntriesCheck],
    snapshots: SnapshotCheck,
    event: Event,
) -> None:
    folds = [(row.projection.name, row.take) for row in rows]
    folds += [(each.kind.name, each.take) for each in entries]
    stream.fold(event, [*folds, ("the state", snapshots.take)])


def _told(finding: Finding) -> tuple[Any, str]:
    """What tells a finding from others on the way of a repair: by its content, too, where that may be deleted next."""
    return finding.place, finding.detail if finding.kind in CONTENTS else ""
