"""A parser whose errors fit the terminal."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

from tools.lines import fitting


class Parser(argparse.ArgumentParser):
    """As argparse's, which wraps its usage alone."""

    def error(self, message: str) -> NoReturn:
        """Usage, what is wrong, and exit code 2."""
        self.print_usage(sys.stderr)
        self.exit(2, fitting(f"{self.prog}: error: {message}", sys.stderr, hang=2) + "\n")
