"""What `serve` says once the stack is there."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from local.deploy import Deployment, Progress, StackConfig
from local.display import TextDisplay
from tests import terminal

ROOT = Path(__file__).resolve().parents[2]
CONFIG = StackConfig("ledger", "local", {"aws:region": "us-east-1"})


def said(capsys: pytest.CaptureFixture[str], outputs: dict[str, Any]) -> list[str]:
    TextDisplay().deployed("http://127.0.0.1:4566", CONFIG, Deployment("local", outputs, []))
    return capsys.readouterr().out.splitlines()


def test_it_says_where_the_console_and_the_api_are(capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, {"consoleUrl": "http://127.0.0.1:4567/console/", "apiEndpoint": "http://127.0.0.1:4568"})
    assert "The console, in a browser: http://127.0.0.1:4567/console/" in lines
    assert "The HTTP API: http://127.0.0.1:4568" in lines
    assert "The command line: .venv/bin/ledger login --url http://127.0.0.1:4567/console/" in lines


def test_where_ledger_finds_it_by_itself_nobody_has_to_sign_in(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    there = {"consoleUrl": "http://127.0.0.1:4570/console/"}
    outputs = {"consoleUrl": "http://127.0.0.1:4567/console/", "regions": {"eu-west-1": there}}
    monkeypatch.chdir(ROOT)
    display = TextDisplay(outputs=Path("out.json"))
    display.deployed("http://127.0.0.1:4566", CONFIG, Deployment("local", outputs, []))

    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("The command line")]
    opening = ".venv/bin/ledger account open alice --profile local"
    assert told == [f"The command line: {opening}", f"The command line in eu-west-1: {opening} --region eu-west-1"]


def test_without_them_it_says_nothing_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert not any("console" in line or "API" in line for line in said(capsys, {"commandFunction": "command"}))


def test_it_lists_each_region_and_says_how_to_reach_it(capsys: pytest.CaptureFixture[str]) -> None:
    there = {
        "region": "eu-west-1",
        "commandFunction": "command-there",
        "consoleUrl": "http://127.0.0.1:4570/console/",
    }
    lines = said(capsys, {"region": "us-east-1", "regions": {"eu-west-1": there}})
    assert (
        lines.index("  region  us-east-1") < lines.index("in eu-west-1") < lines.index("  region           eu-west-1")
    )
    assert not any("{" in line for line in lines)
    assert "The console, in a browser in eu-west-1: http://127.0.0.1:4570/console/" in lines
    assert "In eu-west-1: --region eu-west-1 --function-name command-there" in lines


def test_what_is_printed_fits_eighty_columns(capsys: pytest.CaptureFixture[str]) -> None:
    """As deployed: the longest names, a file for the outputs, and an endpoint."""
    display = TextDisplay(outputs=Path("out.json"), verbose=True)
    display.started("http://127.0.0.1:45660")
    with display.deploying("local"):
        for kind, name in (
            ("aws:cloudwatch/metricAlarm:MetricAlarm", "monitoring-event-store-by-correlation-write-throttles"),
            ("aws:s3/bucketServerSideEncryptionConfiguration:B", "console-bucket-encryption"),
            ("aws:sqs/queue:Queue", "dlq"),
        ):
            display.progress(Progress("created", name, kind, 0.25))
    outputs = {
        "consoleUrl": "http://127.0.0.1:45670/console/",
        "apiEndpoint": "http://127.0.0.1:45680",
        "commandFunction": "command-function-5fb46f3",
        "eventBusArn": "arn:aws:events:us-east-1:123456789012:event-bus/events-bus-b7f420c-" + "x" * 40,
    }
    display.deployed("http://127.0.0.1:45660", CONFIG, Deployment("local", outputs, []))

    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("  + queue              dlq ") and line.endswith(" 0.25 s") for line in lines)
    assert "Their names and addresses are in out.json, as long as this runs." in lines


def told(capsys: pytest.CaptureFixture[str], *, verbose: bool = False) -> str:
    """What a deployment of 40 queues prints, of which one is warned of and one is taken back."""
    display = TextDisplay(verbose=verbose)
    with display.deploying("local"):
        for number in range(40):
            display.progress(Progress("creating", f"queue-{number}", "aws:sqs/queue:Queue"))
            display.progress(Progress("created", f"queue-{number}", "aws:sqs/queue:Queue", 0.1))
        display.progress(Progress("warning", "queue-7 is odd"))
        display.progress(Progress("deleting", "queue-0", "aws:sqs/queue:Queue"))
        display.progress(Progress("deleted", "queue-0", "aws:sqs/queue:Queue"))
    return capsys.readouterr().out


def test_in_a_pipe_a_deployment_is_a_few_lines_and_every_warning(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter(range(100))
    monkeypatch.setattr("local.display.time.monotonic", lambda: next(seconds))

    first, *lines = told(capsys).splitlines()

    assert first.startswith("Deploying the stack local ")
    assert next(line for line in lines if "creating" in line) == "  10 created; creating queue-10"
    assert "  ! queue-7 is odd" in lines
    assert 3 <= len(lines) <= 5


def test_with_verbose_each_resource_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(capsys, verbose=True).splitlines()

    assert sum(line.startswith("  + queue ") for line in lines) == 40
    assert "  - queue-0" in lines


def test_on_a_terminal_a_deployment_is_one_line_that_is_written_anew() -> None:
    seen = re.split("[\r\n]+", on_a_terminal(_DEPLOYING))

    assert any("created; creating queue-" in line for line in seen)
    assert any("queue-7 is odd" in line for line in seen)
    assert not any("  + " in line for line in seen)
    assert max(map(len, seen)) <= 80


_DEPLOYING = """
from local.deploy import Progress
from local.display import TextDisplay
from tests import terminal
display = TextDisplay()
with display.deploying("local"):
    for number in range(40):
        display.progress(Progress("creating", f"queue-{number}", "aws:sqs/queue:Queue"))
        display._status._live.refresh()
        display.progress(Progress("created", f"queue-{number}", "aws:sqs/queue:Queue", 0.1))
    display.progress(Progress("creating", "queue-" + "x" * 200, "aws:sqs/queue:Queue"))
    display._status._live.refresh()
    display.progress(Progress("warning", "queue-7 is odd " + "and odd " * 20))
"""


def on_a_terminal(program: str) -> str:
    """What a Python program writes on a terminal of 80 columns, without what moves its cursor."""
    return terminal.seen([sys.executable, "-c", program])


def test_the_printed_call_names_its_endpoint_region_and_credentials(capsys: pytest.CaptureFixture[str]) -> None:
    text = "\n".join(said(capsys, {"commandFunction": "command-function-5fb46f3"}))
    call = text[text.index("env -i ") : text.index("\nEND")]

    assert "AWS_SECRET_ACCESS_KEY=test aws lambda invoke" in call
    assert "--endpoint-url http://127.0.0.1:4566 --region us-east-1 " in call
    assert call.startswith('env -i HOME="$HOME" PATH="$PATH" AWS_CONFIG_FILE=/dev/null ')
    assert "export" not in text
    assert json.loads(call.split("&&\n")[1])["eventType"] == "AccountCreated"
    assert text[text.index("\nEND\n") :].startswith("\nEND\n.venv/bin/python -m tools.readable response.json\n")
