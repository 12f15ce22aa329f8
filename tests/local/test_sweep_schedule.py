"""The schedule of the sweep on the deployed ledger, stopped and started again, by a clock that the test moves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handlers.sourcing import times
from local.client import StackClient, eventually
from local.deploy import deploy
from local.engine import Engine, ManualClock
from tests.local.conftest import DISORDER, PROJECT

pytestmark = pytest.mark.slow

SOON = 30.0
MINUTE = 60
TRANSFERS = 8
"""In each of the index's parts some: a sweep looks into all of them."""
ABOVE_ITS_THRESHOLD = 10_001

pytest.importorskip("awslambdaric", reason="AWS's Lambda runtime client has no wheel for this platform")


@pytest.fixture(scope="module")
def clock() -> ManualClock:
    return ManualClock(time.time())


@pytest.fixture(scope="module")
def engine(clock: ManualClock) -> Iterator[Engine]:
    with Engine(clock=clock, stream_disorder=DISORDER) as running:
        yield running


@pytest.fixture(scope="module")
def ledger(engine: Engine) -> StackClient:
    return StackClient({**deploy(engine.endpoint, "local", PROJECT).outputs, "endpoint": engine.endpoint})


def switch(ledger: StackClient, state: str) -> None:
    """Stop the schedule, as an operator can, or have it go on."""
    group, _, name = ledger.outputs["sweepScheduleName"].partition("/")
    schedule = ledger.aws("scheduler").get_schedule(GroupName=group, Name=name)
    kept = ("GroupName", "Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")
    ledger.aws("scheduler").update_schedule(**{each: schedule[each] for each in kept}, State=state)


def text_of(ahead: timedelta = timedelta()) -> str:
    """The ledger's text of now, or of a moment ahead."""
    return times.to_text(datetime.now(UTC) + ahead)


def statuses(ledger: StackClient, names: list[str]) -> list[str]:
    return [ledger.query("getTransfer", transferId=name)[1].get("Status", "") for name in names]


def once(ledger: StackClient, names: list[str], wanted: Callable[[list[str]], bool]) -> list[str]:
    return eventually(lambda: statuses(ledger, names), wanted, SOON)


def swept(ledger: StackClient) -> int:
    """How many sweeps have told what they did."""
    configuration = ledger.aws("lambda").get_function_configuration(FunctionName=ledger.outputs["sweepFunction"])
    pages = (
        ledger.aws("logs")
        .get_paginator("filter_log_events")
        .paginate(logGroupName=configuration["LoggingConfig"]["LogGroup"], filterPattern='{ $.message = "swept" }')
    )
    return sum(len(page["events"]) for page in pages)


def test_a_scheduler_that_stood_still_for_ten_minutes_catches_up_within_two(
    ledger: StackClient, clock: ManualClock
) -> None:
    """The clock that is moved is the scheduler's; the functions' goes on, and is behind the deadlines by then."""
    names = [f"stake-{number}" for number in range(TRANSFERS)]
    for account in ("founder", "venture"):
        ledger.command(account, "AccountCreated", {})
    before = eventually(lambda: swept(ledger), bool, SOON)  # with its creation the schedule was due
    switch(ledger, "DISABLED")
    asked: dict[str, Any] = {"fromAccount": "founder", "toAccount": "venture", "amount": ABOVE_ITS_THRESHOLD}
    for name in names:
        data = {**asked, "currency": "USD", "deadline": text_of(timedelta(seconds=5))}
        assert ledger.command(name, "TransferRequested", data, actor="ann")[0] == 200
    over_by = text_of(timedelta(seconds=5))
    waiting = ["Requested"] * TRANSFERS
    assert once(ledger, names, lambda found: found == waiting) == waiting
    eventually(text_of, lambda now: now > over_by, SOON)

    for _ in range(10):
        clock.advance(MINUTE)
    assert statuses(ledger, names) == waiting

    switch(ledger, "ENABLED")
    for _ in range(2):
        clock.advance(MINUTE)

    over = ["Expired"] * TRANSFERS
    assert once(ledger, names, lambda found: found == over) == over
    assert eventually(lambda: ledger.query("getTransfers")[1]["transfers"], lambda left: not left, SOON) == []
    # At once, after a minute, and after two; none of the ten minutes' is made up for.
    assert eventually(lambda: swept(ledger), lambda number: number >= before + 3, SOON) == before + 3
