"""A terminal of 80 columns, with somebody who looks at it."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COLUMNS = 80
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def seen(command: Sequence[str], *, code: int = 0, environment: Mapping[str, str] | None = None) -> str:
    """What a command writes there, without what colours it or moves the cursor; it must end with this code."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    given = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**given, "TERM": "xterm", **(environment or {})},
    ) as running:
        os.close(theirs)
        written = b""
        with suppress(OSError):  # its end
            while chunk := os.read(ours, 1 << 16):
                written += chunk
        ended = running.wait()
    os.close(ours)
    text = _CONTROL.sub("", written.decode()).replace("\r\n", "\n")
    assert ended == code, text
    return text


def lines(text: str) -> list[str]:
    """The lines that stay, and every state of one that was written anew."""
    return re.split("[\r\n]+", text)
