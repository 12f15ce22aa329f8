"""`ledger account`: open, move money, close, and look at what is and what was."""

from __future__ import annotations

from typing import Any

from cli import arguments, events
from cli.answers import member
from cli.context import Context
from cli.exact_json import Number
from cli.output import Column
from cli.requests import ACCOUNT, ACCOUNT_EVENTS, ACCOUNT_STATE, STATEMENT
from cli.shown import money, printable

from .common import Commands, command, group, limit_option, span_options, tell_of_more, writing

ROW = (
    Column("AccountId", "Account", "id"),
    Column("Status", "Status"),
    Column("Balance", "Balance", "money"),
    Column("Reserved", "Reserved", "money"),
    Column("Available", "Available", "money"),
    Column("Currency", "Currency"),
    Column("OverdraftLimit", "Overdraft limit", "money"),
    Column("TransactionCount", "Transactions", "number"),
    Column("CreatedAt", "Opened", "time"),
    Column("ClosedAt", "Closed", "time"),
    Column("LastTransactionAt", "Last transaction", "time"),
    Column("LastUpdated", "Last event", "time"),
    Column("LastSequence", "Sequence", "number"),
)
ROW_FIELDS = (*(each.field for each in ROW), "ProjectionType", "LastHash")
ENTRY = (
    Column("EventSequence", "#", "number"),
    Column("RecordedAt", "RECORDED", "time"),
    Column("Type", "TYPE"),
    Column("Category", "CATEGORY"),
    Column("Amount", "AMOUNT", "money"),
    Column("Balance", "BALANCE", "money"),
    Column("TransactionId", "TRANSACTION", "id"),
)
ENTRY_FIELDS = (*(each.field for each in ENTRY), "Timestamp")


def _in_state(name: str) -> Any:
    return lambda record: member(record, "reconstructedState", dict).get(name)


STATE = (
    Column("aggregateId", "Account", "id"),
    Column("status", "Status", get=_in_state("status")),
    Column("balance", "Balance", "money", get=_in_state("balance")),
    Column("reserved", "Reserved", "money", get=_in_state("reserved")),
    Column("available", "Available", "money", get=_in_state("available")),
    Column("currency", "Currency", get=_in_state("currency")),
    Column("transactionCount", "Transactions", "number", get=_in_state("transactionCount")),
    Column("createdAt", "Opened", "time", get=_in_state("createdAt")),
    Column("closedAt", "Closed", "time", get=_in_state("closedAt")),
    Column("asOf", "As of", "time"),
    Column("eventsProcessed", "Sequence", "number"),
)
STATE_FIELDS = ("aggregateId", "reconstructedState", "eventsProcessed", "upToSequence", "asOf")


def add_to(commands: Commands) -> None:
    """Its commands."""
    words = group(commands, "account", "accounts: open them, move money, see what is and what was")
    opening = writing(words, "open", "open an account", _open)
    _account(opening)
    opening.add_argument("--customer", type=arguments.words, metavar="ID", help="whose account it is")
    opening.add_argument("--type", type=arguments.words, help="the kind of account, in the bank's words: checking")
    opening.add_argument("--currency", type=arguments.currency, help="its currency, for good; default: USD")
    opening.add_argument("--overdraft", type=arguments.limit, metavar="AMOUNT", help="how far below zero it may fall")
    for name, about, run in (("deposit", "put money in", _deposit), ("withdraw", "take money out", _withdraw)):
        moving = writing(words, name, about, run)
        _account(moving)
        moving.add_argument("amount", metavar="AMOUNT", type=arguments.amount, help="how much, such as 100.50")
        moving.add_argument("--category", type=arguments.category, help="what it was for, as a word: rent")
        moving.add_argument("--currency", type=arguments.currency, help="refuse if the account has another one")
        moving.add_argument("--transaction", type=arguments.words, metavar="ID", help="its name where it came from")
    closing = writing(words, "close", "close an account with nothing on it", _close)
    _account(closing)
    closing.add_argument("--reason", type=arguments.words, help="why")
    _account(command(words, "show", "show the account as it stands now", _show, ROW_FIELDS))
    statement = command(words, "statement", "list its transactions, the newest first", _statement, ENTRY_FIELDS)
    _account(statement)
    limit_option(statement, 30)
    span_options(statement)
    history = command(words, "history", "list all its events, the first one first", _history, events.FIELDS)
    _account(history)
    limit_option(history, 1000)
    at = command(words, "at", "show the account as it was: time travel", _at, STATE_FIELDS)
    _account(at)
    when = at.add_mutually_exclusive_group(required=True)
    when.add_argument("--as-of", type=arguments.moment, metavar="TIME", help="after all that was recorded until then")
    when.add_argument("--sequence", type=arguments.sequence, metavar="NUMBER", help="after the event of this number")


def _account(parser: arguments.Parser) -> None:
    parser.add_argument("account", metavar="ACCOUNT", type=arguments.identifier, help="the account's id")


def _open(context: Context) -> None:
    options = context.options
    data = {
        "customerId": options.customer,
        "accountType": options.type,
        "currency": options.currency,
        "overdraftLimit": options.overdraft,
    }
    receipt = context.send("accounts", options.account, "AccountCreated", data)
    context.report(f"Opened {options.account}", receipt)


def _deposit(context: Context) -> None:
    _move(context, context.options.amount, "deposit", f"Put {money(Number(context.options.amount))} into")


def _withdraw(context: Context) -> None:
    _move(context, f"-{context.options.amount}", "withdrawal", f"Took {money(Number(context.options.amount))} out of")


def _move(context: Context, amount: str, kind: str, did: str) -> None:
    options = context.options
    data = {
        "amount": amount,
        "type": kind,
        "category": options.category,
        "currency": options.currency,
        "transactionId": options.transaction,
    }
    receipt = context.send("accounts", options.account, "TransactionProcessed", data)
    context.report(f"{did} {options.account}", receipt)


def _close(context: Context) -> None:
    options = context.options
    receipt = context.send("accounts", options.account, "AccountClosed", {"reason": options.reason})
    context.report(f"Closed {options.account}", receipt)


def _show(context: Context) -> None:
    context.out.record(context.ledger.ask(ACCOUNT, context.options.account), ROW)


def _statement(context: Context) -> None:
    options, out = context.options, context.out
    entries, page = context.listed(
        STATEMENT, "Entries", options.limit, options.account, from_=options.since, to=options.until
    )
    out.records(entries, ENTRY, "There are no transactions.")
    if out.is_terminal and isinstance(page.get("Balance"), Number) and options.until is None:
        balance = next(each for each in ROW if each.field == "Balance").shown(page)
        currency = printable(str(page.get("Currency", "")))
        out.tell(f"Balance: {out.emphasized(f'{balance} {currency}'.strip())}")
    tell_of_more(context, page, len(entries))


def _history(context: Context) -> None:
    options, out = context.options, context.out
    found, page = context.listed(ACCOUNT_EVENTS, "events", options.limit, options.account)
    shown = (
        [each for each in events.COLUMNS if each.field != "AggregateId"] if out.is_terminal else events.EXACT_COLUMNS
    )
    out.records(found, shown, "There are no events.")
    tell_of_more(context, page, len(found))


def _at(context: Context) -> None:
    options = context.options
    state = context.ledger.ask(ACCOUNT_STATE, options.account, asOf=options.as_of, upToSequence=options.sequence)
    context.out.record(state, STATE)
