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
_UP = re.compile(r"\x1b\[[0-9]*A")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def seen(command: Sequence[str], *, code: int | None = 0, environment: Mapping[str, str] | None = None) -> str:
    """What a command writes there, without what colours it or moves the cursor; it must end with this code,
    if one is named."""
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
    text = plain(written)
    assert code in (None, ended), text
    return text


def plain(written: bytes) -> str:
    """What is to be seen of it. Where the cursor went up, what comes next is another state of those lines."""
    text = _UP.sub("\n", written.decode())
    return _CONTROL.sub("", text).replace("\r\n", "\n")


def lines(text: str) -> list[str]:
    """The lines that stay, and every state of one that was written anew."""
    return re.split("[\r\n]+", text)
