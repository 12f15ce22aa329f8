"""What a program prints may find nobody who reads it, or no room: it ends then in words, not by a traceback.

A closed pipe (`verify | head`) is no error: the program ends quietly, with 141, as a shell tells of a program that
SIGPIPE ended. That signal itself stays ignored, since it would also end a program whose connection to AWS broke.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

CLOSED = 141
"""The exit code where nobody reads what is printed any more."""
UNWRITABLE = 74
"""The exit code where it cannot be written; sysexits.h calls it EX_IOERR."""


class OutputError(Exception):
    """A standard stream does not take what is printed. No OSError, so that nobody takes it for one of a file's."""

    def __init__(self, name: str, cause: OSError) -> None:
        super().__init__(f"{name}: {cause.strerror or cause}")
        self.closed = isinstance(cause, BrokenPipeError)


class Guarded:
    """A standard stream that raises OutputError instead of OSError; all else is the stream's."""

    def __init__(self, stream: IO[str], name: str) -> None:
        self._stream = stream
        self._name = name

    def write(self, text: str) -> int:
        """As a stream does it."""
        try:
            return self._stream.write(text)
        except OSError as error:
            raise OutputError(self._name, error) from error

    def flush(self) -> None:
        """As a stream does it."""
        try:
            self._stream.flush()
        except OSError as error:
            raise OutputError(self._name, error) from error

    def abandon(self) -> None:
        """What is still to be written goes nowhere, so that the interpreter's own last flush says nothing."""
        with suppress(OSError):
            self._stream.flush()
            return
        with suppress(OSError), Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def ending(main: Callable[[], int]) -> int:
    """The exit code of a program: of `main`, or why what it printed did not arrive, in one line where that is told."""
    before = sys.stdout, sys.stderr
    if sys.stdout is None:  # `>&-`: print would say nothing, and nobody would know
        print("error: standard output: it is closed", file=sys.stderr)
        return UNWRITABLE
    out, err = Guarded(sys.stdout, "standard output"), Guarded(sys.stderr or io.StringIO(), "standard error")
    sys.stdout, sys.stderr = out, err
    try:
        code = _code_of(main)
        out.flush()
        err.flush()
    except OutputError as error:
        if not error.closed:
            with suppress(OutputError):
                err.write(f"error: {error}\n")
                err.flush()
        code = CLOSED if error.closed else UNWRITABLE
    finally:
        out.abandon()
        err.abandon()
        sys.stdout, sys.stderr = before
    return code


def _code_of(main: Callable[[], int]) -> int:
    try:
        return main()
    except SystemExit as ended:  # argparse
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
