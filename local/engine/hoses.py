"""What Firehose makes of an event that a rule has put into a stream: a line of a file in the stream's bucket.

Here it makes each its own file, at once. On AWS it gathers them for some minutes, and writes what it has in no order.
"""

from __future__ import annotations

import gzip
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMESTAMP = re.compile(r"!\{timestamp:([^}]*)\}")
_FORMATS = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H"}
_APPENDS = "AppendDelimiterToRecord"


@dataclass(frozen=True)
class File:
    role_arn: str
    """In whose name it is written."""
    bucket: str
    key: str
    content: bytes

    @property
    def arn(self) -> str:
        return f"arn:aws:s3:::{self.bucket}/{self.key}"


def file_of(name: str, version: str, to: Mapping[str, Any], record: str) -> File:
    """The file of one record; `to` is the stream's destination, as it was asked for."""
    now = datetime.now(UTC)
    processing = to.get("ProcessingConfiguration") or {}
    lines = bool(processing.get("Enabled")) and any(each["Type"] == _APPENDS for each in processing["Processors"])
    content = (record + "\n" if lines else record).encode()
    zipped = to.get("CompressionFormat") == "GZIP"
    prefix = _TIMESTAMP.sub(lambda found: _at(now, found[1]), to.get("Prefix") or "!{timestamp:yyyy/MM/dd/HH}/")
    return File(
        role_arn=to["RoleARN"],
        bucket=to["BucketARN"].rpartition(":")[2],
        key=f"{prefix}{name}-{version}-{now:%Y-%m-%d-%H-%M-%S}-{uuid.uuid4()}{'.gz' if zipped else ''}",
        content=gzip.compress(content) if zipped else content,
    )


def _at(now: datetime, pattern: str) -> str:
    """A moment by the letters of Java's formatter that prefixes are made of."""
    for letters, ours in _FORMATS.items():
        pattern = pattern.replace(letters, now.strftime(ours))
    return pattern
