"""The program in this process, against a small ledger, with a config folder of its own."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest

from cli import local_ledger
from cli.profiles import Profile, Profiles
from cli.program import main

from ..handlers.conftest import _environment, aws, handlers
from ..http_api.conftest import Api, api
from .fake import FakeLedger
from .real import InvokedHandlers, RealLedger

__all__ = ["_environment", "api", "aws", "handlers"]


HERE = "here"
"""The profile of the ledger that a test asks: `local` is always the one of `make serve`."""


class Ran(NamedTuple):
    """What a run of the program came to."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeLedger]:
    monkeypatch.setenv("LEDGER_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.delenv("LEDGER_PROFILE", raising=False)
    monkeypatch.setattr(local_ledger, "OUTPUTS", tmp_path / "of-make-serve.json")
    with FakeLedger() as fake:
        Profiles(tmp_path / "config").keep(Profile(HERE, fake.url), default=True)
        yield fake


@pytest.fixture
def real(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RealLedger]:
    """The handlers themselves in this process, over HTTP and with --direct."""
    monkeypatch.setenv("LEDGER_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.delenv("LEDGER_PROFILE", raising=False)
    monkeypatch.setattr(local_ledger, "OUTPUTS", tmp_path / "of-make-serve.json")
    monkeypatch.setattr("cli.direct_ledger.DirectLedger._lambda", InvokedHandlers(api))
    outputs = {f"{each}Function": each for each in ("command", "query", "validate")}
    (tmp_path / "out.json").write_text(json.dumps({"region": "us-east-1", **outputs}), "utf-8")
    monkeypatch.chdir(tmp_path)
    with RealLedger(api) as ledger:
        Profiles(tmp_path / "config").keep(Profile(HERE, ledger.url), default=True)
        yield ledger


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `ledger` with arguments; `terminal` as if somebody looked at it, 80 columns wide."""

    def run(*arguments: str, terminal: bool = False, columns: int = 80) -> Ran:
        seen = [_terminal, _terminal] if terminal else [_pipe, _pipe]
        with monkeypatch.context() as patch, ExitStack() as opened:
            out, err = (opened.enter_context(each()) for each in seen)
            patch.setattr(sys, "stdout", out.stream)
            patch.setattr(sys, "stderr", err.stream)
            patch.setitem(os.environ, "COLUMNS", str(columns))
            code = main(arguments)
        return Ran(code, out.read(), err.read())

    return run


@dataclass
class _End:
    """The program's end of a pipe or a terminal, and all that came out of the other one."""

    stream: io.TextIOWrapper
    read: Callable[[], str]


@contextmanager
def _pipe() -> Iterator[_End]:
    kept = io.BytesIO()
    yield _End(io.TextIOWrapper(kept, write_through=True), lambda: kept.getvalue().decode())


@contextmanager
def _terminal() -> Iterator[_End]:
    """A real one of the system's, with somebody who looks at it: it holds little, and then whoever writes waits."""
    ours, theirs = os.openpty()
    chunks: list[bytes] = []

    def look() -> None:
        with suppress(OSError):  # the other end was closed
            while chunk := os.read(ours, 1 << 16):
                chunks.append(chunk)

    looking = threading.Thread(target=look)
    looking.start()
    stream = io.TextIOWrapper(io.FileIO(theirs, "w"), write_through=True)
    try:
        yield _End(stream, lambda: b"".join(chunks).decode().replace("\r\n", "\n"))
    finally:
        stream.close()
        looking.join()
        os.close(ours)
