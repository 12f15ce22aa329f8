"""What a soak calls growth beyond data, and how it counts the data."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from bench import soak
from bench.memory import Held, held_by
from bench.soak_verdict import Mark, faults
from bench.stored import stored_bytes
from local.client import FunctionFailed, StackClient
from local.engine import Engine

MINUTES = 60
MB = 1e6
PER_BYTE = 5.0
"""Memory of a byte of data, where all is well."""


def _steady(minute: int) -> Mark:
    held = Held(engine_mb=150 + PER_BYTE * 3 * minute, workers_mb=90, workers=8, threads=30, files=60)
    return Mark(60.0 * minute, 1_200 * minute, held, 3 * MB * minute)


def _soak(**growth: float) -> list[Mark]:
    """A soak in which members of `Held` grow by so much a minute besides."""
    marks = []
    for minute in range(1, MINUTES + 1):
        mark = _steady(minute)
        more = {name: getattr(mark.held, name) + each * minute for name, each in growth.items()}
        marks.append(replace(mark, held=replace(mark.held, **more)))
    return marks


def test_memory_that_grows_with_the_data_is_no_fault() -> None:
    assert faults(_soak()) == []


@pytest.mark.parametrize(
    ("growth", "said"),
    [
        ({"engine_mb": 12.0}, "the engine by"),
        ({"workers_mb": 1.0}, "the workers from"),
        ({"threads": 1}, "threads from"),
        ({"files": 1}, "files from"),
        ({"workers": 1}, "workers from"),
    ],
)
def test_what_grows_without_data_is_named(growth: dict[str, float], said: str) -> None:
    (fault,) = faults(_soak(**growth))

    assert fault.startswith(said)


def test_more_workers_at_once_for_a_moment_is_no_fault() -> None:
    """As one on a busy machine saw them: 34 and 297 in one half, 36 and 319 in the other."""
    marks = [
        replace(each, held=replace(each.held, workers=at[0], files=at[1]))
        for minute, each in enumerate(_soak())
        for at in [{30: (34, 297), 50: (36, 319)}.get(minute, (25, 240))]
    ]

    assert faults(marks) == []


def test_memory_that_grows_faster_and_faster_is_named() -> None:
    marks = [
        replace(each, held=replace(each.held, engine_mb=150 + minute**2 / 4)) for minute, each in enumerate(_soak())
    ]

    (fault,) = faults(marks)

    assert "faster and faster" in fault


def test_a_soak_that_is_too_short_says_so() -> None:
    assert "too few" in faults(_soak()[:3])[0]


def test_what_a_process_and_its_children_hold_is_read() -> None:
    child = "import subprocess, sys; sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", child], stdin=subprocess.PIPE) as process:
        held = held_by(process.pid)
        assert held.engine_mb > 0
        assert held.workers == 0
        assert held.threads == 1
        assert held.files >= 3
        process.communicate()


def test_data_are_the_items_with_their_images_the_archived_events_and_the_logs() -> None:
    with Engine() as engine:
        client = StackClient({"eventStoreTable": "events", "endpoint": engine.endpoint, "region": engine.region})
        dynamodb, logs, events = (engine.client(name) for name in ("dynamodb", "logs", "events"))
        for name, stream in (
            ("events", {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}),
            ("rows", {"StreamEnabled": False}),
        ):
            dynamodb.create_table(
                TableName=name,
                KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
                StreamSpecification=stream,
            )
            for number in range(10):
                dynamodb.put_item(TableName=name, Item={"Id": {"S": str(number)}})
        logs.create_log_group(logGroupName="group")
        logs.create_log_stream(logGroupName="group", logStreamName="stream")
        lines = [{"timestamp": int(time.time() * 1000), "message": "x" * 100}]
        logs.put_log_events(logGroupName="group", logStreamName="stream", logEvents=lines)
        events.create_archive(ArchiveName="archive", EventSourceArn=events.describe_event_bus()["Arn"])
        events.put_events(Entries=[{"Source": "test", "DetailType": "Test", "Detail": "{}"}])

        held = stored_bytes(client)

        item = len('{"Id": {"S": "0"}}')
        (group,) = logs.describe_log_groups()["logGroups"]
        assert group["storedBytes"] >= 100
        assert held == (10 + 10 + 10 + 1) * item + group["storedBytes"]


class Answers(StackClient):
    """Answers commands in turn; what is an exception is raised."""

    def __init__(self, *answers: Any) -> None:
        super().__init__({"region": "us-east-1"})
        self.answers = list(answers)
        self.asked: list[Mapping[str, Any]] = []

    def invoke(self, _: str, request: Mapping[str, Any]) -> tuple[int, Any]:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, body = answer
        return status, body


def test_a_command_that_fails_is_counted_and_sent_again_as_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "_PAUSE", 0.0)
    failed = FunctionFailed("commandFunction", {"errorType": "Sandbox.Timedout", "errorMessage": "too late"})
    client = Answers(
        (500, {"code": "InternalError"}), failed, EndpointConnectionError(endpoint_url="x"), (200, {"sequence": 7})
    )
    load = soak.Load(client, rate=1)

    assert load._command("a", 7) > 0
    assert load.failures == load.take().failed == 3
    assert [each["commandId"] for each in client.asked] == ["a-7"] * 4


@pytest.mark.parametrize("answer", [(200, {"sequence": 8}), (409, {"code": "SequenceConflict"})])
def test_a_command_that_was_lost_or_applied_twice_ends_it(answer: tuple[int, Any]) -> None:
    with pytest.raises(RuntimeError, match="command 7 of a was answered"):
        soak.Load(Answers(answer), rate=1)._command("a", 7)


def test_a_command_that_fails_for_good_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "_AGAIN_SECONDS", 0.0)
    with pytest.raises(RuntimeError, match="is not accepted within"):
        soak.Load(Answers((500, {})), rate=1)._command("a", 7)


def test_a_rate_has_to_be_one() -> None:
    with pytest.raises(SystemExit):
        soak.main(["--rate", "0"])


@pytest.mark.parametrize("option", ["--minutes", "--rate", "--window"])
@pytest.mark.parametrize("text", ["1_0", "\u0661", "inf", "nan", "1e9", "1e3", " 5", "-1", "0", "1000001", "x", ""])
def test_an_amount_that_is_none_is_a_usage_error(option: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        soak.main([f"{option}={text}"])
    assert ended.value.code == 2
    assert "is not a number above 0, up to 1000000" in capsys.readouterr().err


def test_an_amount_may_have_a_fraction() -> None:
    assert soak._options(["--minutes", "0.5", "--rate", "20"]).minutes == 0.5
