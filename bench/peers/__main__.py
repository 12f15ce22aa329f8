"""Fetch the peers into .cache/bench: `python -m bench.peers`. Each one that cannot be had says why."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from bench.process import PROJECT

CACHE = PROJECT / ".cache" / "bench"
_HERE = Path(__file__).resolve().parent
_SECONDS = 600


def main() -> int:
    """0 if all are there, 1 if one is not."""
    console, missing = Console(highlight=False), 0
    for name, fetch in (("pyeventsourcing", _pyeventsourcing), ("castore", _castore)):
        with console.status(f"fetching {name}"):
            problem = _problem_of(fetch, CACHE / name)
        missing += bool(problem)
        console.print(f"{name:<16} {problem or 'there'}", style="red" if problem else "green", markup=False)
    return 1 if missing else 0


def _problem_of(fetch: Callable[[Path], None], folder: Path) -> str:
    try:
        fetch(folder)
    except (OSError, subprocess.SubprocessError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        said = getattr(error, "stderr", "") or ""
        return f"{error}\n{said}".strip()
    return ""


def _pyeventsourcing(folder: Path) -> None:
    _run(sys.executable, "-m", "venv", "--clear", str(folder))
    requirements = _HERE / "pyeventsourcing" / "requirements.txt"
    pip = (str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    _run(*pip, "--require-hashes", "--requirement", str(requirements))


def _castore(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError("Castore is fetched by npm, and there is no npm on PATH (Debian: nodejs, npm)")
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(_HERE / "castore" / name, folder / name)
    _run(npm, "ci", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=_SECONDS)  # noqa: S603 -- our own words


if __name__ == "__main__":
    sys.exit(main())
