"""The scanners, each in a folder of its own under .cache/scan, and what they find."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

_HERE = Path(__file__).resolve().parent
CACHE = _HERE.parents[2] / ".cache" / "scan"
_PYTHON, _NODE = CACHE / "python", CACHE / "node"


class Finding(NamedTuple):
    """What a tool says of a resource, by the name that the tool knows it by."""

    tool: str
    rule: str
    resource: str
    says: str


def fetch_python_tools() -> None:
    """checkov and cfn-lint by their lock, once. CalledProcessError where that fails."""
    with _once(_PYTHON, _HERE / "requirements.txt") as needed:
        if needed:
            _run(sys.executable, "-m", "venv", "--clear", str(_PYTHON))
            pip = (_bin("python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
            _run(*pip, "--require-hashes", "--requirement", str(_HERE / "requirements.txt"))


def node_missing() -> str | None:
    """Why cdk-nag cannot be had here; None if it can."""
    lacking = [program for program in ("node", "npm") if shutil.which(program) is None]
    return f"{' and '.join(lacking)} not on PATH (Debian: nodejs, npm)" if lacking else None


def fetch_node_tools() -> None:
    """cdk-nag by its lock, once. CalledProcessError where that fails."""
    with _once(_NODE, _HERE / "cdk_nag" / "package-lock.json") as needed:
        if needed:
            _NODE.mkdir(parents=True, exist_ok=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copyfile(_HERE / "cdk_nag" / name, _NODE / name)
            _run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", cwd=_NODE)
    shutil.copyfile(_HERE / "cdk_nag" / "nag.mjs", _NODE / "nag.mjs")


@contextmanager
def _once(folder: Path, lock: Path) -> Iterator[bool]:
    """Whether the folder has yet to be filled by that lock; afterwards it is, if nothing was raised."""
    stamp, wanted = folder / ".locked", lock.read_text("utf-8")
    needed = not stamp.is_file() or stamp.read_text("utf-8") != wanted
    yield needed
    if needed:
        stamp.write_text(wanted, "utf-8")


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
    told = _run("node", str(_NODE / "nag.mjs"), str(template), str(_NODE / "out"))
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
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, env=_environment())
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        raise ValueError(f"{Path(command[0]).name}: {done.stderr[-2000:] or done.stdout[-2000:]}") from error


def _run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=1200, env=_environment(), cwd=cwd
    )
    return done.stdout


def _environment() -> dict[str, str]:
    """Without the caller's AWS: a scan of files has no business there."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
