"""What the README has its reader type into a shell."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ASK = """
import json, os, boto3
print(json.dumps([os.environ["AWS_REGION"], boto3.client("lambda").meta.region_name, os.environ["AWS_ENDPOINT_URL"]]))
"""


def test_the_exports_reach_those_who_read_either_name_of_the_region() -> None:
    """Version 2 of the AWS CLI and most SDKs read AWS_REGION; version 1 and boto3 read AWS_DEFAULT_REGION alone."""
    exports = re.findall(r"^export .*AWS_.*$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    script = "\n".join([*exports, f"exec {sys.executable} -c '{ASK}'"])

    told = subprocess.run(
        ["bash", "-c", script], env={"AWS_CONFIG_FILE": "/dev/null"}, capture_output=True, text=True, check=True
    )

    assert json.loads(told.stdout) == ["us-east-1", "us-east-1", "http://127.0.0.1:4566"]
