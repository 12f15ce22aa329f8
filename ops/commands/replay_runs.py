"""`python -m ops replay start|list|show|pause|resume|cancel`: replays of the event store, by the replayer."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import TextColumn, TimeRemainingColumn

from handlers.sourcing.replays import FILE, PROJECTION
from handlers.sourcing.values import dumps
from handlers.store.replays import Run, State
from handlers.upkeep.replays import (
    COMPLETED,
    GOES_ON_THERE,
    described,
    described_whole,
    is_scanned,
    is_stalled,
    items_of,
    status_of,
)
from ops.replays.plan import bounded
from ops.replays.queues import TargetQueues
from ops.replays.runs import Runs
from ops.system import System, UsageError
from tools.numbers import counted

from . import arguments
from .common import Rate, add_common, console_for, progress_on, shown
from .replay_file import add_files, write
from .replay_spec import add_spec, add_target, spec_of
from .tables import Cell, print_table

if TYPE_CHECKING:
    from .common import Commands

LOOK_AGAIN_SECONDS = 1.0
_COLOURS = {COMPLETED: "green", "paused": "yellow", "cancelled": "red"}
_CHANGES = {
    "pause": (State.PAUSED, "have a replay stop for now", "It stops within two seconds, and goes on where it stopped."),
    "resume": (
        State.RUNNING,
        "have a replay go on",
        "A paused replay goes on where it stopped. One that runs is sent off once more, which mends one that is "
        "stalled, and does no harm to any other.",
    ),
    "cancel": (State.CANCELLED, "end a replay for good", "It stops within two seconds, and cannot be resumed."),
}


def add_to(actions: Commands) -> None:
    """Add the actions."""
    start = actions.add_parser(
        "start",
        help="send copies of stored events to a target",
        description="Have the replayer send copies of stored events to a target, and watch until that is done. It goes "
        "on without being watched: Ctrl-C ends the watching alone. `replay plan` says beforehand what it would be.",
    )
    add_spec(start)
    add_target(start)
    add_files(start)
    start.add_argument(
        "--name", type=arguments.new_replay_name, help="the replay's name; default: replay-<milliseconds>"
    )
    start.add_argument("--detach", action="store_true", help="do not watch")
    add_common(start)
    start.set_defaults(run=_start)
    listing = actions.add_parser("list", help="all replays, the newest first")
    add_common(listing)
    listing.set_defaults(run=_list)
    show = _of_one(actions, "show", "how far a replay is", "What a replay was asked to do, and how far it is.")
    show.add_argument("--watch", action="store_true", help="until it is done, or may not go on")
    show.set_defaults(run=_show)
    for name, (state, summary, description) in _CHANGES.items():
        change = _of_one(actions, name, summary, description)
        change.set_defaults(run=_changing(state))


def _of_one(actions: Commands, name: str, summary: str, description: str) -> argparse.ArgumentParser:
    action = actions.add_parser(name, help=summary, description=description)
    action.add_argument("name", type=arguments.replay_name, metavar="NAME", help="the replay's name")
    add_common(action)
    return action


def _start(system: System, options: argparse.Namespace) -> int:
    """0, or 1 where something was left out, or it may not go on."""
    spec = spec_of(options)
    if spec.target is None:
        raise UsageError("--target: say where copies go: projection, bus, file, branch:NAME, or queue:ARN")
    name = options.name or f"replay-{time.time_ns() // 1_000_000}"
    if spec.target.kind == FILE:
        return write(system, spec, name, options)
    for option, value in (("--out", options.out), ("--format", options.format), ("--resume", options.resume or None)):
        if value is not None:
            raise UsageError(f"{option}: is for --target file alone")
    TargetQueues.of(system).check(spec.target)
    dynamodb, table = system.client("dynamodb"), system.output("eventStoreTable")
    selection, is_open = bounded(spec.selection, dynamodb, table)
    rate = spec.rate or system.setting("replayerFunction", "REPLAY_RATE")
    runs = Runs.of(system)
    run = runs.start(name, replace(spec, selection=selection, rate=rate))
    console = console_for(options)
    console.print(
        f"Started [bold]{shown(name)}[/] to {shown(str(spec.target))}, up to {selection.until}, at {rate:,} a second"
    )
    if is_open:
        console.print("[yellow]The last minute is not settled[/]: what is stored from now on may be stamped within it")
    if not options.detach:
        run = _watch(runs, run, console, _items(system, run))
    return _tell(runs, run, options, console)


def _list(system: System, options: argparse.Namespace) -> int:
    runs = Runs.of(system)
    now = runs.now()
    found = [described(run, now) for run in runs.replays.every()]
    if options.json:
        print(dumps({"replays": found}))
        return 0
    rows = [
        [
            Cell(str(each["replayId"])),
            Cell("stalled", "bold red")
            if each["stalled"]
            else Cell(state := str(each["state"]), _COLOURS.get(state, "")),
            Cell(str(each["startedAt"])),
            Cell(str(each["spec"]["target"])),
            Cell(f"{each['segmentsDone']}/{each['segments']}", right=True),
            *(Cell(_number(each[count]), right=True) for count in ("selected", "sent", "leftOut")),
        ]
        for each in found
    ]
    head = ("REPLAY", "STATE", "STARTED", "TARGET", "SEGMENTS", "SELECTED", "SENT", "LEFT OUT")
    print_table(console_for(options), head, rows)
    return 0


def _show(system: System, options: argparse.Namespace) -> int:
    runs = Runs.of(system)
    run, console = runs.read(options.name), console_for(options)
    if options.watch:
        run = _watch(runs, run, console, _items(system, run))
    return _tell(runs, run, options, console)


def _changing(state: State) -> Callable[[System, argparse.Namespace], int]:
    def change(system: System, options: argparse.Namespace) -> int:
        runs = Runs.of(system)
        run = runs.change(options.name, state)
        _tell(runs, run, options, console_for(options))
        return 0

    return change


def _watch(runs: Runs, run: Run, console: Console, items: int | None) -> Run:
    """The replay when it is done, or may not go on; a Query each second meanwhile."""
    replay_id = run.head.replay_id
    columns = (Rate(), TextColumn("{task.fields[sent]:,} sent"), TimeRemainingColumn())
    try:
        with progress_on(console, *columns) as bars:
            bar = bars.add_task("replay", total=items, sent=0)
            while True:
                scanned = run.counts.scanned
                # The table's own count is some hours old: where there is more, it is not known how much.
                total = None if items is None or scanned > items else items
                bars.update(bar, completed=scanned, total=total, sent=run.counts.sent)
                if status_of(run) != State.RUNNING:
                    return run
                if is_stalled(run, runs.now()):
                    return run
                time.sleep(LOOK_AGAIN_SECONDS)
                run = runs.read(replay_id)
    except KeyboardInterrupt:
        console.print(f"The replay goes on: `replay show {shown(replay_id)} --watch`, `pause`, `cancel`")
        raise


def _items(system: System, run: Run) -> int | None:
    """About how many items will be gone through; None where nothing tells. One request, or none."""
    return items_of(system.client("dynamodb"), system.output("eventStoreTable")) if is_scanned(run) else None


def _how_far(run: Run) -> str:
    counts, done = run.counts, len(run.segments) - len(run.unfinished)
    if run.head.is_of_files:
        return f"{counted(counts.sent, 'copy')} in files, {counts.left_out:,} left out"
    sent, target = f"{counts.sent:,} sent", run.head.spec.target
    if target is not None and target.kind == PROJECTION and counts.sent < counts.selected:
        sent += " (of each aggregate the last event of a stretch, which brings its rows up to all of them)"
    return (
        f"{counted(counts.selected, 'event')} selected of {counts.scanned:,}, {sent}, "
        f"{counts.left_out:,} left out; {done} of {counted(len(run.segments), 'segment')} done"
    )


def _number(count: object) -> str:
    return "" if count is None else f"{count:,}"


def _tell(runs: Runs, run: Run, options: argparse.Namespace, console: Console) -> int:
    told = described_whole(run, runs.now())
    if options.json:
        print(dumps(told))
    else:
        status = status_of(run)
        colour = _COLOURS.get(status, "bold")
        console.print(f"[{colour}]{status}[/] {shown(run.head.replay_id)}: {_how_far(run)}")
        for problem in told["problems"]:
            console.print(f"[red]left out[/] {shown(str(problem))}")
        if told["stalled"]:
            way_out = GOES_ON_THERE if run.head.is_of_files else f"`replay resume {shown(run.head.replay_id)}`"
            console.print(f"[bold red]It is stalled[/]: {way_out}")
    in_vain = told["stalled"] or told["leftOut"] or status_of(run) == State.CANCELLED
    return 1 if in_vain else 0
