"""`python -m ops import`: an export's events into an empty store."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from rich.progress import MofNCompleteColumn

from handlers.store.event_store import EventStore
from ops.bulk.importer import Checkpoint, Importer, is_empty
from ops.bulk.manifest import Manifest, Table
from ops.system import MAX_WORKERS, OperatorError, System

from . import arguments
from .common import THREADS, Rate, add_common, console_for, progress_on

if TYPE_CHECKING:
    from .common import Commands


def add_to(commands: Commands) -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "import",
        help="write an export into an empty store",
        description="Write an export's events into an empty event store, with their sequences, hashes, times and ids. "
        "Everything is checked before anything is written. The table's stream publishes them like new ones: the read "
        "model builds itself, and every other consumer sees them as well.",
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
        put = _import(Importer(client, name, store, options.folder, manifest), path, begun, options)
    except OSError as error:
        raise OperatorError(f"{error.filename or options.folder}: {error.strerror}") from error
    if options.json:
        print(json.dumps({"events": manifest.events, "written": put, "thereAlready": manifest.events - put}))
    else:
        console_for(options).print(f"{manifest.events:,} events are in {name}; {put:,} were written now")
    return 0


def _check_importable(manifest: Manifest, folder: Path) -> None:
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


def _import(importer: Importer, path: Path, begun: Checkpoint, options: argparse.Namespace) -> int:
    with progress_on(console_for(options), MofNCompleteColumn(), Rate()) as bars:
        check = bars.add_task("check", total=importer.manifest.events)
        importer.check(lambda events: bars.advance(check, events))
        write = bars.add_task("write", total=importer.manifest.events)
        try:
            return importer.write(path, begun, options.workers, lambda events: bars.advance(write, events))
        except (BotoCoreError, ClientError, KeyboardInterrupt):
            print("interrupted; --resume goes on from here", file=sys.stderr)
            raise
