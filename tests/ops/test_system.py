"""Where the commands find the system: outputs from a file or from Pulumi."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from ops.__main__ import main
from ops.system import OperatorError, System

from ..somebodys_shell import SETTINGS

OUTPUTS = {"region": "eu-west-1", "eventStoreTable": "events-1"}


class _Empty(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.end_headers()
        self.wfile.write(b'{"QueueUrls": []}')

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@contextmanager
def answering() -> Iterator[str]:
    """The address of an AWS that has no queue."""
    with HTTPServer(("127.0.0.1", 0), _Empty) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_file_of_outputs_is_read(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    path.write_text(json.dumps({**OUTPUTS, "endpoint": "http://127.0.0.1:4566"}))

    system = System.of_file(path)

    assert (system.region, system.endpoint) == ("eu-west-1", "http://127.0.0.1:4566")
    assert system.output("eventStoreTable") == "events-1"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "No such file or directory; start the ledger with `make serve`, or write the outputs: pulumi stack"),
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "these are not the outputs of a deployed stack"),
        ('{"eventStoreTable": "t"}', "these are not the outputs of a deployed stack"),
    ],
)
def test_a_file_that_holds_no_outputs_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, problem: str
) -> None:
    path = tmp_path / "out.json"
    if content is not None:
        path.write_text(content)

    code = main(["verify", "--outputs", str(path)])

    assert code == 1
    printed = capsys.readouterr()
    assert f"--outputs {path}" in printed.err
    assert problem in printed.err
    assert printed.out == ""


def test_an_output_that_is_missing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "out.json"
    path.write_text(json.dumps({"region": "us-east-1"}))

    assert main(["replay", "--outputs", str(path)]) == 1
    assert "the stack has no output" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "setting"),
    [
        (["restore-event", "a", "1", "--from", "audit-files", "--reason", "r", "--yes"], "auditFilesDays is 0"),
        (["restore-event", "a", "1", "--from", "audit-log", "--reason", "r", "--yes"], "auditLog is false"),
        (["logs", "heartbeat"], "heartbeatMinutes is 0"),
        (["logs", "token-scopes"], "httpApi is false"),
        (["logs", "reconcile"], "regions is empty"),
    ],
)
def test_what_a_setting_leaves_out_is_named_by_the_setting(
    aws: Any, outputs: Path, capsys: pytest.CaptureFixture[str], command: list[str], setting: str
) -> None:
    assert main([*command, "--outputs", str(outputs)]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert setting in said
    assert "deploy it again" not in said


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put a `pulumi` on the PATH that runs this shell script; the value is a function."""

    def install(script: str) -> None:
        path = tmp_path / "bin" / "pulumi"
        path.parent.mkdir()
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")

    return install


def test_pulumi_is_asked_for_the_outputs_of_a_stack(pulumi: Any) -> None:
    pulumi(f'[ "$*" = "stack output --json --stack prod" ] && echo \'{json.dumps(OUTPUTS)}\'')

    system = System.of_stack("prod")

    assert (system.region, system.endpoint) == ("eu-west-1", None)


def test_what_pulumi_complains_about_is_passed_on(pulumi: Any) -> None:
    pulumi("echo \"error: no stack named 'prod' found\" >&2; exit 255")

    with pytest.raises(OperatorError, match="no stack named 'prod' found"):
        System.of_stack("prod")


def test_a_stack_without_outputs_is_not_a_deployed_one(pulumi: Any) -> None:
    pulumi("echo '{}'")

    with pytest.raises(OperatorError, match="stack prod: these are not the outputs"):
        System.of_stack("prod")


def test_without_the_pulumi_cli_the_other_way_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(OperatorError, match="give --outputs FILE"):
        System.of_stack("prod")


def test_who_waits_is_not_kept_waiting_by_a_throttle() -> None:
    system = System({}, "eu-west-1", "http://127.0.0.1:4566")
    patient, hasty = system.client("lambda"), system.hasty("lambda")

    assert [each.meta.config.retries["total_max_attempts"] for each in (patient, hasty)] == [10, 2]
    assert hasty is system.hasty("lambda")
    assert hasty.meta.endpoint_url == "http://127.0.0.1:4566"


def test_a_client_goes_where_the_system_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    local = System({}, "eu-west-1", "http://127.0.0.1:4566").client("sqs")
    cloud = System({}, "eu-west-1").client("sqs")

    assert (local.meta.endpoint_url, local.meta.region_name) == ("http://127.0.0.1:4566", "eu-west-1")
    assert cloud.meta.endpoint_url == "https://sqs.eu-west-1.amazonaws.com"


def test_the_embedded_aws_needs_no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    client = System({}, "eu-west-1", "http://127.0.0.1:4566").client("sqs")

    assert client._request_signer._credentials.access_key == "test"


@pytest.mark.parametrize("with_a_file", [False, True])
def test_no_setting_of_the_shell_is_in_the_way_to_the_embedded_aws(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, with_a_file: bool
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    if with_a_file:
        (tmp_path / "config").write_text("[default]\nsso_session = nowhere\nregion = nowhere-1\n")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        monkeypatch.delenv("AWS_PROFILE")
        monkeypatch.delenv("AWS_DEFAULT_PROFILE")

    with answering() as endpoint:
        system = System({}, "eu-west-1", endpoint)
        queues = [system.client("sqs").list_queues(), system.hasty("sqs").list_queues()]

    assert [each["QueueUrls"] for each in queues] == [[], []]
    assert system.client("sqs")._request_signer._credentials.token is None


@pytest.mark.parametrize("command", [["status"], ["verify"]])
def test_an_endpoint_that_has_ended_is_one_line_that_says_what_to_do(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "out.json"
    path.write_text(json.dumps({**OUTPUTS, "endpoint": "http://127.0.0.1:9"}))

    assert main([*command, "--outputs", str(path)]) == 1

    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("error: nothing answers at http://127.0.0.1:9, ")
    assert "; start the ledger with `make serve`" in told.err
    assert len(told.err.splitlines()) == 1


def test_settings_are_those_of_the_deployed_function(outputs: Path) -> None:
    system = System.of_file(outputs)

    assert system.flag("projectionFunction", "STATEMENT") is True
    with pytest.raises(OperatorError, match="projectionFunction has neither true nor false in TYPE_INDEX"):
        system.flag("projectionFunction", "TYPE_INDEX")
    with pytest.raises(OperatorError, match="projectionFunction has no number in TYPE_BUCKETS"):
        system.setting("projectionFunction", "TYPE_BUCKETS")


@pytest.mark.parametrize("arguments", [[], ["verify", "--segments", "0"], ["dead-letters"], ["replay", "--stack"]])
def test_a_command_line_that_makes_no_sense_ends_in_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["--outputs", "F", "verify"],
        ["dead-letters", "--outputs", "F", "list"],
        ["dead-letters", "--dry-run", "redrive"],
    ],
)
def test_an_option_before_what_it_is_of_is_told_where_it_belongs(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert "options follow the command, and its action: dead-letters list --outputs FILE" in capsys.readouterr().err
