"""`ledger transfer`: send money from one account to another, and see what became of it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from cli import arguments
from cli.answers import entries, member
from cli.called import line
from cli.context import RECEIPT, Context, Interrupted
from cli.errors import FAILED, CliError
from cli.exact_json import Number
from cli.output import Column
from cli.requests import ACCOUNT_STATE, TRANSFER, TRANSFER_EVENTS, TRANSFER_STATE, TRANSFERS, Question
from cli.shown import money, printable

from .common import Commands, command, group, limit_option, tell_of_more, writing

STATUSES = ("Requested", "Approved", "Committed", "Completed", "Failed", "Expired", "Cancelled")
ENDS = ("Completed", "Failed", "Expired", "Cancelled")
_CURRENCY_RULE = "account-currency"
_POLL_SECONDS = 0.5
_FEW = 100
"""More events than a transfer has."""
ROW = (
    Column("TransferId", "Transfer", "id"),
    Column("Status", "Status"),
    Column("FromAccount", "From", "id"),
    Column("ToAccount", "To", "id"),
    Column("Amount", "Amount", "money"),
    Column("Currency", "Currency"),
    Column("Reference", "Reference"),
    Column("Rule", "Refused by rule"),
    Column("Code", "Code"),
    Column("FailedStep", "Failed step"),
    Column("Reason", "Reason"),
    Column("NeedsApproval", "Needs approval"),
    Column("RequestedBy", "Requested by", "person"),
    Column("RequestedAt", "Requested", "time"),
    Column("ApprovedBy", "Approved by", "person"),
    Column("ApprovedAt", "Approved", "time"),
    Column("CancelledBy", "Cancelled by", "person"),
    Column("CommittedAt", "Committed", "time"),
    Column("EndedAt", "Ended", "time"),
    Column("SettledAt", "Settled", "time"),
    Column("Deadline", "Deadline", "time"),
    Column("LastUpdated", "Last event", "time"),
    Column("LastSequence", "Sequence", "number"),
)
ROW_FIELDS = (*(each.field for each in ROW), "DueAt", "ProjectionType", "LastHash")
LIST = (
    Column("TransferId", "TRANSFER", "id"),
    Column("Status", "STATUS"),
    Column("FromAccount", "FROM", "id"),
    Column("ToAccount", "TO", "id"),
    Column("Amount", "AMOUNT", "money"),
    Column("Currency", "CURRENCY"),
    Column("Deadline", "DEADLINE", "time"),
)


def add_to(commands: Commands) -> None:
    """Its commands."""
    words = group(commands, "transfer", "transfers: send money, approve, cancel, see what became of it")
    send = writing(words, "send", "send money from one account to another", _send, more=["status"], expects=False)
    send.add_argument("source", metavar="FROM", type=arguments.identifier, help="the account that it is taken from")
    send.add_argument("target", metavar="TO", type=arguments.identifier, help="the account that it goes to")
    send.add_argument("amount", metavar="AMOUNT", type=arguments.amount, help="how much, such as 100.50")
    send.add_argument(
        "--currency", type=arguments.currency, help="its currency; default: the one of FROM, which is asked"
    )
    send.add_argument("--reference", type=arguments.words, help="what it is for")
    send.add_argument(
        "--deadline", type=arguments.moment, metavar="TIME", help="when it expires if it has not gone through"
    )
    send.add_argument(
        "--wait",
        nargs="?",
        const=60.0,
        type=arguments.seconds,
        metavar="SECONDS",
        help="wait until it has ended, so long at most (default: 60), and fail if the money did not arrive",
    )
    _transfer(writing(words, "approve", "approve a transfer that somebody else requested", _approve))
    cancel = writing(words, "cancel", "call a transfer off before the money has moved", _cancel)
    _transfer(cancel)
    cancel.add_argument("--reason", type=arguments.words, help="why")
    _transfer(command(words, "show", "show a transfer as it stands now", _show, ROW_FIELDS))
    listing = command(words, "list", "list the transfers that are under way, or those of a status", _list, ROW_FIELDS)
    listing.add_argument(
        "--status",
        choices=STATUSES,
        metavar="STATUS",
        help=f"only those of this status, ended ones too: {', '.join(STATUSES)}",
    )
    listing.add_argument(
        "--account", type=arguments.identifier, metavar="ID", help="only those from or to this account"
    )
    listing.add_argument("--older-than", type=arguments.moment, metavar="TIME", help="only those requested before then")
    limit_option(listing, 30)


def _transfer(parser: arguments.Parser) -> None:
    parser.add_argument("transfer", metavar="TRANSFER", type=arguments.identifier, help="the transfer's id")


def _send(context: Context) -> int | None:
    options = context.options
    key = options.id or str(uuid.uuid4())
    data = {
        "fromAccount": options.source,
        "toAccount": options.target,
        "amount": options.amount,
        "currency": options.currency or _currency(context),
        "reference": options.reference,
        "deadline": options.deadline,
    }
    receipt = context.send("transfers", key, "TransferRequested", data, key=key, opens=True)
    asked = f"{money(Number(options.amount))} {data['currency']} from {options.source} to {options.target}"
    if options.wait is None or options.dry_run:
        context.report(f"Requested {asked}", receipt)
        if context.out.is_terminal and not options.dry_run:
            context.out.tell(f"How it goes: {context.command('transfer', 'show', key)}")
            _tell_of_approval(context, key)
        return None
    how = f"How it goes: {context.command('transfer', 'show', key)}"
    try:
        state = _ended(context, key, options.wait)
    except KeyboardInterrupt:
        raise Interrupted("interrupted: it was requested, and goes on", how) from None
    except CliError as error:
        failed = CliError(f"it was requested, and then: {error}", how)
        failed.code = error.code
        raise failed from error
    columns = (*RECEIPT, Column("status", "STATUS"))
    context.report(f"{printable(str(state['status']))}: {asked}", {**receipt, "status": state["status"]}, columns)
    if state["status"] == "Completed":
        return None
    context.out.tell(
        f"error: {_why(context, key, data)}the money did not arrive\nMore: {context.command('transfer', 'show', key)}"
    )
    return FAILED


def _tell_of_approval(context: Context, transfer: str) -> None:
    """That nothing happens before somebody else approves. One request; nothing is told where that fails."""
    with suppress(CliError):
        if _needs_approval(_state(context, TRANSFER_STATE, transfer)):
            theirs = ["--direct", "--actor", "NAME"] if context.options.direct else ["--profile", "NAME"]
            command = line("transfer", "approve", transfer, where=theirs)
            context.out.tell(f"It waits for somebody else's approval, by a profile of theirs:\n  {command}")


def _needs_approval(state: Mapping[str, Any]) -> bool:
    return state.get("status") == "Requested" and state.get("needsApproval") is True


def _currency(context: Context) -> str:
    state = _state(context, ACCOUNT_STATE, context.options.source)
    currency = state.get("currency")
    return currency if isinstance(currency, str) else "USD"


def _ended(context: Context, transfer: str, patience: float) -> Mapping[str, Any]:
    """Its state once it has ended. Two requests a second. CliError where that takes longer than `patience`."""
    until = time.monotonic() + patience
    while True:
        state = _state(context, TRANSFER_STATE, transfer)
        if member(state, "status", str) in ENDS:
            return dict(state)
        if time.monotonic() >= until:
            waiting = "; it waits for somebody's approval" if _needs_approval(state) else ""
            raise CliError(f"it has not ended within {patience:g} seconds{waiting}")
        time.sleep(_POLL_SECONDS)


def _state(context: Context, question: Question, subject: str) -> dict[str, Any]:
    found: dict[str, Any] = member(context.ledger.ask(question, subject), "reconstructedState", dict)
    return found


def _why(context: Context, transfer: str, asked: Mapping[str, Any]) -> str:
    """What refused it, as its stream says. One request; two where currencies differ."""
    said = entries(context.ledger.ask(TRANSFER_EVENTS, transfer, limit=_FEW), "events")
    data = next((each.get("EventData") for each in said if each.get("EventType") == "TransferFailed"), None)
    if not isinstance(data, Mapping):
        return ""
    rule = f" ({printable(str(data['rule']))})" if data.get("rule") else ""
    currencies = ""
    if data.get("rule") == _CURRENCY_RULE:
        at = asked["fromAccount"] if data.get("step") == "reserve" else asked["toAccount"]
        currencies = _currencies(context, at, asked["currency"])
    return f"{printable(str(data.get('code', 'Failed')))}{rule}: {currencies and f'{currencies}; '}"


def _currencies(context: Context, account: str, asked: str) -> str:
    """Which two did not fit: the account is asked for its own. One request; nothing where that fails."""
    with suppress(CliError):
        kept = _state(context, ACCOUNT_STATE, account).get("currency")
        return printable(f"{account} is kept in {kept}, and the transfer is in {asked}")
    return ""


def _approve(context: Context) -> None:
    receipt = context.send("transfers", context.options.transfer, "TransferApproved", {})
    context.report(f"Approved {context.options.transfer}", receipt)


def _cancel(context: Context) -> None:
    options = context.options
    receipt = context.send("transfers", options.transfer, "TransferCancelled", {"reason": options.reason})
    context.report(f"Cancelled {options.transfer}", receipt)


def _show(context: Context) -> None:
    row = context.ledger.ask(TRANSFER, context.options.transfer)
    context.out.record(row, ROW)
    if context.out.is_terminal and row.get("Rule") == _CURRENCY_RULE:
        at = str(row.get("FromAccount" if row.get("FailedStep") == "reserve" else "ToAccount"))
        if currencies := _currencies(context, at, str(row.get("Currency"))):
            context.out.tell(f"{currencies}.")


def _list(context: Context) -> None:
    options = context.options
    found, page = context.listed(
        TRANSFERS,
        "transfers",
        options.limit,
        status=options.status,
        accountId=options.account,
        olderThan=options.older_than,
    )
    none = f"No transfer is {options.status}." if options.status else "No transfers are under way."
    context.out.records(found, LIST, none)
    tell_of_more(context, page, len(found))
