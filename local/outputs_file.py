"""The file that tells other programs where the stack is, for as long as it is there."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_ROOM = 64 * 1024
"""Bytes that are tried before anything is deployed: more than any stack's outputs take."""


class OutputsError(OSError):
    """Says in one sentence why the file of `--outputs` cannot be, and names the option."""


class OutputsFile:
    """While its context lasts, `path` holds what was written and never half of it. Without a path it does nothing."""

    def __init__(self, path: Path | None) -> None:
        """Raises OutputsError where `path` could not be written now."""
        self._path = path
        if path:
            with _told(path):
                if path.exists() and not path.is_file():  # a device would be removed like a stale file
                    raise OSError("that is a folder" if path.is_dir() else "that is no regular file")
                _written(path, " " * _ROOM).unlink()

    def __enter__(self) -> Self:
        """Whatever an earlier run left behind is stale now."""
        self._remove()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    def write(self, content: dict[str, Any]) -> None:
        """Put `content` there as JSON, at once: who sees the file sees all of it. Raises OutputsError."""
        if self._path:
            with _told(self._path):
                _written(self._path, json.dumps(content, indent=2) + "\n").replace(self._path)

    def _remove(self) -> None:
        if self._path:
            with _told(self._path):
                self._path.unlink(missing_ok=True)


def _written(path: Path, text: str) -> Path:
    """A file beside `path` that holds the text, or none at all."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())  # or a full disk might not be told
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputsError(f"cannot write {path}, the file of --outputs: {error.strerror or error}") from error
