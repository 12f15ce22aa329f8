"""The operator's commands in this process against moto: the tables of the handlers' tests, and what surrounds them."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest

from handlers.sourcing.event import Event
from handlers.store.event_store import EventStore
from handlers.upkeep.letters import queues
from ops.__main__ import main
from ops.verification import settling

from ..aws import BRANCHES, DOMAIN, REPLAYS
from ..handlers.conftest import (  # noqa: F401 -- fixtures
    BUS,
    ROWS,
    SNAPSHOTS,
    STORE,
    Calls,
    _environment,
    aws,
    calls,
    handlers,
    summary_alone,
)
from ..quick_moto import make

ACCOUNT = "123456789012"
BATCH = 25
"""Items of one BatchWriteItem."""
ROLE = "role"
BUCKETS = 3
EVERY = 2
QUEUES = {
    "projectionQueueUrl": "projection",
    "processQueueUrl": "process",
    "replayQueueUrl": "replay",
    "deadLetterQueueUrl": "projection-dlq",
    "processDeadLetterQueueUrl": "process-dlq",
    "replayDeadLetterQueueUrl": "replay-dlq",
    "deliveryDeadLetterQueueUrl": "delivery-dlq",
    "invocationDeadLetterQueueUrl": "invocation-dlq",
}
RULE = "arn:aws:events:us-east-1:123456789012:rule/bus/account-rule"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moto has one server, which knows all letters at once."""
    monkeypatch.setattr(queues, "WAIT_SECONDS", 0)
    monkeypatch.setattr(settling, "LOOK_AGAIN_SECONDS", 0)


@pytest.fixture(autouse=True)
def _parquet_as_installed(request: pytest.FixtureRequest) -> None:
    """By their names: all of these need it but the one about its absence."""
    if "parquet" in request.node.name and "without_pyarrow" not in request.node.name:
        pytest.importorskip("pyarrow", reason="Parquet needs pyarrow, which `make extras` adds")


class Result(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    error: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Result]


@pytest.fixture
def outputs(aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: F811 -- the fixture
    """A deployed stack's outputs file, with the queues, the bus and the functions that it names."""
    monkeypatch.setenv("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled")  # moto does not know the endpoints of accounts
    make("iam", "CreateRole", RoleName=ROLE, AssumeRolePolicyDocument="{}")
    for name in QUEUES.values():
        make("sqs", "CreateQueue", QueueName=name)
    settings = {"commandFunction": {"TYPE_BUCKETS": str(BUCKETS)}, "queryFunction": {"TYPE_BUCKETS": str(BUCKETS)}}
    settings["projectionFunction"] = DOMAIN
    settings["processFunction"] = settings["sweepFunction"] = {}
    settings["replayerFunction"] = {"REPLAY_RATE": "200"}
    settings["snapshotFunction"] = {"SNAPSHOT_EVERY": str(EVERY), "SNAPSHOT_RETENTION_DAYS": "0"}
    create_functions(settings)
    make("events", "PutRule", Name=RULE.rpartition("/")[2], EventBusName=BUS, EventPattern='{"source": ["nobody"]}')
    target = {"Id": "queue", "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:projection"}
    make("events", "PutTargets", Rule=RULE.rpartition("/")[2], EventBusName=BUS, Targets=[target])
    content = {
        "region": "us-east-1",
        "eventStoreTable": STORE,
        "readModelTable": ROWS,
        "snapshotsTable": SNAPSHOTS,
        "replaysTable": REPLAYS,
        "branchesTable": BRANCHES,
        "eventBusName": BUS,
        "accountRuleArn": RULE,
        **{output: url(name) for output, name in QUEUES.items()},
        **{output: output for output in settings},
    }
    path = tmp_path / "outputs.json"
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def run(outputs: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("verify", "--json")`: the command line, on that stack."""

    def call(*arguments: str) -> Result:
        capsys.readouterr()
        try:
            code = main([*arguments, "--outputs", str(outputs)])
        except SystemExit as ended:  # argparse, about a single argument
            code = int(ended.code or 0)
        printed = capsys.readouterr()
        return Result(code, printed.out, printed.err)

    return call


@pytest.fixture
def sqs(outputs: Any) -> Any:
    return boto3.client("sqs")


Published = Callable[[], list[tuple[str, int]]]


@pytest.fixture
def published(outputs: Any, sqs: Any) -> Callable[[], list[tuple[str, int]]]:
    """What was put on the bus, from here on."""
    events = boto3.client("events")
    sqs.create_queue(QueueName="heard")
    events.put_rule(Name="all", EventBusName=BUS, EventPattern=json.dumps({"account": [ACCOUNT]}))
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:heard"
    events.put_targets(Rule="all", EventBusName=BUS, Targets=[{"Id": "heard", "Arn": arn}])
    return lambda: places(taken(sqs, "heard"))


def url(name: str) -> str:
    return f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/{name}"


def taken(sqs: Any, queue: str) -> list[str]:
    """Take everything visible out of a queue; the bodies."""
    bodies = []
    while messages := sqs.receive_message(QueueUrl=url(queue), MaxNumberOfMessages=10).get("Messages"):
        for each in messages:
            bodies.append(each["Body"])
            sqs.delete_message(QueueUrl=url(queue), ReceiptHandle=each["ReceiptHandle"])
    return bodies


def places(bodies: Sequence[str]) -> list[tuple[str, int]]:
    details = [json.loads(text)["detail"] for text in bodies]
    return [(detail["AggregateId"], detail["EventSequence"]) for detail in details]


def keep(client: Any, events: Sequence[Event]) -> list[Event]:
    """Store events as the command leaves them there; many with each call, which is what costs the time."""
    store = EventStore(client, STORE, BUCKETS)
    puts = [{"PutRequest": {"Item": store.item(event)}} for event in events]
    for start in range(0, len(puts), BATCH):
        assert not client.batch_write_item(RequestItems={STORE: puts[start : start + BATCH]})["UnprocessedItems"]
    return list(events)


def _empty_package() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("handlers/x.py", "")
    return content.getvalue()


_EMPTY_PACKAGE = _empty_package()


def create_functions(settings: Mapping[str, Mapping[str, str]]) -> None:
    """Functions by their names, each with this environment and nothing in it."""
    for name, variables in settings.items():
        make(
            "lambda",
            "CreateFunction",
            FunctionName=name,
            Runtime="python3.13",
            Role=f"arn:aws:iam::{ACCOUNT}:role/{ROLE}",
            Handler="handlers.x.lambda_handler",
            Code={"ZipFile": _EMPTY_PACKAGE},
            Environment={"Variables": variables},
        )


GROUP = "/aws/lambda/projection"
Write = Callable[..., None]


def line(message: str, level: str = "INFO", **more: Any) -> str:
    """As Lambda writes it."""
    return json.dumps({"timestamp": "2024-01-15T10:00:00Z", "level": level, "message": message, "logger": "x"} | more)


@pytest.fixture
def write(outputs: Path) -> Write:
    """`write(*texts)`: into the log of projection, a second after the other, the last one now."""
    told = {"projectionLogGroup": GROUP, "replayerLogGroup": "/aws/lambda/gone"}
    outputs.write_text(json.dumps({**json.loads(outputs.read_text()), **told}))
    logs = boto3.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="s")

    def put(*texts: str) -> None:
        first = int(time.time() * 1000) - 1000 * (len(texts) - 1)
        lines: Any = [{"timestamp": first + 1000 * place, "message": text} for place, text in enumerate(texts)]
        logs.put_log_events(logGroupName=GROUP, logStreamName="s", logEvents=lines)

    return put
