"""Event patterns: what EventBridge does not know is refused, where moto takes it for a match."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.engine.event_patterns import EventPatterns
from tests.local.in_process import Clients, aws, refusal

EVENT = {
    "id": "1",
    "account": "123456789012",
    "source": "ledger",
    "time": "2026-01-01T00:00:00Z",
    "region": "us-east-1",
    "resources": [],
    "detail-type": "Deposited",
    "detail": {"amount": 100.10},
}


@pytest.fixture
def client() -> Iterator[Clients]:
    with aws(EventPatterns) as clients:
        yield clients


def holds(events: Any, pattern: Any) -> bool:
    return bool(events.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(EVENT))["Result"])


def test_a_pattern_can_be_holds(client: Clients) -> None:
    events = client("events")
    assert holds(events, {"source": ["ledger"], "detail": {"amount": [{"numeric": [">", 100]}]}}) is True
    assert holds(events, {"source": [{"anything-but": {"prefix": "led"}}]}) is False
    assert holds(events, {"$or": [{"source": ["other"]}, {"detail-type": [{"prefix": "Depo"}]}]}) is True


def test_only_an_event_can_be_holds(client: Clients) -> None:
    test, pattern = client("events").test_event_pattern, json.dumps({"source": ["ledger"]})
    assert refusal(test, EventPattern=pattern, Event="no JSON")[0] == "ValidationException"
    without_id = json.dumps({name: value for name, value in EVENT.items() if name != "id"})
    assert refusal(test, EventPattern=pattern, Event=without_id)[0] == "ValidationException"


WRONG = [
    {"source": [{"begins-with": "x"}]},
    {"source": [{"anything-but": {"numeric": [">", 1]}}]},
    {"source": [{"prefix": "x", "suffix": "y"}]},
    {"source": "ledger"},
    {"source": []},
    {"source": [["nested"]]},
    {"$or": [{"source": [{"begins-with": "x"}]}]},
    {},
]


@pytest.mark.parametrize("pattern", [*map(json.dumps, WRONG), "no JSON", "[]"])
def test_what_eventbridge_does_not_know_is_refused_wherever_a_pattern_is_given(client: Clients, pattern: str) -> None:
    events = client("events")
    events.create_archive(ArchiveName="kept", EventSourceArn="arn:aws:events:us-east-1:123456789012:event-bus/default")
    code = "InvalidEventPatternException"

    assert refusal(events.test_event_pattern, EventPattern=pattern, Event=json.dumps(EVENT))[0] == code
    assert refusal(events.put_rule, Name="rule", EventPattern=pattern)[0] == code
    assert refusal(events.update_archive, ArchiveName="kept", EventPattern=pattern)[0] == code
    bus = "arn:aws:events:us-east-1:123456789012:event-bus/default"
    assert refusal(events.create_archive, ArchiveName="new", EventSourceArn=bus, EventPattern=pattern)[0] == code
    criteria = {"Filters": [{"Pattern": pattern}]}
    mapping = client("lambda").create_event_source_mapping
    assert refusal(mapping, FunctionName="f", FilterCriteria=criteria)[0] == "InvalidParameterValueException"
    assert events.list_rules(NamePrefix="rule")["Rules"] == []
