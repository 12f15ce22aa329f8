"""`python -m ops feeds`: what hands events and messages to the functions, off and on again."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from ops.feeds import FED, MISSING, OFF, ON, Feed, Feeds
from ops.system import System, UsageError

from . import arguments
from .common import add_common, add_yes, confirmed, console_for
from .tables import Cell, print_table

if TYPE_CHECKING:
    from .common import Commands

_CARRIED = "process"
"""Whose work a schedule carries on as well: `transfers pause` and `resume` switch both."""
_KEPT = {"stream": "the stream forgets what waits after 24 hours", "queue": "the queue keeps what waits for 4 days"}


def add_to(commands: Commands) -> None:
    """Add the command and its three subcommands to the command line."""
    group = commands.add_parser("feeds", help="what hands events and messages to the functions, off and on again")
    actions = group.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="show how each stands; exit code 1 where one is not on")
    add_common(listing)
    listing.set_defaults(run=_list)
    for name, on, about in (
        ("pause", False, "hand a function nothing until `feeds resume`; what comes waits"),
        ("resume", True, "hand a function again what waits, and wait until its feed is on"),
    ):
        action = actions.add_parser(name, help=about)
        action.add_argument(
            "feed", metavar="NAME", type=arguments.OneOf(FED), help=f"whose feed: {', '.join(sorted(FED))}"
        )
        if on:  # takes what `pause` takes, and has no value without it: one would say that there is something to ask
            action.add_argument("--yes", action="store_true", default=argparse.SUPPRESS, help="asks nothing anyway")
        else:
            add_yes(action)
        add_common(action)
        action.set_defaults(run=_switch, on=on)


def _list(system: System, options: argparse.Namespace) -> int:
    """0 if all are on."""
    return _told(Feeds.of(system).all(), options)


def _switch(system: System, options: argparse.Namespace) -> int:
    """0 once it is as it was asked for; 1 if who was asked says no."""
    name, feeds = options.feed, Feeds.of(system)
    if name == _CARRIED:
        what = "resume" if options.on else "pause"
        raise UsageError(f"transfers are carried on by a schedule, too: `transfers {what}` switches both")
    if not options.on:
        kept = "; ".join(sorted({_KEPT[feed.source] for feed in feeds.named(name)}))
        if not confirmed(f"Hand {name} nothing until `feeds resume {name}`? {kept or 'Nothing feeds it'}.", options):
            return 1
    _told(feeds.switch(name, on=options.on), options)
    return 0


def _told(found: list[Feed], options: argparse.Namespace) -> int:
    if options.json:
        print(json.dumps({"feeds": [feed.describe() for feed in found]}, indent=2))
    else:
        rows = [_cells(feed) for feed in found]
        print_table(console_for(options), ("FEED", "FROM", "STATE", "LAST RESULT", "WHY"), rows)
    return int(any(feed.state != ON for feed in found))


def _cells(feed: Feed) -> list[Cell]:
    state = Cell(feed.state, "red" if feed.state in (OFF, MISSING) else "")
    return [Cell(feed.name), Cell(feed.source), state, Cell(feed.result or ""), Cell(feed.reason or "")]
