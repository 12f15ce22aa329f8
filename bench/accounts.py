"""Accounts of any length, at rest: valid streams written past the ledger, long ago."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from handlers.domain import decide, evolve
from handlers.sourcing import times
from handlers.sourcing.command import Command
from handlers.sourcing.event import Event, chain
from handlers.store.items import Item, to_item
from handlers.store.snapshots import BEGINNING, Snapshot

LENGTHS = (0, 10, 1_000, 100_000)
FIRST = datetime(2024, 1, 15, 10, tzinfo=UTC)
BATCH = 25
"""BatchWriteItem's limit."""
_WRITERS = 4

Request = dict[str, Any]


def moment(sequence: int) -> str:
    """When the event of that sequence happened: they are a second apart."""
    return times.to_text(FIRST + timedelta(seconds=sequence))


def request(account: str, sequence: int, name: str) -> Request:
    """The command whose event is to be of that sequence: the first opens the account, all others move money."""
    if sequence == 1:
        kind = "AccountCreated"
        data = {
            "accountId": account,
            "customerId": "customer-456",
            "accountType": "checking",
            "overdraftLimit": 500,
            "currency": "USD",
        }
    else:
        deposit = sequence % 2 == 0
        kind = "TransactionProcessed"
        data = {
            "transactionId": f"tx-{name}",
            "amount": 100.25 if deposit else -100.25,
            "type": "deposit" if deposit else "withdrawal",
            "timestamp": "2024-01-15T10:30:00Z",
            "currency": "USD",
            "category": "salary" if deposit else "rent",
        }
    return {"aggregateId": account, "eventType": kind, "eventData": data, "commandId": name, "actor": "bench"}


def history(account: str, length: int) -> Iterator[tuple[Event, Snapshot]]:
    """The events of an account, as the ledger would have written them, and the state after each."""
    state, position = BEGINNING
    for sequence in range(1, length + 1):
        command = Command.parse(request(account, sequence, f"{account}-{sequence}"), "")
        (event,) = chain(position, decide(state, command), command, moment(sequence))
        state, position = evolve(state, event), position.advance(event)
        yield event, Snapshot(state, position)


def stream(account: str, length: int) -> Iterator[Event]:
    """The events of an account alone."""
    return (event for event, _ in history(account, length))


def recipe_items(account: str, length: int) -> Iterator[Item]:
    """The same history as the recipe would have stored it."""
    for event in stream(account, length):
        yield to_item(
            {
                "AggregateId": account,
                "EventSequence": event.sequence,
                "EventId": event.event_id,
                "EventType": event.event_type,
                "EventData": event.data,
                "Timestamp": event.timestamp.rstrip("Z"),
                "Version": "1.0",
            }
        )


def put_all(client: Any, items: Iterable[tuple[str, Item]]) -> None:
    """Write items, each with the name of its table, by BatchWriteItem, some batches at a time."""

    def put(batch: list[tuple[str, Item]]) -> None:
        puts: dict[str, list[Any]] = defaultdict(list)
        for table, item in batch:
            puts[table].append({"PutRequest": {"Item": item}})
        undone: Any = dict(puts)
        while undone:
            undone = client.batch_write_item(RequestItems=undone)["UnprocessedItems"]

    rest = iter(items)
    under_way: deque[Future[None]] = deque()
    with ThreadPoolExecutor(_WRITERS) as pool:
        while batch := list(islice(rest, BATCH)):
            under_way.append(pool.submit(put, batch))
            if len(under_way) > 2 * _WRITERS:  # the next ones are made while these are written
                under_way.popleft().result()
        for each in under_way:
            each.result()
