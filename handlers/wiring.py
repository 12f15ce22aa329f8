"""How the write side is put together in a function, from its environment."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .domain import KINDS, PROCESS
from .regional import Unsettled, this_region, wired_standings
from .runtime import Context, count, log, seconds_left
from .settings import ENVIRONMENT, number, setting
from .sourcing import times
from .sourcing.errors import IntegrityError, NotHomeError, UnsettledError
from .store import clients
from .store.clocks import ClockCheck
from .store.conductor import STEP_SECONDS, Conductor, StepRefusedError
from .store.event_store import EventStore
from .store.ledger import Ledger
from .store.present import PresentReader
from .store.side_by_side import begin
from .store.snapshots import Snapshots
from .store.standings import Standings
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
    return ledger_over(store, Snapshots(dynamodb, setting("SNAPSHOTS_TABLE")), standings=wired_standings(dynamodb))


def ledger_over(
    store: AppendableStreams, snapshots: KeptStates, branch: str = "", standings: Standings | None = None
) -> Ledger:
    """A ledger on these streams, on a `branch` where one is named; it has met nothing yet."""
    # With two Regions what was written may be put elsewhere, so the stream's end is looked at before each decision.
    looks = standings is not None
    reader = PresentReader(store, snapshots, tail=2 * number("SNAPSHOT_EVERY"), now=now, begin=begin, looks=looks)
    check_clock, complete = ClockCheck(_cannot_compare), KINDS.completion(ENVIRONMENT)
    standing = standings.now if standings else None
    return Ledger(reader, time.sleep, check_clock, complete, branch=branch, standing=standing)


def wired_conductor(client: DynamoDBClient | None = None) -> Conductor:
    """A conductor of the ledger's processes on this function's tables, its client as `wired_ledger`'s."""
    return Conductor(wired_ledger(client), PROCESS, now=now)


def stands_by(conductor: Conductor) -> bool:
    """Whether this Region decides nothing at present. Once it is promoted, its sweep finds all that is due."""
    standing = conductor.ledger.standing
    return standing is not None and not standing().is_active


def carries_on(conductor: Conductor, process_id: str, context: Context, unsettled: Unsettled) -> bool:
    """Carry a process on; whether that went well. A failure is logged, and only this process's: who asks goes on.

    What `Conductor.carry` takes; nothing where hardly any time is left. A step that was refused though no aggregate
    ever refuses it is counted as StepsRefused. What another Region decides is left to that one's messages and sweep.
    """
    left, place = seconds_left(context), {"processId": process_id}
    if stands_by(conductor):
        return True
    if left() < STEP_SECONDS:
        return False
    try:
        carried = conductor.carry(process_id, left)
    except NotHomeError as error:
        log.info("left to another Region: %s", error.message, extra=place)
        return True
    except Exception as error:  # noqa: BLE001 -- reported as this process's failure, to be tried again
        _tell(error, process_id, context, unsettled)
        return False
    if carried is None:
        log.error("announced, but not in the store", extra=place)
        return False
    log.info("carried", extra={**place, "steps": carried.steps})
    return True


def _tell(error: Exception, process_id: str, context: Context, unsettled: Unsettled) -> None:
    """Log why a process was not carried on. A stream that two Regions wrote is handed over to be settled."""
    place = {"processId": process_id}
    if isinstance(error, StepRefusedError):
        log.critical("%s", error, exc_info=error, extra=place)
        count("StepsRefused", 1, context, **place)
        return
    log.error("not carried on", exc_info=error, extra=place)
    if isinstance(error, IntegrityError | UnsettledError) and this_region() is not None:
        unsettled.hand_over(str(error.details.get("aggregateId", process_id)), context)


def _cannot_compare() -> None:
    """AWS's answers do not say its time: whether this process's clock is right rests on whoever keeps it."""
    log.warning("AWS's answers have no Date: this clock cannot be compared with AWS's")
    count("ClocksUnchecked", 1)
