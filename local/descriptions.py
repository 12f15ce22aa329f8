"""The descriptions of AWS's APIs, read once: moto and each boto3 session would hold copies, 5 MB for some services."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from botocore.loaders import JSONFileLoader

_read = JSONFileLoader.load_file


@cache
def _read_once(path: str) -> Any:
    return _read(JSONFileLoader(), path)


def install() -> None:
    """From here on each file is read once in this process. Calling it again changes nothing."""
    JSONFileLoader.load_file = _load  # type: ignore[method-assign, assignment]


def _load(loader: JSONFileLoader, file_path: str) -> Any:
    """Of S3 a copy for each, since botocore edits it: it takes the bucket out of the paths."""
    return _read(loader, file_path) if Path(file_path).parent.parent.name == "s3" else _read_once(file_path)
