"""`python -m local.install VENV LOCK`: fill a virtual environment by a lock, and say how far it has got.

By the standard library alone: it is what there is before anything is installed. `--add` keeps what is there already.
"""

import argparse
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

_PINNED = re.compile(r"^[A-Za-z0-9._-]+(?:\[[a-z,]+\])?==", re.MULTILINE)
_COLLECTING = re.compile(r"Collecting ([A-Za-z0-9._-]+)")
_NOT_FOUND = "No matching distribution found"
_BROKEN = re.compile(
    r"^WARNING: (?:Retrying .* after connection broken by (.*): /|The repository .* (?=not a trusted))(.*)",
    re.MULTILINE,
)
_INDEXES = re.compile(r"^Looking in indexes: (\S+)$", re.MULTILINE)
_CHECK = "check the network, and what pip is told of it: PIP_INDEX_URL, HTTPS_PROXY, `python3 -m pip config list`"
_AGAIN_SECONDS, _TELL_SECONDS = 1.0, 10.0
"""So often a terminal is told, and a pipe or a file."""
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
    sizes = f"{options.fetch} MB to fetch, {options.need} MB on disk"
    print(f"Installing {options.lock} into {options.venv}, once: {sizes}", flush=True)
    try:
        code = _install(options.venv, options.lock, add=options.add)
    except KeyboardInterrupt:
        print("\nStopped. The next time it begins anew.", file=sys.stderr)
        return 130
    if not code:
        print(f"Installed{f'; next: {options.then}' if options.then else '.'}")
    return code


def _install(venv: Path, lock: Path, *, add: bool) -> int:
    with _Progress(venv, len(_PINNED.findall(lock.read_text("utf-8")))) as progress:
        return _filled(venv, lock, progress, add=add)


def _filled(venv: Path, lock: Path, progress: "_Progress", *, add: bool) -> int:
    if not add:
        progress.making()
        made = subprocess.run(  # noqa: S603 -- our own interpreter
            [sys.executable, "-m", "venv", "--clear", str(venv)], capture_output=True, text=True, check=False
        )
        if made.returncode:
            return _failed(_reason(f"{made.stdout}\n{made.stderr}"))
    command = [str(venv / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-compile"]
    progress.begin()
    with subprocess.Popen(  # noqa: S603 -- the one that was made just now
        [*command, "--progress-bar", "off", "--require-hashes", "-r", str(lock)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as pip:
        said = list(_watched(pip.stdout or (), progress))
    progress.stop()
    return _failed(_reason("".join(said))) if pip.returncode else 0


def _watched(lines: Iterable[str], progress: "_Progress") -> Iterable[str]:
    """What pip says, while it is told what it is at."""
    for line in lines:
        if found := _COLLECTING.match(line):
            progress.fetching(found[1])
        elif line.startswith("Installing collected packages"):
            progress.unpacking()
        yield line


class _Progress:
    """Says what is under way: on a terminal in one line that is written anew, elsewhere in a line every ten seconds."""

    def __init__(self, venv: Path, count: int) -> None:
        self._venv = venv
        self._count = count
        self._names: list[str] = []
        self._there = 0
        """So many packages were there before pip began."""
        self._unpacks = False
        self._is_terminal = sys.stdout.isatty()
        self._doing = ""
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._clock = threading.Thread(target=self._tell_again, daemon=True)

    def __enter__(self) -> "_Progress":
        self._clock.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def making(self) -> None:
        self._is_at(f"making {self._venv}")

    def begin(self) -> None:
        self._there = self._unpacked()

    def fetching(self, name: str) -> None:
        self._names.append(name)
        self._is_at(f"package {len(self._names)} of {self._count}: {name}")

    def unpacking(self) -> None:
        self._unpacks = True
        self._is_at(self._so_many())

    def stop(self) -> None:
        """What stands in the line goes. Waits for nobody."""
        with self._lock:
            if not self._ended.is_set() and self._is_terminal and self._doing:
                print(f"\r{'':<79}\r", end="", flush=True)
            self._ended.set()

    def _tell_again(self) -> None:
        """What pip says nothing of takes half a minute: how much of it is done."""
        while not self._ended.wait(_AGAIN_SECONDS if self._is_terminal else _TELL_SECONDS):
            with self._lock:
                if self._unpacks:
                    self._doing = self._so_many()
                if self._doing and not self._ended.is_set():
                    self._print()

    def _is_at(self, doing: str) -> None:
        with self._lock:
            self._doing = doing
            if self._is_terminal:
                self._print()

    def _print(self) -> None:
        if self._is_terminal:
            print(f"\r{f'  {self._doing}':<79}", end="", flush=True)
        else:
            print(f"  {self._doing}", flush=True)

    def _so_many(self) -> str:
        return f"unpacking them: {self._unpacked() - self._there} of {len(self._names)}"

    def _unpacked(self) -> int:
        return sum(1 for _ in self._venv.glob("lib/python*/site-packages/*.dist-info"))


def _reason(said: str) -> str:
    """Of what went wrong, in a sentence: pip's own, unless the disk is full, or nothing was there to be asked."""
    if _FULL in said:
        return f"{_FULL.lower()}: make room (`df -h . /tmp`), and try again"
    errors = [line.removeprefix("ERROR: ") for line in said.splitlines() if line.startswith("ERROR: ")]
    reason = errors[-1] if errors else (said.strip().splitlines() or ["pip failed"])[-1]
    if reason.startswith(_NOT_FOUND) and (broken := _BROKEN.findall(said)):  # which is said of an empty list, too
        asked = _INDEXES.search(said)
        return f"{asked[1] if asked else 'PyPI'} cannot be reached: {_why(''.join(broken[-1]))}; {_CHECK}"
    return reason


def _why(broken: str) -> str:
    """What broke a connection: what the system says of it, or its name among Python's exceptions."""
    told = re.findall(
        r"\[Errno -?\d+\] ([^'\"()]+)|(CERTIFICATE_VERIFY_FAILED|[Tt]imed out|not a trusted[^.]*)", broken
    )
    reason = next((one or other for one, other in reversed(told)), broken.partition("(")[0].strip("'\""))
    return f"the proxy: {reason}" if "ProxyError" in broken else reason


def _taken(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*")) if folder.is_dir() else 0


def _failed(why: str) -> int:
    print(f"error: {why}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
