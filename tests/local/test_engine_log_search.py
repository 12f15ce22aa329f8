"""FilterLogEvents finds what its pattern says, or says that it cannot."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from local.engine.api import ApiError
from local.engine.log_patterns import parse
from local.engine.log_search import LogSearch
from tests.local.in_process import aws, refusal

NOW = int(time.time() * 1000)
REJECTED = json.dumps(
    {
        "detail-type": "CommandRejected",
        "detail": {"AggregateId": "account-123", "status": 422, "amounts": [1, 2.5], "is new": True, "reason": None},
    }
)


@pytest.mark.parametrize(
    ("pattern", "message", "matches"),
    [
        ("", "anything", True),
        ("ERROR", "an ERROR occurred", True),
        ("ERROR", "an error occurred", False),
        ("ERROR timeout", "timeout: ERROR", True),
        ("ERROR timeout", "ERROR", False),
        ('"ERROR: in"', "an ERROR: in there", True),
        ('"ERROR: in"', "ERROR in", False),
        (r'"say \"no\""', 'they say "no"', True),
        ("ERROR -timeout", "ERROR", True),
        ("ERROR -timeout", "ERROR timeout", False),
        ('-"by design"', "failed by design", False),
        ("?ERROR ?WARN", "WARN", True),
        ("?ERROR ?WARN", "INFO", False),
        ('{ $.detail-type = "CommandRejected" && $.detail.AggregateId = "account-123" }', REJECTED, True),
        ('{ $.detail-type = "CommandRejected" && $.detail.AggregateId = "account-12" }', REJECTED, False),
        ('{ $.detail-type = "Other" || $.detail.status = 422 }', REJECTED, True),
        ("{ $.detail-type = CommandRejected }", REJECTED, True),
        ('{ $.detail-type = "Command*" }', REJECTED, True),
        ('{ $.detail-type = "*Other" }', REJECTED, False),
        ('{ $.detail-type != "Other" }', REJECTED, True),
        ('{ $.missing != "Other" }', REJECTED, False),
        ("{ $.detail.status >= 422 }", REJECTED, True),
        ("{ $.detail.status < 4.22e2 }", REJECTED, False),
        ('{ $.detail.status = "422" }', REJECTED, False),
        ("{ $.detail.amounts[1] = 2.5 }", REJECTED, True),
        ("{ $.detail.amounts[2] NOT EXISTS }", REJECTED, True),
        ("{ $.big = 9007199254740993 }", '{"big": 9007199254740993}', True),
        ("{ $.big = 9007199254740993 }", '{"big": 9007199254740992}', False),
        ("{ $.big > 9007199254740992 }", '{"big": 9007199254740993}', True),
        ("{ $.big != 0.12345678901234567891 }", '{"big": 0.12345678901234567892}', True),
        ("{ $.big = 5e1 }", '{"big": 50}', True),
        ("{ $.big > 1 }", '{"big": 1e99999999999999999999}', False),  # more than is read
        ("{ $.big > 1 }", '{"big": Infinity}', False),  # no JSON
        ("{ $.detail['is new'] IS TRUE }", REJECTED, True),
        ("{ $.detail['is new'] = 1 }", REJECTED, False),
        ("{ $.detail.reason IS NULL }", REJECTED, True),
        ("{ $.detail.absent IS NULL }", REJECTED, False),
        ("{ $.detail.absent NOT EXISTS }", REJECTED, True),
        ("{ $.detail.reason NOT EXISTS }", REJECTED, False),
        # && binds more than ||, unless there are parentheses
        ("{ $.detail.status = 422 || $.detail.status = 1 && $.detail.status = 2 }", REJECTED, True),
        ("{ ($.detail.status = 422 || $.detail.status = 1) && $.detail.status = 2 }", REJECTED, False),
        ("{ $.detail.status = 422 }", "no JSON: 422", False),
    ],
)
def test_a_pattern_matches_what_it_says(pattern: str, message: str, *, matches: bool) -> None:
    assert parse(pattern)(message) is matches


@pytest.mark.parametrize(
    "pattern",
    ["a-b", 'open "quote', "{ $.x }", "{ $.x = }", "{ x = 1 }", "{ $.x = 1", "{ $.x < abc }", "{ ($.x = 1 }", "{ }"],
)
def test_what_is_no_pattern_is_invalid(pattern: str) -> None:
    with pytest.raises(ApiError, match="InvalidParameterException"):
        parse(pattern)


@pytest.mark.parametrize(
    "pattern", ["[ip, user, status]", "%ERR.R%", "{ $.x = %a+% }", "{ $.list[*] = 1 }", "{ $.*.x = 1 }", "ERROR ?WARN"]
)
def test_what_only_aws_reads_is_refused_by_name(pattern: str) -> None:
    with pytest.raises(NotImplementedError, match="filter patterns"):
        parse(pattern)


@pytest.fixture
def logs() -> Iterator[Any]:
    with aws(LogSearch) as client:
        made = client("logs")
        made.create_log_group(logGroupName="group")
        for stream, offset in (("a", 0), ("b", 1)):
            made.create_log_stream(logGroupName="group", logStreamName=stream)
            lines = [{"timestamp": NOW + 2 * place + offset, "message": f"{stream}{place}"} for place in range(3)]
            made.put_log_events(logGroupName="group", logStreamName=stream, logEvents=lines)
        yield made


def messages(answer: Any) -> list[str]:
    return [event["message"] for event in answer["events"]]


def test_only_what_matches_is_found_in_the_order_of_time(logs: Any) -> None:
    assert messages(logs.filter_log_events(logGroupName="group")) == ["a0", "b0", "a1", "b1", "a2", "b2"]
    assert messages(logs.filter_log_events(logGroupName="group", filterPattern="b")) == ["b0", "b1", "b2"]
    assert messages(logs.filter_log_events(logGroupName="group", filterPattern="?b1 ?a2")) == ["b1", "a2"]
    assert messages(logs.filter_log_events(logGroupName="group", startTime=NOW + 2, endTime=NOW + 4)) == [
        "a1",
        "b1",
        "a2",
    ]
    assert messages(logs.filter_log_events(logGroupName="group", logStreamNames=["b"])) == ["b0", "b1", "b2"]
    assert messages(logs.filter_log_events(logGroupName="group", logStreamNamePrefix="a")) == ["a0", "a1", "a2"]
    arn = "arn:aws:logs:us-east-1:123456789012:log-group:group"
    assert len(messages(logs.filter_log_events(logGroupIdentifier=arn))) == 6


def test_pages_have_every_event_once(logs: Any) -> None:
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName="group", filterPattern="-b2", PaginationConfig={"PageSize": 2}
    )
    assert [messages(page) for page in pages] == [["a0", "b0"], ["a1", "b1"], ["a2"]]


def test_a_search_that_cannot_be_made_is_refused(logs: Any) -> None:
    search = logs.filter_log_events
    assert refusal(search, logGroupName="none")[0] == "ResourceNotFoundException"
    assert refusal(search)[0] == "InvalidParameterException"
    assert refusal(search, logGroupName="group", logGroupIdentifier="group")[0] == "InvalidParameterException"
    assert refusal(search, logGroupName="group", nextToken="nonsense")[0] == "InvalidParameterException"
    for place in ("1_0/1", "\u0661/1", "-1/1"):
        token = base64.urlsafe_b64encode(place.encode()).decode()
        assert refusal(search, logGroupName="group", nextToken=token)[0] == "InvalidParameterException"
    assert refusal(search, logGroupName="group", limit=0)[0] == "InvalidParameterException"
    both = {"logStreamNames": ["a"], "logStreamNamePrefix": "a"}
    assert refusal(search, logGroupName="group", **both)[0] == "InvalidParameterException"
    code, message = refusal(search, logGroupName="group", filterPattern="[ip, user]")
    assert code == "NotImplemented"
    assert "logs FilterLogEvents" in message
    assert "[ip, user]" in message
    assert refusal(search, logGroupName="group", startFromHead=False)[0] == "NotImplemented"
