"""From each version of an event's data to the next: pure functions, one per step, never changed once they ran.

A step gives the data what the next version asks for; what that version has a default for may stay out. What it is given
fits its version, and of the fields that the next version adds it holds those alone that are well-formed there (`facts`
leaves the others out: they were somebody's extra fields). What it makes must fit the next version.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from handlers.sourcing.facts import Data, Upcaster


def _created_1(data: Data) -> Data:
    """Accounts had no currency: the ledger knew one only, which is the default of version 2."""
    return data


def _transaction_1(data: Data) -> Data:
    """Transactions had neither a currency nor a category: they get version 2's defaults."""
    return data


def _transaction_2(data: Data) -> Data:
    """No transaction was part of a transfer: such a field was somebody's extra one, however well-formed."""
    return {name: value for name, value in data.items() if name not in ("transferId", "counterparty")}


UPCASTERS: Mapping[tuple[str, int], Upcaster] = MappingProxyType(
    {
        ("AccountCreated", 1): _created_1,
        ("TransactionProcessed", 1): _transaction_1,
        ("TransactionProcessed", 2): _transaction_2,
    }
)
"""By type and version, the step to the next version."""
