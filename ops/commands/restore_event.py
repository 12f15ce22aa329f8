"""`python -m ops restore-event`: put an event that is missing, or was changed, back in its place."""

from __future__ import annotations

import argparse
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handlers.sourcing import times
from handlers.sourcing.event import Event
from handlers.sourcing.values import dumps
from handlers.store.event_store import EventStore
from handlers.store.read_model import ReadModel
from handlers.upkeep.verification.differences import text_of
from ops.regions import require_home
from ops.restoring.changes import changes, readable
from ops.restoring.fitting import Copies, Fit, UnfitError, fitting
from ops.restoring.sources import AuditFiles, AuditLog, Beside, Exported
from ops.restoring.standing import Standing
from ops.system import OperatorError, System

from . import arguments
from .common import add_common, add_yes, confirmed, console_for, shown

if TYPE_CHECKING:
    from .common import Commands

SOURCE = "event-sourcing.operations"
MOST_EVENTS = 999_999_999
DETAIL_TYPE = "EventRestoration"
"""What the bus, and so the audit log and the archive, are told before anything is put back."""


def add_to(commands: Commands) -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "restore-event",
        help="put back an event that is missing or was changed",
        description="Put an event back in its place of the store: one that is missing, or in the place of what was "
        "made of it. Only the very event that stood there is put: its own hash, the event before it and the one behind "
        "it say so. Act as a role in breakGlassArns; nobody else is admitted.",
    )
    command.add_argument("aggregate", type=arguments.identifier, metavar="ID", help="the account or transfer")
    command.add_argument(
        "sequence", type=arguments.Count(MOST_EVENTS), metavar="SEQUENCE", help="the event's place in its stream"
    )
    command.add_argument(
        "--from",
        dest="source",
        type=arguments.event_source,
        required=True,
        metavar="SOURCE",
        help="who still has it: audit-log, audit-files, table:NAME of a restored table, or the folder of an export",
    )
    command.add_argument("--reason", type=arguments.identifier, required=True, metavar="TEXT", help="for the auditors")
    command.add_argument("--dry-run", action="store_true", help="say what would be put back, and put nothing")
    command.add_argument(
        "--unconfirmed",
        action="store_true",
        help="even where nothing stands behind it that names its hash, at the end of a stream",
    )
    add_yes(command)
    add_common(command)
    command.set_defaults(run=_run)


def _run(system: System, options: argparse.Namespace) -> int:
    """0 if the event is in its place; with --dry-run, if it could be put there."""
    client, table = system.client("dynamodb"), system.output("eventStoreTable")
    store = EventStore(client, table, system.setting("commandFunction", "TYPE_BUCKETS"))
    place = Standing(client, store, table, ReadModel(client, system.output("readModelTable")), options.aggregate)
    name = f"event {options.sequence} of {options.aggregate}"
    try:
        fit = fitting(options.sequence, place, _copies(system, place, options))
    except UnfitError as error:
        raise OperatorError(f"{name}, from {options.source}: {error}") from error
    if place.holds(fit.event):
        return _told(fit, place, options, "in its place already")
    standing = place.event(options.sequence)
    if not fit.by and standing is not None and standing.hash != fit.event.hash:
        other = f"the one that stands there fits as well, and nothing behind it names that of {options.source}"
        raise OperatorError(f"{name}: {other}")
    if not fit.by and standing is None and not options.unconfirmed:
        raise OperatorError(
            f"{name}: nothing stands behind it, so that nobody says that it was this one; if you know it, --unconfirmed"
        )
    if options.dry_run:
        return _told(fit, place, options, "would be put back")
    require_home(system, (place.newest() or fit.event).stamp)
    _show(fit, place, options)
    if not confirmed(f"Put {name} back?", options):
        raise OperatorError("nothing was put back")
    _announce(system, fit.event, place, options)
    place.put(fit.event)
    return _told(fit, place, options, "put back")


def _copies(system: System, place: Standing, options: argparse.Namespace) -> Copies:
    if isinstance(options.source, Path):
        return Exported(options.source, options.aggregate)
    if options.source in (arguments.AUDIT_LOG, arguments.AUDIT_FILES):
        before = place.event(options.sequence - 1) if options.sequence > 1 else None
        since = before.timestamp if before else None
        if options.source == arguments.AUDIT_FILES:
            return AuditFiles(system.client("s3"), system.output("auditFilesBucket"), options.aggregate, since)
        return AuditLog(system.client("logs"), system.output("auditLogGroup"), options.aggregate, since)
    return Beside(system.client("dynamodb"), options.source.removeprefix(arguments.TABLE), options.aggregate)


def _announce(system: System, event: Event, place: Standing, options: argparse.Namespace) -> None:
    """Tell the bus who puts back what and why; nothing is put back of which the bus was not told."""
    now = datetime.now(UTC)
    detail = {
        "AggregateId": event.aggregate_id,
        "EventSequence": event.sequence,
        "EventId": event.event_id,
        "Hash": event.hash,
        "Found": "changed" if place.item(event.sequence) else "missing",
        "From": str(options.source),
        "By": system.client("sts").get_caller_identity()["Arn"],
        "Reason": options.reason,
        "Timestamp": times.to_text(now),
    }
    entry = {"Source": SOURCE, "DetailType": DETAIL_TYPE, "Detail": dumps(detail), "Time": now}
    answer = system.client("events").put_events(Entries=[{**entry, "EventBusName": system.output("eventBusName")}])
    if answer["FailedEntryCount"]:
        raise OperatorError(f"the bus was not told, and nothing was put back: {answer['Entries'][0]['ErrorCode']}")


def _told(fit: Fit, place: Standing, options: argparse.Namespace, outcome: str) -> int:
    if options.json:
        print(dumps({**_described(fit, place), "outcome": outcome}))
        return 0
    if options.dry_run:
        _show(fit, place, options)
    console = console_for(options)
    console.print(f"event {fit.event.sequence} of [bold]{shown(fit.event.aggregate_id)}[/]: {outcome}")
    if outcome == "put back":
        again = shown(shlex.quote(options.aggregate))
        console.print(f"next: verify --aggregate {again} --repair-read-model, which also rebuilds what was made of it")
    return 0


def _show(fit: Fit, place: Standing, options: argparse.Namespace) -> None:
    """What is to be put there, who says that it stood there, and what stands there now."""
    if options.json:
        return
    console, item = console_for(options), place.item(fit.event.sequence)
    console.print(f"  {shown(dumps(fit.event.record()))}")
    console.print(f"  says so: {shown(fit.by) or 'nobody'}")
    if item is None:
        console.print("  stands there: nothing")
        return
    differing = changes(item, place.store.item(fit.event))
    if not differing:
        console.print(f"  stands there: {shown(text_of(readable(item)))}")
        return
    console.print("  stands there, and comes back:")
    for name, (found, original) in differing.items():
        console.print(f"    {shown(name)}: [red]{shown(found)}[/] -> [green]{shown(original)}[/]")


def _described(fit: Fit, place: Standing) -> dict[str, Any]:
    item = place.item(fit.event.sequence)
    told = {"event": fit.event.record(), "confirmedBy": fit.by, "found": readable(item) if item else None}
    differing = changes(item, place.store.item(fit.event)) if item else {}
    changed = {name: {"found": found, "event": original} for name, (found, original) in differing.items()}
    return {**told, "changed": changed}
