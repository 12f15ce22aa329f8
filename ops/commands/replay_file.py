"""`python -m ops replay start --target file`: copies into files here, by this program itself."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event as Flag

from botocore.exceptions import BotoCoreError, ClientError

from handlers.sourcing import times
from handlers.sourcing.errors import MalformedError
from handlers.sourcing.replays import ReplaySpec
from handlers.sourcing.values import dumps, loads
from handlers.store.replay_source import ReplaySource, segments_of
from handlers.store.replay_targets import Copier
from handlers.store.replays import Replays
from handlers.upkeep.replays import now_text
from ops.bulk import manifest as manifests
from ops.bulk import parquet
from ops.bulk.exporter import Exporter, planned_replay
from ops.bulk.manifest import Format, Manifest, Replayed, Table
from ops.replays.files import Copies
from ops.replays.noted import Noted
from ops.replays.pace import Pace
from ops.replays.plan import bounded
from ops.system import MAX_WORKERS, OperatorError, System, UsageError
from tools.numbers import counted

from . import arguments
from .common import Counting, Rate, console_for, foreign_line, progress_on, shown


def add_files(command: argparse.ArgumentParser) -> None:
    """The options of the target `file`."""
    command.add_argument("--out", type=arguments.path, metavar="DIR", help="of --target file: a new or empty folder")
    command.add_argument(
        "--format", type=arguments.OneOf(tuple(Format)), metavar="FORMAT", help="jsonl or parquet; default: jsonl"
    )
    command.add_argument("--resume", action="store_true", help="go on with the copies in DIR that were interrupted")


def write(system: System, spec: ReplaySpec, name: str, options: argparse.Namespace) -> int:
    """0, or 1 where something was left out."""
    if options.out is None:
        raise UsageError("--out: --target file says where the files go")
    client, store = system.client("dynamodb"), system.output("eventStoreTable")
    console = console_for(options)
    try:
        if options.resume:
            manifest = _begun(options, Table.of(client, store))
        else:
            manifest = _new(spec, name, options, system)
            options.out.mkdir(parents=True, exist_ok=True)
        if manifest.format is Format.PARQUET:
            parquet.available()
        replayed, begun = _of(manifest, options)
        noted = _noted(system, replayed, begun, manifest.events if options.resume else None)
        if noted is None:
            console.print("[yellow]Not entered in the table of replays[/], for want of leave: `list` will not have it")
        stop = Flag()
        copies = Copies(
            ReplaySource(client, store),
            begun.selection,
            Copier(replayed.replay_id, begun.transform),
            lambda item: console.print(foreign_line(item)),
            Pace(spec.rate or begun.rate, stop.wait),
        )

        def wrote(copies: int) -> None:
            bars.advance(bar, copies)
            if noted is not None:
                noted.wrote(copies)

        with progress_on(console, Rate(), Counting("files", "file", "copies into ")) as bars:
            bar = bars.add_task("replay", total=None, files=len(manifest.parts))
            done = Exporter(options.out, copies, stop).run(manifest, MAX_WORKERS, wrote)
        if noted is not None:
            noted.ended(done.events, done.left_out)
    except OSError as error:
        raise OperatorError(f"{error.filename or options.out}: {error.strerror}") from error
    except (BotoCoreError, ClientError, KeyboardInterrupt):
        print("interrupted; --resume goes on from here", file=sys.stderr)
        raise
    _tell(done, replayed, begun, options)
    return 1 if done.left_out else 0


def _tell(done: Manifest, replayed: Replayed, begun: ReplaySpec, options: argparse.Namespace) -> None:
    told = {
        "replayId": replayed.replay_id,
        "manifest": str(options.out / manifests.NAME),
        "sent": done.events,
        "leftOut": done.left_out,
        "files": len(done.parts),
        "to": begun.selection.until,
    }
    if options.json:
        print(dumps(told))
    else:
        console_for(options).print(
            f"[green]completed[/] {shown(replayed.replay_id)}: "
            f"{counted(done.events, 'copy')} in {counted(len(done.parts), 'file')}, "
            f"up to {begun.selection.until}; {done.left_out:,} left out"
        )


def _noted(system: System, replayed: Replayed, spec: ReplaySpec, before: int | None) -> Noted | None:
    """None where the operator may not write to the table of replays: the files do not need it."""
    replays = Replays(system.client("dynamodb"), system.output("replaysTable"))
    try:
        return Noted.begin(replays, replayed.replay_id, spec, now_text, before=before)
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDeniedException":
            raise
        return None


def _new(spec: ReplaySpec, name: str, options: argparse.Namespace, system: System) -> Manifest:
    client, store = system.client("dynamodb"), system.output("eventStoreTable")
    if options.out.exists() and any(options.out.iterdir()):
        raise OperatorError(f"--out {options.out}: not empty; take another folder, or --resume the copies in it")
    selection, _ = bounded(spec.selection, client, store)
    replayed = Replayed(name, replace(spec, selection=selection).canonical())
    how, parts = Format(options.format or Format.JSONL), len(segments_of(selection))
    began = times.to_text(datetime.now(UTC))
    return planned_replay(replayed, how, Table.of(client, store), parts, began)


def _begun(options: argparse.Namespace, table: Table) -> Manifest:
    manifest = Manifest.load(options.out)
    if manifest.table != table:
        raise OperatorError(f"--resume: {options.out} is of another table: {manifest.table}; the stack's is {table}")
    if options.format is not None and options.format != manifest.format:
        raise OperatorError(f"--format: the copies in {options.out} were begun with {manifest.format}; leave it out")
    return manifest


def _of(manifest: Manifest, options: argparse.Namespace) -> tuple[Replayed, ReplaySpec]:
    if manifest.replay is None:
        raise OperatorError(f"--resume: {options.out} holds an export: `export --resume`")
    try:
        return manifest.replay, ReplaySpec.of(loads(manifest.replay.spec, "spec"))
    except MalformedError as error:
        raise OperatorError(f"{options.out / manifests.NAME}: spec: {error.message}") from error
