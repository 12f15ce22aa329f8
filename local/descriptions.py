"""The descriptions of AWS's APIs, read once and without their prose: else moto and each boto3 session hold copies.

Some are 5 MB as objects, and a third of that is prose and room that a dictionary with an order of its own takes. Of
what is left, a third is what they say over and over: names, and which shape a member has. That is held once, too.
"""

from __future__ import annotations

import gzip
import json
import sys
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from botocore.loaders import JSONFileLoader

_PROSE = "documentation"
EXTENDED = frozenset(
    {
        *("cloudfront", "docdb", "ec2", "eks", "neptune", "rds", "route53", "s3", "s3control", "secretsmanager"),
        *("sesv2", "sqs"),
    }
)
"""The services into whose descriptions botocore or moto write what AWS has left out."""


@cache
def _read_once(path: str) -> Any:
    return _read(path)


def install() -> None:
    """From here on each file is read once in this process. Calling it again changes nothing."""
    JSONFileLoader.load_file = _load  # type: ignore[method-assign, assignment]


def _load(_loader: JSONFileLoader, file_path: str) -> Any:
    """Of S3 a copy for each, since botocore edits it: it takes the bucket out of the paths."""
    return _read(file_path) if _service(file_path) == "s3" else _read_once(file_path)


def _service(file_path: str) -> str:
    return Path(file_path).parent.parent.name


def _read(path: str) -> Any:
    """None where there is no such file, with or without compression, as botocore has it."""
    lean = _without_prose if _service(path) in EXTENDED else _shared
    for name, opened in ((f"{path}.json", open), (f"{path}.json.gz", gzip.open)):
        if Path(name).is_file():
            with opened(name, "rb") as file:
                return json.loads(file.read(), object_pairs_hook=lean)
    return None


class _Reference(dict[str, str]):
    """Says which shape is meant, wherever that is meant: an edit would be one of all these places, and is refused."""

    __slots__ = ()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError(f"the reference to the shape {self['shape']} is shared")

    __setitem__ = __delitem__ = update = setdefault = pop = popitem = clear = __ior__ = _refuse


@cache
def _reference(shape: str, *prose: str) -> _Reference:
    return _Reference(shape=shape, **dict.fromkeys(prose, ""))


def _shared(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Without prose, and the same object wherever the same shape is meant."""
    match pairs:
        case [("shape", str(shape))]:
            return _reference(shape)
        case [("shape", str(shape)), ("documentation", str())]:
            return _reference(shape, _PROSE)
        case _:
            return _without_prose(pairs)


def _without_prose(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Botocore asks for some of it, so its place stays. A shape's member of that name is no text."""
    return {name: _lean(name, value) for name, value in pairs}


def _lean(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return "" if name == _PROSE else sys.intern(value)
