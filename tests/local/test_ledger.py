"""The deployed ledger, through AWS APIs only: what its users and its operators rely on."""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import json
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from handlers.sourcing.command import Command
from handlers.sourcing.copies import Copy
from handlers.sourcing.event import Event, NewEvent, Position, chain
from handlers.sourcing.replays import ReplaySpec
from handlers.store.branches import Branches
from handlers.store.event_store import EventStore
from handlers.store.items import to_record
from handlers.store.replays import Replays
from local.client import FunctionFailed, StackClient, eventually
from local.engine import Engine, Fault, InterceptedRequest, Response, faults
from ops.__main__ import main as operate
from ops.replays.queues import TargetQueues
from ops.replays.runs import Runs
from ops.system import System
from tests.domain.builders import older
from tests.local.conftest import PROJECT

SOON = 30.0

pytest.importorskip("awslambdaric", reason="AWS's Lambda runtime client has no wheel for this platform")


def stored(ledger: StackClient, aggregate_id: str) -> list[Event]:
    pages = (
        ledger.aws("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=ledger.outputs["eventStoreTable"],
            KeyConditionExpression="AggregateId = :aid",
            ExpressionAttributeValues={":aid": {"S": aggregate_id}},
            ScanIndexForward=True,
        )
    )
    return [Event.of(to_record(item)) for page in pages for item in page["Items"]]


def row_at(ledger: StackClient, account: str, sequence: int) -> dict[str, Any]:
    row = eventually(lambda: ledger.row(account), lambda row: bool(row and row["LastSequence"] >= sequence), SOON)
    assert row is not None
    return row


def test_the_recipes_validation_steps_hold(ledger: StackClient) -> None:
    data = {"accountId": "account-123", "customerId": "customer-456", "createdAt": "2024-01-15T10:00:00Z"}
    assert ledger.command("account-123", "AccountCreated", data)[0] == 200
    deposit = {"transactionId": "tx-789", "amount": 100.50, "type": "deposit", "timestamp": "2024-01-15T10:30:00Z"}
    status, receipt = ledger.command("account-123", "TransactionProcessed", deposit)

    events = stored(ledger, "account-123")
    assert (status, receipt) == (
        200,
        {
            "eventId": events[1].event_id,
            "aggregateId": "account-123",
            "sequence": 2,
            "commandId": events[1].command_id,
        },
    )
    assert [event.event_type for event in events] == ["AccountCreated", "TransactionProcessed"]
    row = row_at(ledger, "account-123", 2)
    assert (row["Balance"], row["TransactionCount"], row["Status"]) == (Decimal("100.5"), 1, "Active")
    assert (row["CreatedAt"], row["LastTransactionAt"]) == ("2024-01-15T10:00:00Z", "2024-01-15T10:30:00Z")
    assert ledger.query("reconstructState", aggregateId="account-123")[1] == {
        "aggregateId": "account-123",
        "reconstructedState": {
            "balance": Decimal("100.5"),
            "reserved": 0,
            "available": Decimal("100.5"),
            "reservations": {},
            "status": "Active",
            "transactionCount": 1,
            "createdAt": "2024-01-15T10:00:00Z",
            "closedAt": None,
            "currency": "USD",
        },
        "eventsProcessed": 2,
        "upToSequence": None,
    }


def test_a_replay_completes_and_leaves_the_read_model_as_it_was(ledger: StackClient) -> None:
    ledger.command("replayed", "AccountCreated", {})
    ledger.command("replayed", "TransactionProcessed", {"amount": 5})
    before = row_at(ledger, "replayed", 2)
    ledger.delete_row("replayed")
    events, now = ledger.aws("events"), datetime.now(UTC)

    events.start_replay(
        ReplayName="by-hand",
        EventSourceArn=ledger.outputs["archiveArn"],
        EventStartTime=now - timedelta(hours=1),
        EventEndTime=now + timedelta(seconds=1),
        Destination={"Arn": ledger.outputs["eventBusArn"]},
    )

    state = eventually(
        lambda: events.describe_replay(ReplayName="by-hand")["State"], lambda state: state == "COMPLETED", SOON
    )
    assert state == "COMPLETED"
    assert row_at(ledger, "replayed", 2) == before


def audited(ledger: StackClient, account: str, count: int) -> list[dict[str, Any]]:
    """What the audit log holds of an account, once that is so many entries at least."""
    logs = ledger.aws("logs")
    (group,) = logs.describe_log_groups(logGroupNamePrefix="/aws/events/audit-log-")["logGroups"]

    def entries() -> list[dict[str, Any]]:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
        messages = [json.loads(event["message"]) for page in pages for event in page["events"]]
        return [message for message in messages if message["detail"].get("AggregateId") == account]

    return eventually(entries, lambda found: len(found) >= count, SOON)


def test_every_event_reaches_the_audit_log(ledger: StackClient) -> None:
    ledger.command("audited", "AccountCreated", {"customerId": "customer-7"})

    (entry,) = audited(ledger, "audited", 1)
    assert entry["detail"]["EventData"] == {"customerId": "customer-7", "currency": "USD"}


def test_a_refused_command_reaches_the_audit_log_once_and_the_accounts_stream_not_at_all(ledger: StackClient) -> None:
    foreseen = ledger.validate("refused", "TransactionProcessed", {"amount": 5}, commandId="too-early")
    refused = ledger.command("refused", "TransactionProcessed", {"amount": 5}, commandId="too-early", actor="teller-7")
    assert ledger.command("refused", "AccountCreated", {})[0] == 200
    row_at(ledger, "refused", 1)

    assert foreseen == refused
    assert refused[0] == 422
    entries = sorted(audited(ledger, "refused", 2), key=lambda entry: str(entry["detail-type"]))
    assert [entry["detail-type"] for entry in entries] == ["AccountCreated", "CommandRejected"]
    told = entries[1]["detail"]
    assert (told["CommandId"], told["Actor"]) == ("too-early", "teller-7")
    why = {"eventType": "TransactionProcessed", "status": 422, **refused[1]["error"]}
    assert told["EventData"] == {**why, "asked": {"amount": 5}}
    assert [event.event_type for event in stored(ledger, "refused")] == ["AccountCreated"]
    assert ledger.messages("projectionQueueUrl") == 0


def test_an_event_of_a_type_that_only_newer_code_knows_moves_the_rows_on_and_is_audited(ledger: StackClient) -> None:
    ledger.command("painted", "AccountCreated", {})
    (first,) = stored(ledger, "painted")
    asked = Command.parse({"aggregateId": "painted", "eventType": "AccountPainted", "eventData": {}}, "by-newer-code")
    newer = chain(Position().advance(first), [NewEvent("AccountPainted", {"colour": "red"})], asked, first.timestamp)

    EventStore(ledger.aws("dynamodb"), ledger.outputs["eventStoreTable"]).append(newer)

    row = row_at(ledger, "painted", 2)
    assert (row["LastSequence"], row["LastHash"], row["Balance"]) == (2, newer[0].hash, 0)
    entries = {entry["detail-type"]: entry["detail"] for entry in audited(ledger, "painted", 2)}
    assert entries["AccountPainted"]["EventData"] == {"colour": "red"}
    assert ledger.command("painted", "TransactionProcessed", {"amount": 1})[1]["sequence"] == 3


def test_a_function_runs_the_package_that_is_deployed_and_nothing_else(ledger: StackClient) -> None:
    lambda_, name = ledger.aws("lambda"), ledger.outputs["queryFunction"]
    deployed = base64.b64decode(lambda_.get_function_configuration(FunctionName=name)["CodeSha256"])
    packages = (path.read_bytes() for path in (PROJECT / ".build").glob("handlers-*.zip"))
    original = next(each for each in packages if hashlib.sha256(each).digest() == deployed)
    without = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(original)) as package, zipfile.ZipFile(without, "w") as less:
        for entry in package.namelist():
            if entry != "handlers/store/history.py":
                less.writestr(entry, package.read(entry))
    try:
        lambda_.update_function_code(FunctionName=name, ZipFile=without.getvalue())
        answer = lambda_.invoke(FunctionName=name, Payload=b'{"queryType": "getAccountSummary", "accountId": "a"}')
        assert answer["FunctionError"] == "Unhandled"
        assert "handlers.store.history" in answer["Payload"].read().decode()
    finally:
        lambda_.update_function_code(FunctionName=name, ZipFile=original)
    assert ledger.query("getAccountSummary", accountId="nobody")[0] == 404


@pytest.mark.parametrize(
    ("function", "variable"), [("queryFunction", "READ_MODEL_TABLE"), ("commandFunction", "TYPE_BUCKETS")]
)
def test_a_function_has_its_own_environment_and_no_other(ledger: StackClient, function: str, variable: str) -> None:
    lambda_, name = ledger.aws("lambda"), ledger.outputs[function]
    variables = lambda_.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    less = {key: value for key, value in variables.items() if key != variable}
    try:
        lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": less})
        answer = lambda_.invoke(FunctionName=name, Payload=b"{}")
        assert answer["FunctionError"] == "Unhandled"
        report = json.loads(answer["Payload"].read())
        assert (report["errorType"], report["stackTrace"]) == ("Misconfigured", [])
        assert f"environment variable {variable} is missing" in report["errorMessage"]
    finally:
        lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
    assert ledger.invoke(function, {})[0] == 400


def patiently(ledger: StackClient, account: str, event_type: str, data: Any, **more: Any) -> tuple[int, Any]:
    """Send a command until it does not meet contention: then nothing was stored, and it may be sent again."""
    while True:
        try:
            return ledger.command(account, event_type, data, **more)
        except FunctionFailed as failure:
            if failure.code != "Contention":
                raise


def test_ten_clients_at_once_on_one_account_lose_and_double_nothing(ledger: StackClient) -> None:
    ledger.command("busy", "AccountCreated", {})

    def client(number: int) -> list[Any]:
        receipts = []
        for turn in range(5):
            status, body = patiently(
                ledger, "busy", "TransactionProcessed", {"amount": number + 1}, commandId=f"client-{number}-{turn}"
            )
            assert status == 200, body
            receipts.append(body)
        return receipts

    with ThreadPoolExecutor(10) as pool:
        receipts = [receipt for receipts in pool.map(client, range(10)) for receipt in receipts]

    events = stored(ledger, "busy")
    assert [event.sequence for event in events] == list(range(1, 52))
    assert sorted(receipt["eventId"] for receipt in receipts) == sorted(event.event_id for event in events[1:])
    assert all(event.previous_hash == before.hash for before, event in pairwise(events))
    assert row_at(ledger, "busy", 51)["Balance"] == 5 * sum(range(1, 11))


def test_one_command_sent_at_once_and_later_is_one_event_and_equal_answers(ledger: StackClient) -> None:
    ledger.command("twice", "AccountCreated", {})

    def send(_: int) -> tuple[int, Any]:
        return ledger.command("twice", "TransactionProcessed", {"amount": 9}, commandId="pay-once")

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, range(4)))
    ledger.command("twice", "TransactionProcessed", {"amount": 1})
    answers.append(send(0))

    assert answers == [answers[0]] * 5
    assert answers[0][0] == 200
    assert [event.command_id for event in stored(ledger, "twice")].count("pay-once") == 1


DENIED = faults.error("AccessDeniedException", message="inner words")
"""Not tried again by the AWS client: one refused call is one failed attempt of ours."""


def test_a_direct_command_that_meets_a_fault_fails_by_a_code_and_without_a_word_of_the_inside(
    engine: Engine, ledger: StackClient
) -> None:
    with engine.intercept("dynamodb", "PutItem", DENIED), pytest.raises(FunctionFailed) as caught:
        ledger.command("faulty", "AccountCreated", {})

    report = dict(caught.value.report)
    request_id = report.pop("requestId")
    assert report == {
        "errorType": "InternalError",
        "errorMessage": f"something failed on our side; the request can be sent again (request {request_id})",
        "stackTrace": [],
    }
    logged = "".join(lines_of(ledger, "commandFunction", request_id))
    assert "inner words" in logged
    assert "event_store.py" in logged


def test_a_fault_over_http_is_an_answer(engine: Engine, ledger: StackClient) -> None:
    request = {"aggregateId": "faulty", "eventType": "AccountCreated", "eventData": {}}
    event = {"version": "2.0", "requestContext": {"http": {"method": "POST"}}, "body": json.dumps(request)}

    with engine.intercept("dynamodb", "PutItem", DENIED):
        status, body = ledger.invoke("commandFunction", event)

    assert (status, body["error"]["code"]) == (500, "InternalError")


def another_year(request: InterceptedRequest) -> Response:
    """AWS by whose clock the functions' is a year ahead."""
    answer = request.forward()
    return Response(answer.status, answer.body, {**answer.headers, "date": "Thu, 26 Nov 2020 12:00:00 GMT"})


def test_a_function_whose_clock_is_off_stamps_nothing(engine: Engine, ledger: StackClient) -> None:
    with engine.intercept("dynamodb", "Query", another_year), pytest.raises(FunctionFailed) as caught:
        ledger.command("timeless", "AccountCreated", {})

    assert caught.value.code == "ClockSkew"
    assert stored(ledger, "timeless") == []
    assert ledger.command("timeless", "AccountCreated", {})[0] == 200
    configuration = ledger.aws("lambda").get_function_configuration(FunctionName=ledger.outputs["commandFunction"])
    logged = ledger.aws("logs").filter_log_events(logGroupName=configuration["LoggingConfig"]["LogGroup"])["events"]
    assert not any("ClocksUnchecked" in line["message"] for line in logged)


def send_and_forget(ledger: StackClient, request: dict[str, Any]) -> str:
    """Invoke the command function asynchronously; the request id."""
    answer = ledger.aws("lambda").invoke(
        FunctionName=ledger.outputs["commandFunction"], InvocationType="Event", Payload=json.dumps(request)
    )
    assert answer["StatusCode"] == 202
    return str(answer["ResponseMetadata"]["RequestId"])


def test_a_command_nobody_waits_for_outlives_a_fault_as_one_event(engine: Engine, ledger: StackClient) -> None:
    request = {"aggregateId": "patient", "eventType": "AccountCreated", "eventData": {}}

    with engine.intercept("dynamodb", "PutItem", faults.error("AccessDeniedException", times=2)):
        send_and_forget(ledger, request)
        row_at(ledger, "patient", 1)

    assert len(stored(ledger, "patient")) == 1
    assert ledger.messages("invocationDeadLetterQueueUrl") == 0


def test_a_command_nobody_waits_for_is_never_lost_to_a_fault(
    engine: Engine, ledger: StackClient, tmp_path: Path
) -> None:
    """After the retries it is a dead letter, a redrive during the fault makes another one, the next is one event."""
    request = {"aggregateId": "lasting", "eventType": "AccountCreated", "eventData": {"customerId": "customer-7"}}
    outputs = tmp_path / "out.json"
    outputs.write_text(json.dumps(ledger.outputs))
    redrive = ["dead-letters", "redrive", "--queue", "invocation", "--outputs", str(outputs)]

    with engine.intercept("dynamodb", "PutItem", DENIED):
        request_id = send_and_forget(ledger, request)
        (letter,) = dead_letters(ledger, 1)
        assert (letter["requestPayload"], letter["requestContext"]["requestId"]) == (request, request_id)
        assert letter["requestContext"]["approximateInvokeCount"] == 3
        assert letter["responsePayload"]["errorType"] == "InternalError"

        assert operate(redrive) == 0
        (again,) = dead_letters(ledger, 1, other_than=letter)
        assert again["requestPayload"] == {**request, "commandId": request_id}
    assert operate(redrive) == 0

    row_at(ledger, "lasting", 1)
    assert [event.command_id for event in stored(ledger, "lasting")] == [request_id]
    assert ledger.messages("invocationDeadLetterQueueUrl") == 0


def dead_letters(ledger: StackClient, count: int, other_than: Any = None) -> list[dict[str, Any]]:
    """What lies in the invocation dead letter queue, once that is so many letters; they stay there."""
    sqs, url = ledger.aws("sqs"), ledger.outputs["invocationDeadLetterQueueUrl"]

    def look() -> list[dict[str, Any]]:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0).get("Messages", [])
        letters = [json.loads(each["Body"]) for each in found]
        return [letter for letter in letters if letter != other_than]

    return eventually(look, lambda found: len(found) >= count, SOON)


def lines_of(ledger: StackClient, function: str, request_id: str) -> list[str]:
    """What an invocation logged."""
    configuration = ledger.aws("lambda").get_function_configuration(FunctionName=ledger.outputs[function])
    pages = (
        ledger.aws("logs")
        .get_paginator("filter_log_events")
        .paginate(logGroupName=configuration["LoggingConfig"]["LogGroup"])
    )
    return [event["message"] for page in pages for event in page["events"] if request_id in event["message"]]


OUTAGES: dict[str, Callable[[], Fault]] = {
    "an error": lambda: faults.error("InternalException", 500),
    "a refusal of some": lambda: faults.partial_put_events(lambda entry: "-2" in entry["Detail"]),
    "no answer": faults.hang,
    "a lost answer": lambda: faults.lost_answer(times=2),
}


@pytest.mark.parametrize("outage", OUTAGES)
def test_an_outage_of_the_bus_delays_events_and_loses_none(engine: Engine, ledger: StackClient, outage: str) -> None:
    accounts = [f"{outage.replace(' ', '-')}-{number}" for number in range(3)]
    calls = engine.calls["events", "PutEvents"]
    with engine.intercept("events", "PutEvents", OUTAGES[outage]()):
        for account in accounts:
            assert ledger.command(account, "AccountCreated", {})[0] == 200
            assert ledger.command(account, "TransactionProcessed", {"amount": 7})[0] == 200
        eventually(lambda: engine.calls["events", "PutEvents"], lambda count: count >= calls + 3, SOON)

    for account in accounts:
        assert row_at(ledger, account, 2)["Balance"] == 7


def test_a_poisoned_message_is_set_aside_and_holds_nothing_up(ledger: StackClient) -> None:
    before = ledger.messages("deadLetterQueueUrl")
    hidden_for(ledger, "2")
    entry = {
        "EventBusName": ledger.outputs["eventBusName"],
        "Source": "event-sourcing.financial",
        "DetailType": "TransactionProcessed",
        "Detail": '{"no": "event"}',
    }
    ledger.aws("events").put_events(Entries=[entry])
    ledger.command("behind", "AccountCreated", {})

    assert row_at(ledger, "behind", 1)["Status"] == "Active"
    found = eventually(lambda: ledger.messages("deadLetterQueueUrl"), lambda count: count > before, 2 * SOON)
    hidden_for(ledger, "5")
    assert found == before + 1


def test_a_poisoned_message_of_the_processes_is_set_aside_holds_nothing_up_and_is_redriven(
    ledger: StackClient, tmp_path: Path
) -> None:
    """It announces a transfer that is not in the store; once that is there, its letter can go where it was going."""
    accounts(ledger, "haunted", "haunter")
    (ghost,) = chain(Position(), [NewEvent("TransferRequested", {})], announced("ghost"), "2024-01-15T10:00:00.000000Z")
    body = json.dumps({"detail": ghost.record()})
    outputs = tmp_path / "out.json"
    outputs.write_text(json.dumps(ledger.outputs))
    redrive = ["dead-letters", "redrive", "--queue", "process", "--outputs", str(outputs)]

    hidden_for(ledger, "2", "processQueueUrl")
    ledger.aws("sqs").send_message(QueueUrl=ledger.outputs["processQueueUrl"], MessageBody=body)
    request_transfer(ledger, "alive", "haunted", "haunter", 30)

    transfer_at(ledger, "alive", lambda row: row["Status"] == "Completed")
    count = partial(ledger.messages, "processDeadLetterQueueUrl")
    assert eventually(count, lambda found: found == 1, 2 * SOON) == 1
    hidden_for(ledger, "180", "processQueueUrl")
    assert ledger.messages("processQueueUrl") == 0
    assert operate(redrive) == 1, "it would only come back"
    assert count() == 1

    request_transfer(ledger, "ghost", "haunted", "haunter", 20)
    transfer_at(ledger, "ghost", lambda row: row["Status"] == "Completed")
    assert operate(redrive) == 0

    assert eventually(lambda: ledger.messages("processQueueUrl"), lambda left: left == 0, SOON) == 0
    assert count() == 0
    assert types(ledger, "haunter") == ["AccountCreated", "TransactionProcessed", "TransactionProcessed"]


def announced(transfer_id: str) -> Command:
    return Command.parse({"aggregateId": transfer_id, "eventType": "TransferRequested", "eventData": {}}, "by-nobody")


def hidden_for(ledger: StackClient, seconds: str, queue: str = "projectionQueueUrl") -> None:
    """How long a message that failed waits for its next try."""
    url = ledger.outputs[queue]
    ledger.aws("sqs").set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": seconds})


def test_an_event_that_the_bus_will_never_take_is_set_aside_and_its_account_goes_on(ledger: StackClient) -> None:
    """Older code stored it. The relay's own role leaves the letter, and the next event's message brings the row up."""
    ledger.command("burdened", "AccountCreated", {})
    ledger.command("burdened", "TransactionProcessed", {"amount": 1})
    events = stored(ledger, "burdened")
    burden = older(events, 5, invoice=Decimal("1E20"))
    EventStore(ledger.aws("dynamodb"), ledger.outputs["eventStoreTable"]).append([burden])

    assert ledger.command("burdened", "TransactionProcessed", {"amount": 1})[1]["sequence"] == 4

    assert row_at(ledger, "burdened", 4)["Balance"] == 7
    sqs, url = ledger.aws("sqs"), ledger.outputs["invocationDeadLetterQueueUrl"]
    (letter,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=letter["ReceiptHandle"])
    about = json.loads(letter["Body"])["unpublishable"]
    assert (about["aggregateId"], about["sequence"]) == ("burdened", 3)
    assert "detail.EventData.invoice a whole number must lie between" in about["reason"]


def test_a_change_behind_the_ledgers_back_is_counted_and_not_published(ledger: StackClient) -> None:
    ledger.command("tampered", "AccountCreated", {})
    ledger.command("tampered", "TransactionProcessed", {"amount": 1})
    row = row_at(ledger, "tampered", 2)
    item = ledger.aws("dynamodb").get_item(
        TableName=ledger.outputs["eventStoreTable"],
        Key={"AggregateId": {"S": "tampered"}, "EventSequence": {"N": "2"}},
    )["Item"]
    item["EventData"]["M"]["amount"] = {"N": "1000000"}
    ledger.aws("dynamodb").put_item(TableName=ledger.outputs["eventStoreTable"], Item=item)

    assert eventually(lambda: breaches(ledger, "tampered"), bool, SOON) == [2]
    assert ledger.row("tampered") == row


def breaches(ledger: StackClient, aggregate_id: str) -> list[int]:
    """Sequences of the integrity breaches that the relay logged as metrics."""
    logs = ledger.aws("logs")
    group = ledger.aws("lambda").get_function_configuration(FunctionName=ledger.outputs["relayFunction"])
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group["LoggingConfig"]["LogGroup"])
    lines = [event["message"] for page in pages for event in page["events"] if "IntegrityBreaches" in event["message"]]
    metrics = [json.loads(line) for line in lines]
    return [metric["sequence"] for metric in metrics if metric["aggregateId"] == aggregate_id]


def accounts(ledger: StackClient, *opened: str, amount: int = 100) -> None:
    """Open accounts, and put money into the first."""
    for account in opened:
        assert ledger.command(account, "AccountCreated", {})[0] == 200
    assert ledger.command(opened[0], "TransactionProcessed", {"amount": amount})[0] == 200


def request_transfer(ledger: StackClient, transfer_id: str, giver: str, taker: str, amount: int, **more: Any) -> None:
    asked = {"fromAccount": giver, "toAccount": taker, "amount": amount, "currency": "USD", **more}
    status, answer = ledger.command(
        transfer_id, "TransferRequested", asked, commandId=f"ask-{transfer_id}", actor="ann"
    )
    assert status == 200, answer


def transfer_at(ledger: StackClient, transfer_id: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """What a query answers of a transfer, once that is wanted."""
    answer = eventually(
        lambda: ledger.query("getTransfer", transferId=transfer_id),
        lambda answer: answer[0] == 200 and wanted(answer[1]),
        SOON,
    )
    assert answer[0] == 200
    assert wanted(answer[1]), answer
    row: dict[str, Any] = answer[1]
    return row


def types(ledger: StackClient, aggregate_id: str) -> list[str]:
    return [event.event_type for event in stored(ledger, aggregate_id)]


def test_a_transfer_carries_money_from_one_account_to_the_other(ledger: StackClient) -> None:
    accounts(ledger, "payer", "payee")
    request_transfer(ledger, "rent", "payer", "payee", 30)

    transfer_at(ledger, "rent", lambda row: row["Status"] == "Completed")

    assert types(ledger, "rent") == ["TransferRequested", "TransferCommitted", "TransferCompleted"]
    assert types(ledger, "payer")[2:] == ["FundsReserved", "TransactionProcessed"]
    assert row_at(ledger, "payer", 4)["Balance"] == 70
    assert row_at(ledger, "payee", 2)["Balance"] == 30
    assert len({event.correlation_id for event in (*stored(ledger, "rent"), *stored(ledger, "payee")[1:])}) == 1


def test_a_transfer_that_the_other_side_refuses_behind_the_commitment_gives_the_money_back(
    engine: Engine, ledger: StackClient
) -> None:
    """The account closes in the very moment in which the transfer is committed."""
    accounts(ledger, "sender", "closing")
    closed: list[int] = []

    def close(request: InterceptedRequest) -> Response | None:
        put = request.request.json()["Item"]
        if put.get("EventType") == {"S": "TransferCommitted"} and not closed:
            closed.append(0)
            closed.append(ledger.command("closing", "AccountClosed", {})[0])
        return None

    with engine.intercept("dynamodb", "PutItem", close):
        request_transfer(ledger, "gift", "sender", "closing", 30)
        row = transfer_at(ledger, "gift", lambda row: "SettledAt" in row)

    assert closed == [0, 200]
    assert (row["Status"], row["FailedStep"], row["Code"]) == ("Failed", "credit", "RuleBroken")
    assert types(ledger, "gift") == ["TransferRequested", "TransferCommitted", "TransferFailed", "TransferSettled"]
    assert types(ledger, "sender")[2:] == ["FundsReserved", "ReservationReleased"]
    assert types(ledger, "closing") == ["AccountCreated", "AccountClosed"]
    assert ledger.command("sender", "TransactionProcessed", {"amount": -100})[0] == 200


def test_a_transfer_that_nobody_approves_of_expires_at_the_sweep_behind_its_deadline(ledger: StackClient) -> None:
    accounts(ledger, "founder", "venture", amount=20_000)
    deadline = datetime.now(UTC) + timedelta(seconds=2)
    request_transfer(ledger, "stake", "founder", "venture", 10_001, deadline=deadline.isoformat())
    assert transfer_at(ledger, "stake", bool)["Status"] == "Requested"
    assert [each["TransferId"] for each in ledger.query("getTransfers", accountId="founder")[1]["transfers"]] == [
        "stake"
    ]

    eventually(lambda: datetime.now(UTC), lambda now: now > deadline, SOON)
    ledger.sweep()

    transfer_at(ledger, "stake", lambda row: row["Status"] == "Expired" and "SettledAt" in row)
    assert types(ledger, "venture") == ["AccountCreated"]
    assert ledger.query("getTransfers", accountId="founder")[1]["transfers"] == []
    assert ledger.command("founder", "TransactionProcessed", {"amount": -20_000})[0] == 200


KILLS = 8


@pytest.mark.slow
def test_a_replay_whose_processes_are_killed_sends_every_event_under_one_id(
    engine: Engine, ledger: StackClient
) -> None:
    """Before a call takes effect, or behind one of which nobody heard; what is written meanwhile is not in it."""
    sqs, function = ledger.aws("sqs"), ledger.outputs["replayerFunction"]
    url = sqs.create_queue(QueueName="copies")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    admit = {"Effect": "Allow", "Principal": {"AWS": ledger.outputs["replayerRoleArn"]}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**admit, "Resource": arn}]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    replay_queue = ledger.outputs["replayQueueUrl"]
    kept = ["VisibilityTimeout", "RedrivePolicy"]
    before = sqs.get_queue_attributes(QueueUrl=replay_queue, AttributeNames=kept)["Attributes"]
    accounts = [f"copied-{number}" for number in range(8)]
    for account in accounts:
        ledger.command(account, "AccountCreated", {})
        for _ in range(4):
            assert ledger.command(account, "TransactionProcessed", {"amount": 1})[0] == 200
    written = [event for account in accounts for event in stored(ledger, account)]
    dynamodb = ledger.aws("dynamodb")
    branches = Branches(dynamodb, ledger.outputs["branchesTable"])
    queues = TargetQueues.of(System(ledger.outputs, ledger.outputs["region"]))
    runs = Runs(Replays(dynamodb, ledger.outputs["replaysTable"]), sqs, replay_queue, branches, queues)
    calls = itertools.count()
    kills: list[int] = []

    def strike(request: InterceptedRequest) -> Response | None:
        number = next(calls)
        if request.request.json()["QueueUrl"] != url or number % 3 or len(kills) == KILLS:
            return None
        if number % 2:
            request.forward()
        kills.append(number)
        engine.kill(function)
        return request.error("InternalServerError", "nobody hears this", 500)

    # So short a time runs out while a slow process is still at it, too: to be received anew is no sign of poison here.
    patient = json.dumps({**json.loads(before["RedrivePolicy"]), "maxReceiveCount": 1_000})
    sqs.set_queue_attributes(QueueUrl=replay_queue, Attributes={"VisibilityTimeout": "2", "RedrivePolicy": patient})
    with engine.intercept("sqs", "SendMessageBatch", strike):
        until = max(event.timestamp for event in written)
        selected = {"aggregateIds": accounts, "to": until, "target": f"queue:{arn}", "rate": 20}
        runs.start("killed", ReplaySpec.of(selected))
        late = [ledger.command(account, "TransactionProcessed", {"amount": 1})[0] for account in accounts]
        eventually(lambda: runs.read("killed"), lambda run: not run.unfinished, 4 * SOON)
    sqs.set_queue_attributes(QueueUrl=replay_queue, Attributes=before)

    assert runs.read("killed").unfinished == []
    assert (late, len(kills)) == ([200] * len(accounts), KILLS)
    details = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        details += [json.loads(each["Body"])["detail"] for each in messages]
        for each in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    assert len(details) > len(written), "a call that took effect was made once more"
    expected = {(event.event_id, Copy.of(event, "killed").copy_id) for event in written}
    assert {(each["Replay"]["eventId"], each["EventId"]) for each in details} == expected
