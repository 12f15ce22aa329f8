"""A call acts on what it was authorised for, and is refused for what it has, however it is spelled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest

from local.engine import backends, lifetimes
from local.engine.api import ApiRequest, Response
from local.engine.aws import ServiceClients
from local.engine.changes import Changes
from local.engine.gateway import Gateway
from local.engine.long_polling import LongPolling
from local.engine.message_limits import MessageLimits
from local.engine.principals import Session
from local.engine.refusals import Refusals
from local.engine.transactions import Transactions
from tests.local.calls import call
from tests.local.in_process import refusal

ACCOUNT = "123456789012"
URL = f"http://127.0.0.1:4566/{ACCOUNT}"
FOREIGN = "arn:aws:dynamodb:eu-west-1:999999999999:table/table"
ELSEWHERE = f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/table"
FORM = {"CONTENT_TYPE": "application/x-www-form-urlencoded"}


class World(NamedTuple):
    gateway: Gateway
    clients: ServiceClients

    def client(self, service: str) -> Any:
        return self.clients.get(service, "arn:aws:any:us-east-1:123456789012:any")

    def session(self, action: str, resource: str) -> str:
        """The key of a session that may do this alone."""
        iam, allow = self.client("iam"), {"Effect": "Allow", "Action": action, "Resource": resource}
        arn = iam.create_role(RoleName="role", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        iam.put_role_policy(RoleName="role", PolicyName="own", PolicyDocument=document)
        made = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="session")
        return str(made["Credentials"]["AccessKeyId"])

    def size(self, queue: str) -> str:
        names = ["ApproximateNumberOfMessages"]
        found = self.client("sqs").get_queue_attributes(QueueUrl=f"{URL}/{queue}", AttributeNames=names)
        return str(found["Attributes"]["ApproximateNumberOfMessages"])

    def items(self) -> Any:
        return self.client("dynamodb").scan(TableName="table")["Items"]


@pytest.fixture
def world() -> Iterator[World]:
    backends.reset()
    lifetimes.install()
    gateway = Gateway()
    Transactions(gateway)
    MessageLimits(gateway)
    LongPolling(gateway, Changes())
    Refusals(gateway)
    made = World(gateway, ServiceClients(gateway, "tests.amazonaws.com", "http://127.0.0.1"))
    make_table(made)
    for queue in ("allowed", "victim"):
        made.client("sqs").create_queue(QueueName=queue)
    yield made
    backends.reset()


def make_table(world: World) -> None:
    world.client("dynamodb").create_table(
        TableName="table",
        KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def form(content: list[tuple[str, str]], key: str, **environ: str) -> ApiRequest:
    asked = call("sqs", "", urlencode(content).encode(), key=key, **FORM, **environ)
    bare = {name: value for name, value in asked.environ.items() if name != "HTTP_X_AMZ_TARGET"}
    return ApiRequest.of(bare, asked.body)


ALLOWED, VICTIM = ("QueueUrl", f"{URL}/allowed"), ("QueueUrl", f"{URL}/victim")
SENDING = [("Action", "SendMessage"), ("MessageBody", "x")]


def sends(key: str) -> dict[str, ApiRequest]:
    """Calls that would reach the victim, authorised for the other."""
    return {
        "a QueueName beside the QueueUrl": call(
            "sqs", "SendMessage", {"QueueUrl": VICTIM[1], "QueueName": "allowed", "MessageBody": "x"}, key=key
        ),
        "a queue in the query of a QueueUrl": call(
            "sqs", "SendMessage", {"QueueUrl": f"{URL}/allowed?/victim", "MessageBody": "x"}, key=key
        ),
        "two QueueUrls in a form": form([*SENDING, VICTIM, ALLOWED], key),
        "another QueueUrl in the URL": form([*SENDING, ALLOWED], key, QUERY_STRING=urlencode([VICTIM])),
    }


@pytest.mark.parametrize("way", sends(""))
def test_who_may_send_to_one_queue_sends_to_no_other(world: World, way: str) -> None:
    key = world.session("sqs:SendMessage", f"arn:aws:sqs:us-east-1:{ACCOUNT}:allowed")
    assert world.gateway.handle(form([*SENDING, ALLOWED], key)).status == 200
    assert world.gateway.handle(sends(key)[way]).status >= 400
    assert (world.size("victim"), world.size("allowed")) == ("0", "1")


@pytest.mark.parametrize(
    "asked",
    [
        {"QUERY_STRING": "Action=DeleteQueue", "RAW_URI": "/?Action=DeleteQueue"},
        {"CONTENT_TYPE": "application/x-amz-json-1.0; charset=utf-8"},
    ],
    ids=["in the URL", "in the text of a message"],
)
def test_an_action_beside_the_operation_is_refused(world: World, asked: dict[str, str]) -> None:
    message = {"QueueUrl": f"{URL}/allowed", "MessageBody": f"&Action=DeleteQueue&QueueUrl={URL}/victim&"}
    answer = world.gateway.handle(call("sqs", "SendMessage", message, **asked))
    assert (answer.status, answer.json()["__type"]) == (501, "NotImplemented")
    assert world.size("victim") == "0"


@pytest.mark.parametrize("table", [FOREIGN, ELSEWHERE])
def test_a_transaction_on_a_table_elsewhere_writes_none_here(world: World, table: str) -> None:
    key = world.session("dynamodb:*", "arn:aws:dynamodb:eu-west-1:*:table/*")
    put = {"Put": {"TableName": table, "Item": {"Id": {"S": "a"}}}}
    for asked in (key, "test"):
        answer = world.gateway.handle(call("dynamodb", "TransactWriteItems", {"TransactItems": [put]}, key=asked))
        assert (answer.status, answer.json()["__type"]) == (501, "NotImplemented")
    assert world.items() == []


def test_records_are_authorised_by_the_iterator_alone(world: World) -> None:
    stream = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/allowed/stream/2026"
    key = world.session("dynamodb:GetRecords", stream)
    asked = {"StreamArn": stream, "ShardIterator": stream.replace("allowed", "victim") + "|1|x"}
    answer = world.gateway.handle(call("dynamodbstreams", "GetRecords", asked, key=key))
    assert answer.json()["__type"] == "AccessDeniedException"


TABLE = """{"TableName": "new", "BillingMode": "PAY_PER_REQUEST", "%s": "STANDARD_INFREQUENT_ACCESS",
  "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}],
  "AttributeDefinitions": [{"AttributeName": "p", "AttributeType": "S"}]}"""


@pytest.mark.parametrize("name", ["TableClass", r"Table\u0043lass"])
def test_an_input_is_refused_however_its_name_is_spelled(world: World, name: str) -> None:
    answer: Response = world.gateway.handle(call("dynamodb", "CreateTable", (TABLE % name).encode()))
    assert (answer.status, answer.json()["__type"]) == (501, "NotImplemented")
    assert world.client("dynamodb").list_tables()["TableNames"] == ["table"]


def sends_a_message(world: World, key: str) -> bool:
    asked = call("sqs", "SendMessage", {"QueueUrl": VICTIM[1], "MessageBody": "x"}, key=key)
    return world.gateway.handle(asked).status == 200


def test_a_session_has_nothing_of_another_role_with_the_name_of_its_own(world: World) -> None:
    iam, sts, arn = world.client("iam"), world.client("sts"), f"arn:aws:iam::{ACCOUNT}:role/role"
    early = sts.assume_role(RoleArn=arn, RoleSessionName="early")["Credentials"]["AccessKeyId"]
    old = world.session("sqs:SendMessage", "*")
    assert (sends_a_message(world, old), sends_a_message(world, early)) == (True, False)

    admits = {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sqs:SendMessage", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [admits]})
    world.client("sqs").set_queue_attributes(QueueUrl=VICTIM[1], Attributes={"Policy": policy})
    iam.delete_role_policy(RoleName="role", PolicyName="own")
    iam.delete_role(RoleName="role")
    assert not sends_a_message(world, old)
    new = world.session("sqs:SendMessage", "*")
    assert [sends_a_message(world, key) for key in (early, old, new)] == [False, False, True]


def test_a_function_acts_in_whichever_role_has_the_name(world: World) -> None:
    """Lambda begins sessions of its own."""
    world.session("sqs:SendMessage", "*")
    function = Session(f"arn:aws:iam::{ACCOUNT}:role/role", "function")
    key = backends.assume_role(function, "us-east-1")["AWS_ACCESS_KEY_ID"]
    world.client("iam").delete_role_policy(RoleName="role", PolicyName="own")
    world.client("iam").delete_role(RoleName="role")
    assert not sends_a_message(world, key)
    world.session("sqs:SendMessage", "*")
    assert sends_a_message(world, key)


def test_a_tables_policy_ends_with_the_table(world: World) -> None:
    dynamodb, arn = world.client("dynamodb"), f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/table"
    key = world.session("sqs:SendMessage", "*")
    admits = {"Effect": "Allow", "Principal": "*", "Action": "dynamodb:Scan", "Resource": arn}
    dynamodb.put_resource_policy(ResourceArn=arn, Policy=json.dumps({"Version": "2012-10-17", "Statement": [admits]}))
    scan = call("dynamodb", "Scan", {"TableName": "table"}, key=key)
    assert world.gateway.handle(scan).status == 200

    dynamodb.delete_table(TableName="table")
    make_table(world)
    assert world.gateway.handle(scan).json()["__type"] == "AccessDeniedException"
    assert refusal(dynamodb.get_resource_policy, ResourceArn=arn)[0] == "PolicyNotFoundException"
