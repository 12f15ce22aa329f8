"""The options that say which events a replay is of, and the file that may say so instead."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from handlers.domain import TRANSFORMS
from handlers.sourcing import times
from handlers.sourcing.command import MAX_SEQUENCE
from handlers.sourcing.errors import MalformedError
from handlers.sourcing.replays import MAX_RATE, ReplaySpec
from handlers.sourcing.selection import Selection
from handlers.sourcing.values import exact, loads
from ops.system import UsageError

from . import arguments

_PLACE = arguments.Count(min(MAX_SEQUENCE, 10**9 - 1))
_OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "--type": ("eventTypes", {"type": arguments.identifier, "action": "append", "metavar": "TYPE",
               "help": "events of this type; repeatable"}),
    "--account": ("aggregateIds", {"type": arguments.identifier, "action": "append", "metavar": "ID",
                  "help": "events of this account, or transfer; repeatable. Only these streams are read then"}),
    "--prefix": ("aggregatePrefix", {"type": arguments.identifier, "metavar": "TEXT",
                 "help": "of accounts whose ids begin so"}),
    "--from": ("from", {"type": arguments.moment, "metavar": "TIME", "help": "not before it: ISO 8601, with offset"}),
    "--to": ("to", {"type": arguments.moment, "metavar": "TIME",
             "help": "not after it; default: a minute ago, up to which no event can come any more"}),
    "--from-sequence": ("fromSequence", {"type": _PLACE, "metavar": "N", "help": "from this place of each stream on"}),
    "--to-sequence": ("toSequence", {"type": _PLACE, "metavar": "N", "help": "up to this place of each stream"}),
    "--correlation": ("correlationId", {"type": arguments.identifier, "metavar": "ID",
                      "help": "events that say this correlationId"}),
    "--pattern": ("pattern", {"type": arguments.pattern, "metavar": "JSON",
                  "help": "events that an EventBridge pattern describes: over what is `detail` in a rule"}),
    "--sample": ("sample", {"type": arguments.percent, "metavar": "PERCENT",
                 "help": "so many in a hundred of those, the same ones each time"}),
    "--seed": ("seed", {"type": arguments.identifier, "metavar": "TEXT", "help": "another sample"}),
    "--transform": ("transform", {"type": arguments.OneOf(TRANSFORMS.names), "metavar": "NAME@VERSION",
                    "help": "what is made of each event first: "
                    + "; ".join(f"{name}: {TRANSFORMS.says(name)}" for name in TRANSFORMS.names)}),
}  # fmt: skip
"""Each with its member of a spec."""
_OF_COPIES = ("transform", "rate", "target")
"""The members that say what is to become of copies."""


def add_spec(command: argparse.ArgumentParser) -> None:
    """The options."""
    for option, (member, settings) in _OPTIONS.items():
        command.add_argument(option, dest=_dest(member), **settings)
    command.add_argument("--rate", type=arguments.Count(MAX_RATE), metavar="N", help="so many events a second, at most")
    _add_file(command)


def add_selection(command: argparse.ArgumentParser, until: str) -> None:
    """Those that only select, where nothing is sent; `until` says what holds without `--to`."""
    for option, (member, settings) in _OPTIONS.items():
        if member not in _OF_COPIES:
            more = {"help": f"not after it; default: {until}"} if option == "--to" else {}
            command.add_argument(option, dest=_dest(member), **{**settings, **more})
    command.set_defaults(rate=None)
    _add_file(command)


def selection_of(options: argparse.Namespace) -> Selection:
    """What is selected. UsageError where it makes no sense, or says what is to become of copies: there are none."""
    spec = spec_of(options)
    if found := [name for name in _OF_COPIES if getattr(spec, name) is not None]:
        raise UsageError(f"--spec {options.spec}: {', '.join(found)}: nothing is sent here")
    return spec.selection


def _add_file(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--spec", type=arguments.path, metavar="FILE", help="a JSON file that says all of this by its members instead"
    )


def add_target(command: argparse.ArgumentParser) -> None:
    """The option that says where copies go."""
    command.add_argument(
        "--target",
        type=arguments.replay_target,
        dest=_dest("target"),
        metavar="TARGET",
        help="projection: the projections' rows, brought up to the events again; bus: under a source of its own; "
        "queue:ARN: a queue that admits the replayer's role; branch:NAME: onto that branch, what it has not; "
        "file: files below --out, written by this program",
    )


def spec_of(options: argparse.Namespace) -> ReplaySpec:
    """What is asked for. UsageError where it makes no sense: nothing was asked of AWS yet."""
    given: dict[str, Any] = {}
    for option, member in [*((name, member) for name, (member, _) in _OPTIONS.items()), ("--target", "target")]:
        value = getattr(options, _dest(member), None)  # not every command has each option
        if value is not None:
            if options.spec is not None:
                raise UsageError(f"{option}: say it in the file, as {member}; --spec comes without other options")
            given[member] = times.to_text(value) if option in ("--from", "--to") else value
    if options.spec is None:
        return _parsed({**given, "rate": options.rate}, "")
    if options.rate is not None:
        raise UsageError("--rate: say it in the file, as rate; --spec comes without other options")
    return _parsed(_content(options.spec), f"--spec {options.spec}: ")


def _parsed(given: Any, where: str) -> ReplaySpec:
    try:
        spec = ReplaySpec.of(given)
    except MalformedError as error:
        raise UsageError(where + "; ".join(f"{path}: {problem}" for path, problem in error.violations)) from error
    if spec.transform is not None and spec.transform not in TRANSFORMS.names:
        raise UsageError(f"{where}transform: there is no {spec.transform}; there are {', '.join(TRANSFORMS.names)}")
    return spec


def _content(path: Path) -> Any:
    try:
        return exact(loads(path.read_text("utf-8"), "spec"), "spec")
    except OSError as error:
        raise UsageError(f"--spec {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"--spec {path}: it is not UTF-8") from error
    except MalformedError as error:
        raise UsageError(f"--spec {path}: {error.message}") from error


def _dest(member: str) -> str:
    return f"spec_{member}"
