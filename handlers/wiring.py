"""How the write side is put together in a function, from its environment."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from .runtime import count, log
from .settings import number, setting
from .sourcing import times
from .store import clients
from .store.clocks import ClockCheck
from .store.event_store import EventStore
from .store.ledger import Ledger
from .store.present import PresentReader
from .store.side_by_side import begin
from .store.snapshots import Snapshots


def now() -> str:
    """The ledger's text of this moment."""
    return times.to_text(datetime.now(UTC))


def wired_ledger() -> Ledger:
    """A ledger on this function's tables."""
    dynamodb = clients.dynamodb()
    reader = PresentReader(
        EventStore(dynamodb, setting("EVENT_STORE_TABLE"), number("TYPE_BUCKETS")),
        Snapshots(dynamodb, setting("SNAPSHOTS_TABLE")),
        tail=2 * number("SNAPSHOT_EVERY"),
        now=now,
        begin=begin,
    )
    return Ledger(reader, pause=time.sleep, check_clock=ClockCheck(_cannot_compare))


def _cannot_compare() -> None:
    """AWS's answers do not say its time: whether this process's clock is right rests on whoever keeps it."""
    log.warning("AWS's answers have no Date: this clock cannot be compared with AWS's")
    count("ClocksUnchecked", 1)
