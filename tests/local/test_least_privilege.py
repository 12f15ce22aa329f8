"""Least privilege on the deployed ledger: what the functions' roles allow is all used, and all needed.

One workload makes every function do everything that it may. The embedded AWS authorises each call by the role's
policies and remembers by which statement, so what is left over shows; and a statement that can go was not needed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import pytest

from handlers.sourcing.replays import ReplaySpec
from handlers.store.branches import Branch, Branches
from handlers.store.replays import Replays, State
from local.client import FunctionFailed, StackClient, eventually
from local.engine import Call, Engine, InterceptedRequest, Response, faults
from ops.replays.queues import TargetQueues
from ops.replays.runs import Runs
from ops.system import System

from .roles import Roles, broken, role_of

pytestmark = pytest.mark.slow

pytest.importorskip("awslambdaric", reason="AWS's Lambda runtime client has no wheel for this platform")

SOON = 30.0
FUNCTIONS = (
    "command",
    "relay",
    "projection",
    "query",
    "snapshot",
    "validate",
    "process",
    "sweep",
    "branch",
    "replayer",
)
SCHEDULE = "schedule"
"""What the role of the sweep's schedule goes by here."""


class Workload(NamedTuple):
    """What the workload left behind."""

    allowed: dict[Call, int]
    refused: dict[Call, int]


@pytest.fixture(scope="module")
def roles(ledger: StackClient) -> Roles:
    names = {function: role_of(ledger, ledger.outputs[f"{function}Function"]) for function in FUNCTIONS}
    group, _, name = ledger.outputs["sweepScheduleName"].partition("/")
    schedule = ledger.aws("scheduler").get_schedule(GroupName=group, Name=name)
    names[SCHEDULE] = str(schedule["Target"]["RoleArn"].rsplit("/", 1)[1])
    return Roles(ledger, names)


@pytest.fixture(scope="module")
def workload(engine: Engine, ledger: StackClient) -> Workload:
    """Everything that the functions do, once at least."""
    ledger.aws("sqs").set_queue_attributes(
        QueueUrl=ledger.outputs["projectionQueueUrl"], Attributes={"VisibilityTimeout": "1"}
    )
    poison(ledger)
    write_and_ask(ledger)
    fall_behind(ledger)
    keep_a_snapshot(ledger)
    transfer(ledger)
    try_on_a_branch(ledger)
    replay(ledger)
    miss_a_sweep(engine, ledger)
    lose_a_race(engine, ledger)
    fail_for_good(ledger)
    give_up_a_part_of_the_stream(engine, ledger)
    assert eventually(lambda: ledger.messages("deadLetterQueueUrl"), bool, SOON)
    return Workload(dict(engine.authorizations.allowed), dict(engine.authorizations.refused))


def poison(ledger: StackClient) -> None:
    """Sends the projection a message that holds no event."""
    entry = {
        "EventBusName": ledger.outputs["eventBusName"],
        "Source": "event-sourcing.financial",
        "DetailType": "TransactionProcessed",
        "Detail": '{"no": "event"}',
    }
    ledger.aws("events").put_events(Entries=[entry])


def write_and_ask(ledger: StackClient) -> None:
    unmet = ledger.command("unmet", "TransactionProcessed", {"amount": 5})  # of which the command reads all that it can
    assert unmet[0] == 422
    for event, data in (("AccountCreated", {}), ("TransactionProcessed", {"amount": 5})):
        first = ledger.command("all", event, data, commandId=event)
        assert (first[0], ledger.command("all", event, data, commandId=event)) == (200, first)
    assert ledger.command("all", "TransactionProcessed", {"amount": -6})[0] == 422
    assert ledger.validate("all", "TransactionProcessed", {"amount": -6})[0] == 422
    assert ledger.command("all", "TransactionProcessed", {"amount": -5})[0] == 200
    assert ledger.command("all", "AccountClosed", {})[0] == 200
    await_row(ledger, "all", 4)
    assert ledger.query("getAggregateEvents", aggregateId="all")[0] == 200
    assert ledger.query("getEventsByType", eventType="AccountCreated")[0] == 200
    assert ledger.query("getEventsByCorrelation", correlationId="saga-1")[0] == 200
    assert ledger.query("getAccountSummary", accountId="all")[0] == 200
    assert ledger.query("getAccountStatement", accountId="all")[0] == 200
    assert ledger.query("reconstructState", aggregateId="all")[0] == 200


def fall_behind(ledger: StackClient) -> None:
    """Loses a row, so that the projection has to read what it missed."""
    ledger.command("behind", "AccountCreated", {})
    await_row(ledger, "behind", 1)
    ledger.delete_row("behind")
    ledger.command("behind", "TransactionProcessed", {"amount": 1})
    await_row(ledger, "behind", 2)


def keep_a_snapshot(ledger: StackClient) -> None:
    """Makes a stream long enough, and asks for a state that the snapshot leads to."""
    ledger.command("long", "AccountCreated", {})
    for _ in range(9):
        assert ledger.command("long", "TransactionProcessed", {"amount": 1})[0] == 200
    snapshots = ledger.outputs["snapshotsTable"]
    eventually(lambda: ledger.aws("dynamodb").scan(TableName=snapshots)["Items"], bool, SOON)
    _, then = ledger.query("reconstructState", aggregateId="long", asOf="9999-01-01T00:00:00Z")
    assert then["eventsProcessed"] == 10


def transfer(ledger: StackClient) -> None:
    """Has the process carry a transfer to its end, and the sweep another one that nobody approves of."""
    for account in ("giver", "taker"):
        assert ledger.command(account, "AccountCreated", {})[0] == 200
    assert ledger.command("giver", "TransactionProcessed", {"amount": 20_000})[0] == 200
    sides = {"fromAccount": "giver", "toAccount": "taker", "currency": "USD"}
    assert ledger.command("moved", "TransferRequested", {**sides, "amount": 5})[0] == 200
    await_status(ledger, "moved", "Completed")
    deadline = datetime.now(UTC) + timedelta(seconds=1)
    late = {**sides, "amount": 10_001, "deadline": deadline.isoformat()}
    assert ledger.command("late", "TransferRequested", late, actor="ann")[0] == 200
    await_status(ledger, "late", "Requested")
    assert ledger.query("getTransfers")[0] == 200
    assert eventually(lambda: datetime.now(UTC), lambda now: now > deadline, SOON) > deadline
    ledger.sweep()
    await_status(ledger, "late", "Expired")
    assert ledger.query("getTransfers", status="Expired")[1]["count"] == 1


def await_status(ledger: StackClient, transfer_id: str, status: str) -> None:
    row = eventually(
        lambda: ledger.row(transfer_id, "TransferSummary"), lambda row: bool(row and row["Status"] == status), SOON
    )
    assert row is not None
    assert row["Status"] == status


def try_on_a_branch(ledger: StackClient) -> None:
    """Has a command decided on a branch, and asks what came of it."""
    branch = Branch.new("trial", None, "", datetime.now(UTC), timedelta(days=1))
    Branches(ledger.aws("dynamodb"), ledger.outputs["branchesTable"]).create(branch)
    deposit = {"aggregateId": "long", "eventType": "TransactionProcessed", "eventData": {"amount": 1}}
    assert ledger.invoke("branchFunction", {"branch": "trial", "command": deposit})[0] == 200
    asked = {"queryType": "reconstructState", "aggregateId": "long", "asOf": "9999-01-01T00:00:00Z"}
    _, then = ledger.invoke("branchFunction", {"branch": "trial", "query": asked})
    assert then["eventsProcessed"] == 11
    assert ledger.query("reconstructState", aggregateId="long")[1]["eventsProcessed"] == 10


def replay(ledger: StackClient) -> None:
    """Has everything replayed to the bus, and one account to the projections and, while it is held, twice."""
    outputs, sqs = ledger.outputs, ledger.aws("sqs")
    dynamodb = ledger.aws("dynamodb")
    branches = Branches(dynamodb, outputs["branchesTable"])
    queues = TargetQueues.of(System(outputs, outputs["region"]))
    runs = Runs(Replays(dynamodb, outputs["replaysTable"]), sqs, outputs["replayQueueUrl"], branches, queues)
    runs.start("all", ReplaySpec.of({"target": "bus", "rate": 10_000}))
    runs.start("rows", ReplaySpec.of({"target": "projection", "rate": 10_000, "aggregateIds": ["long"]}))
    for name in ("all", "rows"):
        eventually(partial(runs.read, name), lambda run: not run.unfinished, SOON)
    assert ledger.command("long", "TransactionProcessed", {"amount": 1})[0] == 200
    runs.start("on", ReplaySpec.of({"target": "branch:trial", "rate": 10_000, "aggregateIds": ["long"]}))
    eventually(partial(runs.read, "on"), lambda run: not run.unfinished, SOON)
    assert runs.read("on").counts.sent == 1, "what is behind the branch's base"
    assert runs.read("all").counts.sent > 20
    assert runs.read("rows").counts.sent == 1

    def delayed() -> int:
        asked: Any = ["ApproximateNumberOfMessagesDelayed"]
        answer = sqs.get_queue_attributes(QueueUrl=outputs["replayQueueUrl"], AttributeNames=asked)
        return int(answer["Attributes"][asked[0]])

    runs.start("slow", ReplaySpec.of({"target": "bus", "rate": 1, "aggregateIds": ["long"]}))
    eventually(partial(runs.read, "slow"), lambda run: any(each.owner for each in run.unfinished), SOON)
    runs.change("slow", State.RUNNING)
    eventually(delayed, bool, SOON)  # it is to come again when the lease has run out
    runs.change("slow", State.CANCELLED)


def miss_a_sweep(engine: Engine, ledger: StackClient) -> None:
    """Has the schedule find no function to call."""
    before = ledger.messages("invocationDeadLetterQueueUrl")
    with engine.intercept("lambda", "Invoke", faults.error("ResourceNotFoundException", 404)):
        ledger.sweep()
        assert eventually(lambda: ledger.messages("invocationDeadLetterQueueUrl"), lambda now: now > before, SOON)
    assert ledger.messages("invocationDeadLetterQueueUrl") == before + 1


def lose_a_race(engine: Engine, ledger: StackClient) -> None:
    """Tells the projection once that somebody else wrote its row, so that it has to read it again."""
    lost: list[str] = []

    def fault(request: InterceptedRequest) -> Response | None:
        table = request.request.json()["TableName"]
        if lost or table != ledger.outputs["readModelTable"]:
            return None
        lost.append(table)
        return request.error("ConditionalCheckFailedException", "told to")

    with engine.intercept("dynamodb", "PutItem", fault):
        ledger.command("raced", "AccountCreated", {})
        await_row(ledger, "raced", 1)
    assert lost


def fail_for_good(ledger: StackClient) -> None:
    """Has an asynchronous invocation of each function fail until it is given up."""
    before = ledger.messages("invocationDeadLetterQueueUrl")
    with ExitStack() as repairs:
        for function in FUNCTIONS:
            repairs.enter_context(broken(ledger, ledger.outputs[f"{function}Function"]))
            ledger.aws("lambda").invoke(
                FunctionName=ledger.outputs[f"{function}Function"], InvocationType="Event", Payload="{}"
            )
        wanted = before + len(FUNCTIONS)
        assert eventually(
            lambda: ledger.messages("invocationDeadLetterQueueUrl"), lambda count: count >= wanted, SOON
        ) == (wanted)


def give_up_a_part_of_the_stream(engine: Engine, ledger: StackClient) -> None:
    """Has the relay fail on an event until the stream's mapping gives it up."""
    lambda_, before = ledger.aws("lambda"), ledger.messages("invocationDeadLetterQueueUrl")
    feed = mapping_of(ledger, "relay")
    with engine.intercept("events", "PutEvents", faults.error("InternalException", 500)):
        lambda_.update_event_source_mapping(UUID=feed["UUID"], MaximumRetryAttempts=0)
        try:
            assert ledger.command("unpublished", "AccountCreated", {})[0] == 200
            eventually(lambda: ledger.messages("invocationDeadLetterQueueUrl"), lambda count: count > before, SOON)
        finally:
            lambda_.update_event_source_mapping(UUID=feed["UUID"], MaximumRetryAttempts=feed["MaximumRetryAttempts"])
    assert ledger.messages("invocationDeadLetterQueueUrl") == before + 1


def mapping_of(ledger: StackClient, function: str) -> dict[str, Any]:
    name = ledger.outputs[f"{function}Function"]
    mappings = ledger.aws("lambda").list_event_source_mappings()["EventSourceMappings"]
    (found,) = (each for each in mappings if each["FunctionArn"].endswith(f":{name}"))
    return dict(found)


def await_row(ledger: StackClient, account: str, sequence: int) -> None:
    row = eventually(lambda: ledger.row(account), lambda row: bool(row and row["LastSequence"] >= sequence), SOON)
    assert row is not None
    assert row["LastSequence"] == sequence


def test_nothing_that_the_functions_need_is_refused(workload: Workload, roles: Roles) -> None:
    assert {str(call): count for call, count in workload.refused.items()} == {}
    assert {call.session.role for call in workload.allowed} == set(roles.names.values())


def test_nothing_that_the_functions_may_is_left_unused(engine: Engine, workload: Workload, roles: Roles) -> None:
    unused = {
        (function, permission.sid, permission.action)
        for function, role in roles.names.items()
        for permission in engine.authorizations.unused(role)
    }

    assert unused == set()


LEAST_CALLS, LEAST_REMOVALS = 800, 140
"""What the documents say of how much is tried."""


def test_without_any_statement_and_any_action_the_workload_would_be_refused(
    engine: Engine, workload: Workload, roles: Roles, record_property: Callable[[str, object], None]
) -> None:
    removals = 0
    for statement in roles.statements():
        for action in (None, *statement.actions):
            removals += 1
            texts = roles.texts_without(statement, action)
            assert engine.authorizations.refused_under(roles.names[statement.function], texts), (statement, action)
    record_property(
        "cases",
        f"{sum(workload.allowed.values())} authorised calls, {len(workload.allowed)} of them different; "
        f"{len(roles.statements())} statements; {removals} removals of a statement or an action, each refused",
    )
    assert sum(workload.allowed.values()) >= LEAST_CALLS
    assert removals >= LEAST_REMOVALS


def test_a_command_without_leave_to_append_fails(engine: Engine, ledger: StackClient, roles: Roles) -> None:
    with roles.lacking("command", "AppendEvents"):
        with pytest.raises(FunctionFailed, match="InternalError"):
            ledger.command("appended", "AccountCreated", {})
        assert was_refused(engine, roles.names["command"], "dynamodb:PutItem")
    assert ledger.command("appended", "AccountCreated", {})[0] == 200


def test_a_command_function_can_publish_nothing_but_refusals(engine: Engine, ledger: StackClient, roles: Roles) -> None:
    publishing = roles.statement("command", "PublishCommandRejected")
    (text,) = (text for text in roles.texts_without(publishing).values())
    document = roles.policies["command"][publishing.policy]
    (granted,) = (each for each in document["Statement"] if each["Sid"] == publishing.sid)

    assert granted["Condition"] == {"StringEquals": {"events:detail-type": "CommandRejected"}}
    assert "events:PutEvents" not in text
    other = {**granted, "Condition": {"StringEquals": {"events:detail-type": "TransactionProcessed"}}}
    exchanged = {**document, "Statement": [other if each is granted else each for each in document["Statement"]]}
    assert engine.authorizations.refused_under(roles.names["command"], {publishing.policy: json.dumps(exchanged)}), (
        "the condition is not looked at"
    )


def test_a_query_without_leave_for_the_type_index_fails(ledger: StackClient, roles: Roles) -> None:
    ledger.command("asked", "AccountCreated", {})

    with roles.lacking("query", "QueryByType"):
        with pytest.raises(FunctionFailed, match="InternalError"):
            ledger.query("getEventsByType", eventType="AccountCreated")
        assert ledger.query("getAggregateEvents", aggregateId="asked")[0] == 200
    assert ledger.query("getEventsByType", eventType="AccountCreated")[0] == 200


def test_a_relay_without_leave_to_publish_holds_events_back(engine: Engine, ledger: StackClient, roles: Roles) -> None:
    with roles.lacking("relay", "PublishEvents"):
        ledger.command("held-back", "AccountCreated", {})
        assert eventually(lambda: was_refused(engine, roles.names["relay"], "events:PutEvents"), bool, SOON)
        assert ledger.row("held-back") is None
    await_row(ledger, "held-back", 1)


@pytest.mark.parametrize(("function", "sid"), [("relay", "ReadStream"), ("projection", "ConsumeQueue")])
def test_a_function_without_leave_for_its_source_is_not_fed(
    ledger: StackClient, roles: Roles, function: str, sid: str
) -> None:
    account = f"unfed-{function}"
    with roles.lacking(function, sid):
        ledger.command(account, "AccountCreated", {})
        problem = eventually(
            lambda: mapping_of(ledger, function)["LastProcessingResult"], lambda text: text.startswith("PROBLEM"), SOON
        )
        assert roles.statement(function, sid).actions[0] in problem
        assert ledger.row(account) is None
    await_row(ledger, account, 1)


def was_refused(engine: Engine, role: str, action: str) -> bool:
    return any(
        call.session.role == role and call.access.action == action for call in list(engine.authorizations.refused)
    )


def test_the_store_denies_its_administrator_what_it_denies_everybody(ledger: StackClient) -> None:
    ledger.command("kept", "AccountCreated", {})
    dynamodb, table = ledger.aws("dynamodb"), ledger.outputs["eventStoreTable"]
    key = {"AggregateId": {"S": "kept"}, "EventSequence": {"N": "1"}}
    attempts: dict[str, Callable[[], Any]] = {
        "DeleteItem": lambda: dynamodb.delete_item(TableName=table, Key=key),
        "UpdateItem": lambda: dynamodb.update_item(TableName=table, Key=key),
        "BatchWriteItem": lambda: dynamodb.batch_write_item(RequestItems={table: [{"DeleteRequest": {"Key": key}}]}),
    }
    for action, attempt in attempts.items():
        with pytest.raises(
            dynamodb.exceptions.ClientError, match=f"dynamodb:{action} .* explicit deny in a resource-based policy"
        ):
            attempt()
    assert dynamodb.get_item(TableName=table, Key=key)["Item"]["EventType"] == {"S": "AccountCreated"}
