"""What the command lines have in common: a parser whose errors fit the terminal, and what is wrong with a time."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from typing import NoReturn

from tools.lines import fitting


class Parser(argparse.ArgumentParser):
    """As argparse's, which wraps its usage alone."""

    def error(self, message: str) -> NoReturn:
        """Usage, what is wrong, and exit code 2."""
        self.print_usage(sys.stderr)
        self.exit(2, fitting(f"{self.prog}: error: {message}", sys.stderr, hang=2) + "\n")


def without_offset(shown: str, read: datetime) -> argparse.ArgumentTypeError:
    """For a time that may be of any place; says how it would be written if it were UTC's."""
    with_one = f"by a Z at the end: {read.isoformat()}Z"
    return argparse.ArgumentTypeError(f"{shown} must say its offset from UTC, for example {with_one}")
