"""The files of a web application, and what a browser is told of each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

INDEX = "index.html"
UNCACHED = "no-cache"
"""A browser asks each time whether its copy is still good, which costs a short answer: files have no version in their
names, and a new revision must be seen at once and whole."""

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}


def web_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Paths below the folder, with slashes, and the files; sorted, without those whose name begins with a dot."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in inside.parts):
            yield inside.as_posix(), path


def content_type(path: str) -> str:
    """ValueError, naming the file, for one that browsers would have to guess: they are told not to."""
    suffix = Path(path).suffix
    if suffix not in _TYPES:
        raise ValueError(f"{path}: files of a web application must end in one of {', '.join(_TYPES)}")
    return _TYPES[suffix]
