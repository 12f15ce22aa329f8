"""The outbox: every inserted event reaches the bus, and what is no event is reported instead."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from handlers.sourcing.event import Event
from handlers.sourcing.times import LAST
from handlers.sourcing.values import loads
from handlers.store.event_bus import OF_THE_CALL
from handlers.store.unpublishable import MAX_LETTER_BYTES

from ..aws import DEAD_LETTERS
from ..domain.builders import create, older, run, stamped, story, transact
from .conftest import BUS, Calls, Context, record, refusal

Relay = Callable[[Sequence[dict[str, Any]]], list[str]]


@pytest.fixture
def relay(aws: Any, handlers: Callable[[str], ModuleType]) -> Relay:
    """The relay: records in, the sequence numbers it reports as failed out."""

    def call(records: Sequence[dict[str, Any]]) -> list[str]:
        answer = handlers("relay").lambda_handler({"Records": records}, Context())
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    return call


def metrics(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_an_event_goes_out_as_the_recipes_consumers_expect_it(relay: Relay, calls: Calls) -> None:
    _, events = run(create(), transact(Decimal("100.50")))

    assert relay([record(events[1])]) == []

    (entry,) = calls.to("PutEvents")[0]["Entries"]
    assert entry["Source"] == "event-sourcing.financial"
    assert entry["DetailType"] == "TransactionProcessed"
    assert entry["EventBusName"] == BUS
    assert entry["Time"] == events[1].timestamp
    detail = json.loads(entry["Detail"], parse_float=Decimal)
    assert detail == json.loads(json.dumps(events[1].record(), default=str), parse_float=Decimal) | {
        "EventData": {
            "amount": Decimal("100.5"),
            "type": "deposit",
            "currency": "USD",
            "category": "uncategorized",
        }
    }


def test_events_go_out_in_order_ten_to_a_call(relay: Relay, calls: Calls) -> None:
    events = story("account-1", [1] * 24)

    assert relay([record(event) for event in events]) == []

    batches = [call["Entries"] for call in calls.to("PutEvents")]
    assert [len(batch) for batch in batches] == [10, 10, 5]
    sent = [json.loads(entry["Detail"])["EventSequence"] for batch in batches for entry in batch]
    assert sent == list(range(1, 26))


def test_large_events_are_split_at_the_buss_size_limit(relay: Relay, calls: Calls) -> None:
    _, events = run(create(note="x" * 390_000), *(transact(1, note="é" * 150_000) for _ in range(4)))

    assert relay([record(event) for event in events]) == []

    sizes = [sum(len(entry["Detail"].encode()) for entry in call["Entries"]) for call in calls.to("PutEvents")]
    assert len(sizes) == 2
    assert all(size < 1_000_000 for size in sizes)
    assert sum(len(call["Entries"]) for call in calls.to("PutEvents")) == len(events)


def test_a_refused_entry_and_all_behind_it_are_delivered_again(
    relay: Relay, monkeypatch: pytest.MonkeyPatch, handlers: Callable[[str], ModuleType], capsys: Any
) -> None:
    sent: list[int] = []

    class Refusing:
        def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 -- the API's name
            results: list[dict[str, str]] = []
            for entry in Entries:
                sequence = json.loads(entry["Detail"])["EventSequence"]
                sent.append(sequence)
                refused = {"ErrorCode": "InternalFailure", "ErrorMessage": "told to"}
                results.append(refused if sequence in (13, 15) else {"EventId": "id"})
            return {"FailedEntryCount": sum("ErrorCode" in result for result in results), "Entries": results}

    monkeypatch.setattr(handlers("relay")._bus, "_client", Refusing())

    assert relay([record(event, number=1000 + event.sequence) for event in story("a", [1] * 29)]) == ["1013"]
    assert max(sent) == 20
    assert metrics(capsys)[-1]["PublishFailures"] == 18


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalException", "AccessDeniedException"])
def test_a_failed_call_gives_the_whole_batch_back(relay: Relay, calls: Calls, code: str) -> None:
    def fail(operation: str, _: Any) -> None:
        raise refusal(code, operation)

    calls.before = fail
    assert relay([record(event) for event in story("a", [1, 2])]) == ["1"]


@pytest.mark.parametrize("name", ["MODIFY", "REMOVE"])
def test_a_change_of_a_stored_event_is_an_alarm_and_not_an_event(
    relay: Relay, calls: Calls, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    first, second = story("account-7", [1])

    assert relay([record(first, name), record(second)]) == []

    assert [json.loads(entry["Detail"])["EventSequence"] for entry in calls.to("PutEvents")[0]["Entries"]] == [2]
    (metric,) = metrics(capsys)
    assert (metric["IntegrityBreaches"], metric["aggregateId"], metric["sequence"]) == (1, "account-7", 1)


def test_an_item_that_is_no_event_is_reported_and_holds_nothing_up(
    relay: Relay, calls: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = story("account-7", [1])
    strange = record(first)
    del strange["dynamodb"]["NewImage"]["EventType"]
    binary = record(first)
    binary["dynamodb"]["NewImage"]["EventData"] = {"M": {"blob": {"B": b"xx"}}}

    assert relay([strange, binary, record(second)]) == []

    assert len(calls.to("PutEvents")[0]["Entries"]) == 1
    assert [metric["IntegrityBreaches"] for metric in metrics(capsys)] == [1, 1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("EventType", value) for value in ({"N": "5"}, {"NULL": True}, {"S": "t" * 129}, {"S": ""})),
        *(("Timestamp", value) for value in ({"N": "5"}, {"S": "yesterday"}, {"S": "2024-01-15T10:00:00"})),
        *(("Actor", value) for value in ({"SS": ["a"]}, {"B": "eA=="})),
        *(("EventSequence", {"N": number}) for number in ("0", "1.5", "-1", "1E+125")),
        ("Version", {"S": "1"}),
        ("EventData", {"M": {"note": {"S": "\x01" * 200_000}}}),
        ("EventData", {"M": {"note": {"NS": ["1", "2"]}}}),
    ],
)
def test_an_item_that_the_bus_would_not_take_holds_nothing_up(
    relay: Relay, calls: Calls, capsys: pytest.CaptureFixture[str], name: str, value: dict[str, Any]
) -> None:
    first, second = story("account-7", [1])
    strange = record(first)
    strange["dynamodb"]["NewImage"][name] = value

    assert relay([strange, record(second)]) == []

    (sent,) = calls.to("PutEvents")
    assert [json.loads(entry["Detail"])["EventSequence"] for entry in sent["Entries"]] == [2]
    assert [metric["IntegrityBreaches"] for metric in metrics(capsys)] == [1]


def test_a_batch_without_events_calls_nobody(relay: Relay, calls: Calls) -> None:
    (first,) = story("a", [])

    assert relay([record(first, "REMOVE")]) == []
    assert calls.names == []


HUGE = Decimal("12345678901234567890123")
Letters = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def letters(aws: Any) -> Letters:
    """The dead letters that were left, from the first on."""
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName=DEAD_LETTERS, Attributes={"MaximumMessageSize": str(MAX_LETTER_BYTES)})["QueueUrl"]

    def taken() -> list[dict[str, Any]]:
        texts = [each["Body"] for each in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])]
        assert all(text.isascii() for text in texts)
        return [loads(text, "letter") for text in texts]

    return taken


def place(letter: dict[str, Any]) -> tuple[str, int]:
    about = letter["unpublishable"]
    return about["aggregateId"], int(about["sequence"])


def published(calls: Calls) -> list[int]:
    """The sequences of the events that were sent, with each call that did so."""
    return [json.loads(entry["Detail"])["EventSequence"] for call in calls.to("PutEvents") for entry in call["Entries"]]


class Picky:
    """A bus that refuses some entries: by their code, or the whole call where the code is one of a call."""

    def __init__(self, refused: dict[int, str], whole: frozenset[str] = frozenset()) -> None:
        self._refused = refused
        self._whole = whole
        self.taken: list[int] = []

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 -- the API's name
        sequences = [json.loads(entry["Detail"])["EventSequence"] for entry in Entries]
        for sequence in sequences:
            if (code := self._refused.get(sequence)) in self._whole:
                raise refusal(str(code), "PutEvents")
        results: list[dict[str, str]] = []
        for sequence in sequences:
            if code := self._refused.get(sequence):
                results.append({"ErrorCode": code, "ErrorMessage": "told to"})
            else:
                self.taken.append(sequence)
                results.append({"EventId": "id"})
        return {"FailedEntryCount": sum("ErrorCode" in result for result in results), "Entries": results}


@pytest.fixture
def picky(monkeypatch: pytest.MonkeyPatch, handlers: Callable[[str], ModuleType]) -> Callable[..., Picky]:
    def make(*arguments: Any) -> Picky:
        bus = Picky(*arguments)
        monkeypatch.setattr(handlers("relay")._bus, "_client", bus)
        return bus

    return make


@pytest.mark.parametrize("data", [{"invoice": HUGE}, {"deep": [{"n": -HUGE}]}, {"note": "a\uffffb"}], ids=ascii)
def test_a_sound_event_that_no_bus_carries_is_set_aside_and_holds_nothing_up(
    relay: Relay, calls: Calls, letters: Letters, capsys: Any, data: dict[str, Any]
) -> None:
    events = story("a", [1])
    poison = older(events, 5, **data)
    (other, *_) = story("b", [])

    assert relay([record(each) for each in (*events, poison, other)]) == []

    assert published(calls) == [1, 2, 1]
    (letter,) = letters()
    assert place(letter) == ("a", 3)
    assert letter["unpublishable"]["reason"].startswith("detail.EventData.")
    assert Event.of(letter["event"]).computed_hash() == poison.hash
    (metric,) = metrics(capsys)
    assert (metric["Unpublishable"], metric["aggregateId"], metric["sequence"]) == (1, "a", 3)


def test_an_event_too_large_for_a_letter_is_named_by_it(relay: Relay, letters: Letters) -> None:
    events = story("a", [1])

    assert relay([record(older(events, 5, invoice=HUGE, note="x" * 300_000))]) == []

    (letter,) = letters()
    assert place(letter) == ("a", 3)
    assert letter["event"] is None


@pytest.mark.parametrize("code", ["MalformedDetail", "InvalidArgument", "RedactionFailure"])
def test_an_entry_that_is_refused_for_good_is_set_aside_alone(
    relay: Relay, letters: Letters, picky: Callable[..., Picky], code: str
) -> None:
    bus = picky({3: code, 12: code})

    assert relay([record(event) for event in story("a", [1] * 13)]) == []

    assert bus.taken == [1, 2, *range(4, 12), 13, 14]
    left = letters()
    assert sorted(map(place, left)) == [("a", 3), ("a", 12)]
    assert left[0]["unpublishable"]["reason"] == f"{code}: told to"


@pytest.mark.parametrize(
    "code",
    [
        *("InternalFailure", "ThrottlingException", "AccessDeniedException", "NotAuthorizedForSourceException"),
        *("NotAuthorizedForDetailTypeException", "InvalidAccountIdException", "SomethingNew"),
    ],
)
def test_what_may_pass_is_delivered_again_and_never_set_aside(
    relay: Relay, letters: Letters, picky: Callable[..., Picky], code: str
) -> None:
    bus = picky({2: "MalformedDetail", 4: code, 5: "MalformedDetail"})

    assert relay([record(event) for event in story("a", [1] * 5)]) == ["4"]

    assert bus.taken == [1, 3, 6]
    assert [place(letter) for letter in letters()] == [("a", 2)], "the one behind comes again"


@pytest.mark.parametrize("code", ["ValidationException", "SerializationException", "SomethingNew"])
def test_a_call_that_is_refused_for_one_entry_is_made_again_for_each(
    relay: Relay, letters: Letters, picky: Callable[..., Picky], code: str
) -> None:
    bus = picky({13: code}, frozenset({code}))

    assert relay([record(event) for event in story("a", [1] * 23)]) == []

    assert bus.taken == [each for each in range(1, 25) if each != 13]
    (letter,) = letters()
    assert place(letter) == ("a", 13)
    assert code in letter["unpublishable"]["reason"]


@pytest.mark.parametrize("code", sorted(OF_THE_CALL | {"InternalException", "ServiceUnavailable"}))
def test_a_call_that_is_refused_for_more_than_what_it_holds_sets_nothing_aside(
    relay: Relay, calls: Calls, letters: Letters, picky: Callable[..., Picky], code: str
) -> None:
    bus = picky({2: code}, frozenset({code}))

    assert relay([record(event) for event in story("a", [1])]) == ["1"]

    assert (bus.taken, letters()) == ([], [])


@pytest.mark.parametrize("status", [401, 403, 404, 408, 429, 500, 503])
def test_nor_does_one_of_an_unknown_code_that_its_status_explains(
    relay: Relay, calls: Calls, letters: Letters, status: int
) -> None:
    def refuse(operation: str, _: Any) -> None:
        if operation == "PutEvents":
            raise ClientError({"Error": {"Code": "New"}, "ResponseMetadata": {"HTTPStatusCode": status}}, operation)  # type: ignore[typeddict-item]

    calls.before = refuse

    assert relay([record(event) for event in story("a", [1])]) == ["1"]
    assert letters() == []


@pytest.mark.parametrize("time", [LAST, "9999-12-31T23:59:59.999990Z"])
def test_an_event_at_the_end_of_time_is_set_aside_and_holds_nothing_up(
    relay: Relay, calls: Calls, letters: Letters, capsys: Any, time: str
) -> None:
    """Its time is one of the ledger's, but in the double that carries it to the bus it is in the year 10000."""
    poison = stamped(story("poison", [1])[1], time)
    events = story("a", [1])

    assert relay([record(each) for each in (poison, *events)]) == []

    assert published(calls) == [1, 2]
    (letter,) = letters()
    assert place(letter) == ("poison", 2)
    assert "10000" in letter["unpublishable"]["reason"]
    assert Event.of(letter["event"]) == poison
    assert metrics(capsys)[0]["Unpublishable"] == 1


@pytest.mark.parametrize("time", ["2024-01-15T10:59:59.999999Z", "9999-12-31T23:59:59.999900Z"])
def test_any_other_time_goes_out_as_it_is(relay: Relay, calls: Calls, time: str) -> None:
    assert relay([record(stamped(story("a", [1])[1], time))]) == []

    assert [entry["Time"] for call in calls.to("PutEvents") for entry in call["Entries"]] == [time]


def test_an_outage_among_the_single_calls_is_delivered_again_from_there(
    relay: Relay, letters: Letters, picky: Callable[..., Picky]
) -> None:
    both = frozenset({"ValidationException", "ThrottlingException"})
    bus = picky({12: "ValidationException", 15: "ThrottlingException"}, both)

    assert relay([record(event) for event in story("a", [1] * 19)]) == ["15"]

    assert bus.taken == [*range(1, 12), 13, 14]
    assert [place(letter) for letter in letters()] == [("a", 12)]


@pytest.mark.parametrize("refused_by", ["us", "bus"])
def test_what_cannot_be_set_aside_is_delivered_again(
    relay: Relay, calls: Calls, letters: Letters, picky: Callable[..., Picky], capsys: Any, *, refused_by: str
) -> None:
    def fail(operation: str, _: Any) -> None:
        if operation == "SendMessage":
            raise refusal("QueueDoesNotExist", operation)

    events = story("a", [1])
    third = older(events, 5, **({"invoice": HUGE} if refused_by == "us" else {}))
    batch = [record(each) for each in (*events, third, older([*events, third], 1))]
    bus = picky({} if refused_by == "us" else {3: "MalformedDetail"})

    calls.before = fail
    assert relay(batch) == ["3"]
    assert bus.taken[:2] == [1, 2]
    assert metrics(capsys)[-1]["PublishFailures"] == 2
    calls.before = None
    assert relay(batch[2:]) == []

    assert bus.taken[-1] == 4
    assert [place(letter) for letter in letters()] == [("a", 3)]
