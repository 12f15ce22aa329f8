"""What takes longer than its function may says so in time, and writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest
from botocore.client import BaseClient

from handlers.sourcing.errors import OutOfTimeError
from handlers.store.deadline import Deadline
from handlers.store.event_store import EventStore
from handlers.store.snapshot_builder import SnapshotBuilder
from handlers.store.snapshots import Snapshots

from ..aws import SNAPSHOTS, around_every_call
from ..domain.builders import story
from .conftest import STORE, failing, opened, over_http

LENGTH = 40
PAGE_SECONDS = 0.5


@dataclass
class Waning:
    """Lambda's context in a slow world: every page of one event takes PAGE_SECONDS."""

    aws_request_id: str = "request-1"
    pages: int = 0
    seconds: float = 10.0

    def get_remaining_time_in_millis(self) -> int:
        return int((self.seconds - PAGE_SECONDS * self.pages) * 1000)

    def around(self, _: BaseClient, operation: str, arguments: dict[str, Any], proceed: Callable[[], Any]) -> Any:
        if operation == "Query" and arguments["TableName"] == STORE:
            self.pages += 1
            if arguments.get("ScanIndexForward", True):
                arguments["Limit"] = 1
        return proceed()


@pytest.fixture
def context(aws: Any) -> Iterator[Waning]:
    """An account of LENGTH events without snapshots, read page by page."""
    store = EventStore(aws, STORE, 3)
    for event in story("long", [1] * (LENGTH - 1)):
        store.append([event])
    context = Waning()
    with around_every_call(context.around):
        yield context


PAYMENT = {"aggregateId": "long", "eventType": "TransactionProcessed", "eventData": {"amount": 1}}
RECONSTRUCTION = {"queryType": "reconstructState", "aggregateId": "long"}


@pytest.mark.parametrize(
    "case",
    [
        ("command", PAYMENT, "nothing was stored"),
        ("command", PAYMENT, "python -m ops snapshots"),
        ("validate", PAYMENT, "python -m ops snapshots"),
        ("query", RECONSTRUCTION, "python -m ops snapshots"),
        ("query", RECONSTRUCTION, "an earlier sequence"),
    ],
)
def test_a_stream_too_long_for_the_time_fails_with_what_to_do_before_the_time_is_up(
    aws: Any, handlers: Callable[[str], ModuleType], context: Waning, case: tuple[str, Any, str]
) -> None:
    entry, request_, advice = case

    code, message = failing(lambda: handlers(entry).lambda_handler(request_, context))

    assert (code, advice in message) == ("OutOfTime", True), message
    assert 1_000 <= context.get_remaining_time_in_millis() <= 2_500
    assert aws.scan(TableName=STORE)["Count"] == LENGTH


def test_a_command_that_was_carried_out_gets_its_answer_however_long_the_stream(
    aws: Any, handlers: Callable[[str], ModuleType], context: Waning
) -> None:
    for sequence in (2, LENGTH):
        event = next(EventStore(aws, STORE).read("long", after=sequence - 1, up_to=sequence))
        context.pages = 0

        status, body = opened(handlers("command").lambda_handler({**PAYMENT, "commandId": event.command_id}, context))

        assert (status, body["eventId"]) == (200, event.event_id)


def test_over_http_that_is_a_503(handlers: Callable[[str], ModuleType], context: Waning) -> None:
    status, body = opened(handlers("command").lambda_handler(over_http(PAYMENT), context))

    assert (status, body["error"]["code"]) == (503, "OutOfTime")


def test_with_the_snapshots_that_were_missing_it_goes_through(
    aws: Any, handlers: Callable[[str], ModuleType], context: Waning
) -> None:
    SnapshotBuilder(EventStore(aws, STORE), Snapshots(aws, SNAPSHOTS), every=2).bring_up_to("long", LENGTH)
    context.pages = 0

    assert opened(handlers("command").lambda_handler(PAYMENT, context))[0] == 200
    assert opened(handlers("query").lambda_handler(RECONSTRUCTION, context))[1]["eventsProcessed"] == LENGTH + 1


def test_a_smaller_reconstruction_goes_through(handlers: Callable[[str], ModuleType], context: Waning) -> None:
    request = {**RECONSTRUCTION, "upToSequence": 10}

    assert opened(handlers("query").lambda_handler(request, context))[1]["eventsProcessed"] == 10


def test_the_first_page_is_read_with_whatever_time_is_left() -> None:
    deadline = Deadline(lambda: 0.1, "give it more")
    deadline.allow()

    with pytest.raises(OutOfTimeError, match="give it more"):
        deadline.allow()


def test_more_events_of_a_type_than_the_time_allows_fail_with_what_to_do(
    aws: Any, handlers: Callable[[str], ModuleType], context: Waning
) -> None:
    request = {"queryType": "getEventsByType", "eventType": "TransactionProcessed", "limit": 1_000}
    context.seconds = 2.0

    def one_by_one(_: BaseClient, _operation: str, arguments: dict[str, Any], proceed: Callable[[], Any]) -> Any:
        arguments["Limit"] = 1
        return proceed()

    with around_every_call(one_by_one):
        code, message = failing(lambda: handlers("query").lambda_handler(request, context))

    assert (code, "fewer events (limit)" in message) == ("OutOfTime", True)
