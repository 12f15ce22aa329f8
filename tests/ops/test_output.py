"""What is printed into a closed pipe or onto a full disk ends a command in words, not as if it had found something."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ops.__main__ import main
from ops.output import CLOSED, UNWRITABLE, ending

from ..domain.builders import story
from .conftest import keep

PROJECT = Path(__file__).parents[2]
FULL = Path("/dev/full")


@contextmanager
def closed_pipe() -> Iterator[Any]:
    """The end of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        yield stream


@contextmanager
def full_disk() -> Iterator[Any]:
    with FULL.open("w") as stream:
        yield stream


SINKS = pytest.mark.parametrize(("sink", "code"), [(closed_pipe, CLOSED), (full_disk, UNWRITABLE)])
COMMANDS = pytest.mark.parametrize(
    "command",
    [
        ["verify", "--json"],
        ["verify"],
        ["snapshots"],
        ["snapshots", "--json"],
        ["republish", "--aggregate", "a"],
        ["dead-letters", "list"],
        ["dead-letters", "redrive", "--json"],
        ["export", "--out", "exported"],
        ["--help"],
        ["verify", "--help"],
    ],
    ids=" ".join,
)


@SINKS
@COMMANDS
def test_a_command_whose_output_goes_nowhere_says_so(
    aws: Any,
    outputs: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    *,
    sink: Callable[[], Any],
    code: int,
    command: list[str],
) -> None:
    keep(aws, story("a", [1]))
    monkeypatch.chdir(tmp_path)
    line = command if "--help" in command else [*command, "--outputs", str(outputs)]

    with sink() as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        ended = ending(lambda: main(line))

    assert ended == code
    told = capsys.readouterr().err
    assert "Traceback" not in told
    assert told.count("error: standard output: No space left on device\n") == (code == UNWRITABLE)


@SINKS
def test_so_does_one_whose_errors_go_nowhere(
    aws: Any, outputs: Path, monkeypatch: pytest.MonkeyPatch, *, sink: Callable[[], Any], code: int
) -> None:
    with sink() as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        assert ending(lambda: main(["republish", "--aggregate", "nobody", "--outputs", str(outputs)])) == code


def test_a_standard_output_that_was_never_open_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", None)
        assert ending(lambda: 0) == UNWRITABLE
    assert capsys.readouterr().err == "error: standard output: it is closed\n"


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_what_arrives_changes_no_exit_code(code: int) -> None:
    assert ending(lambda: code) == code
    assert ending(lambda: sys.exit(code)) == code


@pytest.mark.slow
@SINKS
@pytest.mark.parametrize("program", ["ops", "bench"])
def test_the_programs_end_so(program: str, sink: Callable[[], Any], code: int) -> None:
    line = [sys.executable, "-m", program, "--help"]

    with sink() as stream:
        done = subprocess.run(line, cwd=PROJECT, stdout=stream, stderr=subprocess.PIPE, text=True, check=False)

    told = "error: standard output: No space left on device\n" if code == UNWRITABLE else ""
    assert (done.returncode, done.stderr) == (code, told)
