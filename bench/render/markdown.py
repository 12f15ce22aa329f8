"""Tables and numbers in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_BILLION = 1e9


def table(header: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """A table whose first `left` columns are texts and whose others are numbers."""
    marks = ["---" if column < left else "---:" for column in range(len(header))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, marks, *rows))


def number(value: float | None, digits: int = 3) -> str:
    """A few significant digits with separators of thousands; a dash where there is none."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    places = max(0, digits - len(str(int(abs(value)))) if abs(value) >= 1 else digits - 1)
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def ratio(value: float, floor: float) -> str:
    """How many times the floor; a dash where that is nothing, as the start of a process that imports nothing is."""
    if not floor:
        return number(None)
    return f"{number(value / floor)} ×"


def money(value: float) -> str:
    """US$ to the cent."""
    return f"{value:,.2f}"
