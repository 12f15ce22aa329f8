"""Kills the workers and removes the engine's folder if the engine dies without stopping.

The engine holds the other end of this process's standard input and writes `+<process group>`, `-<process group>` lines.
When that end closes, for whatever reason, every group still listed is killed and the folder given as argument removed.
(PR_SET_PDEATHSIG would not do: it fires when the *thread* that started a worker ends, and only Linux has it.)

The engine watches it in turn: a watchdog that dies is replaced at once, and its successor told of every group. Both
killed at the same moment leave the folder behind, which the next engine removes (`scratch`); the workers end by
themselves, as nobody gives them work.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

_logger = logging.getLogger(__name__)
_PAUSE_SECONDS = 1.0  # before another try, where none could be started
_END_SECONDS = 10.0  # for the watchdog to clear up and end
_ESCAPED_SECONDS = 1.0  # for what a worker has started to end
_LOOK_SECONDS = 0.002


class Watchdog:
    """The engine's end. The folder may be made once this exists, so that there is no moment without a watchdog."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._groups: set[int] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._process = self._started()
        self._replacer = threading.Thread(target=self._replace, name="engine-watchdog", daemon=True)
        self._replacer.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def watch(self, group: int) -> None:
        with self._lock:
            self._groups.add(group)
            self._tell(f"+{group}\n")

    def forget(self, group: int) -> None:
        with self._lock:
            self._groups.discard(group)
            self._tell(f"-{group}\n")

    def stop(self) -> None:
        """Kills what is still listed and removes the folder, also where the watchdog cannot."""
        with self._lock:
            self._stopping.set()
            _close(self._process)
        self._replacer.join(_END_SECONDS)
        if self._replacer.is_alive():
            self._process.kill()
            self._replacer.join()
        if self._process.returncode != 0:
            clear(self._groups, self._folder)

    def _started(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and file
            [sys.executable, "-S", "-I", str(Path(__file__).resolve()), str(self._folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C in the terminal is not for it
        )

    def _tell(self, line: str) -> None:
        """A watchdog that has just died is not told: its successor hears of every group anyway."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(line.encode())
                self._process.stdin.flush()

    def _replace(self) -> None:
        while True:
            status = self._process.wait()
            with self._lock:
                if self._stopping.is_set():
                    return
                _logger.warning("the watchdog ended (%s): another one takes its place", status)
                _close(self._process)
                try:
                    self._process = self._started()
                    self._tell("".join(f"+{group}\n" for group in self._groups))
                    continue
                except OSError:
                    _logger.exception("no watchdog could be started: trying again")
            self._stopping.wait(_PAUSE_SECONDS)


def end_group(group: int) -> None:
    """Kills a process group and, on Linux, whatever its leader's descendants have put in groups of their own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # gone by itself; macOS answers EPERM for a zombie
        if _escaped(group):
            os.killpg(group, signal.SIGSTOP)  # or it could start more
            deadline = time.monotonic() + _ESCAPED_SECONDS
            while (escaped := _escaped(group)) and time.monotonic() < deadline:
                for process in escaped:
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.kill(process, signal.SIGKILL)
                time.sleep(_LOOK_SECONDS)
        os.killpg(group, signal.SIGKILL)


def _escaped(group: int) -> list[int]:
    """The living descendants of the group's leader that are in other groups."""
    found, parents = [], [group]
    while parents:
        children = _children(parents.pop())
        parents += children
        found += [child for child in children if _state(child) not in "ZX" and _group(child) not in (group, None)]
    return found


def _children(process: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):  # it has ended, or the system has no such files
        for thread in Path(f"/proc/{process}/task").iterdir():
            found += map(int, (thread / "children").read_text("ascii").split())
    return found


def _state(process: int) -> str:
    try:
        return Path(f"/proc/{process}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def _group(process: int) -> int | None:
    try:
        return os.getpgid(process)
    except ProcessLookupError:
        return None


def clear(groups: set[int], folder: Path) -> None:
    """Kill these process groups and remove the folder."""
    for group in groups:
        end_group(group)
    shutil.rmtree(folder, ignore_errors=True)


def _close(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):  # nobody reads what was not written yet
            process.stdin.close()


def main(folder: str) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # whoever stops everything at once stops it last
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    clear(groups, Path(folder))


if __name__ == "__main__":
    main(sys.argv[1])
