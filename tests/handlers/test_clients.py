"""What the handlers' clients leave out for speed, and what they do not."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any
from zlib import crc32

import boto3
import botocore
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ParamValidationError

from handlers.store import clients
from handlers.store.event_store import EventStore

from ..aws import STORE

NOTHING = b'{"Count":0,"Items":[],"ScannedCount":0}'


class Body:
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield NOTHING


@pytest.fixture
def requests() -> list[Any]:
    return []


@pytest.fixture
def client(requests: list[Any]) -> Any:
    """A client whose first answer arrives damaged."""
    made: Any = clients.dynamodb()
    numbers = count()

    def answer(request: Any, **_: Any) -> AWSResponse:
        requests.append(request)
        checksum = crc32(NOTHING) ^ (next(numbers) == 0)
        headers: Any = {"x-amz-crc32": str(checksum)}
        return AWSResponse(request.url, 200, headers, Body())

    made.meta.events.register("before-send.dynamodb", answer)
    return made


def test_a_damaged_answer_is_asked_for_again(client: Any, requests: list[Any]) -> None:
    assert EventStore(client, STORE).find("a", "b").sequence is None
    assert len(requests) == 2


def test_the_user_agent_is_given_and_tells_the_versions(client: Any, requests: list[Any]) -> None:
    EventStore(client, STORE).find("a", "b")

    told = requests[0].headers["User-Agent"].decode()
    assert told == f"Boto3/{boto3.__version__} event-sourcing-ledger Botocore/{botocore.__version__}"


def test_arguments_are_not_checked_before_dynamodb_does(client: Any, requests: list[Any]) -> None:
    client.get_item(TableName=STORE)

    assert len(requests) == 2


def test_arguments_are_checked_where_that_tells_what_nothing_carries() -> None:
    with pytest.raises(ParamValidationError):
        clients.eventbridge().put_events(Entries=[])
