"""`python -m bench soak`: drives `serve` at a steady rate, and says whether its memory grew beyond its data.

A process of its own serves the stack, as a developer's does. Senders keep the rate whatever the answers take; a prober
follows one command after the other until it is visible. Linux only: memory is read from /proc.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from local.client import FunctionFailed, StackClient
from ops.commands.arguments import Amount

from .accounts import request
from .memory import Held, held_by
from .served import serving
from .soak_verdict import Mark, faults
from .stored import stored_bytes

ACCOUNTS = 200
_SENDERS = 8
_PATIENCE = 30.0
_LOOK_EVERY = 0.005
_AGAIN_SECONDS = 60.0
"""A command that failed is sent again for so long; then the soak ends."""
_AMOUNT = Amount(1_000_000)
"""Of minutes, seconds or commands a second: anything sensible."""
_PAUSE = 0.5
_PROBE_EVERY = 1.0
_HEAD = "   time  commands  sent→accepted p50/p99  accepted→visible p50/p99   engine  workers   data MB  threads  files"

_console = Console()


@dataclass
class Tally:
    """What senders and prober noted since it was last taken. Times in milliseconds."""

    accepted: list[float] = field(default_factory=list)
    visible: list[float] = field(default_factory=list)
    late: float = 0.0
    """The most that a command was sent after its time."""
    failed: int = 0
    """Answers that were none; each command was sent again."""


class Load:
    """Commands at a rate, each account's one after the other."""

    def __init__(self, client: StackClient, rate: float) -> None:
        self._client = client
        self._rate = rate
        self._lock = threading.Lock()
        self._tally = Tally()
        self._stop = threading.Event()
        self.sent = 0
        self.failures = 0
        self.failed: BaseException | None = None

    def run(self) -> None:
        """Sends until `stop`, or until something fails, which `failed` says."""
        with ThreadPoolExecutor(_SENDERS + 1) as threads:
            for each in [threads.submit(self._send, number) for number in range(_SENDERS)] + [
                threads.submit(self._probe)
            ]:
                each.add_done_callback(self._ended)

    def stop(self) -> None:
        self._stop.set()

    def take(self) -> Tally:
        """What was noted since the last time."""
        with self._lock:
            taken, self._tally = self._tally, Tally()
        return taken

    def _ended(self, sender: Any) -> None:
        if sender.exception() is not None:
            self.failed = self.failed or sender.exception()
            self.stop()

    def _send(self, number: int) -> None:
        """Every `_SENDERS`th command, of every `_SENDERS`th account."""
        own = range(number, ACCOUNTS, _SENDERS)
        began = time.monotonic() + number / self._rate
        count = 0
        while True:
            due = began + count * _SENDERS / self._rate
            if self._stop.wait(max(0.0, due - time.monotonic())):
                return
            late = time.monotonic() - due
            took = self._command(f"soak-{own[count % len(own)]}", 1 + count // len(own))
            count += 1
            with self._lock:
                self.sent += 1
                self._tally.accepted.append(took)
                self._tally.late = max(self._tally.late, late)

    def _probe(self) -> None:
        sequence = 0
        while not self._stop.wait(_PROBE_EVERY):
            sequence += 1
            self._command("soak-probe", sequence)
            accepted = time.perf_counter()
            while (self._client.row("soak-probe") or {}).get("LastSequence", 0) < sequence:
                if time.perf_counter() - accepted > _PATIENCE:
                    raise TimeoutError(f"event {sequence} of soak-probe is not visible after {_PATIENCE:g} s")
                time.sleep(_LOOK_EVERY)
            with self._lock:
                self.sent += 1
                self._tally.visible.append((time.perf_counter() - accepted) * 1e3)

    def _command(self, account: str, sequence: int) -> float:
        """Milliseconds until it is accepted. What fails is sent again: its commandId makes it one command."""
        began = time.perf_counter()
        while (problem := self._problem(account, sequence)) is not None:
            with self._lock:
                self.failures += 1
                self._tally.failed += 1
            _say(f"command {sequence} of {account} {problem}: sent again")
            if time.perf_counter() - began > _AGAIN_SECONDS:
                raise RuntimeError(f"command {sequence} of {account} is not accepted within {_AGAIN_SECONDS:g} s")
            self._stop.wait(_PAUSE)
        return (time.perf_counter() - began) * 1e3

    def _problem(self, account: str, sequence: int) -> str | None:
        """Sends the command; why it was not accepted as the event of that sequence. Raises: RuntimeError."""
        try:
            status, answer = self._client.invoke("commandFunction", request(account, sequence, f"{account}-{sequence}"))
        except (FunctionFailed, BotoCoreError, ClientError) as error:
            return f"failed ({error})"
        if status >= 500:  # noqa: PLR2004 -- HTTP's own boundary
            return f"was answered {status} {answer}"
        if (status, answer.get("sequence")) != (200, sequence):  # lost, or applied twice
            raise RuntimeError(f"command {sequence} of {account} was answered {status} {answer}")
        return None


def main(arguments: Sequence[str]) -> int:
    """Returns 0; 1 if memory grew beyond the data, or anything else that must not grow did, or it could not go on."""
    options = _options(arguments)
    descriptor, name = tempfile.mkstemp(prefix="soak-serve-", suffix=".log")
    os.close(descriptor)
    _say(f"What serve writes is kept in {name}")
    with serving(Path(name)) as (process, client):
        load = Load(client, options.rate)
        driving = threading.Thread(target=load.run, name="soak")
        driving.start()
        try:
            marks = list(_marks(options, load, process, client))
        finally:
            load.stop()
            driving.join()
    if load.failures:
        _say(f"{load.failures:,} of {load.sent:,} commands failed and were sent again; {name} may say why.")
    if load.failed is not None:
        _say(f"ENDED EARLY: {type(load.failed).__name__}: {load.failed}")
        return 1
    problems = faults(marks)
    for problem in problems:
        _say(f"GREW: {problem}")
    if not problems:
        _say("Memory grew by what the data takes, and nothing else grew.")
    return 1 if problems else 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench soak", description=__doc__)
    parser.add_argument("--minutes", type=_AMOUNT, default=60.0, help="how long to drive it (default: 60)")
    parser.add_argument("--rate", type=_AMOUNT, default=20.0, help="commands a second (default: 20)")
    parser.add_argument("--window", type=_AMOUNT, default=60.0, help="seconds from line to line (default: 60)")
    return parser.parse_args(arguments)


def _marks(
    options: argparse.Namespace, load: Load, process: subprocess.Popen[bytes], client: StackClient
) -> Iterator[Mark]:
    """One mark a window, printed as it is taken."""
    _say(_HEAD)
    began = time.monotonic()
    window = min(options.window, options.minutes * 60 / 8)  # enough lines to see growth by
    number = 0
    while time.monotonic() - began < options.minutes * 60 and load.failed is None:
        number += 1
        time.sleep(max(0.0, began + number * window - time.monotonic()))
        mark = Mark(time.monotonic() - began, load.sent, held_by(process.pid), stored_bytes(client))
        _print(mark, load.take())
        yield mark


def _print(mark: Mark, tally: Tally) -> None:
    held: Held = mark.held
    late = f"  up to {tally.late:.1f} s late" if tally.late > 1 else ""
    late += f"  {tally.failed} failed" if tally.failed else ""
    _say(
        f"{mark.seconds:6.0f} s {mark.commands:9,}  {_percentiles(tally.accepted):>21}  "
        f"{_percentiles(tally.visible):>24}   {held.engine_mb:6.0f}  {held.workers_mb:4.0f}/{held.workers}  "
        f"{mark.data / 1e6:8.1f}  {held.threads:7}  {held.files:5}{late}"
    )


def _say(line: str) -> None:
    _console.print(line, markup=False, highlight=False, soft_wrap=True)


def _percentiles(samples: list[float]) -> str:
    if len(samples) < 2:  # noqa: PLR2004 -- no percentiles of one
        return "–"
    cuts = quantiles(samples, n=100, method="inclusive")
    return f"{cuts[49]:.1f} / {cuts[98]:.1f} ms"
