"""The program as a process of its own: closed and full outputs, Ctrl-C, and where its link stands."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cli.profiles import Profile, Profiles

from .conftest import HERE, Run
from .fake import ROOT, FakeLedger

LEDGER = str(ROOT / "cli/ledger")


def shell(line: str, *, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """A line of sh in which $LEDGER is the program."""
    environment = {**os.environ, "LEDGER": LEDGER}
    return subprocess.run(["sh", "-c", line], cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("$LEDGER profiles >&-", 1, "error: standard output: it is closed\n"),
        ("$LEDGER --help >&-", 1, "error: standard output: it is closed\n"),
        ("$LEDGER logout >&-", 0, "Nobody was signed in to here.\n"),
        ("$LEDGER nonsense 2>&-", 2, ""),
        ("$LEDGER nonsense >&- 2>&- <&-", 2, ""),
        ("$LEDGER --help >/dev/full", 1, "error: standard output: No space left on device\n"),
        ("$LEDGER __complete acc >/dev/full", 1, "error: standard output: No space left on device\n"),
        ("$LEDGER logout 2>/dev/full", 0, ""),
    ],
)
def test_an_output_that_takes_nothing_is_no_traceback(ledger: FakeLedger, line: str, code: int, said: str) -> None:
    ran = shell(line)

    assert (ran.returncode, ran.stderr) == (code, said)


def test_whoever_stops_reading_is_141_and_no_word(ledger: FakeLedger) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    ran = subprocess.run([LEDGER, "completion", "bash"], stdout=theirs, stderr=subprocess.PIPE, check=False)
    os.close(theirs)

    assert (ran.returncode, ran.stderr) == (141, b"")


@pytest.mark.parametrize(("where", "why"), [("/dev/full", "No space left on device"), ("&-", "it is closed")])
def test_what_was_done_is_not_taken_for_undone_where_it_cannot_be_printed(
    ledger: FakeLedger, where: str, why: str
) -> None:
    ledger.replies["sendAccountCommand"] = 200, '{"eventId": "e", "aggregateId": "a", "sequence": 2, "commandId": "k"}'

    ran = shell(f"$LEDGER account deposit a 1 --profile here >{where}")

    assert ran.returncode == 1
    assert ran.stderr == (
        "It was done, and that could not be printed. Put 1 into a (sequence 2, id k)\n"
        f"At the ledger here, {ledger.url}.\nerror: standard output: {why}\n"
    )


class _Slow(FakeLedger):
    """Takes a request, and does not answer."""

    def __init__(self) -> None:
        super().__init__()
        self.is_asked, self.may_answer = threading.Event(), threading.Event()

    def reply(self, asked: object) -> tuple[int, str]:
        self.is_asked.set()
        assert self.may_answer.wait(20)
        return 200, '{"events": [], "count": 0}'


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        ("events tail", 0, "Stopped.\n"),
        ("account show a", 130, "Interrupted.\n"),
        (
            "account deposit a 1 --id k --profile slow",
            130,
            "error: interrupted: whether it was done is unknown\n"
            "Send it again under the same id, and it counts once:\n"
            f"  {LEDGER} account deposit a 1 --profile slow --id k\n",
        ),
    ],
)
def test_ctrl_c(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, typed: str, code: int, said: str) -> None:
    monkeypatch.setenv("LEDGER_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.delenv("LEDGER_PROFILE", raising=False)
    with _Slow() as slow:
        subprocess.run([LEDGER, "login", "--profile", "slow", "--url", slow.url], check=True, capture_output=True)
        running = subprocess.Popen([LEDGER, *typed.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert slow.is_asked.wait(20)
        running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=20)
        slow.may_answer.set()

    assert (running.returncode, told) == (code, said)


@pytest.mark.parametrize(
    ("command", "slow"),
    [([LEDGER, "whoami"], "rich"), ([sys.executable, "-m", "ops", "status"], "botocore")],
    ids=["ledger", "ops"],
)
def test_ctrl_c_while_it_loads_is_one_line(command: list[str], slow: str, tmp_path: Path) -> None:
    (tmp_path / slow).mkdir()
    (tmp_path / slow / "__init__.py").write_text("import time\nprint('loading', flush=True)\ntime.sleep(60)")
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout
        assert running.stdout.readline() == "loading\n"
        running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=20)

    assert (running.returncode, told) == (130, "Interrupted.\n")


def test_a_link_runs_from_any_folder_whatever_lies_there(ledger: FakeLedger, tmp_path: Path) -> None:
    (tmp_path / "cli").mkdir()
    (tmp_path / "cli/__init__.py").write_text("raise AssertionError", "utf-8")
    (tmp_path / "my ledger").symlink_to(LEDGER)

    ran = shell('"./my ledger" completion bash', cwd=tmp_path)

    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("is_there", [False, True])
def test_without_its_environment_it_says_what_to_do(tmp_path: Path, is_there: bool) -> None:
    """The folder .venv was moved or removed, or holds a Python that is no more."""
    root = tmp_path / "the project"
    (root / "cli").mkdir(parents=True)
    shutil.copy(LEDGER, root / "cli/ledger")
    if is_there:
        (root / ".venv/bin").mkdir(parents=True)
        (root / ".venv/bin/python").symlink_to(tmp_path / "gone")

    ran = subprocess.run([root / "cli/ledger", "whoami"], capture_output=True, text=True, check=False)

    assert ran.returncode == 1
    assert ran.stderr == (f'error: there is no {root}/.venv/bin/python\nMake it anew: (cd "{root}" && make setup)\n')


def test_a_ledger_that_says_nothing_is_waited_for_as_long_as_asked(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LEDGER_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.delenv("LEDGER_PROFILE", raising=False)
    with _Slow() as slow:
        Profiles(tmp_path / "config").keep(Profile(HERE, slow.url), default=True)
        reading = run("account", "show", "a", "--timeout", "0.1")
        writing = run("account", "deposit", "a", "1", "--id", "k", "--timeout", "0.1")
        slow.may_answer.set()

    assert (reading.code, reading.err) == (1, f"error: {slow.url} gave no answer in time\n")
    assert writing.code == 1
    assert writing.err == (
        f"error: {slow.url} gave no answer in time: whether it was done is unknown\n"
        "Send it again under the same id, and it counts once:\n"
        "  ledger account deposit a 1 --timeout 0.1 --id k\n"
    )
