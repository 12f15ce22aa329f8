"""Plant each defect in a copy of the project and see that the tests catch it. Exit code 0 if every one is caught."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from rich.console import Console
from rich.progress import track

from .catalog import MUTANTS, Mutant

PROJECT = Path(__file__).resolve().parents[2]
WORKERS = 2
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".mypy_cache", ".pytest_cache", ".ruff_cache", "__pycache__", ".hypothesis"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the catalog, or what of it the given words select."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("words", type=_word, nargs="*", help="only mutants whose name holds one of these")
    words = parser.parse_args(arguments).words
    chosen = [mutant for mutant in MUTANTS if not words or any(word in mutant.name for word in words)]
    console = Console()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(WORKERS):
            copies.put(shutil.copytree(PROJECT, Path(folder) / str(number), ignore=LEFT_OUT))
        _check_that_the_tests_pass(chosen, copies)
        with ThreadPoolExecutor(WORKERS) as pool:
            verdicts = pool.map(lambda mutant: _try(mutant, copies), chosen)
            survivors = [
                verdict
                for mutant in track(chosen, description="mutants", console=console)
                if (verdict := _tell(console, mutant, next(verdicts)))
            ]
    console.print(f"{len(chosen) - len(survivors)} of {len(chosen)} mutants caught")
    return 1 if survivors else 0


def _word(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("an empty word is in every name")
    return text


def _check_that_the_tests_pass(chosen: Sequence[Mutant], copies: SimpleQueue[Path]) -> None:
    """A test that fails anyway would catch every mutant."""
    copy = copies.get()
    folders = sorted({folder for mutant in chosen for folder in mutant.tests})
    done = _run_tests(copy, folders)
    if done.returncode:
        sys.exit("The tests fail without any mutant:\n" + done.stdout[-4000:])
    copies.put(copy)


def _tell(console: Console, mutant: Mutant, caught_by: str | None) -> str | None:
    if caught_by:
        console.print(f"[green]caught[/]   {mutant.name} [dim]{caught_by}[/]", highlight=False, soft_wrap=True)
        return None
    console.print(f"[red]SURVIVED[/] {mutant.name} [dim]{mutant.file}[/]", highlight=False, soft_wrap=True)
    return mutant.name


def _try(mutant: Mutant, copies: SimpleQueue[Path]) -> str | None:
    """Which test catches the mutant first, None if none does."""
    copy = copies.get()
    file = copy / mutant.file
    original = file.read_text("utf-8")
    if original.count(mutant.old) != 1:
        raise SystemExit(f"{mutant.name}: its text occurs {original.count(mutant.old)} times in {mutant.file}")
    try:
        file.write_text(original.replace(mutant.old, mutant.new), "utf-8")
        started = time.monotonic()
        done = _run_tests(copy, mutant.tests)
        seconds = time.monotonic() - started
    finally:
        file.write_text(original, "utf-8")
        copies.put(copy)
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED tests", "ERROR tests"))]
    if done.returncode == 0 or not failed:
        return None
    return f"{failed[0].split(' - ')[0].removeprefix('FAILED ')} ({seconds:.0f} s)"


def _run_tests(copy: Path, folders: Sequence[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *folders]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main())
