"""The demo: on a stack that leaves parts out, in 80 columns, in a pipe, and where somebody ends it."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import textwrap
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

from local.demo import Story
from local.deploy import StackConfig
from tests.local.projects import write_project
from tests.support import eventually

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
CONTROL = r"\x1b\[[0-9;?]*[a-zA-Z]"


def _story(**settings: str) -> tuple[Story, io.StringIO]:
    told = io.StringIO()
    config = StackConfig(
        "event-sourcing", "lean", {f"event-sourcing:{name}": value for name, value in settings.items()}
    )
    return Story(Console(file=told, width=200), config), told


def test_a_step_about_a_part_that_is_left_out_says_so_and_is_not_run() -> None:
    story, told = _story(typeIndex="false")

    assert story.step("Events by type", pytest.fail, [], means="", needs="typeIndex") is None

    assert (
        "1  Events by type left out, as the stack leaves out the part: its setting typeIndex is false"
        in told.getvalue()
    )
    assert story.failed == []
    assert story.results[0]["leftOut"].endswith("its setting typeIndex is false")


@pytest.mark.parametrize("settings", [{}, {"typeIndex": "true"}])
def test_a_step_about_a_part_that_is_there_is_run(settings: dict[str, str]) -> None:
    story, _ = _story(**settings)

    assert story.step("Events by type", lambda: [1], [2], means="", needs="typeIndex") == [1]
    assert story.failed == ["Events by type"]


def told(*steps: tuple[str, object, str], width: int | None = None) -> list[str]:
    """What is told of steps that should come to "True": on a terminal of that width, or in a pipe."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=width is not None, width=width, no_color=True, legacy_windows=False)
    story = Story(console, StackConfig("event-sourcing", "lean", {}))
    for title, result, means in steps:
        story.step(title, partial(str, result), "True", means=means, show="python -m ops replay \\\n  --account a")
    plain = re.sub(r"\d\.\d\d s$", "0.00 s", re.sub(CONTROL, "", out.getvalue()), flags=re.MULTILINE)
    lines = plain.replace("\r", "\n").split("\n")
    return [line for line in lines if line and line[0] != "⠋"]


def test_a_result_is_told_by_what_it_means_and_a_wrong_one_as_it_is() -> None:
    lines = told(("Lose it", True, "it is back"), ("Lose it again", 0, "it is back"))

    untimed = [re.sub(r"[0-9.]+ s$", "0.00 s", line) for line in lines]
    assert [line for line in untimed if "ops" not in line and "--account" not in line] == [
        "✔  1  Lose it 0.00 s",
        "      it is back",
        "✘  2  Lose it again 0.00 s",
        '      is        "0"',
        '      should be "True"',
    ]


def test_nothing_is_wider_than_the_terminal_and_nothing_ends_within_a_word_or_a_command() -> None:
    title, means = " ".join(["a title of many words"] * 5), " ".join(["and a meaning of as many"] * 5)

    lines = told((title, True, means), width=80)

    assert max(map(len, lines)) <= 80
    text = " ".join(" ".join(lines).split())
    assert title in text
    assert means in text
    assert "      python -m ops replay \\" in lines
    assert "        --account a" in lines


def test_in_a_pipe_a_paragraph_is_a_line() -> None:
    means = " ".join(["a meaning of many words"] * 10)

    assert f"      {means}" in told(("One", True, means))


ON_A_TERMINAL = """
import dataclasses, fcntl, pathlib, sys, termios, time
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
import local.__main__ as program, local.demo as demo
def tell(story, *_):
    with story.console.status("telling"):
        time.sleep(60)
demo.PROJECT, demo.WHOLE = pathlib.Path(sys.argv.pop(1)), dataclasses.replace(demo.WHOLE, tell=tell)
program._at_a_signal(program._end_before_the_start)
sys.exit(program.main())
"""


@pytest.mark.parametrize(("queues", "moment"), [(400, "creating"), (1, "telling")])
def test_ctrl_c_is_one_line_wherever_it_comes(queues: int, moment: str, tmp_path: Path) -> None:
    """As a terminal does it: all processes of the foreground get it."""
    (tmp_path / "tmp").mkdir()
    program = f"""
    pulumi.export("region", "us-east-1")
    for n in range({queues}):
        aws.sqs.Queue(f"queue-{{n}}")
    """
    terminal, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", ON_A_TERMINAL, str(write_project(tmp_path, textwrap.dedent(program))), "demo"],
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm", "TMPDIR": str(tmp_path / "tmp")},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    seen = b""
    while moment.encode() not in seen:
        seen += os.read(terminal, 1 << 16)
    os.write(terminal, b"\x03")
    behind = b""
    with suppress(OSError):  # it has ended, and so has whatever it had started on this terminal
        while chunk := os.read(terminal, 1 << 16):
            behind += chunk
    os.close(terminal)

    assert process.wait(20) == 130
    assert behind.endswith(b"\r\x1b[K\x1b[?25hStopped. All of it was in memory, and is gone.\r\n")
    left = re.sub(CONTROL, "", behind.decode())
    assert all(int(number) < 300 for number in re.findall(r"queue-(\d+)", left)), "it went on"
    assert not re.search("Traceback|Error|could not", left), left
    eventually(lambda: not list((tmp_path / "tmp").iterdir()), 20, message="nothing is left behind")
