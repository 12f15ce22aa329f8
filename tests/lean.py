"""The example of a stack that leaves out what the recipe did not have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

_FILE = Path(__file__).resolve().parents[1] / "docs" / "examples" / "Pulumi.lean.yaml"


def lean_settings() -> dict[str, str]:
    """Its settings, as the Pulumi CLI hands them over."""
    config: dict[str, Any] = yaml.safe_load(_FILE.read_text("utf-8"))["config"]
    own = {key: value for key, value in config.items() if not key.startswith("aws:")}
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in own.items()}
