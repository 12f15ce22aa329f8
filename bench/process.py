"""Subjects from outside: a process each, asked one task at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, cast

PROJECT = Path(__file__).resolve().parent.parent


class SubjectError(RuntimeError):
    """A subject failed at a task; says which subject, and what it said."""


class Process:
    """A subject's process. Whatever it writes besides its answers goes to this program's standard error."""

    def __init__(self, name: str, environment: Mapping[str, str], command: Sequence[str] | None = None) -> None:
        self.name = name
        self._process = subprocess.Popen(  # noqa: S603 -- our own programs
            command or [sys.executable, "-m", "bench.subject", name],
            cwd=PROJECT,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._tasks, self._answers = cast("IO[str]", self._process.stdin), cast("IO[str]", self._process.stdout)

    def ask(self, do: str, **task: Any) -> dict[str, Any]:
        """Have it do one task. Raises SubjectError."""
        with suppress(BrokenPipeError):  # it died: there is no answer either
            self._tasks.write(json.dumps({"do": do, **task}) + "\n")
            self._tasks.flush()
        line = self._answers.readline()
        if not line:
            raise SubjectError(f"{self.name} ended with {self._process.wait()} at {do}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise SubjectError(f"{self.name} at {do}: {answer['error']}")
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(BrokenPipeError):
            self._tasks.close()
        self._process.wait()
        self._answers.close()
