"""Rows under each other for people: aligned, coloured on a terminal, and never cut off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console

from tools.lines import wrapped

from .common import printable, shown

_GAP = 2
_GAP_TEXT = " " * _GAP


class Cell(NamedTuple):
    """A text that anybody may have written, its style, and on which side of its column it stands."""

    text: str
    style: str = ""
    right: bool = False


_LAST = 20
"""So narrow the last column may get on a terminal before each row becomes a block of lines."""


def print_table(console: Console, head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Print rows under a head, each column as wide as its widest text; nothing where there are no rows.

    On a terminal that is too narrow the last column goes on below itself, or each row is a block of lines.
    """
    if not rows:
        return
    widths = [max(cell_len(name), *(cell_len(printable(row[at].text)) for row in rows)) for at, name in enumerate(head)]
    room = console.width - sum(widths[:-1]) - _GAP * (len(widths) - 1) if console.is_terminal else widths[-1]
    if room < min(widths[-1], _LAST):
        _print_blocks(console, head, rows)
        return
    for row in [[Cell(name, "dim") for name in head], *rows]:
        *before, last = row
        texts = [_fitted(cell, width) for cell, width in zip(before, widths, strict=False)]
        for text in wrapped(printable(last.text), room):
            line = _GAP_TEXT.join([*texts, _fitted(last._replace(text=text), room)])
            Console.print(console, line.rstrip())
            texts = [" " * width for width in widths[:-1]]


def _print_blocks(console: Console, head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    width = max(map(cell_len, head))
    for number, row in enumerate(rows):
        if number:
            console.print("")
        for name, cell in zip(head, row, strict=True):
            label = f"{name:<{width}}"
            for text in wrapped(printable(cell.text), console.width - width - _GAP) if cell.text else ():
                Console.print(console, f"[dim]{label}[/]{_GAP_TEXT}{_fitted(cell._replace(text=text), 0)}")
                label = " " * width


def _fitted(cell: Cell, width: int) -> str:
    text = shown(cell.text)
    styled = f"[{cell.style}]{text}[/]" if cell.style else text
    blank = " " * (width - cell_len(printable(cell.text)))
    return blank + styled if cell.right else styled + blank
