"""Event patterns: what EventBridge does not know is refused, where moto takes it for a match."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from local.engine import backends
from local.engine.bus import EventBus
from local.engine.event_patterns import EventPatterns, problem
from local.engine.mapping import Filters
from local.engine.pattern_matching import matches
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


WRONG_VALUES: dict[str, tuple[Any, ...]] = {
    "prefix": (1, None, ["x"], {"wildcard": "x"}, {"equals-ignore-case": 1}),
    "suffix": (1, ["x"], {"equals-ignore-case": ["x"]}),
    "equals-ignore-case": (1, ["x"], True),
    "exists": ("true", 1, None),
    "cidr": ("nope", "10.0.0.0", "10.0.0.1/24", "10.0.0.0/255.255.255.0", 10, ["10.0.0.0/24"]),
    "wildcard": (["x"], 1, "a**c", "a\\n"),
    "numeric": (["<", "x"], ["<"], [">", 6, "<", 5], [">", 5, "<", 5], ["<", 5, ">", 1], ["!=", 1], [], "<"),
    "anything-but": ([], None, True, ["x", 1], [["x"]], {"prefix": 1}, {"suffix": [1]}, {"prefix": []}),
}
WRONG: list[Any] = [
    {"source": [{"begins-with": "x"}]},
    {"source": [{"anything-but": {"numeric": [">", 1]}}]},
    {"source": [{"prefix": "x", "suffix": "y"}]},
    {"source": "ledger"},
    {"source": []},
    {"source": [["nested"]]},
    {"$or": [{"source": [{"begins-with": "x"}]}, {"source": ["x"]}]},
    {"$or": [{"source": ["x"]}]},
    {},
    *({"source": [{kind: value}]} for kind, values in WRONG_VALUES.items() for value in values),
    {"source": [{"numeric": ["<", 5.1e9]}]},
    {"source": [{"numeric": ["<", True]}]},
    {"source": [{"numeric": [["<"], 5]}]},
    {"source": [{"anything-but": {"prefix": {"equals-ignore-case": "x"}}}]},
    {"source": [{"anything-but": {"wildcard": "a**b"}}]},
    {"source": ["x" * 4096]},
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


FITS: list[tuple[Any, Any, bool]] = [
    ([True], 1, False),
    ([1], True, False),
    ([True], True, True),
    ([1], 1.0, True),
    (["1"], 1, False),
    ([None], None, True),
    ([{"numeric": [">", 0]}], True, False),
    ([{"numeric": [">", 0, "<=", 5]}], 5, True),
    ([{"numeric": ["=", 301.8]}], [1, 301.8], True),
    ([{"anything-but": [1]}], True, True),
    ([{"anything-but": "x"}], ["x"], False),
    ([{"anything-but": {"suffix": ["x", "y"]}}], "ay", False),
    ([{"anything-but": {"wildcard": "*x*"}}], "axb", False),
    ([{"prefix": "x"}], ["y", "xz"], True),
    ([{"prefix": {"equals-ignore-case": "X"}}], "xy", True),
    ([{"suffix": {"equals-ignore-case": "Y"}}], 5, False),
    ([{"suffix": "y"}], "xy", True),
    ([{"equals-ignore-case": "AB"}], "ab", True),
    ([{"cidr": "10.0.0.0/24"}], "10.0.0.255", True),
    ([{"cidr": "0.0.0.0/8"}], 5, False),
    ([{"cidr": "10.0.0.0/24"}], "::1", False),
    ([{"wildcard": "a*c"}], "ab\nc", True),
    ([{"wildcard": "a\\*c"}], "abc", False),
    ([{"wildcard": "a\\*c"}], "a*c", True),
    ([{"exists": True}], {"b": 1}, False),
    ([{"exists": False}], {"b": 1}, True),
    ([{"exists": True}], [[1]], True),
    (["x", {"prefix": "y"}], "yy", True),
    ({"b": [1]}, [{"b": 2}, {"b": 1}], True),
    ({"b": [1], "c": [2]}, [{"b": 1, "c": 0}, {"b": 0, "c": 2}], False),
    ({"b": [1], "c": [{"exists": False}]}, [{"b": 1}, {"c": 2}], False),
    ({"b": {"c": [{"exists": False}]}}, {"b": 1}, True),
    ({"$or": [{"b": [1]}, {"b": [2]}]}, {"b": 2}, True),
]


@pytest.mark.parametrize(("wanted", "value", "fits"), FITS, ids=str)
def test_a_value_fits_as_on_aws(wanted: Any, value: Any, fits: bool) -> None:
    pattern = {"detail": {"a": wanted}}
    assert problem(json.dumps(pattern)) is None
    assert matches(pattern, {**EVENT, "detail": {"a": value}}) is fits


def test_a_rule_and_a_filter_match_as_the_test_does() -> None:
    """Not by moto, to which 1 is true."""
    filters = Filters({"Filters": [{"Pattern": json.dumps({"body": {"a": [True]}})}]})
    assert [filters.keep({"body": json.dumps({"a": value})}) for value in (1, True)] == [False, True]
    with bus_of([{"source": ["ledger"], "detail": {"a": [True]}}]) as (put, delivered):
        put({"a": 1})
        put({"a": True})
        assert [event["detail"] for _, event in delivered] == [{"a": True}]


def test_a_rule_that_fails_takes_no_other_down(caplog: pytest.LogCaptureFixture) -> None:
    with bus_of([{"detail": {"a": ["x"]}}, {"source": ["ledger"]}]) as (put, delivered):
        broken, _ = backends.events("us-east-1").event_buses["default"].rules.values()
        unchecked = {"source": [{"prefix": {"wildcard": "x"}}]}
        broken.event_pattern = SimpleNamespace(get_pattern=lambda: unchecked, dump=lambda: json.dumps(unchecked))
        put({"a": "x"})
    assert [rule.rsplit("/", 1)[-1] for rule, _ in delivered] == ["rule1"]
    assert "rule/rule0 failed" in caplog.text


@contextmanager
def bus_of(patterns: list[Any]) -> Iterator[tuple[Callable[[Any], None], list[tuple[str, Any]]]]:
    """The default bus with a rule for each pattern: what puts an event with a detail, and what went to which rule."""
    delivered: list[tuple[str, Any]] = []
    targets: Any = SimpleNamespace(deliver=lambda rule, _target, event: delivered.append((rule, event)))
    with aws(EventPatterns, lambda gateway: EventBus(gateway, targets)) as clients:
        events = clients("events")
        for number, pattern in enumerate(patterns):
            events.put_rule(Name=f"rule{number}", EventPattern=json.dumps(pattern))
            arn = "arn:aws:sqs:us-east-1:123456789012:queue"
            events.put_targets(Rule=f"rule{number}", Targets=[{"Id": "1", "Arn": arn}])
        entry = {"Source": "ledger", "DetailType": "Deposited"}
        yield lambda detail: events.put_events(Entries=[{**entry, "Detail": json.dumps(detail)}]), delivered
