"""The scanners, each in a folder of its own under .cache/scan, and what they find."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests import fetched

_HERE = Path(__file__).resolve().parent
CACHE = fetched.CACHE / "scan"
_PYTHON, _NODE = CACHE / "python", CACHE / "node"


class Finding(NamedTuple):
    """What a tool says of a resource, by the name that the tool knows it by."""

    tool: str
    rule: str
    resource: str
    says: str


def fetch_python_tools() -> None:
    """checkov and cfn-lint by their lock, once. CalledProcessError where that fails."""
    fetched.python_tools(_PYTHON, _HERE / "requirements.txt")


def node_missing() -> str | None:
    """Why cdk-nag cannot be had here; None if it can."""
    lacking = [program for program in ("node", "npm") if shutil.which(program) is None]
    return f"{' and '.join(lacking)} not on PATH (Debian: nodejs, npm)" if lacking else None


def fetch_node_tools() -> None:
    """cdk-nag by its lock, once. CalledProcessError where that fails."""
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


TOOLS: Mapping[str, Callable[[Path], Iterator[Finding]]] = {
    "checkov": checkov,
    "cfn-lint": cfn_lint,
    "cdk-nag": cdk_nag,
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
