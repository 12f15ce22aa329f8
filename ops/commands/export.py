"""`python -m ops export`: events out of the store into files."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from handlers.domain import EVENT_TYPES
from handlers.sourcing import times
from handlers.sourcing.errors import NotAnEventError
from handlers.store.event_store import EventStore
from ops.bulk import manifest as manifests
from ops.bulk import parquet
from ops.bulk.exporter import Events, Exporter, planned
from ops.bulk.manifest import Format, Manifest, Request, Table
from ops.system import MAX_WORKERS, OperatorError, System, UsageError
from tools.numbers import counted, verb

from . import arguments
from .common import THREADS, Counting, Rate, add_common, console_for, foreign_line, progress_on, shown

if TYPE_CHECKING:
    from .common import Commands

_SEGMENTS = 8


def add_to(commands: Commands) -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "export",
        help="write events into files",
        description="Write the store's events into JSON Lines or Parquet files beside a manifest: all, one account's "
        "or one type's, of any time or a range. What is stored while it runs may or may not be in it. Nothing is "
        "written to the store.",
    )
    command.add_argument("--out", type=arguments.path, required=True, metavar="DIR", help="a new or empty folder")
    command.add_argument(
        "--format", type=arguments.OneOf(tuple(Format)), metavar="FORMAT", help="jsonl or parquet; default: jsonl"
    )
    which = command.add_mutually_exclusive_group()
    which.add_argument("--aggregate", type=arguments.identifier, metavar="ID", help="only this account's")
    which.add_argument(
        "--type",
        type=arguments.OneOf(tuple(sorted(EVENT_TYPES))),
        metavar="TYPE",
        help=f"only those of this type, by the type index: {', '.join(sorted(EVENT_TYPES))}",
    )
    command.add_argument(
        "--from",
        dest="since",
        type=arguments.moment,
        metavar="TIME",
        help="with this Timestamp or a later one; ISO 8601",
    )
    command.add_argument(
        "--to", dest="until", type=arguments.moment, metavar="TIME", help="with this Timestamp or an earlier one"
    )
    command.add_argument(
        "--segments",
        type=THREADS,
        metavar="N",
        help=f"of the parallel Scan, and so files, {MAX_WORKERS} at most; default: {_SEGMENTS}",
    )
    command.add_argument("--resume", action="store_true", help="go on with the export in DIR that was interrupted")
    add_common(command)
    command.set_defaults(run=_run)


def _run(system: System, options: argparse.Namespace) -> int:
    request = _request(options)
    client, name = system.client("dynamodb"), system.output("eventStoreTable")
    table = Table.of(client, name)
    try:
        if options.resume:
            manifest = _begun(options, request, table)
        else:
            _check_new(options, EventStore(client, name))
            manifest = _new(system, options, request, table)
            options.out.mkdir(parents=True, exist_ok=True)
        if manifest.format is Format.PARQUET:
            parquet.available()
        console = console_for(options)
        exporter = Exporter(options.out, Events(client, name, lambda item: console.print(foreign_line(item))))
        manifest = _export(exporter, manifest, console)
    except OSError as error:
        raise OperatorError(f"{error.filename or options.out}: {error.strerror}") from error
    _tell(manifest, options)
    return 1 if manifest.left_out else 0


def _request(options: argparse.Namespace) -> Request:
    """What is asked for. UsageError for what makes no sense together."""
    if options.since and options.until and options.since > options.until:
        raise UsageError("--from must not be later than --to")
    if options.segments and (options.aggregate or options.type):
        raise UsageError("--segments: only an export of everything is by a Scan in segments")
    return Request(options.aggregate, options.type, _text(options.since), _text(options.until))


def _check_new(options: argparse.Namespace, store: EventStore) -> None:
    if options.out.exists() and any(options.out.iterdir()):
        raise OperatorError(f"--out {options.out}: not empty; take another folder, or --resume the export in it")
    if options.aggregate:
        foreign: list[NotAnEventError] = []
        if not store.page(options.aggregate, limit=1, unreadable=foreign.append).events and not foreign:
            raise OperatorError(f"{options.aggregate} has no events")


def _new(system: System, options: argparse.Namespace, request: Request, table: Table) -> Manifest:
    if request.aggregate_id:
        parts = 1
    elif request.event_type:
        if not system.has_type_index():
            raise OperatorError(
                "--type reads the type index, which this stack leaves out (its setting typeIndex): export everything "
                "and pick the type out of the files, or have the index made"
            )
        parts = system.setting("queryFunction", "TYPE_BUCKETS")
    else:
        parts = options.segments or _SEGMENTS
    return planned(request, Format(options.format or Format.JSONL), table, parts, times.to_text(datetime.now(UTC)))


def _begun(options: argparse.Namespace, request: Request, table: Table) -> Manifest:
    """The export in the folder, which must be what the options say as far as they say anything."""
    manifest = Manifest.load(options.out)
    if manifest.table != table:
        raise OperatorError(f"--resume: {options.out} is of another table: {manifest.table}; the stack's is {table}")
    if manifest.replay is not None:
        raise OperatorError(f"--resume: {options.out} holds copies of a replay: `replay start --target file --resume`")
    begun = manifest.request
    given = {
        "--format": (options.format, manifest.format),
        "--aggregate": (request.aggregate_id, begun.aggregate_id),
        "--type": (request.event_type, begun.event_type),
        "--from": (request.since, begun.since),
        "--to": (request.until, begun.until),
        "--segments": (options.segments, len(manifest.parts)),
    }
    for option, (wanted, there) in given.items():
        if wanted is not None and wanted != there:
            raise OperatorError(f"{option} {wanted}: the export in {options.out} was begun with {there}; leave it out")
    return manifest


def _export(exporter: Exporter, manifest: Manifest, console: Console) -> Manifest:
    with progress_on(console, Rate(), Counting("files", "file", "events into ")) as bars:
        bar = bars.add_task("export", total=None, files=len(manifest.parts))
        try:
            return exporter.run(manifest, MAX_WORKERS, lambda events: bars.advance(bar, events))
        except (BotoCoreError, ClientError, KeyboardInterrupt):
            print("interrupted; --resume goes on from here", file=sys.stderr)
            raise


def _tell(manifest: Manifest, options: argparse.Namespace) -> None:
    size = sum(part.bytes for part in manifest.parts)
    if options.json:
        answer = {
            "manifest": str(options.out / manifests.NAME),
            "format": manifest.format,
            "files": len(manifest.parts),
            "events": manifest.events,
            "bytes": size,
            "leftOut": manifest.left_out,
        }
        print(json.dumps(answer))
    else:
        events, files = counted(manifest.events, "event"), counted(len(manifest.parts), "file")
        none = verb(manifest.left_out, "is no event and was", "are no events and were")
        left_out = f"; {counted(manifest.left_out, 'item')} {none} left out" if manifest.left_out else ""
        console_for(options).print(shown(f"{manifest.request}: {events}, {size:,} bytes in {files}") + left_out)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else times.to_text(moment)
