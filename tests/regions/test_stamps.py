"""Where an event was decided is a part of it, and nothing of it shows where there is one Region."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from handlers.domain import decide
from handlers.domain.account import Account
from handlers.sourcing.errors import NotAnEventError
from handlers.sourcing.event import UNSTAMPED, Event, Position, Stamp, chain
from handlers.store.items import to_item
from handlers.upkeep.verification.findings import Kind
from handlers.upkeep.verification.stream import StreamCheck
from ops.bulk import jsonl, parquet
from ops.bulk.exporter import Events

from ..domain.builders import NOW, create, run, transact

HERE, THERE = "us-east-1", "eu-west-1"


def stamped(stamp: Stamp = UNSTAMPED) -> Event:
    asked = create()
    (event,) = chain(Position(), decide(Account(), asked), asked, NOW, stamp=stamp)
    return event


def test_a_stamp_is_in_the_record_and_in_the_hash() -> None:
    plain, event = stamped(), stamped(Stamp(HERE, 2))

    assert event.record().keys() - plain.record().keys() == {"Region", "Epoch"}
    assert (event.record()["Region"], event.record()["Epoch"]) == (HERE, 2)
    assert Event.of(event.record()) == event
    assert event.hash == event.computed_hash()
    hashes = {replace(event, stamp=stamp).computed_hash() for stamp in (UNSTAMPED, Stamp(THERE, 2), Stamp(HERE, 3))}
    assert len(hashes) == 3
    assert event.hash not in hashes


def test_where_there_is_one_region_no_event_says_so() -> None:
    assert not {"Region", "Epoch"} & stamped().record().keys()


@pytest.mark.parametrize(
    "members", [{"Region": HERE}, {"Epoch": 1}, {"Region": "", "Epoch": 1}, {"Region": HERE, "Epoch": 0}]
)
def test_half_a_stamp_makes_no_event(members: dict[str, Any]) -> None:
    with pytest.raises(NotAnEventError):
        Event.of({**stamped().record(), **members})


def found(*stamps: Stamp) -> list[tuple[Kind, int | None]]:
    """What is wrong with a stream of events of these stamps."""
    check = StreamCheck("account-1", 1, lambda: "9999-12-31T23:59:59.999999Z")
    _, events = run(create(), *(transact(1) for _ in stamps[1:]))
    before = events[0].previous_hash
    for event, stamp in zip(events, stamps, strict=True):
        unsealed = replace(event, stamp=stamp, previous_hash=before)
        sealed = replace(unsealed, hash=unsealed.computed_hash())
        before = sealed.hash
        kept = StreamCheck("account-1", 1, lambda: "9999-12-31T23:59:59.999999Z")
        kept.go_on(check.kept())  # as one that goes on in another request knows it
        kept.findings = check.findings
        check = kept
        check.take(to_item({**sealed.record(), "TypeBucket": f"{sealed.event_type}#0"}))
    return [(finding.kind, finding.sequence) for finding in check.findings]


def test_epochs_rise_along_a_stream_and_one_region_decides_in_each() -> None:
    assert found(UNSTAMPED, Stamp(HERE, 1), Stamp(HERE, 1), Stamp(THERE, 3), Stamp(HERE, 5)) == []
    assert found(Stamp(THERE, 3), Stamp(HERE, 2)) == [(Kind.EPOCH, 2)]
    assert found(Stamp(HERE, 1), Stamp(THERE, 1)) == [(Kind.REGION, 2)]


def test_a_ledger_that_went_back_to_one_region_is_not_blamed_for_it() -> None:
    assert found(Stamp(HERE, 2), UNSTAMPED, UNSTAMPED) == []


def test_behind_an_event_of_one_region_epochs_count_from_anew() -> None:
    assert found(Stamp(HERE, 8), UNSTAMPED, Stamp(HERE, 1), Stamp(HERE, 11)) == []
    assert found(Stamp(HERE, 8), UNSTAMPED, Stamp(HERE, 11), Stamp(HERE, 8)) == [(Kind.EPOCH, 4)]
    assert found(Stamp(HERE, 8), UNSTAMPED, Stamp(HERE, 1), Stamp(THERE, 1)) == [(Kind.REGION, 4)]
    assert found(UNSTAMPED, Stamp(HERE, 8), Stamp(HERE, 1)) == [(Kind.EPOCH, 3)]


def test_a_stamp_is_in_what_is_exported(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    events, file = [stamped(), stamped(Stamp(HERE, 2))], tmp_path / "events.parquet"

    parquet.write(file, [(event, 1) for event in events], of_regions=True)
    assert list(parquet.read(file)) == events
    parquet.write(file, [(events[0], 1)])
    assert list(parquet.read(file)) == events[:1]
    spool = tmp_path / "events.jsonl"
    spool.write_bytes(b"".join(jsonl.line(event) for event in events))
    Events(None, "", lambda _: None).as_parquet(spool, file)  # type: ignore[arg-type]
    assert list(parquet.read(file)) == events
