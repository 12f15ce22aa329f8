"""The descriptions of AWS's APIs, read once and without their prose: else moto and each boto3 session hold copies.

Some are 5 MB as objects, and a third of that is prose and room that a dictionary with an order of its own takes.
"""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

from botocore.loaders import JSONFileLoader

_PROSE = "documentation"


@cache
def _read_once(path: str) -> Any:
    return _read(path)


def install() -> None:
    """From here on each file is read once in this process. Calling it again changes nothing."""
    JSONFileLoader.load_file = _load  # type: ignore[method-assign, assignment]


def _load(_loader: JSONFileLoader, file_path: str) -> Any:
    """Of S3 a copy for each, since botocore edits it: it takes the bucket out of the paths."""
    return _read(file_path) if Path(file_path).parent.parent.name == "s3" else _read_once(file_path)


def _read(path: str) -> Any:
    """None where there is no such file, with or without compression, as botocore has it."""
    for name, opened in ((f"{path}.json", open), (f"{path}.json.gz", gzip.open)):
        if Path(name).is_file():
            with opened(name, "rb") as file:
                return json.loads(file.read(), object_pairs_hook=_without_prose)
    return None


def _without_prose(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Botocore asks for some of it, so its place stays. A shape's member of that name is no text."""
    return {name: "" if name == _PROSE and isinstance(value, str) else value for name, value in pairs}
