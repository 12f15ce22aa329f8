"""CreateTable's arguments for the two tables, taken from the program that deploys them."""

from __future__ import annotations

from typing import Any

from components.event_store import EventStore
from components.read_model import ReadModel
from components.table import TableArgs
from local.deploy.dynamodb import create_arguments

from .infrastructure.program import declare


def deployed_tables(event_store: str, read_model: str) -> tuple[dict[str, Any], ...]:
    """The two tables under these names."""
    graph = declare(lambda: (EventStore("event-store", TableArgs()), ReadModel("read-model", TableArgs())))
    names = {"event-store-table": event_store, "read-model-table": read_model}
    return tuple({"TableName": names[each], **create_arguments(dict(graph.named(each).inputs))} for each in names)
