"""What the benchmark says while it runs: a line per step, with a bar while it lasts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

Advance = Callable[[int], None]


class Steps:
    """Shows steps on a terminal as bars, elsewhere as lines."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def step(self, title: str, total: int) -> Iterator[Advance]:
        """One step of `total` parts; what is yielded hears how many more of them are done."""
        columns = (TextColumn("  {task.description:<58}"), BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn())
        started = time.monotonic()
        with Progress(*columns, console=self._console, transient=True, disable=not self._console.is_terminal) as bars:
            bar = bars.add_task(title, total=total)
            yield lambda more: bars.advance(bar, more)
        self._console.print(f"  [green]✔[/] {title:<58} [dim]{time.monotonic() - started:6.1f} s[/]", highlight=False)

    def say(self, text: str, style: str = "") -> None:
        """A line."""
        self._console.print(text, style=style, markup=False, highlight=False)
