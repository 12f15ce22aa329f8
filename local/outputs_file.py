"""The file that tells other programs where the stack is, for as long as it is there."""

import json
import os
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class OutputsFile:
    """While its context lasts, `path` holds what was written and never half of it. Without a path it does nothing."""

    def __init__(self, path: Path | None) -> None:
        """Raises OSError if the folder of `path` cannot be written."""
        self._path = path
        if path and not os.access(path.parent, os.W_OK):
            raise OSError(f"cannot write {path}: there is no such folder, or it is read-only")

    def __enter__(self) -> Self:
        """Whatever an earlier run left behind is stale now."""
        if self._path:
            self._path.unlink(missing_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._path:
            self._path.unlink(missing_ok=True)

    def write(self, content: dict[str, Any]) -> None:
        """Put `content` there as JSON, at once: who sees the file sees all of it."""
        if not self._path:
            return
        descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}-")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(content, file, indent=2)
                file.write("\n")
            Path(name).replace(self._path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
