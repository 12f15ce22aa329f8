"""What the ledger is, without any of how it works."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class Account:
    """An account after some accepted commands; `length` is how many."""

    length: int = 0
    status: str = "new"
    balance: Decimal = Decimal(0)
    limit: int = 0

    def allows(self, request: dict[str, Any]) -> bool:
        if request.get("expectedSequence", self.length) != self.length:
            return False
        match request["eventType"]:
            case "AccountCreated":
                return self.status == "new"
            case "AccountClosed":
                return self.status == "open" and self.balance == 0
        return self.status == "open" and self.balance + Decimal(request["eventData"]["amount"]) >= -self.limit

    def after(self, request: dict[str, Any]) -> Account:
        data = request["eventData"]
        match request["eventType"]:
            case "AccountCreated":
                return Account(self.length + 1, "open", self.balance, data["overdraftLimit"])
            case "AccountClosed":
                return Account(self.length + 1, "closed", self.balance, self.limit)
        return Account(self.length + 1, "open", self.balance + Decimal(data["amount"]), self.limit)
