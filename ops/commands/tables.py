"""Rows under each other for people: aligned, coloured on a terminal, and never cut off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console

from .common import printable, shown


class Cell(NamedTuple):
    """A text that anybody may have written, its style, and on which side of its column it stands."""

    text: str
    style: str = ""
    right: bool = False


def print_table(console: Console, head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Print rows under a head, each column as wide as its widest text; nothing where there are no rows."""
    if not rows:
        return
    widths = [max(cell_len(name), *(cell_len(printable(row[at].text)) for row in rows)) for at, name in enumerate(head)]
    for row in [[Cell(name, "dim") for name in head], *rows]:
        texts = [_fitted(cell, width) for cell, width in zip(row, widths, strict=True)]
        console.print("  ".join(texts).rstrip())


def _fitted(cell: Cell, width: int) -> str:
    text = shown(cell.text)
    styled = f"[{cell.style}]{text}[/]" if cell.style else text
    blank = " " * (width - cell_len(printable(cell.text)))
    return blank + styled if cell.right else styled + blank
