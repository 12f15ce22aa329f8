"""The deciding moves from one Region to the other: nobody is opened before the other one cannot write any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from handlers.sourcing.event import Event, Stamp
from handlers.sourcing.standing import Mode, Role, Standing
from handlers.store.conflicts import Conflict, Conflicts
from handlers.store.event_store import EventStore
from handlers.store.items import to_record
from handlers.store.standings import fenced
from ops import regions
from ops.regions import Change, Region, Seen, UnreachableError, disagreement
from ops.system import OperatorError, System
from ops.whole_table import WholeTable

from ..aws import STORE, TABLES
from ..domain.builders import story
from ..quick_moto import quick_moto
from ..tables import region_tables
from .world import CONFLICTS, OTHER, PRIMARY, REGIONS, STANDINGS

FENCE = 39
SINCE = datetime(2024, 1, 1, tzinfo=UTC)


class Clock:
    """Seconds, and what happens while somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.then: Callable[[], object] = lambda: None

    def pause(self, seconds: float) -> None:
        self.now += seconds
        self.then()


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Region, Region]]:
    """us-east-1, which decides, and eu-west-1, each with tables of its own."""
    monkeypatch.setattr(Region, "wake", lambda _: None)
    tables = (TABLES[0], *region_tables(CONFLICTS, STANDINGS))
    with quick_moto(tables):
        there: Any = boto3.client("dynamodb", region_name=OTHER)
        for table in tables:
            there.create_table(**table)
        yield tuple(Region(System(outputs("standby"), name), REGIONS) for name in REGIONS)  # type: ignore[misc]


def outputs(mode: str) -> dict[str, Any]:
    names = {"eventStoreTable": STORE, "conflictsTable": CONFLICTS, "standingsTable": STANDINGS}
    return {**names, "regionMode": mode, "fenceSeconds": FENCE}


def change(to: Region, source: Region, clock: Clock, told: list[str] | None = None) -> Change:
    lines = [] if told is None else told

    def events(system: System) -> WholeTable:
        return WholeTable(system.client("dynamodb"), STORE)

    return Change(to, source, FENCE, lines.append, events, clock.pause, lambda: clock.now)


def until() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=1)


def promote(moves: Change, *, accept_loss: bool = False) -> regions.Promoted:
    return moves.promote(SINCE, until, accept_loss=accept_loss, wait_seconds=10)


def decided_in(region: str, *amounts: int) -> list[Event]:
    """A stream that was decided there."""
    events: list[Event] = []
    for event in story("a", amounts):
        before = events[-1].hash if events else event.previous_hash
        unsealed = replace(event, stamp=Stamp(region, 1), previous_hash=before)
        events.append(replace(unsealed, hash=unsealed.computed_hash()))
    return events


def store(region: Region, events: list[Event]) -> None:
    into = EventStore(region.system.client("dynamodb"), STORE)
    for event in events:
        into.append([event])


def test_where_both_are_reached_nothing_is_lost(pair: tuple[Region, Region]) -> None:
    here, there = pair
    events = decided_in(PRIMARY, 1, 2)
    store(here, events)
    store(there, events[:1])
    clock = Clock()

    def arrive() -> None:
        if clock.now == FENCE + 2:
            store(there, events[1:])
        assert not there.standing().is_active or clock.now > FENCE
        assert here.standing().role is Role.FENCED

    clock.then = arrive
    done = promote(change(there, here, clock))

    assert (done.missing, done.was_reached, clock.now) == ((), True, FENCE + 2)
    assert (here.standing().role, here.standing().decides) == (Role.FENCED, OTHER)
    assert (there.standing().role, there.standing().epoch) == (Role.ACTIVE, 3)


def test_what_does_not_come_is_named_and_nobody_decides_meanwhile(pair: tuple[Region, Region]) -> None:
    here, there = pair
    events = decided_in(PRIMARY, 1, 2)
    store(here, events)
    store(there, [events[1]])

    with pytest.raises(OperatorError, match="2 events of us-east-1 have not come to eu-west-1"):
        promote(change(there, here, Clock()))
    assert not here.standing().is_active
    assert not there.standing().is_active

    done = promote(change(there, here, Clock()), accept_loss=True)
    assert [each["eventId"] for each in regions.described(done.missing)] == [events[0].event_id, events[2].event_id]
    assert there.standing().is_active


def test_what_is_kept_among_the_conflicts_is_not_missing(pair: tuple[Region, Region]) -> None:
    here, there = pair
    events = decided_in(PRIMARY, 1)
    store(here, events)
    store(there, events[:1])
    lost = Conflict(events[1], to_record(EventStore(None, STORE).item(events[1])), "now", OTHER)  # type: ignore[arg-type]
    Conflicts(there.system.client("dynamodb"), CONFLICTS).keep(lost)

    assert promote(change(there, here, Clock())).missing == ()


def test_a_region_that_cannot_be_reached_is_only_passed_over_on_purpose(
    pair: tuple[Region, Region], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = pair
    standing = Region.standing

    def reached(region: Region) -> Any:
        if region.name == PRIMARY:
            raise UnreachableError("us-east-1 cannot be reached")
        return standing(region)

    monkeypatch.setattr(Region, "standing", reached)
    with pytest.raises(OperatorError, match="--accept-loss"):
        promote(change(there, here, Clock()))
    assert not there.standing().is_active

    clock = Clock()
    done = promote(change(there, here, clock), accept_loss=True)
    assert (done.was_reached, done.standing.epoch, clock.now) == (False, 3, 0)
    monkeypatch.undo()
    assert here.standing().is_active, "nobody could tell it"


def test_who_is_promoted_without_the_other_outranks_all_that_it_has_seen(
    pair: tuple[Region, Region], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = pair
    assert promote(change(there, here, Clock())).standing.epoch == 3
    standing = Region.standing
    monkeypatch.setattr(Region, "standing", lambda region: _gone() if region.name == OTHER else standing(region))

    assert promote(change(here, there, Clock()), accept_loss=True).standing.epoch == 5


def _gone() -> Any:
    raise UnreachableError("eu-west-1 cannot be reached")


def test_there_and_back_each_time_in_a_higher_epoch(pair: tuple[Region, Region]) -> None:
    here, there = pair
    epochs = []
    for to, source in ((there, here), (here, there), (there, here)):
        epochs.append(promote(change(to, source, Clock())).standing.epoch)
        assert [each.standing().is_active for each in (to, source)] == [True, False]
    assert epochs == [3, 5, 6]


def during_the_fence(act: Callable[[], object]) -> Clock:
    """A clock by which somebody else acts once, while the fence is waited for."""
    clock = Clock()
    done: list[float] = []

    def then() -> None:
        if clock.now > 1 and not done:
            done.append(clock.now)
            act()

    clock.then = then
    return clock


@pytest.mark.parametrize("mode", ["standby", "home"])
def test_of_two_opposite_promotions_at_once_one_opens_nobody(pair: tuple[Region, Region], mode: str) -> None:
    here, there = (Region(System(outputs(mode), each.name), REGIONS) for each in pair)
    clock = during_the_fence(lambda: promote(change(here, there, Clock())))

    with pytest.raises(OperatorError, match="somebody else promoted"):
        promote(change(there, here, clock))
    assert [each.standing().is_active for each in (here, there)] == [True, False]
    assert here.standing().epoch == 5


@pytest.mark.parametrize("before", ["standby", "fenced"])
def test_who_is_demoted_meanwhile_is_not_opened(pair: tuple[Region, Region], before: str) -> None:
    here, there = pair
    if before == "fenced":
        there.stand(lambda seen: fenced(seen, PRIMARY))
    clock = during_the_fence(lambda: there.stand(lambda seen: fenced(seen, PRIMARY)))

    with pytest.raises(OperatorError, match="eu-west-1 is not as it was"):
        promote(change(there, here, clock))
    assert not any(each.standing().is_active for each in pair)


def test_the_epoch_of_who_was_promoted_meanwhile_does_not_fall(pair: tuple[Region, Region]) -> None:
    here, there = pair
    clock = during_the_fence(lambda: promote(change(there, here, Clock()), accept_loss=True))

    with pytest.raises(OperatorError, match="somebody else promoted"):
        promote(change(there, here, clock))
    assert (there.standing().role, there.standing().epoch) == (Role.ACTIVE, 6)


def test_what_a_relay_learned_meanwhile_hinders_no_promotion(pair: tuple[Region, Region]) -> None:
    here, there = pair
    promote(change(there, here, Clock()))
    clock = during_the_fence(lambda: here.standings().give_way(OTHER, 3))

    assert promote(change(here, there, clock)).standing.epoch == 5


def test_nobody_shares_what_is_being_moved(pair: tuple[Region, Region]) -> None:
    here, there = (Region(System(outputs("home"), each.name), REGIONS) for each in pair)
    promote(change(there, here, Clock()))
    clock = during_the_fence(lambda: promote(change(here, there, Clock())))

    with pytest.raises(OperatorError, match="somebody else promoted"):
        change(there, here, clock).share(SINCE, until, 10)
    assert [each.standing().is_active for each in (here, there)] == [True, False]


HOME = Standing(PRIMARY, Role.ACTIVE, 4, Mode.HOME)
BESIDE = Standing(OTHER, Role.ACTIVE, 4, Mode.HOME)
ALONE = Standing(PRIMARY, Role.ACTIVE, 1)


@pytest.mark.parametrize(
    ("first", "second", "wrong"),
    [
        (HOME, BESIDE, ""),
        (HOME, replace(BESIDE, epoch=6), "both decide"),
        (HOME, replace(BESIDE, covers=frozenset({PRIMARY})), "both decide"),
        (fenced(HOME, OTHER), replace(BESIDE, covers=frozenset({PRIMARY})), ""),
        (fenced(HOME, OTHER), BESIDE, "nobody decides what is at home in us-east-1"),
        (fenced(HOME, OTHER), fenced(BESIDE, PRIMARY), "nobody decides: promote"),
        (ALONE, Standing(OTHER, Role.STANDBY, 1), ""),
        (ALONE, Standing(OTHER, Role.ACTIVE, 3), "both decide"),
    ],
)
def test_it_is_said_where_the_two_are_not_at_one(first: Standing, second: Standing, wrong: str) -> None:
    told = disagreement({each.region: Seen(each, 0, ()) for each in (first, second)})
    assert wrong in told
    assert bool(told) == bool(wrong)


def test_at_home_both_decide_again_in_a_common_epoch(pair: tuple[Region, Region]) -> None:
    here, there = (Region(System(outputs("home"), each.name), REGIONS) for each in pair)
    assert here.standing().is_active
    assert there.standing().is_active

    done = promote(change(there, here, Clock()))
    assert (done.standing.mode, done.standing.covers) == (Mode.HOME, frozenset({PRIMARY}))
    change(there, here, Clock()).share(SINCE, until, 10)

    assert [(each.standing().role, each.standing().epoch, each.standing().covers) for each in (here, there)] == [
        (Role.ACTIVE, 4, frozenset()),
        (Role.ACTIVE, 4, frozenset()),
    ]


def test_a_region_can_be_promoted_above_what_no_region_knows_any_more(pair: tuple[Region, Region]) -> None:
    """The ledger had two Regions before, and one since: its events are of epochs up to 9."""
    here, there = pair
    done = change(here, there, Clock()).promote(SINCE, until, accept_loss=False, wait_seconds=1, above=9)
    assert (done.standing.epoch, there.standing().known) == (11, 11)


def test_one_that_stands_by_shares_nothing(pair: tuple[Region, Region]) -> None:
    here, there = pair
    with pytest.raises(OperatorError, match="standby"):
        change(there, here, Clock()).share(SINCE, until, 10)
