"""How much data the embedded AWS holds: what anybody can read out of it again, in bytes of JSON."""

from __future__ import annotations

import json
from typing import Any

from local.client import StackClient

_SAMPLE = 50


def stored_bytes(client: StackClient) -> float:
    """Items, with their images in streams; archived events; log events.

    Sizes of items are taken from a sample, so that looking does not hold up what is looked at.
    """
    return _in_tables(client.aws("dynamodb")) + _in_archives(client) + _in_logs(client.aws("logs"))


def _in_tables(dynamodb: Any) -> float:
    total = 0.0
    for name in dynamodb.list_tables()["TableNames"]:
        table = dynamodb.describe_table(TableName=name)["Table"]
        copies = 2 if table.get("StreamSpecification", {}).get("StreamEnabled") else 1
        total += copies * table["ItemCount"] * _item_size(dynamodb, name)
    return total


def _item_size(dynamodb: Any, table: str) -> float:
    items = dynamodb.scan(TableName=table, Limit=_SAMPLE)["Items"]
    return sum(len(json.dumps(item)) for item in items) / len(items) if items else 0.0


def _in_archives(client: StackClient) -> float:
    """An archived event is about the stored one."""
    events, size = client.aws("events"), _item_size(client.aws("dynamodb"), client.outputs["eventStoreTable"])
    archives = [events.describe_archive(ArchiveName=each["ArchiveName"]) for each in events.list_archives()["Archives"]]
    return sum(float(archive["EventCount"]) for archive in archives) * size


def _in_logs(logs: Any) -> float:
    pages = logs.get_paginator("describe_log_groups").paginate()
    return sum(float(group["storedBytes"]) for page in pages for group in page["logGroups"])
