"""Money: in which currencies accounts are opened, and how finely each is counted, after ISO 4217.

All of this is asked of new commands. Older events may be in any three capitals and of any scale; accounts that are kept
in a currency without a scale here go on without one.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import reduce

from handlers.sourcing.errors import MalformedError
from handlers.sourcing.values import ARITHMETIC

from .generated.currencies import MINOR_UNITS, WITHDRAWN

ZERO = Decimal(0)


def check_opening(currency: str, field: str) -> None:
    """Raise MalformedError where no account is opened in this currency.

    One without minor units (gold, the code for testing, the one for no currency) is nothing that money is counted in.
    """
    check_known(currency, field)
    if currency in WITHDRAWN:
        raise MalformedError(field, f"{currency} was withdrawn from ISO 4217: no account is opened in it any more")
    if digits_of(currency) is None:
        raise MalformedError(field, f"{currency} has no minor units in ISO 4217: no account is kept in it")


def check_known(currency: str, field: str) -> None:
    """Raise MalformedError for what is no currency code."""
    if currency not in MINOR_UNITS:
        raise MalformedError(field, "must be an ISO 4217 currency code, such as EUR or USD")


def digits_of(currency: str | None) -> int | None:
    """How many digits after the point money in a currency has; None where nobody says."""
    return MINOR_UNITS.get(currency) if currency else None


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum of amounts."""
    return reduce(ARITHMETIC.add, amounts, ZERO)


def available(balance: Decimal, overdraft_limit: Decimal, reserved: Decimal) -> Decimal:
    """How much may leave an account: what is set aside for transfers stays."""
    return ARITHMETIC.subtract(ARITHMETIC.add(balance, overdraft_limit), reserved)


def is_whole(amount: Decimal, digits: int) -> bool:
    """Whether an amount is a whole number of minor units, with so many digits after the point."""
    return int(ARITHMETIC.normalize(amount).as_tuple().exponent) >= -digits
