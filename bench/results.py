"""What was measured, kept beside the code, so that the documents can be written again without measuring."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

PATH = Path(__file__).resolve().parent / "results.json"
Results = dict[str, Any]
"""Part to what it measured, with where and when under `measured`."""


def load() -> Results:
    """All results so far; none where nothing was ever measured."""
    results: Results = json.loads(PATH.read_text("utf-8")) if PATH.exists() else {}
    return results


def save(results: Results) -> None:
    """Replace the kept results."""
    PATH.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n", "utf-8")


def circumstances(engine: str) -> dict[str, Any]:
    """Where and when a part was measured."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "engine": engine,
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "boto3": metadata.version("boto3"),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"
