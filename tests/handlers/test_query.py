"""Questions about the present and the past."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import takewhile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handlers.domain import KINDS, evolve
from handlers.domain.account import Account
from handlers.sourcing.event import Event, NewEvent, Position, chain
from handlers.store import tokens
from handlers.store.event_store import EventStore, bucket_of

from ..domain.builders import command, story
from ..effort import LONG
from .conftest import ROWS, SNAPSHOTS, STORE, Calls, Context, Invoke, failing, opened, refusal

HOUR = "2024-01-15T10:"


def keep(aws: Any, *streams: Sequence[Event]) -> list[Event]:
    store = EventStore(aws, STORE, 3)
    for stream in streams:
        for event in stream:
            store.append([event])
    return [event for stream in streams for event in stream]


def answered(events: Sequence[Event]) -> Any:
    """Events as they stand in an answer."""
    return json.loads(json.dumps([event.record() for event in events], default=float), parse_float=Decimal)


def test_a_stream_is_answered_in_order_under_the_recipes_names(aws: Any, ask: Invoke) -> None:
    events = keep(aws, story("a", [5, -3]))

    assert ask("getAggregateEvents", aggregateId="a") == (
        200,
        {"aggregateId": "a", "events": answered(events), "eventCount": 3},
    )


def test_what_lies_behind_the_end_of_a_stream_is_an_empty_page(aws: Any, ask: Invoke) -> None:
    keep(aws, story("a", [5]))
    token = tokens.encode(["getAggregateEvents", "a"], 2)

    assert ask("getAggregateEvents", aggregateId="a", nextToken=token) == (
        200,
        {"aggregateId": "a", "events": [], "eventCount": 0},
    )


def test_a_stream_can_be_read_from_the_middle(aws: Any, ask: Invoke, calls: Calls) -> None:
    keep(aws, story("a", [1] * 6))
    calls.made.clear()

    found = pages(ask, "events", "getAggregateEvents", aggregateId="a", fromSequence=4, limit=2)

    assert sequences(found)[:2] == [[4, 5], [6, 7]]
    assert calls.names == ["Query"] * len(found)
    assert sequences(pages(ask, "events", "getAggregateEvents", aggregateId="a", fromSequence=8)) == [[]]
    assert ask("getAggregateEvents", aggregateId="nobody", fromSequence=1)[0] == 404


def test_a_place_in_a_stream_is_good_for_the_beginning_that_it_was_asked_with(aws: Any, ask: Invoke) -> None:
    keep(aws, story("a", [1] * 4))
    token = ask("getAggregateEvents", aggregateId="a", fromSequence=2, limit=1)[1]["nextToken"]

    assert ask("getAggregateEvents", aggregateId="a", fromSequence=3, nextToken=token)[0] == 400


def pages(ask: Invoke, list_name: str, *arguments: Any, **more: Any) -> list[list[Any]]:
    """All pages by nextToken."""
    found = []
    token = None
    while True:
        status, body = ask(*arguments, **more, **({"nextToken": token} if token else {}))
        assert status == 200, body
        found.append(body[list_name])
        token = body.get("nextToken")
        if token is None:
            return found


def sequences(found: list[list[Any]]) -> list[list[int]]:
    return [[event["EventSequence"] for event in page] for page in found]


def test_a_limit_cuts_a_stream_into_pages(aws: Any, ask: Invoke) -> None:
    keep(aws, story("a", [1] * 4))

    assert sequences(pages(ask, "events", "getAggregateEvents", aggregateId="a", limit=2))[:3] == [[1, 2], [3, 4], [5]]


def test_past_one_megabyte_a_stream_comes_in_pages_and_reconstruction_reads_them_all(
    aws: Any, ask: Invoke, calls: Calls
) -> None:
    stream = long_stream(12, note="x" * 200_000)
    keep(aws, stream)

    found = pages(ask, "events", "getAggregateEvents", aggregateId="a")

    assert [number for page in sequences(found) for number in page] == list(range(1, 13))
    assert len(found) >= 3
    calls.made.clear()
    assert ask("reconstructState", aggregateId="a")[1]["eventsProcessed"] == 12
    # A look for a snapshot of each kind, of which none is there, and the pages.
    assert calls.names == ["Query"] * (LOOKS + len(found))


def long_stream(length: int, **data: Any) -> list[Event]:
    events: list[Event] = []
    position = Position()
    for number in range(length):
        each = command(
            "AccountCreated" if number == 0 else "TransactionProcessed", "a", amount=1, type="deposit", **data
        )
        (event,) = chain(position, [NewEvent(each.event_type, each.event_data)], each, f"{HOUR}00:00.000000Z")
        position = position.advance(event)
        events.append(event)
    return events


def test_a_page_whose_json_outgrows_lambdas_answer_is_cut_and_continued(aws: Any, ask: Invoke) -> None:
    # Each control character is one byte to DynamoDB and seven in the answer's answer.
    keep(aws, long_stream(7, note="\x01" * 150_000))

    found = pages(ask, "events", "getAggregateEvents", aggregateId="a")

    assert [number for page in sequences(found) for number in page] == list(range(1, 8))
    assert all(len(json.dumps(json.dumps(page))) < 6 * 1024 * 1024 for page in found)


def test_the_state_is_answered_under_the_recipes_names(aws: Any, ask: Invoke) -> None:
    events = keep(aws, story("a", [Decimal("100.50")]))

    assert ask("reconstructState", aggregateId="a") == (
        200,
        {
            "aggregateId": "a",
            "reconstructedState": {
                "balance": Decimal("100.5"),
                "status": "Active",
                "transactionCount": 1,
                "createdAt": events[0].timestamp,
                "closedAt": None,
                "currency": "USD",
                "reserved": 0,
                "available": 10**12 + Decimal("100.5"),
                "reservations": {},
            },
            "eventsProcessed": 2,
            "upToSequence": None,
        },
    )


BEFORE = "2024-01-15T09:00:00Z"
LOOKS = len(KINDS.all)
"""For a snapshot, where there is none: one Query for each kind."""
NOBODY: list[dict[str, Any]] = [
    {"queryType": "getAccountSummary", "accountId": "nobody"},
    {"queryType": "getAccountStatement", "accountId": "nobody"},
    {"queryType": "getAggregateEvents", "aggregateId": "nobody"},
    {"queryType": "getAggregateEvents", "aggregateId": "nobody", "limit": 1},
    *(
        {"queryType": "reconstructState", "aggregateId": "nobody", **more}
        for more in (
            {},
            {"upToSequence": 0},
            {"upToSequence": 20},
            {"asOf": BEFORE},
            {"upToSequence": 0, "asOf": BEFORE},
        )
    ),
]


@pytest.mark.parametrize("query", NOBODY)
def test_every_query_has_one_answer_for_an_account_that_is_not_there(ask: Invoke, query: dict[str, Any]) -> None:
    status, body = ask(query["queryType"], **{name: value for name, value in query.items() if name != "queryType"})

    asked, kind = ("accountId", "account") if "accountId" in query else ("aggregateId", "aggregate")
    assert (status, body["error"]["code"], body["error"]["details"]) == (404, "NotFound", {asked: "nobody"})
    assert body["error"]["message"].startswith(f"there is no {kind} nobody")


@pytest.mark.parametrize(
    ("more", "reads"),
    [({"upToSequence": 0}, 1), ({"asOf": BEFORE}, 1 + LOOKS), ({"upToSequence": 0, "asOf": BEFORE}, 1)],
)
def test_before_its_first_event_an_account_has_a_state(
    aws: Any, ask: Invoke, calls: Calls, more: dict[str, Any], reads: int
) -> None:
    keep(aws, story("a", [1] * 3))
    calls.made.clear()

    status, body = ask("reconstructState", aggregateId="a", **more)

    assert (status, body["eventsProcessed"], body["reconstructedState"]["status"]) == (200, 0, "Unknown")
    assert calls.names == ["Query"] * reads


def test_that_there_is_no_account_takes_no_request_more_to_say(ask: Invoke, calls: Calls) -> None:
    for more, reads in (({}, 1 + LOOKS), ({"upToSequence": 20}, 1 + LOOKS), ({"asOf": BEFORE}, 1 + LOOKS)):
        calls.made.clear()
        assert ask("reconstructState", aggregateId="nobody", **more)[0] == 404
        assert calls.names == ["Query"] * reads
    calls.made.clear()
    assert ask("reconstructState", aggregateId="nobody", upToSequence=0)[0] == 404
    assert calls.names == ["Query"]
    calls.made.clear()
    assert ask("getAggregateEvents", aggregateId="nobody")[0] == 404
    assert calls.names == ["Query"]


@settings(max_examples=60 if LONG else 15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(target=st.integers(0, 8), second=st.integers(-1, 8))
def test_the_state_at_any_point_is_the_fold_up_to_it(aws: Any, ask: Invoke, target: int, second: int) -> None:
    events = story("t", [5, 10, -3, 8, 1])
    if not aws.scan(TableName=STORE)["Items"]:
        keep(aws, events)
    as_of = f"{HOUR}00:{second:02d}.500Z" if second >= 0 else "2024-01-15T09:59:59Z"

    _, by_sequence = ask("reconstructState", aggregateId="t", upToSequence=target)
    _, by_time = ask("reconstructState", aggregateId="t", asOf=as_of)
    _, by_both = ask("reconstructState", aggregateId="t", upToSequence=target, asOf=as_of)

    for body, count in (
        (by_sequence, min(target, 6)),
        (by_time, min(second + 1, 6)),
        (by_both, min(target, second + 1, 6)),
    ):
        state = Account()
        for event in events[:count]:
            state = evolve(state, event)
        assert body["eventsProcessed"] == count
        assert body["reconstructedState"]["balance"] == state.balance
        assert body["reconstructedState"]["status"] == state.status
    assert by_sequence["upToSequence"] == target


def test_a_moment_includes_what_happened_at_it(aws: Any, ask: Invoke) -> None:
    events = keep(aws, story("a", [5, 10]))

    assert ask("reconstructState", aggregateId="a", asOf=events[1].timestamp)[1]["eventsProcessed"] == 2


def test_the_past_is_told_by_when_events_were_recorded_not_by_what_callers_say(aws: Any, ask: Invoke) -> None:
    events = keep(aws, story("a", [5, 10], timestamp="1999-01-01T00:00:00Z"))

    for as_of, count in ((events[0].timestamp, 1), (events[1].timestamp, 2), ("2000-01-01T00:00:00Z", 0)):
        assert ask("reconstructState", aggregateId="a", asOf=as_of)[1]["eventsProcessed"] == count


def test_time_travel_stops_reading_at_its_target(aws: Any, ask: Invoke, calls: Calls) -> None:
    stream = long_stream(12, note="x" * 200_000)
    keep(aws, stream)
    calls.made.clear()

    ask("reconstructState", aggregateId="a", upToSequence=2)

    assert [arguments["TableName"] for arguments in calls.to("Query")] == [SNAPSHOTS] * LOOKS + [STORE]


def test_a_broken_chain_is_a_fault_and_never_a_balance(aws: Any, ask: Invoke) -> None:
    keep(aws, story("a", [1, 2, 3]))
    aws.delete_item(TableName=STORE, Key={"AggregateId": {"S": "a"}, "EventSequence": {"N": "3"}})

    code, message = failing(lambda: ask("reconstructState", aggregateId="a"))

    assert (code, "event 4 of a does not continue" in message) == ("IntegrityBreach", True)


def test_rows_of_the_read_model_are_answered_whole(
    aws: Any, ask: Invoke, handlers: Callable[[str], ModuleType]
) -> None:
    events = keep(aws, story("a", [Decimal("100.50"), -1]))
    records = [{"messageId": "m", "body": json.dumps({"detail": event})} for event in answered_text(events)]
    handlers("projection").lambda_handler({"Records": records}, Context())

    status, summary = ask("getAccountSummary", accountId="a")
    assert status == 200
    assert (summary["AccountId"], summary["Balance"], summary["TransactionCount"], summary["LastSequence"]) == (
        "a",
        Decimal("99.5"),
        2,
        3,
    )
    _, statement = ask("getAccountStatement", accountId="a")
    assert [entry["Balance"] for entry in statement["Entries"]] == [Decimal("99.5"), Decimal("100.5")]


def answered_text(events: Sequence[Event]) -> Any:
    return json.loads(json.dumps([event.record() for event in events], default=float))


@pytest.mark.parametrize("query_type", ["getAccountSummary", "getAccountStatement"])
def test_a_row_that_is_not_there_yet_is_not_found_and_the_answer_says_why(
    aws: Any, ask: Invoke, calls: Calls, query_type: str
) -> None:
    keep(aws, story("a", [5]))
    calls.made.clear()

    status, body = ask(query_type, accountId="a")

    assert (status, body["error"]["code"], body["error"]["details"]) == (404, "NotFound", {"accountId": "a"})
    assert body["error"]["message"].endswith("yet: read models follow the events")
    assert calls.names == ["GetItem"]


def test_events_of_a_type_come_newest_first_over_all_accounts(aws: Any, ask: Invoke) -> None:
    events = keep(aws, story("a", [1, 2, 3]), story("b", [4], now="2024-01-15T11:00:00.000000Z"))
    deposits = sorted((each for each in events if each.sequence > 1), key=lambda each: each.timestamp, reverse=True)

    status, body = ask("getEventsByType", eventType="TransactionProcessed")

    assert status == 200
    assert body == {"eventType": "TransactionProcessed", "events": answered(deposits), "count": 4}


def test_events_of_a_type_are_refused_by_the_settings_name_where_there_is_no_index(
    ask: Invoke, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.query._types", None)

    status, body = ask("getEventsByType", eventType="TransactionProcessed")

    assert (status, body["error"]["code"], body["error"]["details"]["field"]) == (400, "MalformedRequest", "queryType")
    assert "its setting typeIndex" in body["error"]["message"]
    assert calls.names == []


@pytest.mark.parametrize("limit", [1, 2, 5, 7, 29, 30, 31, 1000])
def test_pages_of_a_type_hold_every_event_once_in_order(aws: Any, ask: Invoke, limit: int) -> None:
    events = keep(aws, story("a", [1] * 20), story("b", [1] * 10))

    found = pages(ask, "events", "getEventsByType", eventType="TransactionProcessed", limit=limit)

    ids = [event["EventId"] for page in found for event in page]
    stamps = [event["Timestamp"] for page in found for event in page]
    assert sorted(ids) == sorted(each.event_id for each in events if each.sequence > 1)
    assert stamps == sorted(stamps, reverse=True)
    assert all(len(page) == limit for page in found[:-1])
    assert found[-1]


def test_events_written_while_paging_do_not_disturb_the_pages(aws: Any, ask: Invoke) -> None:
    keep(aws, story("a", [1] * 6))
    _, first = ask("getEventsByType", eventType="TransactionProcessed", limit=2)
    keep(aws, story("later", [1] * 9, now="2024-01-15T12:00:00.000000Z"))

    _, rest = ask("getEventsByType", eventType="TransactionProcessed", limit=10, nextToken=first["nextToken"])

    assert [event["EventSequence"] for event in first["events"] + rest["events"]] == [7, 6, 5, 4, 3, 2]


def test_a_time_range_bounds_the_events_of_a_type(aws: Any, ask: Invoke) -> None:
    keep(aws, story("a", [1] * 6))

    _, body = ask(
        "getEventsByType",
        eventType="TransactionProcessed",
        fromTimestamp=f"{HOUR}00:02Z",
        toTimestamp=f"{HOUR}00:04Z",
    )

    assert [event["EventSequence"] for event in body["events"]] == [5, 4, 3]


def test_a_page_of_a_type_is_one_query_for_each_bucket(aws: Any, ask: Invoke, calls: Calls) -> None:
    keep(aws, story("a", [1]))
    calls.made.clear()

    ask("getEventsByType", eventType="TransactionProcessed")

    assert calls.names == ["Query"] * 3
    assert {query["ExpressionAttributeValues"][":bucket"]["S"] for query in calls.to("Query")} == {
        f"TransactionProcessed#{number}" for number in range(3)
    }


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({}, "queryType"),
        ({"queryType": "dropTables"}, "queryType"),
        ({"queryType": ["getAccountSummary"]}, "queryType"),
        ({"queryType": "getAggregateEvents"}, "aggregateId"),
        ({"queryType": "getAggregateEvents", "aggregateId": "a", "limit": 0}, "limit"),
        ({"queryType": "getAggregateEvents", "aggregateId": "a", "limit": "5"}, "limit"),
        ({"queryType": "getAggregateEvents", "aggregateId": "a", "fromSequence": 0}, "fromSequence"),
        ({"queryType": "getAggregateEvents", "aggregateId": "a", "fromSequence": "5"}, "fromSequence"),
        ({"queryType": "getAggregateEvents", "aggregateId": "a", "nextToken": "zzz"}, "nextToken"),
        ({"queryType": "getAggregateEvents", "aggregateId": "a", "nextToken": 7}, "nextToken"),
        ({"queryType": "getAccountSummary"}, "accountId"),
        ({"queryType": "reconstructState", "aggregateId": "a", "upToSequence": -1}, "upToSequence"),
        ({"queryType": "reconstructState", "aggregateId": "a", "upToSequence": "1"}, "upToSequence"),
        ({"queryType": "reconstructState", "aggregateId": "a", "asOf": "yesterday"}, "asOf"),
        ({"queryType": "reconstructState", "aggregateId": "a", "asOf": "2024-01-15T10:00:00"}, "asOf"),
        ({"queryType": "getEventsByType"}, "eventType"),
        ({"queryType": "getEventsByType", "eventType": "X", "limit": 1001}, "limit"),
        ({"queryType": "getEventsByType", "eventType": "X", "fromTimestamp": 5}, "fromTimestamp"),
        (
            {
                "queryType": "getEventsByType",
                "eventType": "X",
                "fromTimestamp": "2024-01-02T00:00:00Z",
                "toTimestamp": "2024-01-01T00:00:00Z",
            },
            "fromTimestamp",
        ),
    ],
)
def test_a_malformed_query_is_told_its_field(
    aws: Any, handlers: Callable[[str], ModuleType], arguments: dict[str, Any], field: str
) -> None:
    direct = opened(handlers("query").lambda_handler(arguments, Context()))
    as_body = opened(handlers("query").lambda_handler({"body": json.dumps(arguments)}, Context()))

    assert direct == as_body
    assert (direct[0], direct[1]["error"]["details"]["field"]) == (400, field)


def test_a_token_belongs_to_its_query(aws: Any, ask: Invoke) -> None:
    keep(aws, story("a", [1, 1]), story("b", [1]))
    _, page = ask("getAggregateEvents", aggregateId="a", limit=1)
    _, typed = ask("getEventsByType", eventType="TransactionProcessed", limit=1)

    for answer in (
        ask("getAggregateEvents", aggregateId="b", nextToken=page["nextToken"]),
        ask("getEventsByType", eventType="TransactionProcessed", nextToken=page["nextToken"]),
        ask("getEventsByType", eventType="AccountCreated", nextToken=typed["nextToken"]),
    ):
        assert (answer[0], answer[1]["error"]["details"]["field"]) == (400, "nextToken")


TIME = "2024-01-15T10:00:00.000000Z"
LONG_NAME = "i" * 257


@pytest.mark.timeout(8)  # to make an int of 1E+600000 takes longer
@pytest.mark.parametrize(
    "place",
    [
        *('"x"', "[[1]]", "[5]", '{"a":1}', '[["t","a","x"]]', '"5"', "1.5", "true", "[true]", "-1", "[]", '[{"0":1}]'),
        *("1E+38", "-1E+38", "1E+400", "1E+600000", "[" * 900 + "]" * 900, "[" * 990 + "]" * 990),
        *(f'[["{TIME}","a",{sequence}]]' for sequence in ("1E+38", "1E+600000", "1.5", "-1", '"1"', "null")),
        *(f'[["{TIME}",{name},1]]' for name in ('""', "5", "null", '"a\\u0000"', '"\\ud800"', f'"{LONG_NAME}"')),
        *(f'[["{time}","a",1]]' for time in ("2024", "2024\\ud800", "2024-01-15T10:00:00Z", TIME + "0")),
        f'[["{TIME}","a",1,1]]',
        *(f'["{TIME}","a",1,{bucket}]' for bucket in ("-1", "100", "1E+38", "1E+600000", '"1"', "null", "1.5")),
        f'["{TIME}","a",1]',
        f'["{TIME}","a",1,1,1]',
        f'["{TIME}0","a",1,1]',
        f'["{TIME}","",1,1]',
        f'["{TIME}","a",1E+38,1]',
        "[null,null]",
    ],
)
def test_a_token_that_somebody_edited_is_the_callers_mistake(aws: Any, ask: Invoke, place: str) -> None:
    keep(aws, story("a", [1, 1]))
    asked = {"getAggregateEvents": {"aggregateId": "a"}, "getEventsByType": {"eventType": "X"}}
    subjects = {
        "getAggregateEvents": '["getAggregateEvents","a"]',
        "getEventsByType": '["getEventsByType","X","0001-01-01T00:00:00.000000Z","9999-12-31T23:59:59.999999Z"]',
    }
    for query_type, subject in subjects.items():
        token = base64.urlsafe_b64encode(f"[{subject},{place}]".encode()).decode().rstrip("=")

        status, body = ask(query_type, **asked[query_type], nextToken=token)

        assert (status, body["error"]["details"]["field"]) == (400, "nextToken"), query_type


def test_a_token_of_older_code_goes_on_behind_the_earliest_of_its_places(aws: Any, ask: Invoke) -> None:
    """It held the last event shown of each bucket, null where nothing was shown yet."""
    events = keep(aws, story("a", [1] * 6))
    _, first = ask("getEventsByType", eventType="TransactionProcessed", limit=3)
    subject = '["getEventsByType","TransactionProcessed","0001-01-01T00:00:00.000000Z","9999-12-31T23:59:59.999999Z"]'
    places: list[Any] = [None, None, None]
    for each in reversed(events[4:]):  # newest first: the last one shown of each bucket stands
        places[int(bucket_of(each, 3).rsplit("#", 1)[1])] = [each.timestamp, each.aggregate_id, each.sequence]
    token = base64.urlsafe_b64encode(f"[{subject},{json.dumps(places)}]".encode()).decode().rstrip("=")

    _, rest = ask("getEventsByType", eventType="TransactionProcessed", nextToken=token)

    assert [event["EventSequence"] for event in first["events"] + rest["events"]] == [7, 6, 5, 4, 3, 2]


def test_a_fault_of_ours_is_no_callers_mistake(ask: Invoke, calls: Calls) -> None:
    def fail(operation: str, _: Any) -> None:
        raise refusal("InternalServerError", operation)

    calls.before = fail
    assert failing(lambda: ask("getAccountSummary", accountId="a"))[0] == "InternalError"


def test_reads_of_the_past_and_of_rows_are_strongly_consistent(ask: Invoke, calls: Calls) -> None:
    ask("reconstructState", aggregateId="a")
    ask("getAccountSummary", accountId="a")

    assert {arguments["TableName"]: arguments.get("ConsistentRead", False) for _, arguments in calls.made} == {
        SNAPSHOTS: False,
        STORE: True,
        ROWS: True,
    }
    assert calls.to("GetItem")[0]["TableName"] == ROWS


@pytest.mark.parametrize("token", ["", "abc", "zzz", "e30", "bnVsbA", "\u00e9", "W1siZ2V0QWdncmVnYXRlRXZlbnRzIl0"])
@pytest.mark.parametrize(
    "arguments", [("getAggregateEvents", {"aggregateId": "a"}), ("getEventsByType", {"eventType": "AccountCreated"})]
)
def test_what_is_no_token_is_called_that(ask: Invoke, token: str, arguments: tuple[str, dict[str, Any]]) -> None:
    status, body = ask(arguments[0], **arguments[1], nextToken=token)

    assert (status, body["error"]["message"]) == (400, "nextToken: is not a token that was given out")


@pytest.mark.parametrize("name", ["accountcreated", "Account_Created", "account-created", "ACCOUNTCREATED"])
def test_a_misspelt_type_is_not_a_type_without_events(ask: Invoke, calls: Calls, name: str) -> None:
    status, body = ask("getEventsByType", eventType=name)

    assert (status, body["error"]["message"]) == (400, "eventType: is unknown; did you mean AccountCreated?")
    assert calls.names == []


def test_another_type_may_be_one_of_other_code(ask: Invoke) -> None:
    assert ask("getEventsByType", eventType="AccountPainted")[1]["count"] == 0


def test_the_readme_has_every_query_with_its_arguments(handlers: Callable[[str], ModuleType]) -> None:
    """What a misspelt name is answered with can be looked up there."""
    lines = (Path(__file__).parents[2] / "README.md").read_text("utf-8").splitlines()
    table = lines[lines.index("| queryType | arguments | answer |") + 2 :]
    rows = [line.split(" | ") for line in takewhile(lambda line: line.startswith("| "), table)]

    told = {row[0].strip("| `"): set(re.findall("`(.*?)`", row[1])) for row in rows}
    known = {name: set(query.arguments) for name, query in handlers("query")._QUERIES.items()}

    assert told == known
