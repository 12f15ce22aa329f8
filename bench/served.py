"""The stack on the embedded AWS in a process of its own, as `make serve` runs it for a developer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from local.client import StackClient

from .process import PROJECT

_READY_SECONDS = 120.0
_STOP_SECONDS = 60.0


@contextmanager
def serving(log: Path | None = None) -> Iterator[tuple[subprocess.Popen[bytes], StackClient]]:
    """A `serve` process with the stack deployed; told to stop at the end. `log` is where it writes."""
    with tempfile.TemporaryDirectory() as folder, (log or Path(os.devnull)).open("wb") as written:
        outputs = Path(folder) / "outputs.json"
        command = [sys.executable, "-m", "local", "serve", "--port", "0", "--outputs", str(outputs)]
        errors = None if log is None else subprocess.STDOUT
        process = subprocess.Popen(command, cwd=PROJECT, stdout=written, stderr=errors)  # noqa: S603 -- our own program
        try:
            _await(lambda: outputs.exists() and outputs.read_text(), process)
            yield process, StackClient(json.loads(outputs.read_text()))
        finally:
            process.terminate()
            process.wait(_STOP_SECONDS)


def _await(ready: Callable[[], object], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the embedded AWS does not start: try `python -m local serve`")
        time.sleep(0.1)
