"""The scanners, each in a folder of its own under .cache/scan, and what they find."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import grpc  # type: ignore[import-untyped]
from google.protobuf import json_format, struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import analyzer_pb2 as proto
from pulumi.runtime.proto.analyzer_pb2_grpc import AnalyzerStub

from tests import fetched

_HERE = Path(__file__).resolve().parent
CACHE = fetched.CACHE / "scan"
_PYTHON, _NODE, _GO, _PACK = (CACHE / name for name in ("python", "node", "go", "pack"))
POLICIES = _HERE.parents[2] / "policies"


class Finding(NamedTuple):
    """What a tool says of a resource, by the name that the tool knows it by."""

    tool: str
    rule: str
    resource: str
    says: str


def fetch_python_tools() -> None:
    """checkov and cfn-lint by their lock, once. CalledProcessError where that fails."""
    fetched.python_tools(_PYTHON, _HERE / "requirements.txt")


def fetch_policy_pack() -> None:
    """What the policy pack runs on, by its lock, once. CalledProcessError where that fails."""
    fetched.python_tools(_PACK, POLICIES / "requirements.txt")


_NEEDS = {"cdk-nag": ("node", "npm"), "actionlint": ("go",)}
_DEBIAN = {"node": "nodejs", "go": "golang-go"}


def missing() -> dict[str, str]:
    """The tools that cannot be had here, and why."""
    lacking = {tool: [each for each in needs if shutil.which(each) is None] for tool, needs in _NEEDS.items()}
    return {tool: _not_there(programs) for tool, programs in lacking.items() if programs}


def _not_there(programs: list[str]) -> str:
    packages = ", ".join(_DEBIAN.get(each, each) for each in programs)
    return f"{' and '.join(programs)} not on PATH (Debian: {packages})"


def fetch(tools: Container[str]) -> None:
    """Each by its lock, once. CalledProcessError where that fails."""
    fetch_python_tools()
    fetch_policy_pack()
    if "cdk-nag" in tools:
        fetch_cdk_nag()
    if "actionlint" in tools:
        fetch_actionlint()


def fetch_actionlint() -> None:
    """By its lock, once. CalledProcessError where that fails."""
    with fetched.once(_GO, _HERE / "actionlint" / "go.sum") as needed:
        if needed:
            _GO.mkdir(parents=True, exist_ok=True)
            build = ("go", "build", "-mod=readonly", "-o", str(_GO), "github.com/rhysd/actionlint/cmd/actionlint")
            fetched.run(*build, cwd=_HERE / "actionlint")


def fetch_cdk_nag() -> None:
    """By its lock, once. CalledProcessError where that fails."""
    with fetched.once(_NODE, _HERE / "cdk_nag" / "package-lock.json") as needed:
        if needed:
            _NODE.mkdir(parents=True, exist_ok=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copyfile(_HERE / "cdk_nag" / name, _NODE / name)
            fetched.run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", cwd=_NODE)
    shutil.copyfile(_HERE / "cdk_nag" / "nag.mjs", _NODE / "nag.mjs")


def checkov(plan: Path) -> Iterator[Finding]:
    """Of a Terraform plan."""
    options = ("--framework", "terraform_plan", "--compact", "--quiet", "--skip-download", "--output", "json")
    report = _json(_bin("checkov"), "--file", str(plan), *options)
    for found in report["results"]["failed_checks"]:
        yield Finding("checkov", found["check_id"], found["resource"].split(".", 1)[1], found["check_name"])
    if report["summary"]["parsing_errors"] or not report["summary"]["passed"]:
        raise ValueError(f"checkov has not read the plan: {report['summary']}")


def cfn_lint(template: Path) -> Iterator[Finding]:
    """Of a CloudFormation template."""
    for found in _json(_bin("cfn-lint"), "--format", "json", str(template)):
        resource = found["Location"]["Path"][1] if found["Location"]["Path"] else ""
        yield Finding("cfn-lint", found["Rule"]["Id"], str(resource), found["Message"])


def cdk_nag(template: Path) -> Iterator[Finding]:
    """Of a CloudFormation template."""
    told = fetched.run("node", str(_NODE / "nag.mjs"), str(template), str(_NODE / "out"))
    for line in told.splitlines():
        found = json.loads(line)
        yield Finding("cdk-nag", found["rule"], found["resource"], found["says"])


def actionlint(project: Path) -> Iterator[Finding]:
    """Of the workflows in a project's .github."""
    workflows = sorted(str(path) for path in (project / ".github" / "workflows").glob("*.yml"))
    for found in _json(str(_GO / "actionlint"), "-format", "{{json .}}", *workflows):
        yield Finding(
            "actionlint", found["kind"], Path(found["filepath"]).name, f"line {found['line']}: {found['message']}"
        )


def crossguard(graph: Path) -> Iterator[Finding]:
    """Of a graph's resources, as JSON: the policy pack, run and asked as the Pulumi CLI does."""
    resources = [proto.AnalyzerResource(**_message(each)) for each in json.loads(graph.read_text("utf-8"))]
    with _serving_pack() as analyzer:
        for each in resources:
            asked = proto.AnalyzeRequest(type=each.type, urn=each.urn, name=each.name, properties=each.properties)
            yield from _told(analyzer.Analyze(asked), each.name)
        yield from _told(analyzer.AnalyzeStack(proto.AnalyzeStackRequest(resources=resources)), "")


def _message(resource: Mapping[str, Any]) -> dict[str, Any]:
    properties = json_format.ParseDict(resource["properties"], struct_pb2.Struct())
    return {**{name: resource[name] for name in ("type", "urn", "name")}, "properties": properties}


def _told(answer: Any, name: str) -> Iterator[Finding]:
    for each in answer.diagnostics:
        yield Finding("crossguard", each.policyName, name or each.urn.rsplit("::", 1)[-1], each.message)


@contextmanager
def _serving_pack() -> Iterator[Any]:
    """The pack in a process of its own. OSError where it does not say its port."""
    pack = (str(_PACK / "bin" / "python"), "-u", str(POLICIES))
    with subprocess.Popen(pack, stdout=subprocess.PIPE, text=True, env=fetched.without_aws()) as process:
        try:
            port = (process.stdout.readline() if process.stdout else "").strip()
            if not port:
                raise OSError(f"{POLICIES.name} does not run as a policy pack")
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield AnalyzerStub(channel)
        finally:
            process.kill()


TOOLS: Mapping[str, Callable[[Path], Iterator[Finding]]] = {
    "checkov": checkov,
    "cfn-lint": cfn_lint,
    "cdk-nag": cdk_nag,
    "actionlint": actionlint,
    "crossguard": crossguard,
}


def _bin(name: str) -> str:
    return str(_PYTHON / "bin" / name)


def _json(*command: str) -> Any:
    """What a tool prints. A tool that finds something fails, so what it printed is what counts."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, env=fetched.without_aws())
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        raise ValueError(f"{Path(command[0]).name}: {done.stderr[-2000:] or done.stdout[-2000:]}") from error
