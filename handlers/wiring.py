"""How the write side is put together in a function, from its environment."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .domain import KINDS, PROCESS
from .runtime import Context, count, log, seconds_left
from .settings import ENVIRONMENT, number, setting
from .sourcing import times
from .store import clients
from .store.clocks import ClockCheck
from .store.conductor import STEP_SECONDS, Conductor, StepRefusedError
from .store.event_store import EventStore
from .store.ledger import Ledger
from .store.present import PresentReader
from .store.side_by_side import begin
from .store.snapshots import Snapshots
from .store.streams import AppendableStreams, KeptStates

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def now() -> str:
    """The ledger's text of this moment."""
    return times.to_text(datetime.now(UTC))


def wired_ledger(client: DynamoDBClient | None = None) -> Ledger:
    """A ledger on this function's tables; the client is one of its own where none is given."""
    dynamodb = client or clients.dynamodb()
    store = EventStore(dynamodb, setting("EVENT_STORE_TABLE"), number("TYPE_BUCKETS"))
    return ledger_over(store, Snapshots(dynamodb, setting("SNAPSHOTS_TABLE")))


def ledger_over(store: AppendableStreams, snapshots: KeptStates, branch: str = "") -> Ledger:
    """A ledger on these streams, on a `branch` where one is named; it has met nothing yet."""
    reader = PresentReader(store, snapshots, tail=2 * number("SNAPSHOT_EVERY"), now=now, begin=begin)
    check_clock, complete = ClockCheck(_cannot_compare), KINDS.completion(ENVIRONMENT)
    return Ledger(reader, pause=time.sleep, check_clock=check_clock, complete=complete, branch=branch)


def wired_conductor(client: DynamoDBClient | None = None) -> Conductor:
    """A conductor of the ledger's processes on this function's tables, its client as `wired_ledger`'s."""
    return Conductor(wired_ledger(client), PROCESS, now=now)


def carries_on(conductor: Conductor, process_id: str, context: Context) -> bool:
    """Carry a process on; whether that went well. A failure is logged, and only this process's: who asks goes on.

    What `Conductor.carry` takes; nothing where hardly any time is left. A step that was refused though no aggregate
    ever refuses it is counted as StepsRefused.
    """
    left, place = seconds_left(context), {"processId": process_id}
    if left() < STEP_SECONDS:
        return False
    try:
        carried = conductor.carry(process_id, left)
    except StepRefusedError as error:
        log.critical("%s", error, exc_info=error, extra=place)
        count("StepsRefused", 1, context, **place)
        return False
    except Exception as error:  # noqa: BLE001 -- reported as this process's failure, to be tried again
        log.error("not carried on", exc_info=error, extra=place)
        return False
    if carried is None:
        log.error("announced, but not in the store", extra=place)
        return False
    log.info("carried", extra={**place, "steps": carried.steps})
    return True


def _cannot_compare() -> None:
    """AWS's answers do not say its time: whether this process's clock is right rests on whoever keeps it."""
    log.warning("AWS's answers have no Date: this clock cannot be compared with AWS's")
    count("ClocksUnchecked", 1)
