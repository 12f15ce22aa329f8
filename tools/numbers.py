"""Numbers in words, as people say them."""

from __future__ import annotations

from decimal import Decimal

_ODD = {"copy": "copies", "batch": "batches", "entry": "entries", "branch": "branches"}


def counted(number: int, what: str) -> str:
    """So many of something: 1 letter, 2 letters. Of several words the last one is counted: 2 dead letters."""
    return f"{number:,} {noun(number, what)}"


def noun(number: int, what: str) -> str:
    """The word for so many of something."""
    head, space, last = what.rpartition(" ")
    return what if number == 1 else f"{head}{space}{_ODD.get(last, f'{last}s')}"


def verb(number: int, one: str, many: str) -> str:
    """What so many do: 1 needs, 2 need."""
    return one if number == 1 else many


def lasting(seconds: float) -> str:
    """So long, in the largest unit that fits."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def in_groups(amount: Decimal | int) -> str:
    """An amount for people: a fraction has two places at least, groups of three are apart, and no digit is lost.

    A whole one stays whole: not every currency has a fraction.
    """
    if isinstance(amount, Decimal) and not amount.is_finite():
        return str(amount)
    whole, point, fraction = f"{Decimal(amount):f}".partition(".")
    return f"{Decimal(whole):,f}{point}{fraction.ljust(2, '0') if point else ''}"


money = in_groups
