"""Accounts that look like life: what the pictures show, and what the tests walk through."""

from __future__ import annotations

from tests.console.people import Person

MARIA, HOUSE = "account-123", "account-456"
TRANSFER = "rent-may"

_MONTH = [
    ("2450.00", "salary"), ("-34.90", "groceries"), ("-12.50", "books"), ("-58.20", "groceries"), ("-79.00", "travel"),
    ("-41.35", "groceries"), ("15.00", "refund"), ("-220.00", "insurance"), ("-63.80", "groceries"),
]  # fmt: skip


def seed(person: Person) -> None:
    """Two accounts, two months of transactions, and a transfer that completes: some thirty events."""
    person.tell(
        MARIA, "AccountCreated", customerId="maria", accountType="checking", currency="EUR", overdraftLimit="250"
    )
    person.tell(HOUSE, "AccountCreated", customerId="landlord", accountType="savings", currency="EUR")
    for month in range(3):
        for number, (amount, category) in enumerate(_MONTH):
            person.tell(
                MARIA, "TransactionProcessed", f"{month}-{number}", amount=amount, category=category,
                transactionId=f"2026-{month + 3:02}-{number + 1:02}",
            )  # fmt: skip
        if month == 1:
            rent(person)


def rent(person: Person) -> None:
    person.transfer(
        TRANSFER, fromAccount=MARIA, toAccount=HOUSE, amount="1180.00", currency="EUR", reference="Rent for May"
    )
    person.has(f"/transfers/{TRANSFER}", lambda row: row.get("Status") == "Completed")
