"""Kills the workers if the engine dies without stopping.

The engine holds the other end of this process's standard input and writes `+<process group>`, `-<process group>` lines.
When that end closes, for whatever reason, every group still listed is killed and the folder given as argument removed.
(PR_SET_PDEATHSIG would not do: it fires when the *thread* that started a worker ends, and only Linux has it.)
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path


class Watchdog:
    """The engine's end."""

    def __init__(self, folder: Path) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and file
            [sys.executable, "-S", "-I", str(Path(__file__).resolve()), str(folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C in the terminal is not for it
        )

    def watch(self, group: int) -> None:
        self._tell(f"+{group}\n")

    def forget(self, group: int) -> None:
        self._tell(f"-{group}\n")

    def stop(self) -> None:
        """Kills what is still listed and removes the folder."""
        with self._lock:
            if self._process.stdin is not None:
                self._process.stdin.close()
            self._process.wait()

    def _tell(self, line: str) -> None:
        with self._lock:
            if self._process.stdin is not None and not self._process.stdin.closed:
                self._process.stdin.write(line.encode())
                self._process.stdin.flush()


def main(folder: str) -> None:
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # gone by itself
            os.killpg(group, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1])
