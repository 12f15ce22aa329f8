"""CreateTable's arguments for the tables, taken from the program that deploys them."""

from __future__ import annotations

from typing import Any

from components.branches import Branches
from components.conflicts import Conflicts, ConflictsArgs
from components.event_store import EventStore, EventStoreArgs
from components.read_model import ReadModel
from components.replays import Replays
from components.snapshots import Snapshots
from components.standings import Standings
from components.table import TableArgs
from local.deploy.dynamodb import create_arguments

from .infrastructure.program import declare


def branches_table(name: str) -> dict[str, Any]:
    """The table of branches under this name."""
    graph = declare(lambda: Branches("branches", TableArgs()))
    return {"TableName": name, **create_arguments(dict(graph.named("branches-table").inputs))}


def replays_table(name: str) -> dict[str, Any]:
    """The table of replays under this name."""
    graph = declare(lambda: Replays("replays", TableArgs()))
    return {"TableName": name, **create_arguments(dict(graph.named("replays-table").inputs))}


def region_tables(conflicts: str, standings: str) -> tuple[dict[str, Any], ...]:
    """The tables that a Region has besides, where there are two, under these names."""
    graph = declare(lambda: (Conflicts("conflicts", ConflictsArgs()), Standings("standings", TableArgs())))
    made = {"conflicts-table": conflicts, "standings-table": standings}
    return tuple({"TableName": name, **create_arguments(dict(graph.named(each).inputs))} for each, name in made.items())


def deployed_tables(event_store: str, read_model: str, snapshots: str) -> tuple[dict[str, Any], ...]:
    """The tables under these names."""
    args = EventStoreArgs()
    graph = declare(
        lambda: (EventStore("event-store", args), ReadModel("read-model", args), Snapshots("snapshots", args))
    )
    names = {"event-store-table": event_store, "read-model-table": read_model, "snapshots-table": snapshots}
    made = {each: create_arguments(dict(graph.named(each).inputs)) for each in names}
    return tuple({"TableName": names[each], **arguments} for each, arguments in made.items())
