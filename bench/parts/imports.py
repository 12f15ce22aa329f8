"""Part imports: how long a fresh process takes to be ready for its first event, and what is shipped for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from importlib import metadata
from pathlib import Path
from typing import Any

from bench.engines import SETTINGS
from bench.process import PROJECT
from bench.progress import Steps
from components.bundle import BundleError, handlers_zip, layer_zip

ROUNDS = 7
FLOORS = {service: f"import boto3; boto3.client({service!r})" for service in ("dynamodb", "events", "lambda")}
BARE = "pass"
OF_TWO_REGIONS = {
    "CONFLICTS_TABLE": "conflicts",
    "PRIMARY_REGION": "us-east-1",
    "REGION": "us-east-1",
    "REGIONS": "us-east-1,eu-west-1",
    "REGION_MODE": "standby",
    "REGION_ROLE": "active",
    "REGION_TABLE": "standings",
    "STILL_WRITING_SECONDS": "39",
}
"""What reconcile is told besides: without a second Region there is no such function."""
ARCHITECTURE, RUNTIME = "arm64", "python3.13"
"""The defaults of Pulumi.yaml."""

_PROBE = """
import json, sys, time
cpu, wall = time.process_time(), time.perf_counter()
{statement}
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
ours = [module.__file__ for name, module in sys.modules.items() if name.split(".")[0] == "handlers"]
print(json.dumps({{"cpuMs": cpu * 1e3, "wallMs": wall * 1e3, "files": ours, "modules": len(sys.modules)}}))
"""
_CLIENTS = """
import boto3, json
made, client = [], boto3.client
boto3.client = lambda service, **how: made.append(service) or client(service, **how)
import handlers.{name}
print(json.dumps(made))
"""


def measure(steps: Steps) -> dict[str, Any]:
    """`{"functions": one per entry point, "floors", "layerBytes", "handlersBytes", "layerAbsent"}`."""
    floors = entry_points()
    statements = {"bare": BARE, **FLOORS, **{name: f"import handlers.{name}" for name in floors}}
    samples: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with steps.step("import time, in turns", ROUNDS + 1) as advance:
        for number in range(ROUNDS + 1):
            for name, statement in statements.items():
                sample = _probe(statement)
                if number:  # the first one compiles
                    samples[name].append(sample)
            advance(1)
    ready = {name: _best(taken) for name, taken in samples.items()}
    files = {name: sorted(taken[0]["files"]) for name, taken in samples.items()}
    build = PROJECT / ".build"
    layer, absent = None, ""
    try:
        lock = PROJECT / "handlers" / "requirements.txt"
        layer = layer_zip(lock, build, architecture=ARCHITECTURE, runtime=RUNTIME).stat().st_size
    except BundleError as problem:
        absent = str(problem)
    return {
        "functions": [
            {
                "name": name,
                "floor": floor,
                **ready[name],
                "sourceBytes": sum(Path(file).stat().st_size for file in files[name]),
                "ownModules": len(files[name]),
            }
            for name, floor in floors.items()
        ],
        "floors": {name: ready[name] for name in ("bare", *FLOORS)},
        "handlersBytes": handlers_zip(PROJECT / "handlers", build).stat().st_size,
        "layerBytes": layer,
        "layerAbsent": absent,
        "boto3": metadata.version("boto3"),
        "samples": ROUNDS,
    }


def entry_points() -> dict[str, str]:
    """Every function's module, and its floor: the service whose client it makes first as it is imported, or "bare"."""
    found = {}
    for path in sorted((PROJECT / "handlers").glob("*.py")):
        if "\ndef lambda_handler(" in path.read_text("utf-8"):
            made: list[str] = _run(_CLIENTS.format(name=path.stem))
            found[path.stem] = [*made, "bare"][0]
    return found


def _probe(statement: str) -> dict[str, Any]:
    sample: dict[str, Any] = _run(_PROBE.format(statement=statement))
    return sample


def _run(program: str) -> Any:
    """What a program in a process of its own prints, as JSON."""
    done = subprocess.run(  # noqa: S603 -- our own words
        [sys.executable, "-c", program],
        cwd=PROJECT,
        env={**os.environ, **SETTINGS, **(OF_TWO_REGIONS if "handlers.reconcile" in program else {})},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def _best(samples: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        **{name: round(min(each[name] for each in samples), 2) for name in ("cpuMs", "wallMs")},
        "modules": samples[0]["modules"],
    }
