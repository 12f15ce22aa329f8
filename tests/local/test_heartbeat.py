"""The heartbeat of the deployed ledger: each of four stations that stops is noticed, by a clock that the test moves.

What is moved is the scheduler's clock, a minute at a time; the functions' goes on, so a beat is due each second. The
age that the heartbeat tells is what its alarm looks at: within how many minutes that rings, station by station, is
reckoned in `tests/handlers/test_heartbeat.py`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from local.client import StackClient, eventually
from local.deploy import deploy
from local.engine import Engine, ManualClock, faults
from tests.local.conftest import DISORDER, PROJECT
from tests.local.roles import broken

pytestmark = pytest.mark.slow

pytest.importorskip("awslambdaric", reason="AWS's Lambda runtime client has no wheel for this platform")

SOON = 30.0
MINUTE = 60
STATIONS = ("relay", "projection", "queue", "mapping")


@pytest.fixture(scope="module")
def clock() -> ManualClock:
    return ManualClock(time.time())


@pytest.fixture(scope="module")
def engine(clock: ManualClock) -> Iterator[Engine]:
    with Engine(clock=clock, stream_disorder=DISORDER) as running:
        yield running


@pytest.fixture(scope="module")
def ledger(engine: Engine) -> StackClient:
    settings = {"httpApi": "false", "heartbeatMinutes": "1"}
    deployment = deploy(engine.endpoint, "local", PROJECT, config_overrides=settings)
    found = StackClient({**deployment.outputs, "endpoint": engine.endpoint})
    lambda_ = found.aws("lambda")
    # A beat a second, where the setting's least is a minute.
    variables = lambda_.get_function_configuration(FunctionName=heartbeat(found))["Environment"]["Variables"]
    variables["HEARTBEAT_SECONDS"] = "1"
    lambda_.update_function_configuration(FunctionName=heartbeat(found), Environment={"Variables": variables})
    return found


def heartbeat(ledger: StackClient) -> str:
    names = ledger.aws("lambda").list_functions(MaxItems=10_000)["Functions"]
    (name,) = (each["FunctionName"] for each in names if each["FunctionName"].startswith("heartbeat-function-"))
    return str(name)


def look(ledger: StackClient) -> dict[str, Any]:
    """What the heartbeat says when it is asked now, past its schedule."""
    answer = ledger.aws("lambda").invoke(FunctionName=heartbeat(ledger), Payload="{}")
    told: dict[str, Any] = json.loads(answer["Payload"].read())
    return told


def beat(ledger: StackClient) -> int:
    """The number of the newest beat that can be read; 0 before the first."""
    status, row = ledger.query("getHeartbeat", heartbeatId="ledger-heartbeat-us-east-1")
    return int(row["Beat"]) if status == 200 else 0


@contextmanager
def stopped(engine: Engine, ledger: StackClient, station: str) -> Iterator[None]:
    lambda_ = ledger.aws("lambda")
    if station == "queue":  # the bus gets no message into it
        with engine.intercept("sqs", "SendMessage", faults.error("ServiceUnavailable", 503)):
            yield
    elif station == "mapping":
        mappings = lambda_.list_event_source_mappings(FunctionName=ledger.outputs["projectionFunction"])
        (mapping,) = mappings["EventSourceMappings"]
        lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        try:
            yield
        finally:
            lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    else:
        with broken(ledger, ledger.outputs[f"{station}Function"]):
            yield


def is_carried(ledger: StackClient, clock: ManualClock) -> bool:
    """Whether the schedule sends a beat in some minute, and it comes through."""
    before = beat(ledger)

    def a_minute_later() -> int:
        clock.advance(MINUTE)
        return beat(ledger)

    return eventually(a_minute_later, lambda now: now > before, SOON) > before


@pytest.mark.parametrize("station", STATIONS)
def test_a_station_that_stops_leaves_the_newest_beat_as_old_as_the_stop(
    engine: Engine, ledger: StackClient, clock: ManualClock, station: str
) -> None:
    assert is_carried(ledger, clock)

    with stopped(engine, ledger, station):
        # What was on its way may still come through; from then on nothing does.
        settled = eventually(lambda: (beat(ledger), look(ledger)["age"]), lambda seen: seen[1] >= 3, SOON)
        for _ in range(3):
            clock.advance(MINUTE)
        older = settled[1] + 2
        assert eventually(lambda: look(ledger)["age"], lambda age: age >= older, SOON) >= older
        assert beat(ledger) == settled[0], "nothing newer can be read"

    assert is_carried(ledger, clock)
    assert eventually(lambda: look(ledger)["age"], lambda age: age <= 2, SOON) <= 2
