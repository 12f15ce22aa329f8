"""Dead letters of any content are explained and moved, or left with a reason; none holds up the others."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any

import boto3
from hypothesis import given
from hypothesis import strategies as st

from handlers.sourcing.payload import request_of
from handlers.sourcing.told import WHATEVER
from handlers.sourcing.values import loads
from handlers.store.event_bus import EventBus
from handlers.store.event_store import EventStore
from handlers.store.items import to_item
from handlers.store.read_model import ReadModel
from handlers.store.replays import Replays
from handlers.upkeep.letters.diagnosis import Diagnosis, Remedy
from handlers.upkeep.letters.queues import OUTPUTS, Letter
from handlers.upkeep.letters.sending import TO_QUEUES, Sender
from ops.commands.letters_shown import line_of
from ops.dead_letters.redrive import Redriver
from ops.timeline import Timeline

from ..aws import BUS, REPLAYS, ROWS, STORE
from ..domain.builders import story
from ..handlers.conftest import message
from .budget import PATIENCE, examples
from .strategies import junk, mutated, spelled, texts
from .wire import bodies, text_of

pytestmark = PATIENCE

ACCOUNT, QUEUE = "123456789012", "arn:aws:sqs:us-east-1:123456789012:projection"
EVENTS = story("a", [5, -3])
COMMAND = {"aggregateId": "a", "eventType": "TransactionProcessed", "eventData": {"amount": 1.5}, "commandId": None}
INVOCATION: dict[str, Any] = {
    "requestContext": {
        "requestId": "request-7",
        "functionArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:command:$LATEST",
        "condition": "RetriesExhausted",
        "approximateInvokeCount": 3,
    },
    "requestPayload": COMMAND,
    "responsePayload": {"errorType": "E", "errorMessage": "too slow"},
}
STRETCH = {
    "shardId": "shardId-00000000000000000000-00000000",
    "startSequenceNumber": "1" * 21,
    "endSequenceNumber": "2" * 21,
    "approximateArrivalOfFirstRecord": "2024-01-15T10:00:00Z",
    "approximateArrivalOfLastRecord": "2024-01-15T10:00:00Z",
    "batchSize": 2,
    "streamArn": f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{STORE}/stream/2024-01-15T00:00:00.000",
}
numbers = count(1)


@st.composite
def strange(draw: st.DrawFn) -> Letter:
    """A letter of one of the queues that somebody has been at."""
    queue = draw(st.sampled_from(sorted(OUTPUTS)))
    kind = draw(st.integers(0, 9))
    if kind == 0:
        body = draw(texts) or "x"
    elif kind == 1:
        body = text_of(draw(junk))
    elif queue == "invocation":
        record: dict[str, Any] = dict(INVOCATION)
        if draw(st.booleans()):
            record["DDBStreamBatchInfo"] = draw(mutated(STRETCH))
        else:
            text = draw(spelled(draw(mutated(COMMAND))))
            record["requestPayload"] = draw(st.sampled_from([draw(mutated(COMMAND)), *bodies(text)]) | junk)
        record["requestContext"] = draw(mutated(INVOCATION["requestContext"]))
        body = draw(spelled(draw(mutated(record, at_most=1))))
    else:
        body = draw(spelled(draw(mutated(json.loads(message(draw(st.sampled_from(EVENTS)))["body"])))))
    names = st.sampled_from(["RULE_ARN", "TARGET_ARN", "ERROR_CODE", "ERROR_MESSAGE", "EXHAUSTED_RETRY_CONDITION"])
    values = texts | st.sampled_from([QUEUE, "arn:aws:logs:us-east-1:1:log-group:g", ":log-group:", "arn:rule"])
    return letter(queue, body, draw(st.dictionaries(names, values, max_size=4)))


def letter(queue: str, body: str, attributes: Mapping[str, str]) -> Letter:
    """A letter as SQS could hold it: halves of characters stand there escaped at most."""
    held = body.encode(errors="replace").decode()
    return Letter(queue, f"m{next(numbers)}", "receipt", held, attributes, datetime(2024, 1, 15, tzinfo=UTC), 1)


def good() -> list[Letter]:
    """One of each kind that can be moved."""
    return [
        letter("projection", message(EVENTS[0])["body"], {}),
        letter("delivery", message(EVENTS[1])["body"], {"TARGET_ARN": QUEUE}),
        letter("delivery", "{}", {"TARGET_ARN": "arn:aws:logs:us-east-1:1:log-group:g:*"}),
        letter("invocation", json.dumps(INVOCATION), {}),
    ]


class Services:
    """SQS, CloudWatch Logs, Firehose, Lambda and a queue that is held: each takes what it is given."""

    class exceptions:  # noqa: N801 -- as clients have it
        class ResourceAlreadyExistsException(Exception):  # noqa: N818 -- likewise
            pass

    def __init__(self) -> None:
        self.payloads: list[bytes] = []

    def send_message_batch(self, **_: Any) -> dict[str, Any]:
        return {}

    def create_log_stream(self, **_: Any) -> None:
        return None

    def put_record(self, **_: Any) -> dict[str, Any]:
        return {}

    def put_log_events(self, **_: Any) -> dict[str, Any]:
        return {}

    def invoke(self, **arguments: Any) -> None:
        self.payloads.append(arguments["Payload"])

    def delete(self, _: Sequence[Letter]) -> set[str]:
        return set()


@examples(150)
@given(letters=st.lists(strange(), min_size=1, max_size=5))
def test_no_letter_holds_up_another(aws: Any, tally: Counter[str], letters: list[Letter]) -> None:
    tally["letters"] += len(letters)
    bus, services = EventBus(boto3.client("events"), BUS), Services()
    for event in EVENTS:
        aws.put_item(TableName=STORE, Item=to_item(event.record()))
    diagnosis = Diagnosis(
        settings=WHATEVER,
        store=EventStore(aws, STORE),
        bus=bus,
        read_model=ReadModel(aws, ROWS),
        streams=boto3.client("dynamodbstreams"),
        rule_arn="arn:rule",
        queue_arn=QUEUE,
        process_queue_arn="arn:aws:sqs:us-east-1:123456789012:process",
        replays=Replays(aws, REPLAYS),
        store_table=STORE,
        functions={"command"},
        command_function="command",
    )
    client: Any = services
    redriver = Redriver(
        sender=Sender(
            sqs=client,
            bus=bus,
            queues={remedy: remedy.name for remedy in TO_QUEUES},
            holdings=dict.fromkeys(OUTPUTS, client),
        ),
        logs=client,
        firehose=client,
        functions=client,
        timeline=Timeline(aws, STORE, 1),
    )
    sound = good()

    cases = [diagnosis.of(each) for each in (*letters, *sound)]
    results = {result.case.letter.message_id: result for result in redriver.move(cases)}

    assert results.keys() == {each.message_id for each in (*letters, *sound)}
    assert all(results[each.message_id].moved for each in sound)
    for case in cases:
        json.dumps(case.describe())
        assert line_of(case).encode()
        assert case.reason
        assert results[case.letter.message_id].moved or case.remedy is not Remedy.INVOKE
    for payload in services.payloads:
        assert request_of(loads(payload, "payload"))["commandId"] is not None
