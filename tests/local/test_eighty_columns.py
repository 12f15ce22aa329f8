"""On a terminal of 80 columns no line is longer, and no word and no command goes on in the next one."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from tests import terminal
from tests.effort import LONG

pytestmark = pytest.mark.slow

READY_SECONDS = 120
TRANSFER = "0123abcd-of-a-transfer-with-a-rather-long-id"
ACCOUNT = "an-account-with-a-name-of-some-length"
OPS = [
    "status",
    "dead-letters list",
    "verify",
    "region status",
    "transfers list",
    f"transfers show {TRANSFER}",
    "feeds list",
    "schemas",
    "snapshots",
    "branch list",
    "replay list",
    "deploy status",
    "verify --outputs /no/such/folder/with/a/name/of/some/length/and/more/of/it/out.json",
]
LEDGER = [
    f"account open {ACCOUNT}",
    "account open bob",
    f"account deposit {ACCOUNT} 30000.5 --category salary",
    f"transfer send {ACCOUNT} bob 50.25 --wait",
    f"transfer send {ACCOUNT} bob 20000 --id {TRANSFER} --reference 'what it is for, in as many words as some need'",
    f"transfer send {ACCOUNT} nobody 1 --wait",
    f"account withdraw {ACCOUNT} 1000000",
    f"account show {ACCOUNT}",
    f"account history {ACCOUNT}",
    f"account statement {ACCOUNT}",
    f"transfer show {TRANSFER}",
    "transfer list",
    "events list --type TransactionProcessed",
    "account show nobody-of-that-name",
    "whoami",
    "profiles",
    "transfer send --help",
]


class Served(NamedTuple):
    """What `serve` said on its terminal, and the outputs of its stack."""

    said: str
    outputs: Path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    outputs = tmp_path_factory.mktemp("served") / "out.json"
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, terminal.COLUMNS, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    with subprocess.Popen(
        [sys.executable, "-m", "local", "serve", "--port", "0", "--outputs", str(outputs)],
        cwd=terminal.ROOT,
        stdout=theirs,
        stderr=theirs,
        env={**environment, "TERM": "xterm"},
    ) as running:
        os.close(theirs)
        late = threading.Timer(READY_SECONDS, running.kill)
        late.start()
        said = b""
        with suppress(OSError):  # its end
            while b"forgets everything" not in said and (chunk := os.read(ours, 1 << 16)):
                said += chunk
        late.cancel()
        try:
            assert outputs.exists(), said.decode()
            yield Served(terminal.plain(said), outputs)
        finally:
            running.send_signal(signal.SIGINT)
            with suppress(OSError):
                while os.read(ours, 1 << 16):
                    pass
            os.close(ours)


def check(said: str, *whole: str) -> None:
    """Every line fits; what is to be read or copied as one stands in one line."""
    lines = terminal.lines(said)
    assert max(map(len, lines)) <= terminal.COLUMNS, [line for line in lines if len(line) > terminal.COLUMNS]
    for text in whole:
        assert any(text in line for line in lines), f"{text} is broken: {said}"


def typed(command: str, *, served: Served, home: Path) -> str:
    """What a command line prints on a terminal, however it ends."""
    environment = {"LEDGER_CONFIG_DIR": str(home), "LEDGER_CALLED": "ledger", "LEDGER_PROFILE": "served"}
    return terminal.seen(["sh", "-c", command], code=None, environment=environment)


def test_serve_says_in_a_few_lines_what_there_is(served: Served) -> None:
    outputs = json.loads(served.outputs.read_text("utf-8"))

    check(served.said, f".venv/bin/ledger login --url {outputs['consoleUrl']}", outputs["commandFunction"])
    assert "  + " not in served.said
    assert "created; creating" in served.said


def test_what_the_command_line_prints(served: Served, tmp_path: Path) -> None:
    outputs = json.loads(served.outputs.read_text("utf-8"))
    ledger = f"{sys.executable} -m cli"
    typed(f"{ledger} login --url {outputs['consoleUrl']} --as ada", served=served, home=tmp_path)

    said = {each: typed(f"{ledger} {each}", served=served, home=tmp_path) for each in LEDGER}

    for each in LEDGER:
        check(said[each])
        assert "Traceback" not in said[each], said[each]
        assert "…" not in said[each], said[each]
    check(said[f"account history {ACCOUNT}"], "TransactionProcessed")
    check(said["transfer list"], TRANSFER, ACCOUNT)
    check(said[LEDGER[4]], f"ledger transfer show {TRANSFER}", f"ledger transfer approve {TRANSFER}")


@pytest.mark.parametrize("command", OPS)
def test_what_operators_read(command: str, served: Served, tmp_path: Path) -> None:
    outputs = "" if "--outputs" in command else f" --outputs {served.outputs}"
    said = typed(f"{sys.executable} -m ops {command}{outputs}", served=served, home=tmp_path)

    check(said)
    assert "Traceback" not in said, said


def test_the_list_of_targets() -> None:
    check(terminal.seen(["make", "help"]), "docs/performance.md")


@pytest.mark.skipif(not LONG, reason="it takes a minute; make test-long")
def test_the_demo() -> None:
    check(terminal.seen([sys.executable, "-m", "local", "demo"]), "every result as it should be")
