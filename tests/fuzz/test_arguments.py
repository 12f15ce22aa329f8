"""Every argument of every command line: what makes no sense ends with code 2 and its name, before anything is done.

The options are taken from the real parsers, so that a new one is tried by being there.
"""

from __future__ import annotations

import json
import subprocess
from argparse import Action, ArgumentParser, _SubParsersAction
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given

import bench.__main__
import local.__main__
import ops.__main__
import schemas.__main__
from ops.commands import arguments
from ops.commands.arguments import READERS, Count, OneOf
from ops.system import OperatorError, System

from .budget import PATIENCE, examples
from .strategies import texts

pytestmark = PATIENCE

TEN = "2024-01-15T10:00:00Z"
UNTYPEABLE = ["", "\ud800", "x" * 100_000]
"""What no argument can be."""
UNSEEN = [" ", "\t", "\n", "a\nb", "\x00", "a\x00", "\x1b[2J"]
"""What none can be but an id, which somebody may have stored so."""
NO_IDS = [" a", "a ", "a\u0007", "a\u202e", "\u200b", "i" * 257, "é" * 129]
NO_NUMBERS = ["-1", "+1", "nan", "inf", "-inf", "Infinity", "1e3", "1e30", "1_0", "\u0663", "0x10", ".", "9" * 5000]
NO_TIMES = [
    *("yesterday", "0", "2024-01-15", "2024-01-15T10:00:00", "2024-02-30T00:00:00Z", "2023-02-29T00:00:00Z"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z"),
    *("2024-01-15T25:00:00Z", "2024-01-15T10:00:61Z", "2024-01-15T10:00:00+25:00"),
]
HOSTILE: dict[object, Sequence[str]] = {
    arguments.identifier: ["i" * 2049, "é" * 1025, "a\udcff"],
    arguments.message_id: [*NO_IDS, "a b", "é"],
    arguments.replay_name: [*NO_IDS, "a b", "é", "a/b", "x" * 65],
    arguments.new_replay_name: [*NO_IDS, "a b", "é", "a/b", "x" * 65, ".", ".."],
    arguments.branch_name: [*NO_IDS, "a b", "é", "A", "-a", "a_b", "x" * 41],
    arguments.region: [*NO_IDS, "Ireland", "eu-west", "eu_west_1", "EU-WEST-1", "eu-west-\u0661"],
    arguments.json_object: ["[]", "1", "null", '"a"', "{", '{"a": NaN}', '{"a": 1, "a": 2}', '{"a": 1e9999}'],
    arguments.stack_name: [*NO_IDS, "a b", "a//b", "/a", "a/", "a/b/c/d", "-x"],
    arguments.path: ["a\x07", "x" * 4097],
    arguments.event_source: ["a\x07", "x" * 4097, "table:", "table:a b", "table:ab", "table:é"],
    arguments.moment: NO_TIMES,
    arguments.since: [*NO_TIMES, "h", "1", "1.5h", "-1h", "1H", "1w", "10000h"],
    arguments.pattern: ["{", "[]", "{}", '{"a": "x"}', '{"a": [{"begins": 1}]}', '{"a": [1], "a": [2]}'],
    arguments.replay_target: ["x", "Bus", "queue", "queue:", "queue:own", "queue:arn:aws:sns:us-east-1:123456789012:t"],
    arguments.percent: [*NO_NUMBERS, "0", "0.0", "100.1", "101"],
    arguments.grace: [*NO_NUMBERS, "1000000001", "1000000000.1"],
}


BEFORE = {"end": [TEN], "sequence": ["an-account"], "request": ["a-branch"], "process": ["a-branch"]}
"""What stands before an argument that has no name, by what it goes by."""


class Option(NamedTuple):
    """An argument that takes a value, of a command of a program."""

    words: tuple[str, ...]
    action: Action

    @property
    def name(self) -> str:
        return self.action.option_strings[-1] if self.action.option_strings else str(self.action.metavar)

    def line(self, value: str) -> list[str]:
        """A command line that is good but for this value, which comes before anything that might be missing."""
        if self.action.option_strings:
            return [*self.words, f"{self.name}={value}"]
        return [*self.words, *BEFORE.get(self.action.dest, ()), "--", value]

    def __str__(self) -> str:
        return " ".join((*self.words, self.name))


def options_of(parser: ArgumentParser, *words: str) -> Iterator[Option]:
    """Every argument that takes a value, of all commands and their commands."""
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            for name, command in action.choices.items():
                yield from options_of(command, *words, name)
        elif action.nargs != 0:
            yield Option(words, action)


OPS = list(options_of(ops.__main__._parser()))
LOCAL = list(options_of(local.__main__._parser()))
SCHEMAS = list(options_of(schemas.__main__._parser()))


@pytest.fixture
def touched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked of AWS, or of the Pulumi CLI; both refuse."""
    asked: list[str] = []

    def client(_: System, service: str) -> Any:
        asked.append(service)
        raise OperatorError("there is no AWS here")

    def run(command: Sequence[str], **_: Any) -> Any:
        asked.append(" ".join(command))
        raise FileNotFoundError

    monkeypatch.setattr(System, "client", client)
    monkeypatch.setattr(subprocess, "run", run)
    return asked


def ended(main: Callable[[list[str]], int], line: list[str]) -> int:
    """How a command line ends, whichever way."""
    try:
        return main(line)
    except SystemExit as exit_:
        return int(exit_.code or 0)


def test_the_walk_finds_the_options() -> None:
    assert len(OPS) > 30
    assert {
        "dead-letters redrive --message",
        "verify --grace",
        "replay archive START",
        "replay plan --pattern",
        "import DIR",
    } <= {str(each) for each in OPS}


@pytest.mark.parametrize("option", OPS, ids=str)
def test_every_option_has_a_reader(option: Option) -> None:
    reader = option.action.type
    assert isinstance(reader, Count | OneOf) or reader in READERS, "a plain text lets an empty one through"


def hostile(option: Option) -> Iterator[str]:
    yield from UNTYPEABLE
    reader = option.action.type
    if reader is not arguments.identifier:
        yield from UNSEEN
    if isinstance(reader, Count):
        yield from (*NO_NUMBERS, "0", "1.0", str(reader.highest + 1))
    elif isinstance(reader, OneOf):
        yield from (*NO_IDS, reader.words[0].swapcase(), reader.words[0][:-1], ",".join(reader.words))
    else:
        yield from HOSTILE[reader]


@pytest.mark.parametrize("option", OPS, ids=str)
def test_what_makes_no_sense_ends_with_2_and_the_arguments_name(
    touched: list[str], capsys: pytest.CaptureFixture[str], option: Option
) -> None:
    for value in hostile(option):
        assert ended(ops.__main__.main, option.line(value)) == 2, f"{value[:50]!r} means something"
        said = capsys.readouterr().err
        assert f"argument {'/'.join(option.action.option_strings) or option.name}: " in said, value[:50]
        assert "Traceback" not in said
        assert "\x1b" not in said
    assert touched == []


@pytest.mark.parametrize("option", [each for each in OPS if each.action.option_strings], ids=str)
def test_an_option_that_is_given_twice_collects_or_is_refused(
    touched: list[str], capsys: pytest.CaptureFixture[str], option: Option
) -> None:
    if type(option.action).__name__ == "_AppendAction":
        return
    good = {
        arguments.moment: TEN,
        arguments.since: TEN,
        arguments.grace: "1",
        arguments.region: "us-east-1",
        arguments.pattern: '{"a": [1]}',
        arguments.replay_target: "bus",
    }.get(option.action.type, "1")  # type: ignore[arg-type]
    if isinstance(option.action.type, OneOf):
        good = option.action.type.words[0]

    assert ended(ops.__main__.main, [*option.line(good), *option.line(good)[len(option.words) :]]) == 2
    assert f"argument {option.name}: may be given once only" in capsys.readouterr().err


@pytest.mark.parametrize("option", OPS, ids=str)
@examples(25)
@given(value=texts)
def test_any_text_is_a_meaning_or_a_refusal_and_never_a_traceback(
    touched: list[str], tmp_path: Path, *, option: Option, value: str
) -> None:
    outputs = tmp_path / "outputs.json"
    if not outputs.exists():
        outputs.write_text(json.dumps({"region": "us-east-1"}))
    line = option.line(value)
    rest = [f"--outputs={outputs}"] if option.action.dest not in ("outputs", "stack") else []
    rest += [f"--out={tmp_path}/new"] if "export" in line and option.action.dest != "out" else []
    rest += [str(tmp_path)] if "import" in line and option.action.dest != "folder" else []

    assert ended(ops.__main__.main, [*option.words, *rest, *line[len(option.words) :]]) in (1, 2)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "line",
    [
        ["republish", TEN, "--aggregate=a"],
        ["republish"],
        ["republish", "--aggregate=a", "--type=X"],
        ["republish", TEN, TEN],
        ["replay", TEN, "2024-01-15T09:00:00Z"],
        ["replay", "plan", f"--from={TEN}", "--to=2024-01-15T09:00:00Z"],
        ["replay", "plan", "--from-sequence=2", "--to-sequence=1"],
        ["replay", "plan", "--spec=out.json"],
        ["replay", "plan", "--spec=none.json", "--type=X"],
        ["export", "--out=new", f"--from={TEN}", "--to=2024-01-15T09:00:00Z"],
        ["export", "--out=new", "--aggregate=a", "--segments=3"],
        ["verify", "--stack=a", "--outputs=b"],
        ["verify", "--repair"],
        ["verify", "--trust-store"],
    ],
    ids=" ".join,
)
def test_arguments_that_make_no_sense_together_end_with_2(
    touched: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: list[str]
) -> None:
    (tmp_path / "out.json").write_text(json.dumps({"region": "us-east-1"}))
    monkeypatch.chdir(tmp_path)

    assert ended(ops.__main__.main, line) == 2
    assert touched == []


@pytest.mark.parametrize("option", LOCAL, ids=str)
def test_the_embedded_awss_arguments(capsys: pytest.CaptureFixture[str], option: Option) -> None:
    more = ["-1", "65536", "99999", "1_0", "\u0663", "nan"] if option.action.dest == "port" else []
    for value in (*UNTYPEABLE, *UNSEEN, *more):
        with pytest.raises(SystemExit) as exit_:
            local.__main__._parser().parse_args(option.line(value))
        assert exit_.value.code == 2
        assert f"argument {option.name}: " in capsys.readouterr().err


def test_port_0_is_any_free_one() -> None:
    assert local.__main__._parser().parse_args(["serve", "--port=0"]).port == 0


@pytest.mark.parametrize("option", SCHEMAS, ids=str)
def test_the_schemas_arguments(capsys: pytest.CaptureFixture[str], option: Option) -> None:
    other = "Parcel" if option.name == "--stream" else "parcel"  # a kind begins small, a type large
    for value in (*UNTYPEABLE, *UNSEEN, other, "../A", "A/B", "A b", "É", "A" * 101, "A\n"):
        assert ended(schemas.__main__.main, option.line(value)) == 2
        assert f"argument {option.name}: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "value", [*UNTYPEABLE, *UNSEEN, "APPEND", "append,latency"], ids=lambda value: ascii(value[:9])
)
def test_the_benchmarks_arguments(capsys: pytest.CaptureFixture[str], value: str) -> None:
    assert ended(bench.__main__.main, ["--", value]) == 2
    assert "argument PART: no such part" in capsys.readouterr().err
