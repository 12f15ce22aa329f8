"""`ledger events`: of all accounts and transfers, those that are there and those that come."""

from __future__ import annotations

import time

from cli import arguments, events
from cli.context import Context
from cli.errors import CliError, Refused, SignInNeeded, UsageError
from cli.event_types import EVENT_TYPES
from cli.output import fitted
from cli.requests import BY_CORRELATION, BY_TYPE
from tools.numbers import counted, verb

from .common import Commands, command, group, limit_option, span_options, tell_of_more

_WIDTHS = {
    "Timestamp": 20,
    "AggregateId": 24,
    "EventSequence": 4,
    "EventType": 20,
    "amount": 10,
    "EventData": 40,
    "Actor": 12,
}
"""Of a table that is not known before its lines come."""
_ALL_ABREAST = 100
"""Where it is narrower, who did it gives way to what was done."""


def add_to(commands: Commands) -> None:
    """Its commands."""
    words = group(commands, "events", "events of all accounts and transfers")
    listing = command(
        words, "list", "list events of a type, the newest first, or of a correlation", _list, events.FIELDS
    )
    of = listing.add_mutually_exclusive_group(required=True)
    of.add_argument("--type", type=arguments.words, help=f"one of {', '.join(EVENT_TYPES)}")
    of.add_argument(
        "--correlation", type=arguments.identifier, metavar="ID", help="what belongs together: a transfer's id"
    )
    limit_option(listing, 30)
    span_options(listing)
    tail = command(words, "tail", "show events as they are recorded, until Ctrl-C", _tail, events.FIELDS)
    tail.add_argument(
        "--type",
        action="append",
        choices=EVENT_TYPES,
        metavar="TYPE",
        help=f"only of this type; may be repeated; one of {', '.join(EVENT_TYPES)}",
    )
    one = tail.add_mutually_exclusive_group()
    one.add_argument("--account", dest="only", type=arguments.identifier, metavar="ID", help="only of this account")
    one.add_argument("--transfer", dest="only", type=arguments.identifier, metavar="ID", help="only of this transfer")
    tail.add_argument("--since", type=arguments.moment, metavar="TIME", help="begin with those recorded then or later")
    tail.add_argument(
        "--interval",
        type=arguments.seconds,
        default=2.0,
        metavar="SECONDS",
        help="how long to wait between two looks; default: 2",
    )


def _list(context: Context) -> None:
    options, out = context.options, context.out
    if options.type is not None:
        found, page = context.listed(
            BY_TYPE, "events", options.limit, type=options.type, from_=options.since, to=options.until
        )
    elif options.since or options.until:
        raise UsageError("--from and --to go with --type")
    else:
        found, page = context.listed(BY_CORRELATION, "events", options.limit, options.correlation)
    out.records(found, events.COLUMNS if out.is_terminal else events.EXACT_COLUMNS, "There are no such events.")
    unreadable = page.get("unreadable")
    if isinstance(unreadable, list) and unreadable:
        said = f"{counted(len(unreadable), 'item')} on the way {verb(len(unreadable), 'is no event', 'are no events')}"
        out.tell(f"warning: {said}; tell an operator (`python -m ops verify`)")
    tell_of_more(context, page, len(found))


def _tail(context: Context) -> None:
    """Requests: one for each type and look."""
    options, out = context.options, context.out
    columns = events.COLUMNS if out.is_terminal else events.EXACT_COLUMNS
    if out.is_terminal and out.width < _ALL_ABREAST:
        columns = tuple(each for each in columns if each.field != "Actor")
    widths = fitted([_WIDTHS.get(each.field, 0) for each in columns], columns, out.width)
    tail = events.Tail(context.ledger, options.type or EVENT_TYPES, options.since)
    if out.is_terminal:
        out.tell("Waiting for events. Ctrl-C ends it.")
    try:
        for event in events.followed(tail, lambda: time.sleep(options.interval), _teller(context), CliError):
            if options.only in (None, event.get("AggregateId")):
                out.streamed(event, columns, widths)
    except KeyboardInterrupt:
        out.tell("Stopped.")


def _teller(context: Context) -> events.Troubled:
    def tell(error: Exception) -> None:
        lasting = isinstance(error, SignInNeeded) or (isinstance(error, Refused) and error.status < 429)  # noqa: PLR2004
        if lasting:
            raise error
        context.out.tell(f"{error}; trying again, nothing is lost.")

    return tell
