"""The four functions on moto as the tests here use them: every answer is checked, every write and publication seen."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from itertools import count
from types import ModuleType
from typing import Any, NamedTuple

from botocore.client import BaseClient

from handlers.failure import InvocationError
from handlers.sourcing.event import Event
from handlers.store.items import to_record

from ..aws import STORE, around_every_call
from ..handlers.conftest import Context, record
from . import strict

STATUSES = {200, 400, 404, 409, 413, 422}
INNARDS = ("Traceback", 'File "', "botocore", "ClientError", "Exception", "MalformedError", "LedgerError", "decimal.")
MAX_ANSWER_BYTES = 6 * 1024 * 1024
USES = 8
"""How often an account is used: what is behind it only makes the next command slower."""

Item = dict[str, Any]
Entry = dict[str, Any]


class Outcome(NamedTuple):
    """Status and body of an answer; numbers in the body as Decimal."""

    status: int
    body: Any


class Delivered(NamedTuple):
    """What the projection was given and which of it comes again."""

    messages: Sequence[Mapping[str, str]]
    failed: set[str]


class System:
    """The functions and what they left behind; `tally` counts the inputs of each entry point."""

    def __init__(self, handlers: Callable[[str], ModuleType], tally: Counter[str]) -> None:
        self.handlers = handlers
        self.tally = tally
        self.written: list[Item] = []
        """Items put into the event store."""
        self.published: list[Entry] = []
        """Entries that the bus took."""
        self.errors: list[logging.LogRecord] = []
        """What was logged as an error by the newest call that did so."""
        self._numbers = count(1)
        self._account = ""
        self._uses = USES

    def __repr__(self) -> str:
        return "the system"  # not all its contents, in the report of a failure

    def command(self, event: Any) -> Outcome:
        """Send an event to the command function. One that is refused has written nothing, one accepted one item."""
        self.tally["command"] += 1
        written = len(self.written)
        outcome = self._answer("command", event)
        if outcome.status == 200:
            receipt = self.receipted(outcome)
            assert self.written[written:] in ([], [receipt])
        else:
            assert self.written[written:] == []
        return outcome

    def receipted(self, outcome: Outcome) -> Item:
        """The item that an accepted command's answer is about: it was written once."""
        (item,) = (each for each in self.written if each["EventId"]["S"] == outcome.body["eventId"])
        assert outcome.body == {
            "eventId": item["EventId"]["S"],
            "aggregateId": item["AggregateId"]["S"],
            "sequence": Decimal(item["EventSequence"]["N"]),
            "commandId": item["CommandId"]["S"],
        }
        return item

    def query(self, event: Any) -> Outcome:
        """Send an event to the query function."""
        self.tally["query"] += 1
        written = len(self.written)
        outcome = self._answer("query", event)
        assert len(self.written) == written
        return outcome

    def relay(self, records: Sequence[Mapping[str, Any]]) -> list[Entry]:
        """Hand stream records to the relay: none may come again. The entries published for them."""
        self.tally["relay"] += len(records)
        self.errors.clear()
        published = len(self.published)
        answer = self.handlers("relay").lambda_handler({"Records": records}, Context())
        assert answer == {"batchItemFailures": []}, self.errors[-1].getMessage()
        entries = self.published[published:]
        assert len(entries) + len(self.errors) == len(records), "neither published nor reported"
        return entries

    def projection(self, messages: Sequence[Mapping[str, str]]) -> Delivered:
        """Hand queue messages to the projection."""
        self.tally["projection"] += len(messages)
        self.errors.clear()
        answer = self.handlers("projection").lambda_handler({"Records": messages}, Context())
        assert answer.keys() == {"batchItemFailures"}
        failed = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
        assert len(set(failed)) == len(failed)
        assert set(failed) <= {message["messageId"] for message in messages}
        return Delivered(messages, set(failed))

    def follow(self, item: Item) -> Event:
        """Publish and project what was stored: whatever was accepted must get through."""
        event = Event.of(to_record(item))
        (entry,) = self.relay([record(event)])
        delivered = self.projection([delivery(entry)])
        assert delivered.failed == set(), self.errors[-1].getMessage()
        for query_type in ("getAccountSummary", "getAccountStatement"):
            row = self.query({"queryType": query_type, "accountId": event.aggregate_id})
            assert row.body["LastSequence"] >= event.sequence
        return event

    def stream(self, aggregate_id: str) -> list[Any]:
        """All events of an aggregate as they are answered, page by page."""
        query: dict[str, Any] = {"queryType": "getAggregateEvents", "aggregateId": aggregate_id}
        events: list[Any] = []
        while True:
            page = self.query(query).body
            events += page["events"]
            if "nextToken" not in page:
                return events
            query["nextToken"] = page["nextToken"]

    def new_id(self) -> str:
        """An aggregate that does not exist; all are of one length, since what is made of a request depends on that."""
        return f"account-{next(self._numbers):07}"

    def account(self) -> str:
        """An active account with an overdraft limit; not for long the same."""
        if self._uses >= USES:
            self._account, self._uses = self.new_account(), 0
        self._uses += 1
        return self._account

    def new_account(self) -> str:
        """An active account with an overdraft limit and no money."""
        aggregate_id = self.new_id()
        self.create(aggregate_id)
        return aggregate_id

    def create(self, aggregate_id: str, *amounts: Decimal) -> list[Item]:
        """An account with a large overdraft limit and these transactions; its items."""
        written = len(self.written)
        data: dict[str, Any] = {"overdraftLimit": "1000000000"}
        for event_type, content in (
            ("AccountCreated", data),
            *(("TransactionProcessed", {"amount": str(amount)}) for amount in amounts),
        ):
            request = {"aggregateId": aggregate_id, "eventType": event_type, "eventData": content}
            assert self._answer("command", request).status == 200
        return self.written[written:]

    def _answer(self, function: str, event: Any) -> Outcome:
        self.errors.clear()
        request_id = f"request-{next(self._numbers)}"
        try:
            answer = self.handlers(function).lambda_handler(event, Context(request_id))
        except InvocationError as failure:
            raise AssertionError(f"the caller's mistake became a {failure}") from self.errors[-1].exc_info[1]  # type: ignore[index]
        if answer["statusCode"] >= 500:
            raise AssertionError(f"the caller's mistake became a {answer}") from self.errors[-1].exc_info[1]  # type: ignore[index]
        return checked(answer)

    def around(self, _: BaseClient, operation: str, arguments: dict[str, Any], proceed: Callable[[], Any]) -> Any:
        """Refuse what AWS would refuse, and remember what took effect."""
        strict.check(operation, arguments)
        answer = proceed()
        if operation == "PutItem" and arguments["TableName"] == STORE:
            self.written.append(arguments["Item"])
        elif operation == "PutEvents":
            self.published += arguments["Entries"]
        return answer


@contextmanager
def running(handlers: Callable[[str], ModuleType], tally: Counter[str]) -> Iterator[System]:
    """The functions on the tables of moto that are there; what they log is kept with the system."""
    system = System(handlers, tally)
    log = logging.getLogger("ledger")
    keeper = _Keeper(system.errors)
    log.addHandler(keeper)
    propagate, log.propagate = log.propagate, False
    try:
        with around_every_call(system.around):
            yield system
    finally:
        log.removeHandler(keeper)
        log.propagate = propagate


class _Keeper(logging.Handler):
    def __init__(self, kept: list[logging.LogRecord]) -> None:
        super().__init__(logging.ERROR)
        self._kept = kept

    def emit(self, record: logging.LogRecord) -> None:
        self._kept.append(record)


def checked(answer: dict[str, Any]) -> Outcome:
    """An answer as API Gateway and Lambda take it, and a refusal as our callers read it."""
    assert answer.keys() == {"statusCode", "body"}
    assert answer["statusCode"] in STATUSES
    assert len(json.dumps(answer)) < MAX_ANSWER_BYTES
    body = read(answer["body"])
    if answer["statusCode"] != 200:
        _check_refusal(answer["statusCode"], body)
    return Outcome(answer["statusCode"], body)


def _check_refusal(status: int, body: Any) -> None:
    assert body.keys() == {"error"}
    assert body["error"].keys() == {"code", "message", "details"}
    message, details = body["error"]["message"], body["error"]["details"]
    assert message
    assert len(json.dumps(body, default=str)) < 10_000
    assert not any(word in message for word in INNARDS), message
    named = {400: {"field"}, 404: {"accountId"}, 413: {"itemBytes", "jsonBytes"}, 422: {"rule"}}
    named[409] = {"expectedSequence", "commandId"}
    assert details.keys() & named[status]


def read(text: str | bytes) -> Any:
    """JSON as somebody reads it who cares about every digit."""

    def constant(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    return json.loads(text, parse_float=Decimal, parse_int=Decimal, parse_constant=constant)


def delivery(entry: Entry, message_id: str = "m") -> dict[str, str]:
    """The queue message that a rule makes of a bus entry."""
    envelope = {
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": entry["DetailType"],
        "source": entry["Source"],
        "account": "123456789012",
        "time": entry["Time"],
        "region": "us-east-1",
        "resources": [],
    }
    return {"messageId": message_id, "body": f'{json.dumps(envelope)[:-1]}, "detail": {entry["Detail"]}}}'}
