"""In tests calls go to moto's handlers without HTTP between them: every answer and error is what it is by HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.endpoint import Endpoint
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.moto_api._internal import mock_random

from handlers.store import clients
from tests.aws import STORE, TABLES, environment
from tests.local.test_engine_moto_handlers import CALLS
from tests.quick_moto import boto_alone, make_tables

TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+|1[6-9]\d{8,11}(\.\d+)?")
LONG_AGO = 1_600_000_000
SERVICES = ("dynamodb", "dynamodbstreams", "events", "logs", "sqs")


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    with environment():
        yield


@contextmanager
def by_http() -> Iterator[None]:
    """Moto as it is."""
    with mock_aws():
        yield


def outcomes(calls: list[tuple[str, str, Any]]) -> Iterator[Any]:
    """What each call comes to. The clients leave it to moto to find what is wrong with the arguments."""
    mock_random.seed(1)
    made: dict[str, Any] = {
        service: boto3.session.Session().client(service, config=Config(parameter_validation=False))  # type: ignore[call-overload]
        for service in SERVICES
    }
    for service, operation, content in calls:
        try:
            yield told(made[service]._make_api_call(operation, content))
        except ClientError as error:
            yield type(error).__name__, str(error), told(error.response)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is to be the same
            yield type(error), str(error)


def told(answer: Any) -> Any:
    """An answer, headers and all, without the times in it."""
    metadata = dict(answer["ResponseMetadata"])
    headers = metadata.pop("HTTPHeaders")
    untimed = without_times(answer)
    names = {"x-amz-crc32", "content-length"} if untimed != answer else set()
    if "date" in headers:
        headers["date"] = re.sub(r"^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d", "then", headers["date"])
    kept = {name: value for name, value in headers.items() if name not in names}
    return {**untimed, "ResponseMetadata": metadata, "headers": kept}


def without_times(content: Any) -> Any:
    if isinstance(content, dict):
        return {name: without_times(value) for name, value in content.items()}
    if isinstance(content, list):
        return [without_times(each) for each in content]
    if isinstance(content, int) and content > LONG_AGO:
        return "a time"
    return "a time" if isinstance(content, datetime) else TIME.sub("", content) if isinstance(content, str) else content


def test_the_direct_way_answers_as_the_way_by_http() -> None:
    calls = [each for each in CALLS if isinstance(each[2], dict)]
    with by_http():
        there = list(outcomes(calls))
    with boto_alone():
        here = list(outcomes(calls))

    for asked, direct, by_way_of_http in zip(calls, here, there, strict=True):
        assert (asked, direct) == (asked, by_way_of_http)


def test_a_call_makes_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Endpoint, "create_request", lambda *_: pytest.fail("it makes a request"))
    with boto_alone():
        make_tables(TABLES)
        assert clients.dynamodb().scan(TableName=STORE)["Count"] == 0


def test_what_botocore_would_repeat_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    with boto_alone():
        make_tables(TABLES)
        answers: Iterator[Any] = iter([(500, {}, "{}"), (200, {}, '{"Count": 7}')])
        monkeypatch.setattr("tests.direct_moto._handler", lambda _: Answering(answers))
        monkeypatch.setattr("time.sleep", lambda _: None)

        answer = clients.dynamodb().scan(TableName=STORE)

    assert (answer["Count"], answer["ResponseMetadata"]["RetryAttempts"]) == (7, 1)


class Answering:
    """In place of a handler of moto's."""

    def __init__(self, answers: Iterator[Any]) -> None:
        self._answers = answers

    def dispatch(self, *_: Any) -> Any:
        return next(self._answers)
