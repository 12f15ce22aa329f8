"""The watchdog and what it watches over, whoever of them is killed: no process and no folder stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.engine import scratch
from local.engine.watchdog import Watchdog
from tests.support import eventually

ENGINE = Path(scratch.__file__).parent
OWNER = f"""
import signal, subprocess, sys
# Whoever runs the tests may have them ignored, as a script does in the background.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
sys.path.insert(0, {str(ENGINE)!r})  # without the engine, which takes seconds to load
import scratch
from watchdog import Watchdog
folder = scratch.unused()
watchdog = Watchdog(folder)
owner = scratch.make(folder)
worker = subprocess.Popen(["sleep", "600"], start_new_session=True)
watchdog.watch(worker.pid)
for _ in iter(sys.stdin.readline, ""):  # whenever it is asked
    print(worker.pid, watchdog.pid, flush=True)
"""


@pytest.fixture
def worker() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as process:
        yield process
        process.kill()


@pytest.fixture
def watchdog(tmp_path: Path) -> Iterator[Watchdog]:
    """Of the folder `watched` in tmp_path."""
    (tmp_path / "watched").mkdir()
    watchdog = Watchdog(tmp_path / "watched")
    yield watchdog
    watchdog.stop()


def test_a_killed_watchdog_is_replaced_and_its_successor_knows_every_worker(
    tmp_path: Path, watchdog: Watchdog, worker: subprocess.Popen[bytes]
) -> None:
    watchdog.watch(worker.pid)
    first = watchdog.pid
    os.kill(first, signal.SIGKILL)
    eventually(lambda: watchdog.pid != first)

    watchdog.stop()

    assert worker.wait(10) == -signal.SIGKILL
    assert not (tmp_path / "watched").exists()


def test_a_worker_can_be_told_to_a_watchdog_that_has_just_been_killed(
    tmp_path: Path, watchdog: Watchdog, worker: subprocess.Popen[bytes]
) -> None:
    os.kill(watchdog.pid, signal.SIGKILL)
    for other in range(400_000_000, 400_000_100):  # no process has such a number
        watchdog.watch(other)
        watchdog.forget(other)
    watchdog.watch(worker.pid)

    watchdog.stop()

    assert worker.wait(10) == -signal.SIGKILL


def test_a_stop_does_without_the_watchdog(tmp_path: Path, watchdog: Watchdog, worker: subprocess.Popen[bytes]) -> None:
    watchdog.watch(worker.pid)
    os.kill(watchdog.pid, signal.SIGKILL)

    watchdog.stop()

    assert worker.wait(10) == -signal.SIGKILL
    assert not (tmp_path / "watched").exists()


class Owner:
    """A process that has a watchdog, a worker and a folder, as an engine has."""

    def __init__(self, temporary: Path, process: subprocess.Popen[str]) -> None:
        self.temporary = temporary
        self.process = process
        self.worker, self.watchdog = self.ask()
        # From here on it ignores what its owner dies of.
        eventually(lambda: "SIGTERM" in _ignored(self.watchdog))

    def ask(self) -> tuple[int, int]:
        """The process ids of its worker and of its watchdog as it is now."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        worker, watchdog = self.process.stdout.readline().split()
        return int(worker), int(watchdog)

    def folders(self) -> list[Path]:
        return list(self.temporary.glob(f"{scratch.PREFIX}*"))


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Owner]:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", OWNER]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield Owner(tmp_path, process)
        process.kill()


def _ignored(process: int) -> set[str]:
    status = Path(f"/proc/{process}/status").read_text()
    mask = int(next(line for line in status.splitlines() if line.startswith("SigIgn")).split()[1], 16)
    return {number.name for number in signal.Signals if mask >> (number - 1) & 1}


def _gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    # The worker's parent is gone as well: whoever adopts it may take its time to notice.
    return "State:\tZ" in Path(f"/proc/{process}/status").read_text()


def _kill(number: signal.Signals) -> Callable[[Owner], None]:
    return lambda owner: owner.process.send_signal(number)


def _kill_all(number: signal.Signals) -> Callable[[Owner], None]:
    """As a service manager stops all processes that it has started, the watchdog among them."""

    def kill(owner: Owner) -> None:
        os.kill(owner.watchdog, number)
        owner.process.send_signal(number)

    return kill


def _kill_one_after_the_other(owner: Owner) -> None:
    os.kill(owner.watchdog, signal.SIGKILL)
    eventually(lambda: owner.ask()[1] != owner.watchdog)
    owner.process.kill()


@pytest.mark.parametrize(
    "kill",
    [
        pytest.param(_kill(signal.SIGKILL), id="SIGKILL"),
        pytest.param(_kill(signal.SIGTERM), id="SIGTERM"),
        pytest.param(_kill(signal.SIGINT), id="SIGINT"),
        pytest.param(_kill(signal.SIGHUP), id="SIGHUP"),
        pytest.param(_kill_all(signal.SIGTERM), id="SIGTERM to all"),
        pytest.param(_kill_all(signal.SIGINT), id="SIGINT to all"),
        pytest.param(_kill_one_after_the_other, id="the watchdog, then the engine"),
    ],
)
def test_nothing_stays_behind(owner: Owner, kill: Callable[[Owner], None]) -> None:
    assert owner.folders()

    kill(owner)

    owner.process.wait(10)
    eventually(lambda: _gone(owner.worker))
    eventually(lambda: not owner.folders())


def test_what_stays_behind_when_both_are_killed_at_once_is_removed_by_the_next_engine(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(owner.temporary))
    os.kill(owner.process.pid, signal.SIGSTOP)  # it cannot replace its watchdog
    os.kill(owner.watchdog, signal.SIGKILL)
    scratch.sweep()
    assert owner.folders()
    owner.process.kill()
    owner.process.wait(10)
    os.kill(owner.worker, signal.SIGKILL)
    assert owner.folders()

    scratch.sweep()

    assert not owner.folders()


def test_what_is_not_an_engines_folder_is_not_swept_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "owner").touch()
    (tmp_path / f"{scratch.PREFIX}link").symlink_to(elsewhere)
    (tmp_path / f"{scratch.PREFIX}file").touch()
    (tmp_path / f"{scratch.PREFIX}begun").mkdir()

    scratch.sweep()

    assert (elsewhere / "owner").exists()
    assert len(list(tmp_path.iterdir())) == 4
