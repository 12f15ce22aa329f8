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
from threading import Event as Flag
from threading import Timer
from typing import Any, BinaryIO, TextIO

from handlers.sourcing.errors import MalformedError
from handlers.sourcing.values import dumps, loads
from ops.system import OperatorError

WORKER = Path(__file__).with_name("worker.py")
PATIENCE = 60
"""Seconds within which a part of a history is decided again; a candidate that takes longer is ended."""
LOADING = 120
"""Seconds within which a candidate's code is loaded."""
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

    process: subprocess.Popen[bytes]
    asks: TextIO
    answers: TextIO
    said: BinaryIO
    """What it printed, and what it failed with."""
    patience: float

    def ask(self, value: Mapping[str, Any]) -> Any:
        """The answer to a line. CandidateEndedError where the process ends instead, or is ended for taking too long."""
        return self._answer(value, self.patience)

    def begin(self, numbers: Mapping[str, str]) -> None:
        """Wait until it is loaded. CandidateEndedError."""
        self._answer({"numbers": dict(numbers)}, LOADING)

    def _answer(self, value: Mapping[str, Any], seconds: float) -> Any:
        late = Flag()

        def end() -> None:
            late.set()
            self.process.kill()

        watch = Timer(seconds, end)
        watch.start()
        line = ""
        try:
            self.asks.write(f"{dumps(value)}\n")
            self.asks.flush()
            line = self.answers.readline()
            answer = loads(line, "the candidate's answer")
        except (OSError, MalformedError) as error:
            if not late.is_set():
                raise CandidateEndedError(self._last_words() or line[:_TOLD] or "it said nothing") from error
        finally:
            watch.cancel()
        if late.is_set():
            raise CandidateEndedError(f"it did not answer within {seconds:g} s")
        return answer

    def _last_words(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        end = self.said.seek(0, os.SEEK_END)
        self.said.seek(max(0, end - _TOLD))
        return self.said.read().decode(errors="replace").strip()


@contextmanager
def candidate(code: Path, numbers: Mapping[str, str], patience: float = PATIENCE) -> Iterator[Candidate]:
    """A worker on a checkout. OperatorError where its code cannot even be loaded."""
    environment = {**os.environ, "PYTHONPATH": str(code), "PYTHONDONTWRITEBYTECODE": "1"}
    with tempfile.TemporaryFile() as said:
        their_in, our_out = os.pipe()
        our_in, their_out = os.pipe()
        asks = os.fdopen(our_out, "w", encoding="utf-8", errors="surrogatepass")
        answers = os.fdopen(our_in, encoding="utf-8", errors="surrogatepass")
        try:
            process = subprocess.Popen(  # noqa: S603 -- our own worker
                [sys.executable, "-P", str(WORKER), str(their_in), str(their_out)],
                cwd=code,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                pass_fds=(their_in, their_out),
                start_new_session=True,  # Ctrl-C is for whoever asks: it ends this in order
            )
        finally:
            os.close(their_in)
            os.close(their_out)
        try:
            asked = Candidate(process, asks, answers, said, patience)
            try:
                asked.begin(numbers)
            except CandidateEndedError as error:
                raise OperatorError(f"--code {code}: its rules cannot be loaded: {error}") from error
            yield asked
        finally:
            process.kill()
            for pipe in (asks, answers):
                with suppress(OSError):
                    pipe.close()
            process.wait()
