"""The real Pulumi CLI and the real AWS provider find the same system behind the embedded AWS's endpoint."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from pulumi import automation as auto

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = (
    *("__main__.py", "Pulumi.yaml", "Pulumi.local.yaml", "Pulumi.README.md"),
    *("components", "handlers", "schemas", "stack"),
)
# Nothing here may reach for the network: neither for a missing plugin nor for a newer CLI.
OFFLINE = {"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true", "PULUMI_SKIP_UPDATE_CHECK": "true"}
PROVIDER = version("pulumi-aws")


def missing() -> str | None:
    """Why the Pulumi CLI cannot deploy here; None if it can."""
    for program in ("pulumi", "pulumi-language-python"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    listed = subprocess.run(
        ["pulumi", "plugin", "ls", "--json"], env={**os.environ, **OFFLINE}, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        return f"the Pulumi CLI cannot list its plugins: {listed.stderr.strip()}"
    plugins = {(each["name"], each["kind"], each["version"]) for each in json.loads(listed.stdout)}
    if ("aws", "resource", PROVIDER) not in plugins and shutil.which("pulumi-resource-aws") is None:
        return f"the Pulumi plugin is not installed: pulumi plugin install resource aws {PROVIDER}"
    return None


@contextmanager
def served(tmp_path: Path) -> Iterator[str]:
    """The endpoint of an empty embedded AWS in a process of its own."""
    ready, log = tmp_path / "ready.json", tmp_path / "serve.log"
    with ready.open("w") as out, log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "local", "serve", "--no-deploy", "--port", "0", "--json"],
            cwd=REPOSITORY,
            stdout=out,
            stderr=errors,
        )
    try:
        deadline = time.monotonic() + 60
        while not ready.read_text().endswith("\n"):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, "it does not get ready"
            time.sleep(0.05)
        yield json.loads(ready.read_text())["endpoint"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait(30)


def copy_of_the_program(folder: Path) -> Path:
    """The CLI writes into the stack's file, so it gets a copy, with these very packages as its virtual environment."""
    folder.mkdir()
    for name in PROGRAM:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / name)
    built = REPOSITORY / ".build"  # the functions' layer, if it was ever built
    if built.is_dir():
        shutil.copytree(built, folder / ".build")
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


def stack_at(endpoint: str, project: Path, state: Path) -> auto.Stack:
    state.mkdir()
    environment = {**OFFLINE, "PULUMI_BACKEND_URL": state.as_uri(), "PULUMI_CONFIG_PASSPHRASE": "not a secret"}
    stack = auto.create_stack("local", work_dir=str(project), opts=auto.LocalWorkspaceOptions(env_vars=environment))
    configured = yaml.safe_load((project / "Pulumi.local.yaml").read_text())["config"]["aws:endpoints"]
    overrides = {
        f"aws:endpoints[{index}].{service}": auto.ConfigValue(endpoint)
        for index, services in enumerate(configured)
        for service in services
    }
    stack.set_all_config(overrides, path=True)
    return stack


def client(endpoint: str, service: str) -> Any:
    session: Any = boto3.Session("test", "test", region_name="us-east-1")
    return session.client(service, endpoint_url=endpoint)


def standing(endpoint: str) -> dict[str, list[str]]:
    """The names of everything that stands at the endpoint, but for what an empty account has."""
    events, lambda_, logs = (client(endpoint, each) for each in ("events", "lambda", "logs"))
    cloudwatch = client(endpoint, "cloudwatch")
    return {
        "tables": client(endpoint, "dynamodb").list_tables()["TableNames"],
        "queues": client(endpoint, "sqs").list_queues().get("QueueUrls", []),
        "buses": [bus["Name"] for bus in events.list_event_buses()["EventBuses"] if bus["Name"] != "default"],
        "archives": [archive["ArchiveName"] for archive in events.list_archives()["Archives"]],
        "functions": [function["FunctionName"] for function in lambda_.list_functions()["Functions"]],
        "layers": [layer["LayerName"] for layer in lambda_.list_layers()["Layers"]],
        "mappings": [mapping["UUID"] for mapping in lambda_.list_event_source_mappings()["EventSourceMappings"]],
        "roles": [role["RoleName"] for role in client(endpoint, "iam").list_roles()["Roles"]],
        "log groups": [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]],
        "alarms": [alarm["AlarmName"] for alarm in cloudwatch.describe_alarms()["MetricAlarms"]],
        "dashboards": [board["DashboardName"] for board in cloudwatch.list_dashboards()["DashboardEntries"]],
        "topics": [topic["TopicArn"] for topic in client(endpoint, "sns").list_topics()["Topics"]],
    }


@pytest.mark.timeout(900)
def test_the_pulumi_cli_deploys_finds_nothing_to_change_and_destroys(tmp_path: Path) -> None:
    if reason := missing():
        pytest.skip(reason)
    with served(tmp_path) as endpoint:
        stack = stack_at(endpoint, copy_of_the_program(tmp_path / "project"), tmp_path / "state")

        outputs = {name: output.value for name, output in stack.up().outputs.items()}

        there = standing(endpoint)
        assert sorted(there["tables"]) == sorted(
            outputs[f"{name}Table"] for name in ("eventStore", "readModel", "snapshots")
        )
        assert there["buses"] == [outputs["eventBusName"]]
        assert len(there["functions"]) == 6
        answer = client(endpoint, "lambda").invoke(
            FunctionName=outputs["queryFunction"], Payload=json.dumps({"queryType": "reconstructState"})
        )
        assert json.loads(answer["Payload"].read())["statusCode"] == 400  # the handler's own, so it ran

        changes = stack.preview(refresh=True).change_summary
        assert set(changes) == {auto.OpType.SAME}
        stack.up(expect_no_changes=True)

        stack.destroy()
        assert {kind: names for kind, names in standing(endpoint).items() if names} == {}
