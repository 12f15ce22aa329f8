"""A console that may be read by a program: nobody who reads it any more is no failure, and no traceback."""

from __future__ import annotations

import os
import sys
from typing import Any

from rich.console import Console

CLOSED = 141
"""The exit code where nobody reads what is printed any more, as shells say it of a program that SIGPIPE ended."""


class PipedConsole(Console):
    """Rich's, which ends with 1 there, as if something had gone wrong."""

    def on_broken_pipe(self) -> None:
        """What is still to be written goes nowhere. Raises: SystemExit."""
        self.quiet = True
        nowhere: Any = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        raise SystemExit(CLOSED)
