"""Tools that are too large for the project's own lock: fetched by a lock of theirs, once, into a folder of .cache."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CACHE = Path(__file__).resolve().parents[1] / ".cache"


@contextmanager
def once(folder: Path, lock: Path) -> Iterator[bool]:
    """Whether the folder has yet to be filled by that lock; afterwards it is, if nothing was raised."""
    stamp, wanted = folder / ".locked", lock.read_text("utf-8")
    needed = not stamp.is_file() or stamp.read_text("utf-8") != wanted
    yield needed
    if needed:
        stamp.write_text(wanted, "utf-8")


def python_tools(folder: Path, lock: Path) -> None:
    """A virtual environment with what the lock names. Raises CalledProcessError where that fails."""
    with once(folder, lock) as needed:
        if needed:
            run(sys.executable, "-m", "venv", "--clear", str(folder))
            pip = (str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
            run(*pip, "--require-hashes", "--requirement", str(lock))


def run(*command: str, cwd: Path | None = None) -> str:
    """What a command prints. Raises CalledProcessError where it fails."""
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=1200, env=without_aws(), cwd=cwd)
    return done.stdout


def without_aws() -> dict[str, str]:
    """The environment without the caller's AWS: tools that look at files have no business there."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
