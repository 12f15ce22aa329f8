"""Operators act as roles that may do what docs/operations.md says for their command, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest

from handlers.store.branches import Branches
from handlers.store.due_index import INDEX as DUE_INDEX
from handlers.store.event_store import COMMAND_INDEX, EventStore
from local.client import StackClient, eventually
from local.deploy import deploy
from local.engine import Engine, actions
from ops import releases
from ops.__main__ import main as operate
from ops.branches.results import Results
from tests.domain.builders import story
from tests.local.conftest import PROJECT
from tests.tables import deployed_tables

pytestmark = pytest.mark.slow

pytest.importorskip("awslambdaric", reason="AWS's Lambda runtime client has no wheel for this platform")

ACCOUNT = "123456789012"
ACCOUNTS = ("first", "second")
GLASS = {name: f"arn:aws:iam::{ACCOUNT}:role/operator-{name}" for name in ("import", "restore-event")}
_ROW = re.compile(r"^\| `([\w -]+)` \| (.+) \|$", re.MULTILINE)
_GRANT = re.compile(r"`((?:[a-z]+:)?[A-Z]\w+)`([^`]*)")
_FUNCTIONS = (
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
    "operations",
)
_CALLED = {
    "dynamodb:GetShardIterator": ("dynamodbstreams", "GetShardIterator"),
    "dynamodb:GetRecords": ("dynamodbstreams", "GetRecords"),
    "lambda:InvokeFunction": ("lambda", "Invoke"),
    "codedeploy:GetDeploymentConfig": ("codedeploy", "CreateDeployment"),
    "codedeploy:RegisterApplicationRevision": ("codedeploy", "CreateDeployment"),
    "iam:PassRole": ("scheduler", "UpdateSchedule"),
}
"""Actions that are called otherwise than the operation that takes them."""

OWN_QUEUE = "own"
AWS_TIME = "%Y-%m-%dT%H:%M:%SZ"

Act = Callable[..., int]


def documented() -> dict[str, list[tuple[str, str]]]:
    """Of each command the actions, and in which words the resources are told."""
    table = (PROJECT / "docs" / "operations.md").read_text("utf-8").split("## What an operator's role needs")[1]
    found: dict[str, list[tuple[str, str]]] = {}
    for command, text in _ROW.findall(table):
        granted = found.setdefault(command, [])
        service, waiting = "", []
        for action, on in _GRANT.findall(text):
            service = action.split(":")[0] if ":" in action else service
            waiting.append(f"{service}:{action.rsplit(':', 1)[-1]}")
            if " on " in on:
                granted += [(each, on) for each in waiting]
                waiting = []
        assert not waiting, f"{command}: on what, {waiting}?"
    found["verify --repair-read-model"] += found["verify"]
    for command in ("redrive", "discard"):
        found[f"dead-letters {command}"] += found["dead-letters list"]
    return found


def test_every_documented_permission_is_one_that_the_embedded_aws_asks_for() -> None:
    named = {action for grants in documented().values() for action, _ in grants}

    assert len(named) > 20
    assert {action for action in named if _CALLED.get(action, tuple(action.split(":"))) not in actions._NEEDS} == set()


def resources(outputs: Mapping[str, Any]) -> dict[str, list[str]]:
    """The ARNs that the table's words stand for."""
    place = f"{outputs['region']}:{ACCOUNT}"
    store, rows, snapshots, branches, replays = (
        f"arn:aws:dynamodb:{place}:table/{outputs[name]}"
        for name in ("eventStoreTable", "readModelTable", "snapshotsTable", "branchesTable", "replaysTable")
    )
    # And the alias, of those that have one.
    functions = {
        name: [f"arn:aws:lambda:{place}:function:{called}" for called in {named.partition(":")[0], named}]
        for name in _FUNCTIONS
        for named in [outputs[f"{name}Function"]]
    }
    deployed = f"arn:aws:codedeploy:{place}"
    letters = (
        *("deadLetterQueueUrl", "processDeadLetterQueueUrl", "replayDeadLetterQueueUrl"),
        *("deliveryDeadLetterQueueUrl", "invocationDeadLetterQueueUrl"),
    )
    queues = {
        name: f"arn:aws:sqs:{place}:{outputs[name].rsplit('/', 1)[1]}"
        for name in (*letters, "projectionQueueUrl", "processQueueUrl", "replayQueueUrl")
    }
    registry = outputs["schemaRegistryName"]
    return {
        "three tables": [store, rows, snapshots],
        "the store": [store],
        "type index": [f"{store}/index/*"],
        "command index": [f"{store}/index/{COMMAND_INDEX}"],
        "due index": [f"{rows}/index/{DUE_INDEX}"],
        "stream": [f"{store}/stream/*"],
        "read model": [rows],
        "snapshots": [snapshots],
        "branches": [branches],
        "table of replays": [replays],
        "replay queue": [queues["replayQueueUrl"]],
        "target": [f"arn:aws:sqs:{place}:{OWN_QUEUE}"],
        "dead letter queues": [queues[name] for name in letters],
        "projection queue": [queues["projectionQueueUrl"]],
        "process queue": [queues["processQueueUrl"]],
        "audit log": [f"arn:aws:logs:{place}:log-group:/aws/events/audit-log-*"],
        "log groups": [f"arn:aws:logs:{place}:log-group:{outputs[f'{name}LogGroup']}" for name in _FUNCTIONS],
        "the bus": [outputs["eventBusArn"]],
        "archive": [outputs["archiveArn"]],
        "rules": [f"arn:aws:events:{place}:rule/{outputs['eventBusName']}/*"],
        "replays": [f"arn:aws:events:{place}:replay/*"],
        "registry": [f"arn:aws:glue:{place}:registry/{registry}"],
        "schemas": [f"arn:aws:glue:{place}:schema/{registry}/*"],
        "everything": ["*"],
        "application": [f"{deployed}:application:{outputs['deployApplication']}"],
        "deployment groups": [f"{deployed}:deploymentgroup:{outputs['deployApplication']}/*"],
        "its configurations": [f"{deployed}:deploymentconfig:*"],
        "mappings": [f"arn:aws:lambda:{place}:event-source-mapping:*"],
        "schedule": [f"arn:aws:scheduler:{place}:schedule/{outputs['sweepScheduleName']}"],
        "its role": [f"arn:aws:iam::{ACCOUNT}:role/sweep-schedule-*"],
        "their versions": [
            f"{arn.rsplit(':', 1)[0]}:*" for name in _FUNCTIONS for arn in functions[name] if arn.count(":") > 6
        ],
        "all functions": [arn for arns in functions.values() for arn in arns],
        **functions,
    }


def statements(command: str, outputs: Mapping[str, Any]) -> list[dict[str, Any]]:
    meant = resources(outputs)
    words = re.compile("|".join(rf"\b{word}\b" for word in sorted(meant, key=len, reverse=True)))
    granted = []
    for action, on in documented()[command]:
        named = words.findall(on)
        assert named, f"{command}: {action}{on}"
        granted.append(
            {"Effect": "Allow", "Action": action, "Resource": [arn for word in named for arn in meant[word]]}
        )
    return granted


@pytest.fixture(scope="module")
def ledger(engine: Engine) -> StackClient:
    until = f"{datetime.now(UTC) + timedelta(days=1):{AWS_TIME}}"
    glass = {"breakGlassArns": json.dumps([*GLASS.values()]), "breakGlassUntil": until}
    glass["deployment"] = "AllAtOnce"
    deployment = deploy(engine.endpoint, "local", PROJECT, config_overrides=glass)
    return StackClient({**deployment.outputs, "endpoint": engine.endpoint})


@pytest.fixture
def act(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Act:
    """Run a command as a role of its own that has the permissions of its row; its exit code."""
    iam, sts = engine.client("iam"), engine.client("sts")

    def run(stack: StackClient, row: str, *more: str) -> int:
        role = f"operator-{row.replace(' ', '')}"
        arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        policy = {"Version": "2012-10-17", "Statement": statements(row, stack.outputs)}
        iam.put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=json.dumps(policy))
        key = sts.assume_role(RoleArn=arn, RoleSessionName="somebody")["Credentials"]
        outputs = tmp_path / "out.json"
        outputs.write_text(json.dumps(stack.outputs))
        with monkeypatch.context() as patched:
            patched.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
            patched.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
            patched.setenv("AWS_SESSION_TOKEN", key["SessionToken"])
            code = operate([*row.split(), *more, "--outputs", str(outputs)])
        iam.delete_role_policy(RoleName=role, PolicyName="own")
        iam.delete_role(RoleName=role)
        return code

    return run


def test_what_is_documented_suffices_for_every_command(ledger: StackClient, act: Act, tmp_path: Path) -> None:
    assert act(ledger, "import", exported(ledger, tmp_path)) == 0
    for account in ACCOUNTS:
        eventually(partial(ledger.row, account), lambda row: row is not None and row["LastSequence"] == 12, 30.0)
    assert act(ledger, "verify") == 0
    damage(ledger)
    assert act(ledger, "verify") == 1
    assert act(ledger, "verify --repair-read-model", "--grace", "0") == 1  # what has no stream is a witness, and stays
    assert act(ledger, "verify --repair-read-model", "--grace", "0", "--trust-store") == 0
    assert act(ledger, "snapshots") == 0
    assert act(ledger, "republish", "--aggregate", ACCOUNTS[0]) == 0
    assert act(ledger, "status") == 0
    assert act(ledger, "feeds list") == 0
    assert act(ledger, "feeds pause", "snapshot", "--yes") == 0
    assert act(ledger, "feeds resume", "snapshot") == 0
    assert act(ledger, "logs", "projection", "--aggregate", ACCOUNTS[0]) == 0
    assert act(ledger, "schemas") == 0
    for selected in ((), ("--account", ACCOUNTS[0])):
        assert act(ledger, "replay plan", *selected) == 0
    assert act(ledger, "replay archive") == 0
    for how in ((), ("--type", "AccountCreated"), ("--aggregate", ACCOUNTS[0])):
        assert act(ledger, "export", "--out", str(tmp_path / f"again{len(how)}{how[:1]}"), *how) == 0
    ledger.aws("sqs").send_message(QueueUrl=ledger.outputs["deadLetterQueueUrl"], MessageBody="no event")
    assert act(ledger, "dead-letters list") == 0
    assert act(ledger, "dead-letters redrive", "--force") == 0
    ledger.aws("sqs").send_message(QueueUrl=ledger.outputs["processDeadLetterQueueUrl"], MessageBody="no event")
    assert (
        act(ledger, "dead-letters discard", "--into", str(tmp_path / "discarded"), "--queue", "process", "--yes") == 0
    )


def test_what_is_documented_suffices_to_move_callers(
    ledger: StackClient, act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releases, "POLL_SECONDS", 0.02)
    lambda_, release = ledger.aws("lambda"), ledger.outputs["releases"]["query"]
    lambda_.update_function_configuration(FunctionName=release["function"], Description="of another release")
    lambda_.update_function_configuration(FunctionName=release["function"], Timeout=28)
    version = lambda_.publish_version(FunctionName=release["function"])["Version"]
    published = {**ledger.outputs["releases"], "query": {**release, "version": version}}
    there = StackClient({**ledger.outputs, "releases": published})

    assert act(there, "deploy status") == 1
    assert act(there, "deploy start") == 0
    assert act(there, "deploy status") == 0
    assert act(there, "deploy rollback", "--yes") == 0
    assert act(there, "deploy prune", "--keep", "1", "--yes") == 0
    assert act(there, "deploy status") == 1


def schedule_alone(ledger: StackClient) -> None:
    """End a pause of the schedule's, and not of the feed's."""
    schedules = ledger.aws("scheduler")
    group, _, name = ledger.outputs["sweepScheduleName"].partition("/")
    kept = schedules.get_schedule(GroupName=group, Name=name)
    for told in ("Arn", "CreationDate", "LastModificationDate", "ResponseMetadata"):
        kept.pop(told, None)
    schedules.update_schedule(**{**kept, "State": "ENABLED"})


def test_what_is_documented_suffices_for_transfers(
    ledger: StackClient, act: Act, capsys: pytest.CaptureFixture[str]
) -> None:
    for account in ("giver", "taker"):
        assert ledger.command(account, "AccountCreated", {})[0] == 200
    assert ledger.command("giver", "TransactionProcessed", {"amount": 50_000})[0] == 200
    sides = {"fromAccount": "giver", "toAccount": "taker", "currency": "USD", "amount": 20_000}
    assert ledger.command("gift", "TransferRequested", sides, actor="ann")[0] == 200  # which needs approval

    for how in ((), ("--ended",)):
        assert act(ledger, "transfers list", *how) == 0
    assert act(ledger, "transfers show", "gift") == 0
    assert act(ledger, "transfers pause") == 0
    assert ledger.command("gift", "TransferApproved", {}, actor="bob")[0] == 200
    assert act(ledger, "transfers retry", "gift") == 1, "nor by hand, during a pause"
    assert "transfers are paused" in capsys.readouterr().err
    schedule_alone(ledger)
    assert act(ledger, "transfers retry", "gift") == 0
    assert ledger.command("spare", "TransferRequested", {**sides, "amount": 1}, actor="ann")[0] == 200
    assert act(ledger, "transfers cancel", "spare", "--actor", "op-1", "--reason", "paid twice") == 0
    assert act(ledger, "transfers resume") == 0
    assert act(ledger, "verify", "--aggregate", "gift", "--grace", "1000") == 0


def refusals_of(ledger: StackClient, account: str) -> list[Any]:
    """What the audit log says of refusals on an account."""
    pattern = f'{{ $.detail-type = "CommandRejected" && $.detail.AggregateId = "{account}" }}'
    return events_in_log(ledger, pattern)


def test_what_is_documented_suffices_for_branches(ledger: StackClient, act: Act) -> None:
    assert ledger.command("tried-before", "TransactionProcessed", {"amount": 1})[0] == 422
    eventually(partial(refusals_of, ledger, "tried-before"), bool, 30.0)
    opening = {"aggregateId": "tried", "eventType": "AccountCreated", "eventData": {}}
    state = {"queryType": "reconstructState", "aggregateId": "tried"}

    assert act(ledger, "branch create", "trial") == 0
    assert act(ledger, "branch list") == 0
    assert act(ledger, "branch command", "trial", json.dumps(opening)) == 0
    assert act(ledger, "branch query", "trial", json.dumps(state)) == 0
    assert act(ledger, "branch carry", "trial", "nobody") == 0
    assert act(ledger, "branch show", "trial") == 0
    assert act(ledger, "branch run", "trial", "--code", str(PROJECT), "--prefix", "tried") == 0
    assert act(ledger, "branch diff", "trial") == 0
    branches = Branches(ledger.aws("dynamodb"), ledger.outputs["branchesTable"])
    _, every = Results(branches, branches.get("trial")).run()
    assert sum(int(each["tally"]["refusals"]) for each in every) == 1, "the audit log's refusal was asked again"
    assert act(ledger, "branch drop", "trial") == 0
    assert ledger.query("reconstructState", aggregateId="tried")[0] == 404


def test_what_is_documented_suffices_for_replays(ledger: StackClient, act: Act, tmp_path: Path) -> None:
    """A queue of one's own admits the function's role; until it does, the replay stands still, and loses nothing."""
    sqs = ledger.aws("sqs")
    url = sqs.create_queue(QueueName=OWN_QUEUE)["QueueUrl"]
    own = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    assert ledger.command("copied", "AccountCreated", {})[0] == 200
    assert ledger.command("copied", "TransactionProcessed", {"amount": 1})[0] == 200
    later = ("--to", "9999-01-01T00:00:00Z")  # what was just written is not settled yet
    to_own = ("--target", f"queue:{own}", "--account", "copied", *later)

    assert act(ledger, "replay start", "--name", "refused", "--detach", *to_own) == 0
    assert act(ledger, "replay pause", "refused") == 0
    admit = {"Effect": "Allow", "Principal": {"AWS": ledger.outputs["replayerRoleArn"]}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**admit, "Resource": own}]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    assert act(ledger, "replay start", "--name", "taken", *to_own) == 0
    assert act(ledger, "replay resume", "refused") == 0
    assert act(ledger, "replay show", "refused", "--watch") == 0
    bodies = [
        json.loads(each["Body"]) for each in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    ]
    assert sorted(each["detail"]["EventSequence"] for each in bodies) == [1, 1, 2, 2]
    assert act(ledger, "branch create", "aside") == 0
    onto = ("--target", "branch:aside", "--account", "copied", *later)
    assert act(ledger, "replay start", "--name", "aside", *onto) == 0
    into = ("--target", "file", "--out", str(tmp_path / "copies"), "--account", "copied", *later)
    assert act(ledger, "replay start", "--name", "kept", *into) == 0
    assert act(ledger, "replay show", "kept") == 0
    assert act(ledger, "replay start", "--name", "whole", "--target", "projection", "--rate", "1000") == 0
    assert act(ledger, "replay list") == 0


def tampered(engine: Engine, ledger: StackClient, item: dict[str, Any]) -> None:
    """Have somebody who may put events make an account's second one another."""
    iam, store = engine.client("iam"), ledger.outputs["eventStoreTable"]
    arn = GLASS["import"]
    name = arn.rsplit("/", 1)[1]
    iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    statement = {"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
    key = engine.client("sts").assume_role(RoleArn=arn, RoleSessionName="mallory")["Credentials"]
    session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"], region_name="us-east-1")
    dynamodb = session.client("dynamodb", endpoint_url=engine.endpoint)
    dynamodb.put_item(TableName=store, Item={**item, "Actor": {"S": "mallory"}})
    iam.delete_role_policy(RoleName=name, PolicyName="own")
    iam.delete_role(RoleName=name)


@contextmanager
def glass_whole_again(ledger: StackClient) -> Iterator[None]:
    """While it lasts, the time is over for which the glass was broken."""
    dynamodb = ledger.aws("dynamodb")
    arn = dynamodb.describe_table(TableName=ledger.outputs["eventStoreTable"])["Table"]["TableArn"]
    policy = json.loads(dynamodb.get_resource_policy(ResourceArn=arn)["Policy"])
    (guests,) = [each for each in policy["Statement"] if each["Sid"] == "GuestsUntil"]
    until = guests["Condition"]["DateGreaterThanEquals"]["aws:CurrentTime"]
    over = json.dumps(policy).replace(until, "2024-01-15T10:00:00Z")
    dynamodb.put_resource_policy(ResourceArn=arn, Policy=over)
    yield
    dynamodb.put_resource_policy(ResourceArn=arn, Policy=json.dumps(policy))


def test_what_is_documented_suffices_to_put_an_event_back_while_the_glass_is_broken(
    engine: Engine, ledger: StackClient, act: Act, capsys: pytest.CaptureFixture[str]
) -> None:
    for event_type, data in (("AccountCreated", {}), *[("TransactionProcessed", {"amount": 7})] * 2):
        assert ledger.command("struck", event_type, data)[0] == 200
    place = {"AggregateId": {"S": "struck"}, "EventSequence": {"N": "2"}}
    item = ledger.aws("dynamodb").get_item(TableName=ledger.outputs["eventStoreTable"], Key=place)["Item"]
    put_back = ("struck", "2", "--from", "audit-log", "--reason", "an incident", "--yes")
    told = partial(events_in_log, ledger, '{ $.detail.AggregateId = "struck" && $.detail.EventSequence = 2 }')
    eventually(told, bool, 30.0)

    tampered(engine, ledger, item)
    assert act(ledger, "verify", "--aggregate", "struck") == 1
    with glass_whole_again(ledger):
        capsys.readouterr()
        assert act(ledger, "restore-event", *put_back) == 1
        assert "breakGlassUntil" in capsys.readouterr().err
    assert act(ledger, "restore-event", *put_back) == 0
    assert act(ledger, "verify --repair-read-model", "--aggregate", "struck") == 0
    eventually(partial(events_in_log, ledger, '{ $.detail-type = "EventRestoration" }'), bool, 30.0)


def events_in_log(ledger: StackClient, pattern: str) -> list[Any]:
    """The lines of the audit log that a pattern matches."""
    group = ledger.outputs["auditLogGroup"]
    found: list[Any] = ledger.aws("logs").filter_log_events(logGroupName=group, filterPattern=pattern)["events"]
    return found


def exported(ledger: StackClient, tmp_path: Path) -> str:
    """The folder of an export of another store, in which there are two accounts of twelve events."""
    dynamodb = ledger.aws("dynamodb")
    table, *_ = deployed_tables(event_store="older-store", read_model="older-rows", snapshots="older-snapshots")
    dynamodb.create_table(**table)
    for account in ACCOUNTS:
        EventStore(dynamodb, "older-store", 1).append(story(account, [1] * 11))
    outputs, folder = tmp_path / "older.json", tmp_path / "older"
    outputs.write_text(json.dumps({**ledger.outputs, "eventStoreTable": "older-store"}))
    assert operate(["export", "--out", str(folder), "--outputs", str(outputs)]) == 0
    return str(folder)


def damage(ledger: StackClient) -> None:
    """Take a row away; put a row and a snapshot of nobody's."""
    dynamodb = ledger.aws("dynamodb")
    for output in ("readModelTable", "snapshotsTable"):
        table = ledger.outputs[output]
        item = dynamodb.scan(TableName=table)["Items"][0]
        dynamodb.put_item(TableName=table, Item={**item, "AggregateId": {"S": "nobody"}})
    ledger.delete_row(ACCOUNTS[0])
