"""The floor: bare boto3 and the fewest calls that keep the ledger's promise (once, in order, by the rules, chained).

Up to a page of tail it reads the whole stream and writes: two calls. Beyond, where that would cost with the length, it
reads the newest snapshot, the tail and the command's fate side by side, and writes: four. No request is checked, no
event parsed into an object, nothing is logged, and no race is ever retried.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zlib import crc32

import boto3

TAIL = 20
_client: Any = boto3.client("dynamodb")
_events = os.environ["EVENT_STORE_TABLE"]
_snapshots = os.environ["SNAPSHOTS_TABLE"]
_buckets = int(os.environ["TYPE_BUCKETS"])
_pool = ThreadPoolExecutor(2)
_NOTHING = {"Hash": {"S": "0" * 64}, "Timestamp": {"S": ""}, "EventSequence": {"N": "0"}}


def prepare(task: Mapping[str, Any]) -> Callable[[], object]:
    """Do: append. `length` is the account's; with `side_by_side`, the calls of a long stream on all but a new one."""
    whole = task["length"] <= (0 if task.get("side_by_side") else TAIL)
    return lambda: _append(task["command"], whole)


def _append(command: Mapping[str, Any], whole: bool) -> None:
    account = {"S": command["aggregateId"]}
    balance, limit, events, newest = _read(account, command["commandId"], whole)
    for event in events:
        data = event["EventData"]["M"]
        if event["EventType"]["S"] == "AccountCreated":
            limit = Decimal(data["overdraftLimit"]["N"])
        else:
            balance += Decimal(data["amount"]["N"])
    data = command["eventData"]
    if "amount" in data and balance + Decimal(str(data["amount"])) < -limit:
        raise RuntimeError("the balance would fall below minus the overdraft limit")
    _write(account, command, newest)


def _read(account: Any, command_id: str, whole: bool) -> tuple[Decimal, Decimal, Sequence[Any], Any]:
    """Balance and limit of a snapshot, the events behind it, and the newest event."""
    start = {":id": account}
    if whole:
        events = _query(start, KeyConditionExpression="AggregateId = :id", ConsistentRead=True)
        if any(event["CommandId"]["S"] == command_id for event in events):
            raise RuntimeError("executed before")
        return Decimal(0), Decimal(0), events, events[-1] if events else _NOTHING
    newest = _pool.submit(
        _query,
        start,
        TableName=_snapshots,
        KeyConditionExpression="AggregateId = :id",
        ScanIndexForward=False,
        Limit=1,
    )
    fate = _pool.submit(
        _query,
        {**start, ":command": {"S": command_id}},
        IndexName="CommandId-index",
        KeyConditionExpression="AggregateId = :id AND CommandId = :command",
        ConsistentRead=True,
    )
    tail = _query(
        start, KeyConditionExpression="AggregateId = :id", ConsistentRead=True, ScanIndexForward=False, Limit=TAIL
    )
    if fate.result():
        raise RuntimeError("executed before")
    balance = limit = Decimal(0)
    last = 0
    for snapshot in newest.result():
        state, last = snapshot["State"]["M"], int(snapshot["EventSequence"]["N"])
        balance, limit = Decimal(state["balance"]["N"]), Decimal(state["overdraft_limit"]["N"])
    behind = [event for event in reversed(tail) if int(event["EventSequence"]["N"]) > last]
    return balance, limit, behind, tail[0] if tail else _NOTHING


def _query(values: Mapping[str, Any], **arguments: Any) -> list[Any]:
    answer = _client.query(**{"TableName": _events, **arguments}, ExpressionAttributeValues=values)
    items: list[Any] = answer["Items"]
    return items


def _write(account: Any, command: Mapping[str, Any], newest: Mapping[str, Any]) -> None:
    data, command_id = command["eventData"], command["commandId"]
    event_id = str(uuid5(NAMESPACE_URL, command_id))
    item = {
        "AggregateId": account,
        "EventSequence": {"N": str(int(newest["EventSequence"]["N"]) + 1)},
        "EventId": {"S": event_id},
        "EventType": {"S": command["eventType"]},
        "EventData": {"M": {name: _attribute(value) for name, value in data.items()}},
        "Timestamp": {"S": max(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}", newest["Timestamp"]["S"])},
        "Version": {"N": "1"},
        "CommandId": {"S": command_id},
        "CommandDigest": {"S": sha256(json.dumps(data).encode()).hexdigest()},
        "CorrelationId": {"S": command_id},
        "CausationId": {"S": command_id},
        "Actor": {"S": command["actor"]},
        "PreviousHash": newest["Hash"],
    }
    item["Hash"] = {"S": sha256(json.dumps(item, sort_keys=True).encode()).hexdigest()}
    item["TypeBucket"] = {"S": f"{command['eventType']}#{crc32(event_id.encode()) % _buckets}"}
    _client.put_item(TableName=_events, Item=item, ConditionExpression="attribute_not_exists(AggregateId)")


def _attribute(value: Any) -> dict[str, str]:
    return {"S": value} if isinstance(value, str) else {"N": str(value)}
