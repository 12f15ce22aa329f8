"""Lines for a terminal: they end between words, never in one, nor in a command that is named.

A pipe or a file gets each line whole.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from itertools import pairwise
from typing import IO

from rich.cells import cell_len

_WORD = re.compile(
    r"(?:[^\s`]*`[^`\n]*`)+\S*"
    r"|(?<=: )(?:\S*/)?(?:aws|ledger|make|pulumi) [^`;\n]+$"  # as it stands at the end of a hint
    r"|dead-letters (?:redrive|discard)(?: --\S+ \S+)*|republish \S+ \S+"  # what operators are to type
    r"|\S+"
)
_BARE = re.compile(r"\S+")
_FURTHER = 4
"""How far the further lines of a command stand behind its first."""


def wrapped(text: str, width: int, *, hang: int = 0) -> list[str]:
    """One line as several of at most `width` cells, the further ones indented by `hang`. A longer word stays whole."""
    return [
        f"{'' if not number else ' ' * hang}{text[start:end]}"
        for number, (start, end) in enumerate(stretches(text, width, hang))
    ]


def stretches(text: str, width: int, hang: int = 0) -> list[tuple[int, int]]:
    """Where in a text the lines of `wrapped` begin and end."""
    starts, room, begin, before = [0], width, 0, 0
    for at, end in _words(text, width - hang):
        if before and cell_len(text[begin:end]) > room:
            begin, room = at, width - hang
            starts.append(at)
        before = end
    return [(at, at + len(text[at:to].rstrip())) for at, to in pairwise([*starts, len(text)])]


def _words(text: str, room: int) -> Iterator[tuple[int, int]]:
    """A command counts as one word where it fits a line."""
    for found in _WORD.finditer(text):
        if cell_len(found[0]) <= room:
            yield found.span()
        else:
            yield from (bare.span() for bare in _BARE.finditer(text, *found.span()))


def command(line: str, width: int) -> list[str]:
    """A command line of sh as lines that can be copied together: those that are not the last end in a backslash."""
    indent = line[: len(line) - len(line.lstrip())]
    if cell_len(line) <= width:
        return [line]
    try:
        words = [shlex.quote(word) for word in shlex.split(line)]
    except ValueError:  # no command line after all
        return [line]
    lines = [indent + words[0]]
    for word in words[1:]:
        if cell_len(f"{lines[-1]} {word} \\") <= width:
            lines[-1] += f" {word}"
        else:
            lines[-1] += " \\"
            lines.append(f"{indent}{' ' * _FURTHER}{word}")
    return lines


def fitting(text: str, stream: IO[str], *, hang: int = 0) -> str:
    """A text as a stream takes it: its lines wrapped on a terminal, whole elsewhere. Indented lines are commands."""
    if not stream.isatty():
        return text
    width = columns()
    return "\n".join(
        part
        for line in text.split("\n")
        for part in (command(line, width) if line.startswith(" ") else wrapped(line, width, hang=hang))
    )


def columns() -> int:
    """How many a terminal has."""
    return shutil.get_terminal_size().columns
