"""What is wrong with a command line fits the terminal, too."""

from __future__ import annotations

import io
import sys

import pytest

from local.__main__ import _parser as local_parser
from ops.__main__ import _parser as ops_parser
from tools.arguments import Parser


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("parser", "typed"),
    [
        (ops_parser, "nope"),
        (ops_parser, "status nope"),
        (ops_parser, "replay archive yesterday"),
        (local_parser, "nope"),
        (local_parser, "serve --port 70000 --outputs x"),
        (local_parser, "serve --stack a/stack/whose/name/is/none/and/rather/long/and/so/is/this"),
    ],
)
@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_an_error_fits(parser: object, typed: str, stream: type[io.StringIO], monkeypatch: pytest.MonkeyPatch) -> None:
    made = parser() if callable(parser) else None
    assert isinstance(made, Parser)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "stderr", stream())

    with pytest.raises(SystemExit, match="2"):
        made.parse_args(typed.split())

    assert isinstance(sys.stderr, io.StringIO)
    usage, _, error = sys.stderr.getvalue().partition(": error: ")
    assert usage
    if stream is Terminal:
        assert max(map(len, sys.stderr.getvalue().splitlines())) <= 80
    else:
        assert len(error.splitlines()) == 1
