"""Who is compared at appending: how each is started, where its events lie, and how accounts get there."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from handlers.store.event_store import EventStore
from handlers.store.items import Item, to_item
from handlers.store.snapshots import record_of
from tests.aws import SNAPSHOTS, STORE

from . import accounts
from .cost import WARM
from .engines import SETTINGS, Engines
from .process import PROJECT, Process
from .subjects import recipe_tables

OURS, FLOOR = "ours", "floor"
PEERS = PROJECT / ".cache" / "bench"
"""Where `python -m bench.peers` puts the peers and what they need."""
_HOW_TO_GET_IT = "`make bench-peers` fetches it (once; needs a network)"
_SEED_CHUNK = 1_000

Items = list[tuple[str, Item]]
"""Items, each with the name of its table."""


@dataclass(frozen=True)
class Contestant:
    """A subject, and the key under which the event of an account and a sequence lies in its `table`."""

    name: str
    title: str
    table: str
    key: Callable[[str, int], dict[str, Any]]
    history: Callable[[str, int], Iterator[Items]] | None = None
    """What it would store of an account of some length, event by event.

    None where its own library writes it, or it reads ours.
    """
    seeds_itself: bool = False
    task: Mapping[str, Any] = field(default_factory=dict)
    """What else its tasks say."""
    subject: str = ""
    """The module of `bench.subjects` that it is, where several are one."""
    shortest: int = 0
    """It has nothing to do on shorter accounts."""
    command: tuple[str, ...] = ()
    """What starts it, if it is not a module of `bench.subjects`."""
    why_not: str = ""
    """Why it cannot run here; empty if it can."""

    def start(self, engines: Engines) -> Process:
        """Its process."""
        return Process(self.subject or self.name, engines.environment, self.command)

    def seed(
        self, engines: Engines, process: Process, account: str, length: int, written: Callable[[int], object]
    ) -> None:
        """Write an account of that length; `written` hears how many more events are there."""
        if self.history is not None:
            accounts.put_all(engines.dynamodb, _heard(self.history(account, length), written))
        if not self.seeds_itself:
            return
        for first in range(1, length + 1, _SEED_CHUNK):
            last = min(first + _SEED_CHUNK - 1, length)
            requests = [accounts.request(account, number, f"{account}-{number}") for number in range(first, last + 1)]
            process.ask("seed", first=first, commands=requests)
            written(len(requests))

    def forget(self, engines: Engines, account: str, sequence: int) -> None:
        """Take back what was appended, so that the next sample finds the stream as long as this one did."""
        engines.dynamodb.delete_item(TableName=self.table, Key=self.key(account, sequence))


def all_contestants() -> tuple[Contestant, ...]:
    """Everybody, whether able to run here or not; ours first."""
    return (
        Contestant(OURS, "this ledger", STORE, _ledger_key, _ledger_history),
        Contestant(WARM, "this ledger, account met", STORE, _ledger_key, task={"met": True}, subject=OURS, shortest=1),
        Contestant("recipe", "the recipe's calls", recipe_tables.NAME, _ledger_key, _recipe_history),
        Contestant(FLOOR, "floor: bare boto3", STORE, _ledger_key),
        Contestant(
            "floor_of_our_calls",
            "bare boto3, our calls",
            STORE,
            _ledger_key,
            task={"side_by_side": True},
            subject=FLOOR,
        ),
        _castore(),
        _pyeventsourcing(),
    )


def _heard(history: Iterator[Items], written: Callable[[int], object]) -> Iterator[tuple[str, Item]]:
    """The items of all events; `written` hears of each event when its items have been handed over."""
    for items in history:
        yield from items
        written(1)


def _ledger_history(account: str, length: int) -> Iterator[Items]:
    store = EventStore(None, STORE, int(SETTINGS["TYPE_BUCKETS"]))  # type: ignore[arg-type] # only asked for its items
    every = int(SETTINGS["SNAPSHOT_EVERY"])
    for event, snapshot in accounts.history(account, length):
        items = [(STORE, store.item(event))]
        if event.sequence % every == 0:
            items.append((SNAPSHOTS, to_item(record_of(account, snapshot))))
        yield items


def _recipe_history(account: str, length: int) -> Iterator[Items]:
    return ([(recipe_tables.NAME, item)] for item in accounts.recipe_items(account, length))


def _ledger_key(account: str, sequence: int) -> dict[str, Any]:
    return {"AggregateId": {"S": account}, "EventSequence": {"N": str(sequence)}}


def _castore() -> Contestant:
    folder = PEERS / "castore"
    node = shutil.which("node")
    why_not = "" if (folder / "node_modules").is_dir() else f"Castore is not installed; {_HOW_TO_GET_IT}"
    return Contestant(
        name="castore",
        title="Castore",
        table="castore-events",
        seeds_itself=True,
        key=lambda account, number: {"aggregateId": {"S": f"accounts#{account}"}, "version": {"N": str(number)}},
        command=(node or "node", str(PROJECT / "bench" / "peers" / "castore" / "subject.mjs"), str(folder)),
        why_not=why_not if node else "Castore runs on Node.js, and there is no node on PATH",
    )


def _pyeventsourcing() -> Contestant:
    python = PEERS / "pyeventsourcing" / "bin" / "python"
    return Contestant(
        name="pyeventsourcing",
        title="pyeventsourcing",
        table="pyeventsourcing-events",
        seeds_itself=True,
        key=_originator_key,
        command=(str(python), "-m", "bench.subject", "pyeventsourcing"),
        why_not="" if python.exists() else f"pyeventsourcing is not installed; {_HOW_TO_GET_IT}",
    )


def _originator_key(account: str, sequence: int) -> dict[str, Any]:
    return {
        "originator_id": {"S": str(uuid5(NAMESPACE_URL, account))},
        "originator_version": {"N": str(sequence)},
    }
