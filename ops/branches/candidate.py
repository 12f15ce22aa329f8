"""A process that decides by the rules of another checkout, which is only read."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Timer
from typing import Any

from handlers.sourcing.errors import MalformedError
from handlers.sourcing.values import dumps, loads
from ops.system import OperatorError

WORKER = Path(__file__).with_name("worker.py")
PATIENCE = 120.0
"""Seconds within which a part of a history is decided again; a candidate that takes longer is ended."""
_TOLD = 400


def revision_of(code: Path) -> str:
    """What tells a checkout's rules from any others: SHA-256 over its handlers. OperatorError where it has none."""
    files = sorted((code / "handlers").rglob("*.py"))
    if not files:
        raise OperatorError(f"--code {code}: there are no handlers there; give a checkout of this project")
    told = sha256()
    for file in files:
        told.update(f"{file.relative_to(code)}\0".encode() + sha256(file.read_bytes()).digest())
    return told.hexdigest()


class CandidateEndedError(Exception):
    """The process ended while it was asked something; what it said last."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A worker process; one thread asks it, line by line."""

    process: subprocess.Popen[str]
    errors: Any

    def ask(self, value: Mapping[str, Any]) -> Any:
        """The answer to a line. CandidateEndedError where the process ends instead."""
        stdin, stdout = self.process.stdin, self.process.stdout
        if stdin is None or stdout is None:
            raise CandidateEndedError("it has no pipes")
        watch = Timer(PATIENCE, self.process.kill)
        watch.start()
        try:
            stdin.write(f"{dumps(value)}\n")
            stdin.flush()
            line = stdout.readline()
        except OSError as error:
            raise CandidateEndedError(self._last_words()) from error
        finally:
            late = not watch.is_alive()
            watch.cancel()
        try:
            return loads(line, "the candidate's answer")
        except MalformedError as error:
            slow = f"it did not answer within {PATIENCE:.0f} s" if late else "it said nothing"
            raise CandidateEndedError(self._last_words() or line[:_TOLD] or slow) from error

    def _last_words(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self.errors.seek(0)
        words: str = self.errors.read().strip()
        return words[-_TOLD:]


@contextmanager
def candidate(code: Path, numbers: Mapping[str, str]) -> Iterator[Candidate]:
    """A worker on a checkout. OperatorError where its code cannot even be loaded."""
    environment = {**os.environ, "PYTHONPATH": str(code), "PYTHONDONTWRITEBYTECODE": "1"}
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        process = subprocess.Popen(  # noqa: S603 -- our own worker
            [sys.executable, "-P", str(WORKER)],
            cwd=code,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            encoding="utf-8",
            errors="surrogatepass",
            start_new_session=True,  # Ctrl-C is for whoever asks: it ends this in order
        )
        try:
            asked = Candidate(process, errors)
            try:
                asked.ask({"numbers": dict(numbers)})
            except CandidateEndedError as error:
                raise OperatorError(f"--code {code}: its rules cannot be loaded: {error}") from error
            yield asked
        finally:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()
            process.wait()
