"""The documents that the benchmark writes, from its results alone."""

from __future__ import annotations

from pathlib import Path

from . import cost
from .process import PROJECT
from .render import cost as cost_document
from .render import performance, scaling
from .results import Results

DOCS = PROJECT / "docs"


def documents(results: Results) -> dict[str, str]:
    """Path under docs/ to content; what would follow from what was never measured is left out."""
    written = performance.render(results)
    if cost.can_be_told(results):
        written |= {**scaling.render(results), **cost_document.render(results)}
    return written


def write(results: Results) -> list[Path]:
    """Write them; which ones, relative to the project."""
    written = []
    for name, content in documents(results).items():
        path = DOCS / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
        written.append(path.relative_to(PROJECT))
    return written
