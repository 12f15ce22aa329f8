"""Copies of the project in which somebody types in `docs/extending.md`, a section after the other."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..docs.blocks import ROOT, Block, to_run
from ..docs.walking import Walk
from ..somebodys_shell import NOBODY

DOCUMENT = "docs/extending.md"
COPIED = ("cli", "components", "docs", "handlers", "local", "ops", "schemas", "stack", "tests", "tools")
"""What the reader writes into, or what looks at all that there is."""
_FILES = ("__main__.py", "Pulumi.yaml", "pyproject.toml")
"""What is written into, and the program, which packs the handlers that lie beside it."""


class Writing(Walk):
    """A reader who writes: what is written into is a copy, whatever else is the project's own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, {"endpoint": NOBODY, "region": "us-east-1"})

    def _clone(self) -> None:
        super()._clone()
        linked = [name for name in COPIED if (self.folder / name).is_symlink()]  # the others are copies already
        for name in (*linked, *_FILES):
            (self.folder / name).unlink()
        for name in linked:
            shutil.copytree(ROOT / name, self.folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        for name in _FILES:
            shutil.copy(ROOT / name, self.folder)
        (self.folder / ".venv" / "bin" / "ruff").symlink_to(Path(sys.prefix) / "bin" / "ruff")
        # What is asked about a stack is asked of the one that is served, if there is one.
        (self.folder / "out.json").unlink()


def section(title: str) -> list[Block]:
    """The blocks under a heading of the document."""
    lines = (ROOT / DOCUMENT).read_text("utf-8").split("\n")
    heads = [number for number, line in enumerate(lines, 1) if line.startswith("## ")]
    start = lines.index(f"## {title}") + 1
    end = next((number for number in heads if number > start), len(lines) + 1)
    return [block for block in to_run(DOCUMENT) if start < block.line < end]


def titles() -> list[str]:
    """The headings under which there is something to type in, in order."""
    return [each for each in re.findall(r"(?m)^## (.+)$", (ROOT / DOCUMENT).read_text("utf-8")) if section(each)]


@contextmanager
def serving(project: Path) -> Iterator[None]:
    """`make serve` in another terminal, on any free port; over when the stack is deployed."""
    environment = {**os.environ, "PYTHONPATH": str(project)}
    command = [sys.executable, "-m", "local", "serve", "--port", "0", "--outputs", "out.json", "--json"]
    with subprocess.Popen(command, cwd=project, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            assert process.stdout.readline(), "it was not deployed"
            yield
        finally:
            process.terminate()
