"""What `serve` says once the stack is there."""

from __future__ import annotations

from typing import Any

import pytest

from local.deploy import Deployment, StackConfig
from local.display import TextDisplay

CONFIG = StackConfig("ledger", "local", {"aws:region": "us-east-1"})


def said(capsys: pytest.CaptureFixture[str], outputs: dict[str, Any]) -> list[str]:
    TextDisplay().deployed("http://127.0.0.1:4566", CONFIG, Deployment("local", outputs, []))
    return capsys.readouterr().out.splitlines()


def test_it_says_where_the_console_and_the_api_are(capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, {"consoleUrl": "http://127.0.0.1:4567/console/", "apiEndpoint": "http://127.0.0.1:4568"})
    assert "The console, in a browser: http://127.0.0.1:4567/console/" in lines
    assert "The HTTP API: http://127.0.0.1:4568" in lines
    assert "The command line: .venv/bin/ledger login --url http://127.0.0.1:4567/console/" in lines


def test_without_them_it_says_nothing_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert not any("console" in line or "API" in line for line in said(capsys, {"commandFunction": "command"}))


def test_it_lists_each_region_and_says_how_to_reach_it(capsys: pytest.CaptureFixture[str]) -> None:
    there = {"region": "eu-west-1", "consoleUrl": "http://127.0.0.1:4570/console/"}
    lines = said(capsys, {"region": "us-east-1", "regions": {"eu-west-1": there}})
    assert lines.index("  region  us-east-1") < lines.index("in eu-west-1") < lines.index("  region      eu-west-1")
    assert not any("{" in line for line in lines)
    assert "The console, in a browser in eu-west-1: http://127.0.0.1:4570/console/" in lines
    assert "# for eu-west-1: AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1" in lines
