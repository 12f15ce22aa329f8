"""What is checked a stretch at a time finds what `verify` finds in one go, wherever the stretches end."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handlers.domain import KINDS
from handlers.sourcing.event import Event
from handlers.sourcing.told import WHATEVER
from handlers.sourcing.values import dumps, loads
from handlers.store.items import to_item
from handlers.upkeep.verification import examination
from handlers.upkeep.verification.examination import Begun, Examiner
from handlers.upkeep.verification.findings import OF_SNAPSHOTS, Finding, Kind
from ops.verification.verifier import Verifier

from ..domain.builders import folded, story
from ..handlers.conftest import ROWS, SNAPSHOTS, STORE, Calls
from .conftest import BUCKETS, keep

LATER = datetime(2030, 1, 1, tzinfo=UTC)
AMOUNTS = (10, 20, 30, 40, 50, 60)
"""Seven events: stretches of 1 to 8."""


def examiner(aws: Any, now: datetime = LATER) -> Examiner:
    return Examiner(
        client=aws,
        store_table=STORE,
        rows_table=ROWS,
        projections=KINDS.projections(WHATEVER),
        type_buckets=BUCKETS,
        grace=timedelta(seconds=60),
        now=lambda: now,
    )


def verifier(aws: Any) -> Verifier:
    return Verifier(
        client=aws,
        store_table=STORE,
        rows_table=ROWS,
        snapshots_table=SNAPSHOTS,
        projections=KINDS.projections(WHATEVER),
        type_buckets=BUCKETS,
        grace=timedelta(seconds=60),
        now=lambda: LATER,
    )


def examined(aws: Any, aggregate_id: str) -> list[Finding]:
    """By as many stretches as there are pages, each begun from what the one before told as JSON."""
    examine = examiner(aws)
    begun: Begun | None = examine.begin(aggregate_id)
    found: list[Finding] = []
    while begun is not None:
        told = Begun.of(loads(dumps(list(begun)), "begun"))
        stretch = examine.go_on(aggregate_id, told, lambda _: False)
        found += stretch.findings
        begun = stretch.begun
    return found


def replaced(aws: Any, table: str, key: dict[str, Any], **attributes: Any) -> None:
    item = aws.get_item(TableName=table, Key=key)["Item"]
    aws.put_item(TableName=table, Item={**item, **attributes})


def event_key(sequence: int) -> dict[str, Any]:
    return {"AggregateId": {"S": "a"}, "EventSequence": {"N": str(sequence)}}


def row_key(name: str = "AccountSummary") -> dict[str, Any]:
    return {"AccountId": {"S": "a"}, "ProjectionType": {"S": name}}


def entry_key(sequence: int) -> dict[str, Any]:
    return row_key(f"AccountStatement#{sequence:016d}")


def stand_at(aws: Any, events: Sequence[Event], end: int) -> None:
    """Have the rows be those of the stream's beginning."""
    for item in folded(events[:end]).values():
        aws.put_item(TableName=ROWS, Item=to_item(item))


def is_left_to_verify(finding: Finding) -> bool:
    """What stands at no place of the stream that is gone through, and what is no row."""
    is_entry = (finding.row or "").startswith("AccountStatement")
    return finding.kind in {*OF_SNAPSHOTS, Kind.ENTRY_AHEAD} or (finding.kind is Kind.ROW_ORPHANED and is_entry)


Damage = Callable[[Any, Sequence[Event]], object]
DAMAGES: dict[str, Damage] = {
    "none": lambda aws, events: None,
    "an edited event": lambda aws, _: replaced(aws, STORE, event_key(3), EventData={"M": {"amount": {"N": "7"}}}),
    "a lost event": lambda aws, _: aws.delete_item(TableName=STORE, Key=event_key(4)),
    "a lost end": lambda aws, _: aws.delete_item(TableName=STORE, Key=event_key(7)),
    "a lost stream": lambda aws, _: [aws.delete_item(TableName=STORE, Key=event_key(n)) for n in range(1, 8)],
    "no event": lambda aws, _: replaced(aws, STORE, event_key(5), CommandDigest={"NULL": True}),
    "no place": lambda aws, _: aws.put_item(TableName=STORE, Item={**event_key(2), "EventSequence": {"N": "2.5"}}),
    "no place at all": lambda aws, _: aws.put_item(
        TableName=STORE, Item={"AggregateId": {"S": "a"}, "EventSequence": {"N": "1E+125"}}
    ),
    "another row": lambda aws, _: replaced(aws, ROWS, row_key(), Balance={"N": "1"}),
    "a row without its place": lambda aws, _: replaced(aws, ROWS, row_key(), LastSequence={"S": "x"}),
    "a row with another hash": lambda aws, _: replaced(aws, ROWS, row_key(), LastHash={"S": "0" * 64}),
    "a lost row": lambda aws, _: aws.delete_item(TableName=ROWS, Key=row_key()),
    "a row of before": lambda aws, events: stand_at(aws, events, 3),
    "a row that nobody makes": lambda aws, _: aws.put_item(TableName=ROWS, Item=row_key("Zebra")),
    "a lost entry": lambda aws, _: aws.delete_item(TableName=ROWS, Key=entry_key(4)),
    "another entry": lambda aws, _: replaced(aws, ROWS, entry_key(6), Amount={"N": "1"}),
    "an entry of no event": lambda aws, _: aws.put_item(TableName=ROWS, Item=entry_key(1)),
}


@pytest.mark.parametrize("page", [1, 2, 3, 7, 500])
@pytest.mark.parametrize("damage", DAMAGES)
def test_stretches_find_what_is_found_in_one_go(
    aws: Any, monkeypatch: pytest.MonkeyPatch, damage: str, page: int
) -> None:
    monkeypatch.setattr(examination, "PAGE", page)
    events = keep(aws, story("a", AMOUNTS))
    stand_at(aws, events, len(events))
    DAMAGES[damage](aws, events)

    found = examined(aws, "a")

    told = verifier(aws).check("a").findings
    expected = [each for each in told if not is_left_to_verify(each)]
    by_place = {json.dumps(each.describe()) for each in found}
    assert by_place == {json.dumps(each.describe()) for each in expected}
    assert bool(found) == (damage != "none")


def test_events_that_come_meanwhile_are_not_missed_in_a_row(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "PAGE", 2)
    events = story("a", AMOUNTS)
    keep(aws, events[:4])
    stand_at(aws, events, 4)
    examine = examiner(aws)
    first = examine.go_on("a", examine.begin("a"), lambda _: False)
    keep(aws, events[4:])
    stand_at(aws, events, 7)

    assert first.begun is not None
    last = examine.go_on("a", first.begun, lambda _: True)

    assert (first.first, first.last, last.first, last.last) == (1, 2, 3, 4)
    assert (last.begun, last.findings) == (None, ())


def test_young_events_may_be_on_their_way_however_long_the_check_takes(aws: Any) -> None:
    events = keep(aws, story("a", AMOUNTS))
    stand_at(aws, events, 5)
    soon = datetime.fromisoformat(events[-1].timestamp) + timedelta(seconds=10)
    begun = examiner(aws, soon).begin("a")

    done = examiner(aws, soon + timedelta(hours=1)).go_on("a", begun, lambda _: True)

    assert (done.in_flight, done.findings) == (2, ())


def test_it_reads_no_more_than_its_stretch(aws: Any, calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "PAGE", 3)
    events = keep(aws, story("a", AMOUNTS))
    stand_at(aws, events, len(events))
    examine = examiner(aws)
    begun = examine.begin("a")
    calls.made.clear()

    stretch = examine.go_on("a", begun, lambda seen: seen < 4)

    assert (stretch.first, stretch.last) == (1, 6)
    assert calls.names == ["Query"] * 4, "a page of events and one of entries, twice"
