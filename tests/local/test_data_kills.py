"""`serve --data` is killed under load, again and again: what was acknowledged is there once, and the rest catches up.

In an ordinary run a few times, in a long one (`make test-long`) or with LEDGER_KILLS=50 as often as that.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.client import FunctionFailed, StackClient
from local.engine.dynamodb_local import installation
from ops.__main__ import main as operate
from tests.effort import LONG
from tests.local.conftest import PROJECT
from tests.support import eventually

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytest.importorskip("awslambdaric", reason="AWS's Lambda runtime client has no wheel for this platform")

KILLS = int(os.environ.get("LEDGER_KILLS", "50" if LONG else "2"))
CLIENTS = 4
ACCOUNTS = [f"account-{number}" for number in range(6)]
READY_SECONDS = 180.0
SETTLED_SECONDS = 120.0
NOT_NOW = (ClientError, BotoCoreError, FunctionFailed)


@pytest.fixture(autouse=True)
def _dynamodb_local() -> None:
    try:
        installation.java(), installation.jars()
    except installation.UnavailableError as problem:
        pytest.skip(str(problem))


class Stack:
    """`serve --data` in a process of its own, always on the same port and folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.data = folder / "data"
        self.file = folder / "out.json"
        self.log = folder / "log"
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.outputs: dict[str, Any] = {}

    def start(self) -> None:
        self.file.unlink(missing_ok=True)
        options = ["--port", str(self.port), "--data", str(self.data), "--outputs", str(self.file), "--json"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "local", "serve", *options], cwd=PROJECT, stdout=log, stderr=log
            )

    def until_ready(self) -> None:
        def ready() -> bool:
            if self.process.poll() is not None:
                raise RuntimeError(f"serve ended with {self.process.returncode}: {self.log.read_text()}")
            return self.file.exists()

        eventually(ready, READY_SECONDS, message="the stack is there")
        outputs = json.loads(self.file.read_text())
        assert self.outputs in ({}, outputs), "a restart has other outputs"
        self.outputs = outputs

    def kill(self, *, also_the_watchdog: bool) -> None:
        if also_the_watchdog:
            for pid in _children(self.process.pid, "watchdog.py"):
                os.kill(pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()


def _children(parent: int, containing: str) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status, command = (folder / "stat").read_text(), (folder / "cmdline").read_bytes()
        except OSError:  # it has ended
            continue
        if int(status.rsplit(")", 1)[1].split()[1]) == parent and containing.encode() in command:
            found.append(int(folder.name))
    return found


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    made = Stack(tmp_path / "stack")
    yield made
    made.process.terminate()
    made.process.wait(60)


class Impatient(StackClient):
    """Repeats nothing by itself."""

    def aws(self, service: str) -> Any:
        with self._lock:
            if service not in self._clients:
                once = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30)
                self._clients[service] = self._session.client(
                    service, endpoint_url=self.outputs["endpoint"], config=once
                )
            return self._clients[service]


@dataclass
class Load:
    """Clients that send commands in both ways, and messages, until each is acknowledged."""

    stack: Stack
    answered: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What `command` answered, by commandId."""
    accepted: set[str] = field(default_factory=set)
    """The commandIds of asynchronous invocations that Lambda took."""
    sent: set[str] = field(default_factory=set)
    """The bodies of messages that SQS took."""
    unanswered: int = 0
    redriven: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Load:
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(CLIENTS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Every client gets its last request acknowledged."""
        self.over.set()
        for thread in self._threads:
            thread.join()

    @property
    def acknowledged(self) -> int:
        return len(self.answered) + len(self.accepted) + len(self.sent)

    def go_on(self, more: int, seconds: float) -> None:
        """Returns when that many more calls are acknowledged, or the time is up."""
        wanted, deadline = self.acknowledged + more, time.monotonic() + seconds
        while self.acknowledged < wanted and time.monotonic() < deadline:
            time.sleep(0.005)

    def _run(self, number: int) -> None:
        client = Impatient(self.stack.outputs)
        chance = random.Random(number)  # noqa: S311 - keeps no secret
        while not self.over.is_set():
            identity, account = str(uuid.uuid4()), chance.choice(ACCOUNTS)
            deposit = {"transactionId": identity, "amount": 1, "type": "deposit"}
            way = chance.random()
            if way < 0.7:
                answer = self._insist(lambda: self._command(client, account, deposit, identity))  # noqa: B023
                self.answered[identity] = answer
            elif way < 0.85:
                self._insist(lambda: self._command_later(client, account, deposit, identity))  # noqa: B023
                self.accepted.add(identity)
            else:
                url = self.stack.outputs["deliveryDeadLetterQueueUrl"]
                self._insist(lambda: client.aws("sqs").send_message(QueueUrl=url, MessageBody=identity))  # noqa: B023
                self.sent.add(identity)

    def _insist(self, call: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + 2 * READY_SECONDS
        while True:
            try:
                return call()
            except NOT_NOW:
                if time.monotonic() > deadline:
                    raise
                self.unanswered += 1
                time.sleep(0.2)

    @staticmethod
    def _command(client: StackClient, account: str, deposit: dict[str, Any], identity: str) -> dict[str, Any]:
        status, body = client.command(account, "TransactionProcessed", deposit, commandId=identity)
        assert status == 200, body
        return dict(body)

    @staticmethod
    def _command_later(client: StackClient, account: str, deposit: dict[str, Any], identity: str) -> None:
        request = {
            "aggregateId": account, "eventType": "TransactionProcessed", "eventData": deposit, "commandId": identity
        }  # fmt: skip
        client.aws("lambda").invoke(
            FunctionName=client.outputs["commandFunction"], InvocationType="Event", Payload=json.dumps(request)
        )


@pytest.mark.timeout(300 + 90 * KILLS)
def test_nothing_that_was_acknowledged_is_lost_to_a_kill(
    stack: Stack, record_property: Callable[[str, object], None], capsys: pytest.CaptureFixture[str]
) -> None:
    stack.start()
    stack.until_ready()
    client = StackClient(stack.outputs)
    for account in ACCOUNTS:
        opened = {"accountId": account, "customerId": "customer", "createdAt": "2024-01-15T10:00:00Z"}
        assert client.command(account, "AccountCreated", opened)[0] == 200
    chance = random.Random(KILLS)  # noqa: S311 - keeps no secret
    with Load(stack) as load:
        for kill in range(KILLS):
            if chance.random() < 0.4:  # while it is made again
                time.sleep(chance.uniform(0, 5))
            else:
                stack.until_ready()
                load.go_on(more=chance.randrange(80), seconds=20)
                time.sleep(chance.uniform(0, 0.1))
            stack.kill(also_the_watchdog=kill % 2 == 1)
            stack.start()
        stack.until_ready()
    settle(stack, client, load)

    counts = Counter(event["CommandId"]["S"] for account in ACCOUNTS for event in stored(client, account))
    acknowledged = load.answered.keys() | load.accepted
    assert acknowledged - counts.keys() == set(), "lost"
    assert [identity for identity, count in counts.items() if count > 1] == [], "twice"
    places = {
        (account, int(event["EventSequence"]["N"])): event["CommandId"]["S"]
        for account in ACCOUNTS
        for event in stored(client, account)
    }
    moved = {
        identity: answer
        for identity, answer in load.answered.items()
        if places[answer["aggregateId"], answer["sequence"]] != identity
    }
    assert moved == {}, "acknowledged at another place"
    assert load.sent - received(client) == set(), "messages lost"
    capsys.readouterr()
    assert operate(["verify", "--outputs", str(stack.file)]) == 0, capsys.readouterr().out
    record_property(
        "cases",
        f"{KILLS} kills; {len(load.answered)} commands answered, {len(load.accepted)} taken for later, "
        f"{len(load.sent)} messages, {load.unanswered} calls unanswered and repeated, "
        f"{load.redriven} dead letters redriven; nothing lost, nothing twice",
    )


def settle(stack: Stack, client: StackClient, load: Load) -> None:
    """Until whatever was on its way has arrived."""

    def settled() -> bool:
        assert stack.process.poll() is None, stack.log.read_text()
        seen = {event["CommandId"]["S"] for account in ACCOUNTS for event in stored(client, account)}
        assert load.accepted <= seen, f"{len(load.accepted - seen)} commands were taken for later, and not done"
        if client.messages("deadLetterQueueUrl"):  # the machine was too slow for the projection's time limit
            load.redriven += client.messages("deadLetterQueueUrl")
            operate(["dead-letters", "redrive", "--queue", "projection", "--outputs", str(stack.file)])
        for account in ACCOUNTS:
            row = client.row(account) or {}
            assert row.get("LastSequence") == len(stored(client, account)), account
        return client.messages("projectionQueueUrl") == 0

    eventually(settled, SETTLED_SECONDS)


def stored(client: StackClient, account: str) -> list[dict[str, Any]]:
    pages = (
        client.aws("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=client.outputs["eventStoreTable"],
            KeyConditionExpression="AggregateId = :account",
            ExpressionAttributeValues={":account": {"S": account}},
            ConsistentRead=True,
        )
    )
    return [item for page in pages for item in page["Items"]]


def received(client: StackClient) -> set[str]:
    """The bodies of everything in the queue that the load sent to."""
    url = client.outputs["deliveryDeadLetterQueueUrl"]
    bodies: set[str] = set()
    while True:
        batch = client.aws("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600)
        messages = batch.get("Messages", [])
        if not messages:
            return bodies
        bodies |= {message["Body"] for message in messages}
