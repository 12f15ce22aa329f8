"""CreateTable's arguments for the tables, taken from the program that deploys them."""

from __future__ import annotations

from typing import Any

from components.event_store import EventStore, EventStoreArgs
from components.read_model import ReadModel
from components.snapshots import Snapshots
from handlers.store.due_index import AT, BUCKET, INDEX
from local.deploy.dynamodb import create_arguments

from .infrastructure.program import declare


def deployed_tables(event_store: str, read_model: str, snapshots: str) -> tuple[dict[str, Any], ...]:
    """The tables under these names."""
    args = EventStoreArgs()
    graph = declare(
        lambda: (EventStore("event-store", args), ReadModel("read-model", args), Snapshots("snapshots", args))
    )
    names = {"event-store-table": event_store, "read-model-table": read_model, "snapshots-table": snapshots}
    made = {each: create_arguments(dict(graph.named(each).inputs)) for each in names}
    _index_what_is_due(made["read-model-table"])
    return tuple({"TableName": names[each], **arguments} for each, arguments in made.items())


def _index_what_is_due(arguments: dict[str, Any]) -> None:
    """The index of what is due, where the program does not make it yet."""
    if any(index["IndexName"] == INDEX for index in arguments.get("GlobalSecondaryIndexes", [])):
        return
    keys = (BUCKET, AT)
    arguments["AttributeDefinitions"] += [{"AttributeName": name, "AttributeType": "S"} for name in keys]
    schema = [{"AttributeName": name, "KeyType": kind} for name, kind in zip(keys, ("HASH", "RANGE"), strict=True)]
    index = {"IndexName": INDEX, "KeySchema": schema, "Projection": {"ProjectionType": "ALL"}}
    arguments["GlobalSecondaryIndexes"] = [*arguments.get("GlobalSecondaryIndexes", []), index]
