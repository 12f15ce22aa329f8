"""The ledger of `make serve` in this clone: where it is, as the file of its outputs tells while it runs."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

LOCAL_URL = "http://127.0.0.1:4567"
"""Where `make serve` has the first distribution, unless it was given another port or found one taken."""
LOCAL_AWS = "http://127.0.0.1:4566"
"""Where `make serve` has AWS, unless it was given another port."""
OUTPUTS = Path(__file__).resolve().parents[1] / "out.json"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def is_local(url: str) -> bool:
    """Whether it is an address of this machine alone."""
    return urlsplit(url).hostname in _LOOPBACK


def served_url() -> str | None:
    """Where the console of `make serve` is. None where no file says so: it does not run, or deploys still."""
    return _told("consoleUrl")


def local_url() -> str:
    """The same, or where it would be."""
    return served_url() or LOCAL_URL


def local_aws() -> str:
    """Where the AWS of `make serve` is, or would be."""
    return _told("endpoint") or LOCAL_AWS


def _told(output: str) -> str | None:
    """The origin of an output. What is not of this machine is no ledger of `make serve`, whoever wrote the file."""
    try:
        outputs = json.loads(OUTPUTS.read_text("utf-8"))
        parts = urlsplit(outputs[output])
        is_here = bool(outputs.get("endpoint")) and parts.scheme == "http" and is_local(parts.geturl())
        is_here = is_here and parts.port is not None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return f"http://{parts.netloc}" if is_here else None
