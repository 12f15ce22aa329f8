"""Decisions are remembered, and never beyond a change of what they rest on: the very next call is judged anew."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.engine import authorization, backends
from local.engine.authorization import LEAVES_POLICIES, Authorizer
from local.engine.aws import ServiceClients
from local.engine.gateway import Gateway
from local.engine.log_policies import LogGroupPolicies
from local.engine.policy_documents import decide
from local.engine.principals import Session
from local.engine.queue_attributes import QueueAttributes
from tests.local.conftest import package
from tests.tables import deployed_tables

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"
URL = {"QueueUrl": f"http://127.0.0.1/{ACCOUNT}/q"}
TABLE = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/store"
BUS = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/b"
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:t"
GROUP = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g"
MANAGED = f"arn:aws:iam::{ACCOUNT}:policy/m"
RULE = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/r"
EVENTS = "events.amazonaws.com"


def document(**statement: Any) -> str:
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Sid": "s", "Effect": "Allow", "Action": "*", "Resource": "*", **statement}],
        }
    )


ALLOW, DENY, NOTHING = document(), document(Effect="Deny"), document(Action="kms:Encrypt")
DENIES_ALL = document(Effect="Deny", Principal="*")


class World:
    """An account with one of each thing, a role that may do everything, and clients of both."""

    def __init__(self) -> None:
        self.gateway = Gateway()
        QueueAttributes(self.gateway)
        LogGroupPolicies(self.gateway)
        self._clients = ServiceClients(self.gateway, "tests.amazonaws.com", "http://127.0.0.1")

    def begin(self) -> None:
        """Begins anew; clients of the administrator's stay, being what takes long to make."""
        backends.reset()
        self.gateway.authorizer = Authorizer(self.gateway.lock)
        self._clients._clients = {key: each for key, each in self._clients._clients.items() if key[2] is None}
        iam = self.of("iam")
        iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")
        iam.put_role_policy(RoleName="r", PolicyName="own", PolicyDocument=ALLOW)
        iam.create_policy(PolicyName="m", PolicyDocument=ALLOW)
        self.of("sqs").create_queue(QueueName="q")
        self.of("events").create_event_bus(Name="b")
        self.of("sns").create_topic(Name="t")
        self.of("logs").create_log_group(logGroupName="g")
        store, *_ = deployed_tables(event_store="store", read_model="rows", snapshots="snapshots")
        self.of("dynamodb").create_table(**store)
        zipped = {"ZipFile": package({"main.py": ""})}
        self.of("lambda").create_function(
            FunctionName="f", Runtime="python3.13", Handler="main.h", Role=ROLE, Code=zipped
        )

    def of(self, service: str) -> Any:
        return self._clients.get(service, f"arn:aws:{service}:us-east-1::")

    def by_role(self, service: str) -> Any:
        return self._clients.get(service, f"arn:aws:{service}:us-east-1::", Session(ROLE, "s"))

    def only_managed(self) -> None:
        """Leaves the role what a managed policy allows it."""
        self.of("iam").attach_role_policy(RoleName="r", PolicyArn=MANAGED)
        self.of("iam").delete_role_policy(RoleName="r", PolicyName="own")

    def admits(self, action: str, resource: str) -> bool:
        return self.gateway.authorizer.admits(EVENTS, action, resource, RULE)


@pytest.fixture(scope="module")
def standing() -> Iterator[World]:
    yield World()
    backends.reset()


@pytest.fixture
def world(standing: World) -> World:
    standing.begin()
    return standing


Step = Callable[[World], Any]


def nothing(_: World) -> None:
    """No preparation."""


def send(world: World) -> bool:
    return passes(lambda: world.by_role("sqs").send_message(**URL, MessageBody="m"))


def get(world: World) -> bool:
    key = {"AggregateId": {"S": "a"}, "EventSequence": {"N": "1"}}
    return passes(lambda: world.by_role("dynamodb").get_item(TableName="store", Key=key))


def put_events(world: World) -> bool:
    entry = {"Source": "s", "DetailType": "t", "Detail": "{}", "EventBusName": "b"}
    return passes(lambda: world.by_role("events").put_events(Entries=[entry]))


def passes(call: Callable[[], Any]) -> bool:
    """Whether it is not refused for want of a permission."""
    try:
        call()
    except ClientError as error:
        if "AccessDenied" not in error.response["Error"]["Code"]:
            raise
        return False
    return True


def set_queue_policy(text: str) -> Step:
    return lambda world: world.of("sqs").set_queue_attributes(**URL, Attributes={"Policy": text})


def iam(method: str, **arguments: Any) -> Step:
    return lambda world: getattr(world.of("iam"), method)(**arguments)


def of(service: str, method: str, **arguments: Any) -> Step:
    return lambda world: getattr(world.of(service), method)(**arguments)


def both(*steps: Step) -> Step:
    return lambda world: [step(world) for step in steps]


def admitted(action: str, resource: str) -> Callable[[World], bool]:
    return lambda world: world.admits(action, resource)


def forget_group_policy(world: World) -> None:
    logs = world.of("logs")
    (policy,) = logs.describe_resource_policies(resourceArn=GROUP)["resourcePolicies"]
    logs.delete_resource_policy(resourceArn=GROUP, expectedRevisionId=policy["revisionId"])


LET_IN = document(Principal={"Service": EVENTS}, Action="*")
_ROLE_POLICY = {"RoleName": "r", "PolicyName": "own"}
_TOPIC_POLICY = {"TopicArn": TOPIC, "AttributeName": "Policy"}
_PERMISSION = {"FunctionName": "f", "StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": EVENTS}
_SENDER = {"Label": "l", "AWSAccountIds": [ACCOUNT], "Actions": ["SendMessage"]}
_BROAD = {"PolicyName": "p", "PolicyDocument": ALLOW}

# What is done first; what is asked before and after; by what it comes to be refused.
WAYS: dict[str, tuple[Step, Callable[[World], bool], Step]] = {
    "the role's policy is replaced": (nothing, send, iam("put_role_policy", **_ROLE_POLICY, PolicyDocument=NOTHING)),
    "the role gets a denial": (
        nothing,
        send,
        iam("put_role_policy", RoleName="r", PolicyName="n", PolicyDocument=DENY),
    ),
    "the role's policy is deleted": (nothing, send, iam("delete_role_policy", **_ROLE_POLICY)),
    "a managed policy is detached": (
        World.only_managed,
        send,
        iam("detach_role_policy", RoleName="r", PolicyArn=MANAGED),
    ),
    "a managed policy has a new version": (
        World.only_managed,
        send,
        iam("create_policy_version", PolicyArn=MANAGED, PolicyDocument=NOTHING, SetAsDefault=True),
    ),
    "a managed policy goes back to another version": (
        both(
            World.only_managed,
            iam("create_policy_version", PolicyArn=MANAGED, PolicyDocument=NOTHING, SetAsDefault=True),
            iam("create_policy_version", PolicyArn=MANAGED, PolicyDocument=ALLOW, SetAsDefault=True),
        ),
        send,
        iam("set_default_policy_version", PolicyArn=MANAGED, VersionId="v2"),
    ),
    "a denial is attached": (
        both(iam("create_policy", PolicyName="d", PolicyDocument=DENY)),
        send,
        iam("attach_role_policy", RoleName="r", PolicyArn=MANAGED.replace("policy/m", "policy/d")),
    ),
    "the role gets a boundary": (
        nothing,
        send,
        iam("put_role_permissions_boundary", RoleName="r", PermissionsBoundary=MANAGED.replace("policy/m", "policy/d")),
    ),
    "the role is deleted": (
        both(World.only_managed, set_queue_policy(NOTHING)),
        send,
        both(iam("detach_role_policy", RoleName="r", PolicyArn=MANAGED), iam("delete_role", RoleName="r")),
    ),
    "the queue gets a denial": (nothing, send, set_queue_policy(DENIES_ALL)),
    "the queue's policy admits the role no more": (
        both(set_queue_policy(document(Principal={"AWS": ROLE})), iam("delete_role_policy", **_ROLE_POLICY)),
        send,
        set_queue_policy(document(Principal={"AWS": ROLE.replace("role/r", "role/x")})),
    ),
    "the table gets a denial": (
        nothing,
        get,
        of("dynamodb", "put_resource_policy", ResourceArn=TABLE, Policy=DENIES_ALL),
    ),
    "the table's policy is deleted": (
        both(
            of("dynamodb", "put_resource_policy", ResourceArn=TABLE, Policy=document(Principal={"AWS": ROLE})),
            iam("delete_role_policy", **_ROLE_POLICY),
        ),
        get,
        of("dynamodb", "delete_resource_policy", ResourceArn=TABLE),
    ),
    "the bus gets a denial": (nothing, put_events, of("events", "put_permission", EventBusName="b", Policy=DENIES_ALL)),
    "the bus's permission is removed": (
        both(
            of("events", "put_permission", EventBusName="b", Policy=document(Principal={"AWS": ROLE}, Resource=BUS)),
            iam("delete_role_policy", **_ROLE_POLICY),
        ),
        put_events,
        of("events", "remove_permission", EventBusName="b", StatementId="s"),
    ),
    "the queue admits the service no more": (
        set_queue_policy(LET_IN),
        admitted("sqs:SendMessage", QUEUE),
        set_queue_policy(NOTHING),
    ),
    "the queue is deleted": (
        set_queue_policy(LET_IN),
        admitted("sqs:SendMessage", QUEUE),
        of("sqs", "delete_queue", **URL),
    ),
    "the function's permission is removed": (
        of("lambda", "add_permission", **_PERMISSION),
        admitted("lambda:InvokeFunction", FUNCTION),
        of("lambda", "remove_permission", FunctionName="f", StatementId="s"),
    ),
    "the topic admits the service no more": (
        of("sns", "set_topic_attributes", **_TOPIC_POLICY, AttributeValue=LET_IN),
        admitted("sns:Publish", TOPIC),
        of("sns", "set_topic_attributes", **_TOPIC_POLICY, AttributeValue=NOTHING),
    ),
    "the account's policy for logs is deleted": (
        of("logs", "put_resource_policy", policyName="p", policyDocument=LET_IN),
        admitted("logs:PutLogEvents", GROUP),
        of("logs", "delete_resource_policy", policyName="p"),
    ),
    "the log group's policy is deleted": (
        of("logs", "put_resource_policy", resourceArn=GROUP, policyDocument=LET_IN),
        admitted("logs:PutLogEvents", GROUP),
        forget_group_policy,
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_taken_away_is_refused_at_the_next_call(world: World, way: str) -> None:
    prepare, ask, change = WAYS[way]
    prepare(world)
    assert [ask(world) for _ in range(2)] == [True, True]
    change(world)
    assert not ask(world)


def test_what_is_given_is_allowed_at_the_next_call(world: World) -> None:
    change = iam("put_role_policy", **_ROLE_POLICY, PolicyDocument=NOTHING)
    change(world)
    assert [send(world) for _ in range(2)] == [False, False]
    iam("put_role_policy", RoleName="r", **_BROAD)(world)
    assert send(world)


def test_a_decision_is_made_once_and_counted_each_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    send(world)
    monkeypatch.setattr(authorization, "decide", lambda *_: pytest.fail("decided again"))
    assert [send(world) for _ in range(3)] == [True] * 3
    record = world.gateway.authorizer.record
    assert [count for call, count in record.allowed.items() if call.access.action == "sqs:SendMessage"] == [4]
    assert {each.action for each in record.used("r")} == {"*"}


def test_refusals_are_counted_each_time(world: World) -> None:
    iam("put_role_policy", **_ROLE_POLICY, PolicyDocument=NOTHING)(world)
    assert [send(world) for _ in range(3)] == [False] * 3
    assert list(world.gateway.authorizer.record.refused.values()) == [3]


def test_another_resource_action_or_session_is_another_decision(world: World) -> None:
    narrow = document(Action="sqs:SendMessage", Resource=QUEUE)
    iam("put_role_policy", **_ROLE_POLICY, PolicyDocument=narrow)(world)
    world.of("sqs").create_queue(QueueName="other")
    assert send(world)
    sqs = world.by_role("sqs")
    assert not passes(lambda: sqs.send_message(QueueUrl=URL["QueueUrl"].replace("/q", "/other"), MessageBody="m"))
    assert not passes(lambda: sqs.receive_message(**URL))
    stranger = world._clients.get("sqs", QUEUE, Session(ROLE.replace("role/r", "role/x"), "s"))
    assert not passes(lambda: stranger.send_message(**URL, MessageBody="m"))


def test_a_decision_that_was_under_way_when_policies_changed_is_not_remembered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was made by what was before, and its call may pass; the next one is not to pass with it."""

    def changing(*arguments: Any) -> Any:
        decision = decide(*arguments)
        monkeypatch.setattr(authorization, "decide", decide)
        iam("put_role_policy", **_ROLE_POLICY, PolicyDocument=NOTHING)(world)
        return decision

    world.by_role("sqs")
    monkeypatch.setattr(authorization, "decide", changing)
    assert send(world)
    assert not send(world)


def test_what_is_remembered_does_not_grow_without_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authorization, "_MOST_KNOWN", 10)
    for number in range(40):
        world.admits("sqs:SendMessage", f"{QUEUE}{number}")
        send(world)
    assert len(world.gateway.authorizer._known) <= 13


def test_no_call_that_changes_a_policy_is_taken_for_one_that_leaves_them() -> None:
    changing = re.compile(
        "Polic|Permission|Role|Boundary|^(Set|Attach|Detach|Tag|Untag|Update(?!Item)|Create(?!LogStream))"
    )
    assert [each for each in LEAVES_POLICIES if changing.search(each[1])] == []
    assert not {service for service, _ in LEAVES_POLICIES} & {"iam", "kms", "cloudformation", "cloudcontrol"}
