"""What operators ask: how the pipeline is, what lies in the dead letter queues, whether a copy is true."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import boto3
import pytest

from handlers.domain import KINDS
from handlers.sourcing import times
from handlers.sourcing.replays import ReplaySpec
from handlers.sourcing.told import WHATEVER
from handlers.store import tokens
from handlers.store.event_store import EventStore
from handlers.store.replay_work import Work, message_of
from handlers.store.replays import Head, Replays, State
from handlers.upkeep.letters.diagnosis import Cause
from handlers.upkeep.verification import examination
from schemas.operations_parts import CAUSES

from ..aws import REPLAYS
from ..handlers.conftest import ROWS, STORE, Calls, Context, message
from .conftest import SUBJECT, Answered, Api, make_queues, payload, people

HEALTH, LETTERS = "GET /operations/health", "GET /operations/dead-letters"
REDRIVE = "POST /operations/dead-letters:redrive"
VERIFY = "GET /operations/accounts/{id}/verification"


def url(name: str) -> str:
    return f"https://sqs.us-east-1.amazonaws.com/123456789012/{name}"


@pytest.fixture
def sqs(api: Api) -> Any:
    return make_queues()


def open_account(api: Api, account: str, deposits: int = 0) -> None:
    assert api.command("AccountCreated", {}, account).status == 200
    for _ in range(deposits):
        assert api.command("TransactionProcessed", {"amount": 5}, account).status == 200


def announced(account: str, sequence: int) -> str:
    """A stored event as the bus delivers it."""
    event = next(
        each for each in EventStore(boto3.client("dynamodb"), STORE).read(account) if each.sequence == sequence
    )
    return message(event)["body"]


def leave(sqs: Any, queue: str, *bodies: str) -> None:
    for body in bodies:
        sqs.send_message(QueueUrl=url(queue), MessageBody=body)


def waiting(sqs: Any, queue: str) -> tuple[int, int]:
    """How many messages of a queue are visible, and how many hidden."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    told = sqs.get_queue_attributes(QueueUrl=url(queue), AttributeNames=names)["Attributes"]
    return int(told[names[0]]), int(told[names[1]])


def invocation(function: str) -> str:
    """What Lambda notes of an invocation that it gave up."""
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function}:$LATEST"
    context = {"requestId": "r-1", "functionArn": arn, "condition": "RetriesExhausted", "approximateInvokeCount": 3}
    return json.dumps({"requestContext": context, "requestPayload": {}})


def test_a_projection_is_as_far_behind_as_its_oldest_missing_event(api: Api, sqs: Any) -> None:
    open_account(api, "there", 1)
    api.project("there")
    open_account(api, "missing", 2)
    open_account(api, "half")
    api.project("half")
    assert api.command("TransactionProcessed", {"amount": 5}, "half").status == 200
    first = next(each["Timestamp"] for each in api.stored() if each["AggregateId"] == "missing")

    told = api(HEALTH).body["projections"]

    assert {each["kind"] for each in told} == {each.kind.name for each in KINDS.projections(WHATEVER)}
    for each in told:
        if each["kind"] == "account":
            assert (each["lookedAt"], each["behind"], each["oldestMissing"]) == (3, 2, first)
            assert 0 <= each["secondsBehind"] < 60
        else:
            assert (each["lookedAt"], each["behind"], each["oldestMissing"], each["secondsBehind"]) == (0, 0, None, 0)


def test_the_depth_of_each_queue_is_told(api: Api, sqs: Any) -> None:
    leave(sqs, "projection", "1", "2", "3")
    sqs.receive_message(QueueUrl=url("projection"), MaxNumberOfMessages=1)
    leave(sqs, "projection-dlq", "1", "2")
    leave(sqs, "delivery-dlq", "1")
    leave(sqs, "replay", "1")
    leave(sqs, "replay-dlq", "1")

    told = api(HEALTH).body

    assert told["queues"] == [
        {"queue": "projection", "waiting": 2, "inWork": 1, "delayed": 0, "deadLetters": 2},
        {"queue": "process", "waiting": 0, "inWork": 0, "delayed": 0, "deadLetters": 0},
        {"queue": "replay", "waiting": 1, "inWork": 0, "delayed": 0, "deadLetters": 1},
    ]
    assert {each["queue"]: each["letters"] for each in told["deadLetters"]} == {
        "projection": 2,
        "process": 0,
        "replay": 1,
        "delivery": 1,
        "invocation": 0,
    }


def test_segments_of_replays_that_were_given_up_are_told_and_sent_on(api: Api, sqs: Any) -> None:
    """Those alone of which something is left to do: it goes on where it stopped."""
    moment = "2024-03-01T00:00:00.000000Z"
    spec = ReplaySpec.of({"target": "bus"})
    replays = Replays(boto3.client("dynamodb"), REPLAYS)
    replays.create(Head("march", spec, moment, moment), [0, 1], 0)
    replays.create(Head("april", spec, moment, moment, state=State.PAUSED), [0], 0)
    going_on = message_of(Work("march", 1))
    leave(sqs, "replay-dlq", going_on, message_of(Work("april", 0)), message_of(Work("may", 0)), "garbage")

    told = api(LETTERS).body

    assert {(each["cause"], each["count"], each["redrivable"]) for each in told["groups"]} == {
        ("not-carried-on", 1, True),
        ("not-carried-on", 1, False),
        ("not-in-the-store", 1, False),
        ("no-event", 1, False),
    }
    told = api(REDRIVE, body={"queue": "replay"}).body
    assert (told["moved"], told["failed"], told["skipped"]) == (1, 0, 3)
    (sent,) = sqs.receive_message(QueueUrl=url("replay"), MaxNumberOfMessages=10)["Messages"]
    assert sent["Body"] == going_on
    assert waiting(sqs, "replay-dlq") == (3, 0)


def test_transfers_that_are_overdue_are_counted(api: Api, sqs: Any) -> None:
    sides = {"fromAccount": "a", "toAccount": "b", "amount": 5, "currency": "USD"}
    now = datetime.now(UTC)
    for name, deadline in (("late", now + timedelta(hours=1)), ("early", now + timedelta(hours=2))):
        body = {"transferId": name, **sides, "deadline": deadline.isoformat()}
        assert api("POST /transfers", body=body).status == 200
        api.project(name)
    due = times.to_text(now - timedelta(minutes=5))
    api.aws.update_item(
        TableName=ROWS,
        Key={"AccountId": {"S": "late"}, "ProjectionType": {"S": "TransferSummary"}},
        UpdateExpression="SET DueAt = :at",
        ExpressionAttributeValues={":at": {"S": due}},
    )

    told = api(HEALTH).body["processes"]

    assert (told["kind"], told["underWay"], told["complete"]) == ("transfer", 2, True)
    assert told["overdue"] >= 1
    assert told["overdueSince"] == due
    assert 300 <= told["secondsOverdue"] < 360


def test_letters_are_told_by_what_went_wrong_and_are_there_afterwards(api: Api, sqs: Any) -> None:
    open_account(api, "a", 2)
    leave(sqs, "projection-dlq", "garbage", announced("a", 1), announced("a", 2), announced("a", 3))
    leave(sqs, "process-dlq", announced("a", 3))
    leave(sqs, "invocation-dlq", invocation("command"), invocation("elsewhere"))

    told = api(LETTERS).body

    groups = {(each["queue"], each["cause"]): each for each in told["groups"]}
    assert {key: (each["count"], each["redrivable"], each["hopeless"]) for key, each in groups.items()} == {
        ("projection", "not-projected"): (3, True, False),
        ("projection", "no-event"): (1, False, True),
        ("process", "not-carried-on"): (1, True, False),
        ("invocation", "no-event"): (1, False, True),
        ("invocation", "invocation-failed"): (1, False, False),
    }
    assert (told["groups"][0]["queue"], told["groups"][0]["count"]) == ("projection", 3), "the largest first"
    group = groups["projection", "not-projected"]
    assert group["aggregateIds"] == ["a"]
    assert group["oldest"] == min(each["since"] for each in group["letters"])
    assert sorted(each["events"][0]["sequence"] for each in group["letters"]) == [1, 2, 3]
    assert told["complete"] is True
    assert [waiting(sqs, f"{queue}-dlq") for queue in ("projection", "process", "invocation")] == [
        (4, 0),
        (1, 0),
        (2, 0),
    ]


def test_a_part_of_many_letters_is_told_as_a_part(api: Api, sqs: Any) -> None:
    open_account(api, "a")
    leave(sqs, "projection-dlq", *[announced("a", 1)] * 25)

    told = api(LETTERS, query="queue=projection&limit=10").body

    assert told["complete"] is False
    assert told["queues"] == [{"queue": "projection", "lookedAt": 10, "left": 15, "hidden": 0, "complete": False}]
    assert [each["count"] for each in told["groups"]] == [10]
    assert waiting(sqs, "projection-dlq") == (25, 0)


@pytest.mark.parametrize("limit", [1, 3, 12])
def test_no_more_letters_are_looked_at_than_the_limit(api: Api, sqs: Any, limit: int) -> None:
    open_account(api, "a")
    leave(sqs, "projection-dlq", *[announced("a", 1)] * 20)

    told = api(LETTERS, query=f"queue=projection&limit={limit}").body
    moved = api(REDRIVE, body={"queue": "projection", "limit": limit}).body["moved"]

    assert (told["queues"][0]["lookedAt"], moved) == (limit, limit)
    assert waiting(sqs, "projection-dlq") == (20 - limit, 0)


def test_hopeless_letters_do_not_hide_the_others_for_ever(api: Api, sqs: Any) -> None:
    """Where the queue gives them in one order."""
    open_account(api, "a")
    leave(sqs, "projection-dlq", *["garbage"] * 12, announced("a", 1))

    first, second = (api(REDRIVE, body={"queue": "projection", "limit": 10}).body for _ in range(2))

    assert [(each["moved"], each["skipped"], each["complete"]) for each in (first, second)] == [
        (0, 10, False),
        (1, 2, False),
    ]
    assert waiting(sqs, "projection-dlq") == (2, 10)


def test_those_of_other_causes_do_not_either_and_what_failed_is_put_back(api: Api, sqs: Any, calls: Calls) -> None:
    open_account(api, "a")
    leave(sqs, "projection-dlq", "garbage", announced("a", 1), "garbage")

    def fail(operation: str, _: Any) -> None:
        if operation == "SendMessageBatch":
            raise LookupError("the queue is gone")

    calls.before = fail
    told = api(REDRIVE, body={"queue": "projection", "cause": "not-projected", "limit": 2}).body

    assert (told["moved"], told["failed"], told["complete"]) == (0, 1, False)
    assert waiting(sqs, "projection-dlq") == (2, 1)


def test_letters_that_somebody_else_holds_are_told(api: Api, sqs: Any) -> None:
    leave(sqs, "projection-dlq", "1", "2")
    sqs.receive_message(QueueUrl=url("projection-dlq"), MaxNumberOfMessages=1, VisibilityTimeout=300)

    told = api(LETTERS, query="queue=projection").body

    assert (told["complete"], told["queues"][0]["lookedAt"], told["queues"][0]["hidden"]) == (False, 1, 1)


def test_a_group_is_sent_on_and_all_others_stay(api: Api, sqs: Any) -> None:
    open_account(api, "a", 1)
    api.project("a")
    assert api.command("TransactionProcessed", {"amount": 5}, "a").status == 200
    leave(sqs, "projection-dlq", "garbage", announced("a", 1), announced("a", 3))

    answer = api(REDRIVE, body={"queue": "projection", "cause": "not-projected"})

    assert answer.body == {
        "queue": "projection",
        "cause": "not-projected",
        "moved": 1,
        "failed": 0,
        "problems": [],
        "skipped": 0,
        "complete": True,
    }
    (sent,) = sqs.receive_message(QueueUrl=url("projection"), MaxNumberOfMessages=10)["Messages"]
    assert json.loads(sent["Body"])["detail"]["EventSequence"] == 3
    assert waiting(sqs, "projection-dlq") == (2, 0)
    again = api(REDRIVE, body={"queue": "projection", "cause": "not-projected"}).body
    assert (again["moved"], again["complete"]) == (0, True)


def test_all_of_a_queue_is_sent_but_what_would_come_back(api: Api, sqs: Any) -> None:
    open_account(api, "a", 1)
    leave(sqs, "process-dlq", "garbage", announced("a", 1), announced("a", 2))

    told = api(REDRIVE, body={"queue": "process"}).body

    assert (told["moved"], told["skipped"], told["complete"]) == (2, 1, True)
    assert (waiting(sqs, "process"), waiting(sqs, "process-dlq")) == ((2, 0), (1, 0))


def test_a_redrive_is_bounded_and_says_that_there_is_more(api: Api, sqs: Any) -> None:
    open_account(api, "a")
    leave(sqs, "projection-dlq", *[announced("a", 1)] * 25)

    told = [api(REDRIVE, body={"queue": "projection", "limit": 10}).body for _ in range(3)]

    assert [(each["moved"], each["complete"]) for each in told] == [(10, False), (10, False), (5, True)]
    assert (waiting(sqs, "projection"), waiting(sqs, "projection-dlq")) == ((25, 0), (0, 0))


def test_what_was_not_sent_stays(api: Api, sqs: Any, calls: Calls) -> None:
    open_account(api, "a")
    leave(sqs, "projection-dlq", announced("a", 1))

    def fail(operation: str, _: Any) -> None:
        if operation == "SendMessageBatch":
            raise LookupError("the queue is gone")

    calls.before = fail
    told = api(REDRIVE, body={"queue": "projection"}).body

    assert (told["moved"], told["failed"]) == (0, 1)
    assert "the queue is gone" in told["problems"][0]["problem"]
    assert waiting(sqs, "projection-dlq") == (1, 0)


def test_an_invocation_is_an_operators_to_repeat(api: Api, sqs: Any) -> None:
    """Who may invoke `command` may write: the function may not."""
    leave(sqs, "invocation-dlq", json.dumps({**json.loads(invocation("process")), "requestPayload": {"Records": []}}))

    (group,) = api(LETTERS, query="queue=invocation").body["groups"]
    told = api(REDRIVE, body={"queue": "invocation"}).body

    assert (group["cause"], group["hopeless"], group["redrivable"]) == ("invocation-failed", False, False)
    assert (told["moved"], told["skipped"]) == (0, 1)
    assert waiting(sqs, "invocation-dlq") == (1, 0)


def test_the_document_tells_every_cause() -> None:
    assert sorted(CAUSES) == sorted(Cause)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "queue"),
        ({"queue": "orders"}, "queue"),
        ({"queue": "process", "cause": "bad luck"}, "cause"),
        ({"queue": "process", "limit": 0}, "limit"),
        ({"queue": "process", "limit": 501}, "limit"),
        ({"queue": "process", "force": True}, "force"),
        ({"queue": "process", "queryType": "getPipelineHealth"}, "queryType"),
        ({"queue": "process", "kind": "account"}, "kind"),
    ],
)
def test_a_redrive_that_is_wrong_is_refused_by_its_member(api: Api, sqs: Any, body: Any, field: str) -> None:
    answer = api(REDRIVE, body=body)

    assert (answer.status, answer.error["details"]["field"]) == (400, field)
    assert "there are queryType" not in answer.error["message"]


def verified(api: Api, account: str, key: str = VERIFY) -> list[Any]:
    """All stretches of a verification."""
    answers = [answered(api(key, account))]
    while "nextToken" in answers[-1]:
        answers.append(answered(api(key, account, query=f"nextToken={answers[-1]['nextToken']}")))
    return answers


def answered(answer: Answered) -> Any:
    assert answer.status == 200, answer.text
    return answer.body


def edit(api: Api, table: str, key: dict[str, Any], **attributes: Any) -> None:
    item = api.aws.get_item(TableName=table, Key=key)["Item"]
    api.aws.put_item(TableName=table, Item={**item, **attributes})


def test_a_sound_account_and_a_sound_transfer_have_no_findings(api: Api, sqs: Any) -> None:
    open_account(api, "a", 2)
    api.project("a")
    body = {"transferId": "t", "fromAccount": "a", "toAccount": "b", "amount": 5, "currency": "USD"}
    assert api("POST /transfers", body=body).status == 200
    api.project("t")

    (account,) = verified(api, "a")
    (transfer,) = verified(api, "t", "GET /operations/transfers/{id}/verification")

    assert (account["kind"], account["fromSequence"], account["upToSequence"]) == ("account", 1, 3)
    assert (account["findings"], account["complete"]) == ([], True)
    assert (transfer["kind"], transfer["findings"], transfer["complete"]) == ("transfer", [], True)


def test_a_long_stream_is_verified_by_several_calls(api: Api, sqs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "PAGE", 4)
    monkeypatch.setattr(api.modules("operations"), "EVENTS", 4)
    open_account(api, "a", 9)
    api.project("a")
    edit(api, STORE, {"AggregateId": {"S": "a"}, "EventSequence": {"N": "6"}}, Actor={"S": "somebody else"})
    edit(
        api,
        ROWS,
        {"AccountId": {"S": "a"}, "ProjectionType": {"S": "AccountStatement#0000000000000003"}},
        Type={"S": "x"},
    )

    answers = verified(api, "a")

    assert [(each["fromSequence"], each["upToSequence"]) for each in answers] == [(1, 4), (5, 8), (9, 10)]
    assert [[found["kind"] for found in each["findings"]] for each in answers] == [
        ["entry-differs"],
        ["wrong-hash"],
        [],
    ]
    assert [each["complete"] for each in answers] == [False, False, True]
    assert len({each["asOf"] for each in answers}) == 1


def test_a_row_that_is_not_what_its_events_make_is_found(api: Api, sqs: Any) -> None:
    open_account(api, "a", 2)
    api.project("a")
    edit(api, ROWS, {"AccountId": {"S": "a"}, "ProjectionType": {"S": "AccountSummary"}}, Balance={"N": "1000000"})

    (answer,) = verified(api, "a")

    (finding,) = answer["findings"]
    assert (finding["kind"], finding["row"]) == ("row-differs", "AccountSummary")
    assert finding["attributes"]["Balance"] == {"stored": "1000000", "folded": "10"}


def test_nobody_goes_on_with_a_token_of_another(api: Api, sqs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "PAGE", 1)
    monkeypatch.setattr(api.modules("operations"), "EVENTS", 1)
    for account in ("a", "b"):
        open_account(api, account, 1)
    token = api(VERIFY, "a").body["nextToken"]

    refused = [
        api(VERIFY, "b", query=f"nextToken={token}"),
        api(VERIFY, "a", query=f"nextToken={token}", authorizer=people("another")),
        api(VERIFY, "a", query=f"nextToken={token[:-8]}"),
        api(VERIFY, "a", query="nextToken=WzEsMl0"),
    ]

    assert [(each.status, each.error["details"]["field"]) for each in refused] == [(400, "nextToken")] * 4


def test_what_is_not_there_cannot_be_verified(api: Api, sqs: Any) -> None:
    assert (answer := api(VERIFY, "nobody")).status == 404
    assert answer.error["code"] == "NotFound"


def test_it_ends_within_its_time(api: Api, sqs: Any) -> None:
    """A clock that has run down: nothing is received or looked at any more, and it is told that this is not all."""
    open_account(api, "a", 1)
    leave(sqs, "projection-dlq", *[announced("a", 1)] * 5)

    class Late(Context):
        milliseconds_left = iter([29_000, 29_000, *[1_000] * 1_000])

        def get_remaining_time_in_millis(self) -> int:
            return next(self.milliseconds_left)

    given = api.modules("operations").lambda_handler(payload(LETTERS, query="queue=projection"), Late())

    told = json.loads(given["body"])
    assert (told["complete"], told["groups"], told["queues"][0]["left"]) == (False, [], 5)
    assert waiting(sqs, "projection-dlq") == (5, 0)


def test_it_writes_to_no_table(api: Api, sqs: Any, calls: Calls) -> None:
    open_account(api, "a", 1)
    leave(sqs, "projection-dlq", announced("a", 1))
    calls.made.clear()

    for ask in _every_question(api):
        assert ask().status == 200

    assert set(calls.names) == {
        *("BatchGetItem", "Query"),
        *("ReceiveMessage", "ChangeMessageVisibilityBatch", "DeleteMessageBatch", "GetQueueAttributes"),
        "SendMessageBatch",
    }


def _every_question(api: Api) -> list[Callable[[], Answered]]:
    return [
        lambda: api(HEALTH),
        lambda: api(LETTERS),
        lambda: api(REDRIVE, body={"queue": "projection"}),
        lambda: api(VERIFY, "a"),
    ]


def test_a_token_is_not_believed_what_kind_an_aggregate_is_of(
    api: Api, sqs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examination, "PAGE", 2)
    module = api.modules("operations")
    monkeypatch.setattr(module, "EVENTS", 2)
    open_account(api, "a", 5)
    own = api(VERIFY, "a").body["nextToken"]
    place: Any = tokens.decode(own, [SUBJECT, "verifyAccount"], str)
    begun: Any = tokens.decode(place, ["verifyAggregate", "a"], module._unpacked)
    inner = module._token(["verifyAggregate", "a"], begun._replace(kind="transfer"))
    forged = tokens.encode([SUBJECT, "verifyTransfer"], inner)

    answer = api("GET /operations/transfers/{id}/verification", "a", query=f"nextToken={quote(forged)}")

    assert (answer.status, answer.error["message"]) == (404, "there is no aggregate a")
    assert api(VERIFY, "a", query=f"nextToken={quote(own)}").status == 200


def test_rows_without_events_are_found_below_their_own_collection(api: Api, sqs: Any) -> None:
    open_account(api, "a")
    api.project("a")
    api.aws.delete_item(TableName=STORE, Key={"AggregateId": {"S": "a"}, "EventSequence": {"N": "1"}})

    (told,) = verified(api, "a")

    assert [each["kind"] for each in told["findings"]] != []
    assert api("GET /operations/transfers/{id}/verification", "a").status == 404
