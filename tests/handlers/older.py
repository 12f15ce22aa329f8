"""A store as the code before the first second version of an event left it."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from ..aws import ROWS, STORE

GOLDEN: dict[str, list[dict[str, Any]]] = json.loads(
    Path(__file__).with_name("stored_by_version_1.json").read_text("utf-8")
)
"""`events` and `rows`: the items of both tables as the handlers at commit c9f2699 wrote them."""
BALANCES = {
    "plain": Decimal("12345678901234668.38999999"),
    "closed": Decimal(0),
    "early": Decimal(12),
    "open": Decimal(9),
}
CURRENCIES = {"plain": "USD", "closed": "USD", "early": "EUR", "open": "USD"}


def leave(client: Any) -> None:
    """Fill both tables like that."""
    for table, items in ((STORE, GOLDEN["events"]), (ROWS, GOLDEN["rows"])):
        for item in items:
            client.put_item(TableName=table, Item=item)


def leave_updated(client: Any, account: str, said: str) -> None:
    """Have the account's summary say that it was updated when a caller said, as the code before recorded time did."""
    client.update_item(
        TableName=ROWS,
        Key={"AccountId": {"S": account}, "ProjectionType": {"S": "AccountSummary"}},
        UpdateExpression="SET LastUpdated = :said",
        ExpressionAttributeValues={":said": {"S": said}},
    )
