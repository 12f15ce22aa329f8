"""The file that tells other programs where the stack is, for as long as it is there."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from socket import create_connection
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

_ROOM = 64 * 1024
"""Bytes that are tried before anything is deployed: more than any stack's outputs take."""
_ANSWERS_WITHIN = 1.0
"""Seconds, on this machine."""


class OutputsError(OSError):
    """Says in one sentence why the file of `--outputs` cannot be, and names the option."""


class OutputsFile:
    """While its context lasts, `path` holds what was written and never half of it. Without a path it does nothing.

    A file of an engine that still answers is not touched, and at the end nothing is removed but what was written here.
    """

    def __init__(self, path: Path | None) -> None:
        """Raises OutputsError where `path` could not be written now, or is of an engine that answers."""
        self._path = path
        self._text: str | None = None
        if path:
            with _told(path):
                if path.exists() and not path.is_file():  # a device would be removed like a stale file
                    raise OSError("that is a folder" if path.is_dir() else "that is no regular file")
                _refuse_a_living_engines(path)
                _written(path, " " * _ROOM).unlink()

    def __enter__(self) -> Self:
        """Whatever an earlier run left behind is stale now."""
        if self._path:
            with _told(self._path):
                self._path.unlink(missing_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._path and self._text is not None:
            with _told(self._path):
                if _read(self._path) == self._text:
                    self._path.unlink(missing_ok=True)

    def write(self, content: dict[str, Any]) -> None:
        """Put `content` there as JSON, at once: who sees the file sees all of it. Raises OutputsError."""
        if self._path:
            text = json.dumps(content, indent=2) + "\n"
            with _told(self._path):
                _refuse_a_living_engines(self._path)  # one that was deployed meanwhile
                _written(self._path, text).replace(self._path)
            self._text = text


def _refuse_a_living_engines(path: Path) -> None:
    """Raises OSError where the file names an address on which something listens."""
    try:
        told = json.loads(_read(path) or "")
        at = urlsplit(told["endpoint"])
        with create_connection((at.hostname, at.port), _ANSWERS_WITHIN):
            pass
    except (ValueError, KeyError, TypeError, OSError):
        return  # no outputs, or of an engine that has ended
    raise OSError(f"it is of the engine that answers at {told['endpoint']}; end that one, or name another file")


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return None


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
