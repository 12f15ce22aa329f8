"""The program in this process, against a small ledger, with a config folder of its own."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from cli.profiles import LOCAL, Profile, Profiles
from cli.program import main

from .fake import FakeLedger


class Ran(NamedTuple):
    """What a run of the program came to."""

    code: int
    out: str
    err: str


class _Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


Run = Callable[..., Ran]


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeLedger]:
    monkeypatch.setenv("LEDGER_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.delenv("LEDGER_PROFILE", raising=False)
    with FakeLedger() as fake:
        Profiles(tmp_path / "config").keep(Profile(LOCAL, fake.url), default=True)
        yield fake


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `ledger` with arguments; `terminal` as if somebody looked at it, 80 columns wide."""

    def run(*arguments: str, terminal: bool = False) -> Ran:
        kind = _Terminal if terminal else io.TextIOWrapper
        out, err = kind(io.BytesIO(), write_through=True), kind(io.BytesIO(), write_through=True)
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            patch.setitem(os.environ, "COLUMNS", "80")
            code = main(arguments)
        return Ran(code, *(each.buffer.getvalue().decode() for each in (out, err)))  # type: ignore[attr-defined]

    return run
