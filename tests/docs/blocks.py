"""The code blocks of the documents, and what each is marked with.

A block is run as printed, by the walk of its document (`walking.py`), unless a comment above its fence says why not:

    <!-- not run: it needs an AWS account -->

A block that is to fail says how, and why: `<!-- ends with 1: the account is closed -->`.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ("README.md", "Pulumi.README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")))

RUN = ("sh", "console", "python")
"""Languages of what a reader types."""
READ = ("json", "text")
"""Those of what a reader looks at, or copies into something else."""
PICTURES = ("mermaid",)

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[a-z]*)$")
_MARK = re.compile(r"^ *<!-- (?:not run: (?P<why>.+)|ends with (?P<code>\d+): .+) -->$")


class Block(NamedTuple):
    """A fenced block. `line` is that of its first line of code, `why_not` why it is not run (None: it is)."""

    document: str
    line: int
    language: str
    text: str
    why_not: str | None = None
    code: int = 0

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def blocks(document: str, text: str | None = None) -> list[Block]:
    """All of a document, in order. Raises ValueError for a fence that nobody closes, or that is no plain one."""
    lines = (text if text is not None else (ROOT / document).read_text("utf-8")).split("\n")
    found: list[Block] = []
    number = 0
    while number < len(lines):
        if not lines[number].lstrip().startswith(("```", "~~~")):
            number += 1
            continue
        opened = _FENCE.match(lines[number])
        if not opened:
            raise ValueError(f"{document}:{number + 1}: {lines[number]!r} opens no plain block")
        try:
            end = lines.index(f"{opened['indent']}```", number + 1)
        except ValueError:
            raise ValueError(f"{document}:{number + 1}: nobody closes this block") from None
        mark = _MARK.match(lines[number - 1]) if number else None
        found.append(
            Block(
                document,
                number + 2,
                opened["language"],
                textwrap.dedent("\n".join(lines[number + 1 : end])),
                mark["why"] if mark else None,
                int(mark["code"] or 0) if mark else 0,
            )
        )
        number = end + 1
    return found


def to_run(document: str) -> list[Block]:
    """What a reader of the document types in."""
    return [block for block in blocks(document) if block.language in RUN and block.why_not is None]
