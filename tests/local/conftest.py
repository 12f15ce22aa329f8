"""An engine per test module, and on it a workshop for small functions, queues and tables, or the whole ledger."""

from __future__ import annotations

import io
import itertools
import json
import textwrap
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local.client import StackClient
from local.deploy import deploy
from local.engine import Engine
from tests.support import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).resolve().parents[2]

_numbers = itertools.count(1)

# What functions report through, as a layer would bring it: `tell(something)` sends JSON to the queue in TELL.
TELLING = """
import http.client, json, os
from urllib.parse import urlparse

def call(service, target, content):
    endpoint = urlparse(os.environ["AWS_ENDPOINT_URL"])
    connection = http.client.HTTPConnection(endpoint.hostname, endpoint.port)
    scope = f"{os.environ['AWS_ACCESS_KEY_ID']}/20260101/{os.environ['AWS_REGION']}/{service}/aws4_request"
    connection.request("POST", "/", json.dumps(content), {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": target,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
    })
    response = connection.getresponse()
    return response.status, json.loads(response.read() or b"null")

def tell(content):
    call("sqs", "AmazonSQS.SendMessage", {"QueueUrl": os.environ["TELL"], "MessageBody": json.dumps(content)})
"""


def package(files: dict[str, str]) -> bytes:
    """A zip of the files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, textwrap.dedent(content))
    return buffer.getvalue()


class Workshop:
    """Makes resources through the AWS APIs, each with a name of its own."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.lambda_ = engine.client("lambda")
        self.sqs = engine.client("sqs")
        self.dynamodb = engine.client("dynamodb")
        self.events = engine.client("events")
        self.logs = engine.client("logs")
        self.role = self.make_role([{"Effect": "Allow", "Action": "*", "Resource": "*"}])

    def name(self, kind: str) -> str:
        return f"{kind}-{next(_numbers)}"

    def make_role(self, statements: list[dict[str, Any]]) -> str:
        iam, name = self.engine.client("iam"), self.name("role")
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
        policy = {"Version": "2012-10-17", "Statement": statements}
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
        return str(role["Role"]["Arn"])

    def function(self, code: str, *, tell: str = "", files: dict[str, str] | None = None, **settings: Any) -> str:
        """The name of a new function, whose code is the module `main` with a `handler`."""
        name = self.name("function")
        variables = settings.pop("Variables", {})
        self.lambda_.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Handler="main.handler",
            Code={"ZipFile": package({"main.py": code, "telling.py": TELLING, **(files or {})})},
            Environment={"Variables": {"TELL": tell, **variables}},
            **{"Role": self.role, "Timeout": 10, **settings},
        )
        return name

    def invoke(self, name: str, event: Any = None, **options: Any) -> dict[str, Any]:
        """The answer, its payload parsed under "Payload"."""
        answer = self.lambda_.invoke(FunctionName=name, Payload=json.dumps(event), **options)
        text = answer["Payload"].read()
        return {**answer, "Payload": json.loads(text) if text else None}

    def queue(self, **attributes: str) -> str:
        """The URL of a new queue that everybody may send to."""
        anybody = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}]}
        made = self.sqs.create_queue(
            QueueName=self.name("queue"), Attributes={"Policy": json.dumps(anybody), **attributes}
        )
        return str(made["QueueUrl"])

    def queue_arn(self, url: str) -> str:
        answer = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])

    def take(self, url: str, count: int = 1, timeout: float = 10.0) -> list[dict[str, Any]]:
        """At least `count` messages off the queue, in the order in which they are received."""
        taken: list[dict[str, Any]] = []
        deadline = time.monotonic() + timeout
        while len(taken) < count:
            assert time.monotonic() < deadline, f"{len(taken)} of {count} messages within {timeout} s: {taken}"
            messages = self.sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, MessageAttributeNames=["All"]
            ).get("Messages", [])
            for message in messages:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            taken += messages
        return taken

    def told(self, url: str, count: int = 1, timeout: float = 10.0) -> list[Any]:
        """What functions told, parsed."""
        return [json.loads(message["Body"]) for message in self.take(url, count, timeout)]

    def stays_empty(self, url: str, seconds: float = 0.3) -> bool:
        """Whether nothing arrives. What cannot be awaited, because it must not happen, takes a moment of waiting."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.size(url):
                return False
            time.sleep(0.02)
        return True

    def size(self, url: str) -> int:
        """Messages in the queue, those in flight included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def table(self) -> tuple[str, str]:
        """The name of a new table with the keys Id and Number, and the ARN of its stream."""
        name = self.name("table")
        made = self.dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}, {"AttributeName": "Number", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": "Id", "AttributeType": "S"},
                {"AttributeName": "Number", "AttributeType": "N"},
            ],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        return name, made["TableDescription"]["LatestStreamArn"]

    def put(self, table: str, identity: str, number: int, **attributes: Any) -> None:
        self.dynamodb.put_item(
            TableName=table, Item={"Id": {"S": identity}, "Number": {"N": str(number)}, **attributes}
        )

    def map(self, source_arn: str, function: str, **settings: Any) -> str:
        """The UUID of a new event source mapping."""
        made = self.lambda_.create_event_source_mapping(EventSourceArn=source_arn, FunctionName=function, **settings)
        return str(made["UUID"])

    def messages_logged(self, group: str) -> list[str]:
        return [event["message"] for event in self.logs.filter_log_events(logGroupName=group)["events"]]

    def wait_for_log(self, group: str, text: str) -> list[str]:
        def found() -> list[str]:
            groups = self.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
            messages = self.messages_logged(group) if groups else []
            return messages if any(text in message for message in messages) else []

        return eventually(found, message=f"{text!r} in {group}")


DISORDER = 0.05
"""Seconds: what a stream need not keep in order, it does not."""


@pytest.fixture(scope="module")
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """With `--real`, its tables are in Amazon's own engine."""
    data = tmp_path_factory.mktemp("real") / "data" if request.config.getoption("--real") else None
    with Engine(stream_disorder=DISORDER, data=data) as running:
        yield running


@pytest.fixture(scope="module")
def ledger(engine: Engine) -> StackClient:
    """The stack without what stands before its functions, which takes two seconds of a processor to deploy."""
    deployment = deploy(engine.endpoint, "local", PROJECT, config_overrides={"httpApi": "false"})
    return StackClient({**deployment.outputs, "endpoint": engine.endpoint})


@pytest.fixture(scope="module")
def workshop(engine: Engine) -> Workshop:
    return Workshop(engine)
