"""`python -m ops import`: an export's events into an empty store."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import MofNCompleteColumn

from handlers.domain import PROCESS
from handlers.store.event_store import EventStore
from handlers.store.snapshot_builder import SnapshotBuilder
from ops.bulk.importer import Checked, Checkpoint, Importer, is_empty
from ops.bulk.manifest import Manifest, Table
from ops.carriers import Carriers
from ops.system import MAX_WORKERS, OperatorError, System
from tools.numbers import counted, verb

from . import arguments, snapshots
from .common import THREADS, Rate, add_common, console_for, progress_on

if TYPE_CHECKING:
    from .common import Commands


def add_to(commands: Commands) -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "import",
        help="write an export into an empty store",
        description="Write an export's events into an empty event store, with their sequences, hashes, times and ids. "
        "Everything is checked before anything is written, and snapshots are made last. The table's stream publishes "
        "them like new ones: the read model builds itself, and every other consumer sees them as well.",
    )
    command.add_argument("folder", type=arguments.path, metavar="DIR", help="where `export` wrote")
    command.add_argument("--resume", action="store_true", help="go on with an import that was interrupted")
    command.add_argument(
        "--workers",
        type=THREADS,
        default=16,
        metavar="N",
        help=f"write with so many threads, {MAX_WORKERS} at most; default: 16",
    )
    command.add_argument(
        "--no-snapshots",
        action="store_true",
        help="leave the snapshots to the command `snapshots`; until then long accounts may not be usable",
    )
    add_common(command)
    command.set_defaults(run=_run)


def _run(system: System, options: argparse.Namespace) -> int:
    client, name = system.client("dynamodb"), system.output("eventStoreTable")
    manifest = Manifest.load(options.folder)
    _check_importable(manifest, options.folder)
    path = options.folder / f"import-{name}.json"
    try:
        begun = Checkpoint(Table.of(client, name), manifest.digest(), (0,) * len(manifest.parts))
        if options.resume:
            begun = _saved(path, begun)
        elif not is_empty(client, name):
            raise OperatorError(f"the table {name} is not empty; --resume goes on with an import that was interrupted")
        store = EventStore(client, name, system.setting("commandFunction", "TYPE_BUCKETS"))
        builder = None if options.no_snapshots else snapshots.builder_of(system)
        importer = Importer(client, name, store, options.folder, manifest)
        put, checked = _import(importer, path, begun, options, partial(Carriers.of, system))
    except OSError as error:
        raise OperatorError(f"{error.filename or options.folder}: {error.strerror}") from error
    console = console_for(options)
    made, broken = _snapshots(builder, checked.lengths, options, console)
    if options.json:
        answer = {"events": manifest.events, "written": put, "thereAlready": manifest.events - put}
        print(json.dumps({**answer, "snapshots": made, "broken": snapshots.described(broken)}))
    else:
        console.print(
            f"{counted(manifest.events, 'event')} {verb(manifest.events, 'is', 'are')} in {name}; "
            f"{put:,} {verb(put, 'was', 'were')} written now, and {counted(made, 'snapshot')} made of them"
        )
        if checked.of_processes:
            console.print(f"Its {PROCESS.kind}s wait: `verify`, then `{PROCESS.kind}s resume`")
    return 0  # all events are there, unchanged; what this code cannot fold is named, and has no snapshots


def _snapshots(
    builder: SnapshotBuilder | None, lengths: Mapping[str, int], options: argparse.Namespace, console: Console
) -> tuple[int, Mapping[str, str]]:
    """The last step. What is made is not made twice, neither by `--resume` nor beside the function that hears of it."""
    if builder is None:
        console.print(
            "[bold]No snapshots were made.[/] Until `python -m ops snapshots` has been run, a command or a query on a "
            "long account reads its whole stream; from some 100,000 events on that takes longer than the functions may."
        )
        return 0, {}
    long = sorted(aggregate_id for aggregate_id, length in lengths.items() if length >= builder.every)
    try:
        return snapshots.make(builder, long, options.workers, console)
    except (OperatorError, BotoCoreError, ClientError, KeyboardInterrupt):
        print("all events are there, not all snapshots; --resume goes on from here", file=sys.stderr)
        raise


def _check_importable(manifest: Manifest, folder: Path) -> None:
    if manifest.replay is not None:
        raise OperatorError(f"{folder}: it holds copies of the replay {manifest.replay.replay_id}, which are no events")
    if not manifest.finished:
        raise OperatorError(f"{folder}: the export is not finished; `export --resume` it first")
    if not manifest.request.whole_streams:
        raise OperatorError(
            f"{folder}: holds {manifest.request}, and so streams with gaps; export everything, or one account, and at "
            "most --to a time"
        )


def _saved(path: Path, begun: Checkpoint) -> Checkpoint:
    saved = Checkpoint.load(path)
    if saved is None or (saved.table, saved.export) != (begun.table, begun.export):
        raise OperatorError(f"--resume: no import of this export into this table was begun (by {path})")
    return saved


def _import(
    importer: Importer, path: Path, begun: Checkpoint, options: argparse.Namespace, carriers: Callable[[], Carriers]
) -> tuple[int, Checked]:
    """How many events were put, and what is in the export."""
    with progress_on(console_for(options), MofNCompleteColumn(), Rate()) as bars:
        check = bars.add_task("check", total=importer.manifest.events)
        checked = importer.check(lambda events: bars.advance(check, events))
        if checked.of_processes and (running := carriers().running()):
            raise OperatorError(
                f"the export has {PROCESS.kind}s in it, and {' and '.join(running)} would carry them on before all of "
                f"their streams are there: `{PROCESS.kind}s pause` first; once it is verified, `{PROCESS.kind}s resume`"
            )
        write = bars.add_task("write", total=importer.manifest.events)
        try:
            return importer.write(path, begun, options.workers, lambda events: bars.advance(write, events)), checked
        except (BotoCoreError, ClientError, KeyboardInterrupt):
            print("interrupted; --resume goes on from here", file=sys.stderr)
            raise
