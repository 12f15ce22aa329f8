"""Files that a crash leaves as they were at the last checkpoint, or as they are now; never in between."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from ops.system import OperatorError

_CHUNK = 1024 * 1024
NOTHING = sha256().hexdigest()


def replace(path: Path, text: str) -> None:
    """Give a file this content, whole and on the disk; a crash before that leaves the one it had."""
    fresh = path.with_name(f"{path.name}.tmp")
    fresh.write_text(text, "utf-8")
    sync(fresh)
    rename(fresh, path)


def sync(path: Path) -> None:
    """Have a file's content on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def rename(source: Path, target: Path) -> None:
    """Give a file that is on the disk its name there, in the same folder; the folder's other names are kept, too."""
    source.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def digest(path: Path) -> str:
    """SHA-256 of a file's content."""
    hashed = sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            hashed.update(chunk)
    return hashed.hexdigest()


class Spool:
    """A file that grows from checkpoint to checkpoint; what was written behind the last one is cut off on opening."""

    def __init__(self, path: Path, size: int = 0, sha256_of_it: str = NOTHING) -> None:
        """Go on behind the first `size` bytes. OperatorError if they are not those of that SHA-256."""
        self._hash = sha256()
        self.size = size
        self._file: BinaryIO = path.open("r+b" if size else "wb")
        left = size
        while left and (chunk := self._file.read(min(left, _CHUNK))):
            self._hash.update(chunk)
            left -= len(chunk)
        if self._hash.hexdigest() != sha256_of_it:
            self._file.close()
            raise OperatorError(f"{path}: its first {size:,} bytes are not what was written; export anew")
        self._file.truncate(size)
        self._file.seek(size)

    @property
    def sha256(self) -> str:
        """Of everything written so far."""
        return self._hash.hexdigest()

    def append(self, content: bytes) -> None:
        """Write at the end; counts as written only after `sync`."""
        self._file.write(content)
        self._hash.update(content)
        self.size += len(content)

    def sync(self) -> None:
        """Have everything on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
