"""`python -m ops transfers`: which are under way and why, one's whole story, and a hand for one that does not end."""

from __future__ import annotations

import argparse
import heapq
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from handlers.domain.oversight import OVERSIGHT
from handlers.sourcing import times
from handlers.sourcing.event import Event
from handlers.sourcing.values import dumps
from ops.carriers import Carriers
from ops.processes import Processes, Story, command, poke
from ops.system import OperatorError, System, UsageError
from tools.numbers import counted

from . import arguments
from .common import add_common, amount_of, console_for, shown
from .tables import Cell, print_table

if TYPE_CHECKING:
    from .common import Commands

MAX_SHOWN = 1_000_000
"""Rows are in memory until they are shown."""
_OK = 200
_COLOURS = {"Completed": "green", "Failed": "red", "Expired": "yellow", "Cancelled": "yellow"}


def add_to(commands: Commands) -> None:
    """Add the command and its six subcommands to the command line."""
    group = commands.add_parser("transfers", help="see transfers across their streams, carry one on, call one off")
    actions = group.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser(
        "list",
        help="those that are under way, and what each waits for",
        description="Show the transfers that are under way, the longest due first: how old each is, until when it has "
        "time, and what it waits for. By the read model, which follows the events.",
    )
    listing.add_argument(
        "--status",
        type=arguments.OneOf(OVERSIGHT.statuses),
        metavar="STATUS",
        help=f"only these: {', '.join(OVERSIGHT.statuses)}",
    )
    listing.add_argument(
        "--account", type=arguments.identifier, metavar="ID", help="only those from or to this account"
    )
    listing.add_argument(
        "--ended",
        action="store_true",
        help="also those that have ended, the newest first; goes through the whole read model",
    )
    listing.add_argument(
        "--show", type=arguments.Count(MAX_SHOWN), default=1000, metavar="N", help="so many at most; default: 1000"
    )
    add_common(listing)
    listing.set_defaults(run=_list)
    show = _of_one(
        actions,
        "show",
        "one's story across streams, and what comes next",
        "Show a transfer's own events and those of both accounts that belong to it, in order, and what comes next and "
        "when. By the event store, strongly consistent.",
    )
    show.set_defaults(run=_show)
    retry = _of_one(
        actions,
        "retry",
        "carry one on now",
        "Have the process carry a transfer on now, as a message or the sweep would. Doing so twice, or to one that has "
        "ended, does nothing. Refused while transfers are paused.",
    )
    retry.set_defaults(run=_retry)
    cancel = _of_one(
        actions,
        "cancel",
        "call one off",
        "Call a transfer off by the ledger's own command, which is refused once it is committed. What is set aside for "
        "it is released behind that.",
    )
    cancel.add_argument("--actor", type=arguments.identifier, required=True, metavar="NAME", help="who calls it off")
    cancel.add_argument("--reason", type=arguments.identifier, required=True, metavar="TEXT", help="why")
    cancel.set_defaults(run=_cancel)
    for name, on in (("pause", False), ("resume", True)):
        action = actions.add_parser(
            name,
            help="have none carried on" if not on else "have them carried on again",
            description="Switch off, or on again, what carries transfers on without being asked: the feed of the "
            "process, and the schedule of the sweep. For the time of an export, an import or a restore. Nothing is "
            "lost meanwhile: commands are taken, and what is due waits.",
        )
        add_common(action)
        action.set_defaults(run=_switch, on=on)


def _of_one(actions: Commands, name: str, summary: str, description: str) -> argparse.ArgumentParser:
    action = actions.add_parser(name, help=summary, description=description)
    action.add_argument("transfer", type=arguments.identifier, metavar="ID", help="the transfer's id")
    add_common(action)
    return action


def _list(system: System, options: argparse.Namespace) -> int:
    """0, or 1 where a row is damaged."""
    if options.status == "Completed" and not options.ended:
        raise UsageError("--status Completed: one that is completed is not under way; give --ended as well")
    processes = _processes(system)
    rows = _chosen(processes, options)
    found, more = rows[: options.show], len(rows) > options.show
    now = processes.now()
    damage = {record["AccountId"]: wrong for record in found if (wrong := processes.damage(record))}
    described = [_described(record, damage.get(record["AccountId"]), now) for record in found]
    console = console_for(options)
    if options.json:
        print(dumps({"transfers": described, "count": len(described), "more": more}))
    else:
        print_table(console, _HEAD, [_cells(each, now) for each in described])
        console.print(counted(len(described), "transfer") + ("; there are more: --show" if more else ""))
    return 1 if damage else 0


def _chosen(processes: Processes, options: argparse.Namespace) -> list[dict[str, Any]]:
    """One more than are shown, if there are."""

    def asked_for(record: Mapping[str, Any]) -> bool:
        sides = (record.get("FromAccount"), record.get("ToAccount"))
        return options.status in (None, record.get("Status")) and (options.account is None or options.account in sides)

    if options.ended:
        every = filter(asked_for, processes.every())
        return heapq.nlargest(options.show + 1, every, key=lambda record: str(record.get("RequestedAt")))
    return list(islice(filter(asked_for, processes.under_way()), options.show + 1))


def _described(record: dict[str, Any], damage: list[str] | None, now: str) -> dict[str, Any]:
    """A row as JSON, with what its transfer waits for."""
    row = {name: value for name, value in record.items() if name not in ("AccountId", "ProjectionType", "DueBucket")}
    told = {"TransferId": record["AccountId"], **row}
    if damage:
        return {**told, "damaged": damage}
    waits = OVERSIGHT.waits(record, now)
    return {**told, "waits": waits and {"why": waits.why, "until": waits.until}}


_HEAD = ("TRANSFER", "STATUS", "AMOUNT", "FROM", "TO", "AGE", "DEADLINE", "WAITS")


def _cells(told: Mapping[str, Any], now: str) -> list[Cell]:
    if "damaged" in told:
        why = f"its row is damaged ({', '.join(told['damaged'])}): verify --aggregate"
        return [Cell(told["TransferId"]), *[Cell("?")] * 6, Cell(why, "red")]
    status, waits = str(told["Status"]), told["waits"]
    return [
        Cell(told["TransferId"], "bold"),
        Cell(status, _COLOURS.get(status, "cyan")),
        Cell(f"{dumps(told['Amount'])} {told['Currency']}", right=True),
        Cell(told["FromAccount"]),
        Cell(told["ToAccount"]),
        Cell(_length(told["RequestedAt"], now), right=True),
        Cell(_from_now(told["Deadline"], now)),
        Cell(f"{waits['why']} ({_due(waits['until'], now)})") if waits else Cell(_why(told)),
    ]


def _why(row: Mapping[str, Any]) -> str:
    """Why one that has ended came to nothing, as far as its row says."""
    if row["Status"] == "Failed":
        return f"{row.get('FailedStep')} was refused: {row.get('Rule') or row.get('Code')}"
    if row["Status"] == "Cancelled":
        return f"by {row.get('CancelledBy')}: {row.get('Reason') or 'no reason given'}"
    return ""


def _show(system: System, options: argparse.Namespace) -> int:
    processes = _processes(system)
    story = processes.story(options.transfer)
    events = processes.everywhere(story)
    if options.json:
        print(dumps({**_summary(story), "events": [each.record() for each in events]}))
        return 0
    console, now = console_for(options), processes.now()
    row = story.row
    console.print(
        f"[bold]{shown(story.process_id)}[/] {_coloured(story.status)}: {shown(amount_of(row['Amount']))} "
        f"{shown(row['Currency'])} from {shown(row['FromAccount'])} to {shown(row['ToAccount'])}, "
        f"requested by {shown(row['RequestedBy'])} {_length(row['RequestedAt'], now)} ago, "
        f"deadline {_from_now(row['Deadline'], now)}"
    )
    print_table(console, ("TIME", "STREAM", "#", "EVENT", "STEP", "BY"), [_event(each, story) for each in events])
    console.print(_next(story, now))
    return 0


def _event(event: Event, story: Story) -> list[Cell]:
    process_id = event.command_id.rpartition("/")[0]
    amount = event.data.get("amount")
    told = event.event_type + (f" {amount_of(amount)}" if amount is not None else "")
    return [
        Cell(event.timestamp),
        Cell(event.aggregate_id, "bold" if event.aggregate_id == story.process_id else ""),
        Cell(str(event.sequence), right=True),
        Cell(told),
        Cell(OVERSIGHT.step(event) if process_id == story.process_id else ""),
        Cell(event.actor),
    ]


def _retry(system: System, options: argparse.Namespace) -> int:
    """0 if nothing is left that could be done now; 1 if something is. OperatorError where a pause is to keep it so."""
    processes = _processes(system)
    before = processes.story(options.transfer)
    if before.next is None or not before.next.steps:
        return _told(before, before, "nothing is due", options, processes.now(), code=0)
    if not Carriers.of(system).running():
        raise OperatorError(
            "transfers are paused, and while streams are imported or restored none may be carried on: "
            "`transfers resume` carries all on, once `verify` finds nothing"
        )
    poke(system.hasty("lambda"), system.output("processFunction"), before.events[0])
    after = processes.story(options.transfer)
    stands = after.next is not None and bool(after.next.steps)
    what = "carried on" if not stands else "not carried on: the log of process says why"
    return _told(before, after, what, options, processes.now(), code=int(stands))


def _cancel(system: System, options: argparse.Namespace) -> int:
    """0 if it is cancelled, by this or before; 1 if the ledger refuses that."""
    processes = _processes(system)
    before = processes.story(options.transfer)
    request = {
        "aggregateId": options.transfer,
        "eventType": OVERSIGHT.cancel,
        "eventData": {"reason": options.reason},
        "actor": options.actor,
        "commandId": f"operator-{uuid4()}",
    }
    status, answer = command(system.hasty("lambda"), system.output("commandFunction"), request)
    after = processes.story(options.transfer)
    if status == _OK:
        return _told(before, after, f"called off by event {answer['sequence']}", options, processes.now(), code=0)
    error = answer["error"]
    rule = error.get("details", {}).get("rule")
    what = f"refused ({rule or error['code']}): {error['message']}"
    return _told(before, after, what, options, processes.now(), code=int(after.status != "Cancelled"))


def _switch(system: System, options: argparse.Namespace) -> int:
    """0 once they are switched."""
    Carriers.of(system).switch(on=options.on)
    if options.json:
        print(dumps({"carriedOn": options.on}))
    else:
        console_for(options).print(
            "transfers are carried on" if options.on else "transfers are not carried on until `transfers resume`"
        )
    return 0


def _told(before: Story, after: Story, what: str, options: argparse.Namespace, now: str, *, code: int) -> int:
    """Say what happened to a transfer; the exit code."""
    if options.json:
        print(dumps({**_summary(after), "was": before.status, "outcome": what, "newEvents": _more(before, after)}))
        return code
    console = console_for(options)
    moved = f"{_coloured(before.status)} -> " if before.status != after.status else ""
    console.print(f"[bold]{shown(after.process_id)}[/] {moved}{_coloured(after.status)}: {shown(what)}")
    console.print(_next(after, now))
    return code


def _more(before: Story, after: Story) -> int:
    return len(after.events) - len(before.events)


def _summary(story: Story) -> dict[str, Any]:
    row = {name: value for name, value in story.row.items() if name != "DueBucket"}
    return {"TransferId": story.process_id, **row, "next": story.next and story.next.describe()}


def _next(story: Story, now: str) -> str:
    if story.next is None:
        return "nothing is due any more"
    waits, steps = story.next
    which = f"; due now: {', '.join(steps)}" if steps else ""
    return f"next: {shown(waits.why)} ({_due(waits.until, now)}){which}"


def _processes(system: System) -> Processes:
    return Processes(
        system.client("dynamodb"),
        system.output("eventStoreTable"),
        system.output("readModelTable"),
        settings=system.told("projectionFunction"),
        now=lambda: times.to_text(datetime.now(UTC)),
    )


def _coloured(status: str) -> str:
    return f"[{_COLOURS.get(status, 'cyan')}]{shown(status)}[/]"


def _due(moment: str, now: str) -> str:
    return f"looked after by {moment[:19]}Z at the latest" if moment > now else f"overdue for {_length(moment, now)}"


def _from_now(moment: str, now: str) -> str:
    return f"in {_length(now, moment)}" if moment > now else f"{_length(moment, now)} ago"


def _length(earlier: str, later: str) -> str:
    """How long that is, in its two largest units; a question mark where one of them is no time."""
    if not (times.is_text(earlier) and times.is_text(later)):
        return "?"
    seconds = max(0, int((datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()))
    parts = [(seconds // 86_400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s")]
    first = next((place for place, (number, _) in enumerate(parts) if number), len(parts) - 1)
    return " ".join(f"{number} {unit}" for number, unit in parts[first : first + 2])
