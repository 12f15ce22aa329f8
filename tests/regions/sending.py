"""Requests of commands."""

from __future__ import annotations

from typing import Any


def opening(aggregate_id: str = "a", **data: Any) -> dict[str, Any]:
    return {
        "aggregateId": aggregate_id,
        "eventType": "AccountCreated",
        "eventData": data,
        "commandId": f"open-{aggregate_id}",
    }


def transaction(command_id: str, amount: int, aggregate_id: str = "a") -> dict[str, Any]:
    return {
        "aggregateId": aggregate_id,
        "eventType": "TransactionProcessed",
        "eventData": {"amount": amount},
        "commandId": command_id,
    }


def transfer(transfer_id: str, from_account: str, to_account: str, amount: int) -> dict[str, Any]:
    return {
        "aggregateId": transfer_id,
        "eventType": "TransferRequested",
        "eventData": {"fromAccount": from_account, "toAccount": to_account, "amount": amount, "currency": "USD"},
        "commandId": f"request-{transfer_id}",
    }
