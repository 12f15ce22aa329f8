"""From each version of an event's data to the next: pure functions, one per step, never changed once they ran.

A step gives the data what the next version asks for; what that version has a default for may stay out. The versions
before were open: they kept any field, so a name that the next one gives a meaning may stand for something else. Such a
field is taken where it is well-formed and left out where it is not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from .values import Value

Data = Mapping[str, Value]
Upcaster = Callable[[Data], Data]

_CURRENCY = re.compile("[A-Z]{3}")
_CATEGORY = re.compile("[a-z][a-z0-9-]{0,31}")


def _created_1(data: Data) -> Data:
    """Accounts had no currency: the ledger knew one only, which is the default of version 2."""
    return _only_where(data, currency=_CURRENCY)


def _transaction_1(data: Data) -> Data:
    """Transactions had neither a currency nor a category: they get version 2's defaults."""
    return _only_where(data, currency=_CURRENCY, category=_CATEGORY)


def _only_where(data: Data, **patterns: re.Pattern[str]) -> Data:
    unusable = {name for name, pattern in patterns.items() if name in data and not _fits(data[name], pattern)}
    return {name: value for name, value in data.items() if name not in unusable} if unusable else data


def _fits(value: Value, pattern: re.Pattern[str]) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


UPCASTERS: Mapping[tuple[str, int], Upcaster] = MappingProxyType(
    {("AccountCreated", 1): _created_1, ("TransactionProcessed", 1): _transaction_1}
)
"""By type and version, the step to the next version."""
