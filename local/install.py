"""`python -m local.install VENV LOCK`: fill a virtual environment by a lock, and say how far it has got.

By the standard library alone: it is what there is before anything is installed. `--add` keeps what is there already.
"""

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

_PINNED = re.compile(r"^[A-Za-z0-9._-]+(?:\[[a-z,]+\])?==", re.MULTILINE)
_COLLECTING = re.compile(r"Collecting ([A-Za-z0-9._-]+)")
_FULL = "No space left on device"
_MEGABYTE = 1_000_000
_MARGIN_PERCENT = 115
"""Of what it takes: pip unpacks beside it, and Python keeps what it compiles."""


def main(arguments: list[str] | None = None) -> int:
    """0; or 1 with a sentence on standard error; or 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m local.install", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("venv", type=Path)
    parser.add_argument("lock", type=Path)
    parser.add_argument("--add", action="store_true", help="to what is there")
    parser.add_argument("--fetch", type=int, default=0, metavar="MB", help="what it has to fetch")
    parser.add_argument("--need", type=int, default=0, metavar="MB", help="what it will take")
    parser.add_argument("--then", default="", metavar="COMMAND", help="what to do next")
    options = parser.parse_args(arguments)
    free = shutil.disk_usage(options.venv.resolve().parent).free // _MEGABYTE
    if not options.add:  # which replaces what is there
        free += _taken(options.venv) // _MEGABYTE
    if free < (wanted := options.need * _MARGIN_PERCENT // 100):
        room = f"{wanted} MB with room to unpack it"
        return _failed(f"{options.venv} takes {options.need} MB, {room}, and there are {free} MB left on its disk")
    print(
        f"Installing {options.lock} into {options.venv}, once: {options.fetch} MB to fetch, {options.need} MB on disk"
    )
    try:
        code = _install(options.venv, options.lock, add=options.add)
    except KeyboardInterrupt:
        print("\nStopped. The next time it begins anew.", file=sys.stderr)
        return 130
    if not code:
        print(f"Installed{f'; next: {options.then}' if options.then else '.'}")
    return code


def _install(venv: Path, lock: Path, *, add: bool) -> int:
    tell = _teller(len(_PINNED.findall(lock.read_text("utf-8"))))
    if not add:
        made = subprocess.run(  # noqa: S603 -- our own interpreter
            [sys.executable, "-m", "venv", "--clear", str(venv)], capture_output=True, text=True, check=False
        )
        if made.returncode:
            return _failed(_reason(f"{made.stdout}\n{made.stderr}"))
    command = [str(venv / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-compile"]
    with subprocess.Popen(  # noqa: S603 -- the one that was made just now
        [*command, "--progress-bar", "off", "--require-hashes", "-r", str(lock)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as pip:
        said = list(_watched(pip.stdout or (), tell))
    tell(None)
    return _failed(_reason("".join(said))) if pip.returncode else 0


def _watched(lines: Iterable[str], tell: Callable[[str | None], None]) -> Iterable[str]:
    """What pip says, while it is told what it is at."""
    for line in lines:
        if found := _COLLECTING.match(line):
            tell(found[1])
        elif line.startswith("Installing collected packages"):
            tell("")
        yield line


def _teller(count: int) -> Callable[[str | None], None]:
    """On a terminal, one line that says which package is fetched ("": none any more); None ends it."""
    if not sys.stdout.isatty():
        return lambda _: None
    names: list[str] = []

    def tell(name: str | None) -> None:
        if name:
            names.append(name)
        said = f"  package {len(names)} of {count}: {name}" if name else "  unpacking them" if name == "" else ""
        print(f"\r{said:<79}" if said else f"\r{'':<79}\r", end="", flush=True)

    return tell


def _reason(said: str) -> str:
    """Of what went wrong, in a sentence: pip's own, unless the disk is full."""
    if _FULL in said:
        return f"{_FULL.lower()}: make room (`df -h . /tmp`), and try again"
    errors = [line.removeprefix("ERROR: ") for line in said.splitlines() if line.startswith("ERROR: ")]
    return errors[-1] if errors else (said.strip().splitlines() or ["pip failed"])[-1]


def _taken(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*")) if folder.is_dir() else 0


def _failed(why: str) -> int:
    print(f"error: {why}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
