"""What an export holds and how far it is: `manifest.json` beside its files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Self

from ops.system import OperatorError

from . import durable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NAME = "manifest.json"
_VERSION = 1


class Format(StrEnum):
    """How the files are written; the value is their suffix as well."""

    JSONL = "jsonl"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class Table:
    """One table in its life: another of the same name, made later, is another table."""

    arn: str
    created: str

    @classmethod
    def of(cls, client: DynamoDBClient, name: str) -> Self:
        """The table as it is now. One DescribeTable, which costs nothing."""
        described = client.describe_table(TableName=name)["Table"]
        return cls(described["TableArn"], described["CreationDateTime"].isoformat())


@dataclass(frozen=True, slots=True)
class Request:
    """Which events: all, one aggregate's or one type's, with since <= Timestamp <= until where these are given."""

    aggregate_id: str | None = None
    event_type: str | None = None
    since: str | None = None
    until: str | None = None

    @property
    def whole_streams(self) -> bool:
        """Whether every stream in it begins with its first event. A Timestamp is never earlier than the one before
        it in its stream, so that an upper bound alone leaves each stream's beginning.
        """
        return self.event_type is None and self.since is None

    def __str__(self) -> str:
        what = f"the stream {self.aggregate_id}" if self.aggregate_id else self.event_type or "everything"
        since, until = (f" from {self.since}" if self.since else ""), (f" to {self.until}" if self.until else "")
        return f"{what}{since}{until}"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a folder of copies is of: a replay's id, which theirs follow from, and what it selects."""

    replay_id: str
    spec: str
    """Its canonical JSON, in which numbers keep all their digits."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file, and how much of it counts: its first `events` events, that is its first `bytes` bytes."""

    file: str
    events: int = 0
    bytes: int = 0
    sha256: str = durable.NOTHING
    after: Mapping[str, Any] | None = None
    """The LastEvaluatedKey behind which reading goes on."""
    finished: bool = False
    left_out: int = 0
    """Items that were met on the way and are no events."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """An export. The parts are the Scan's segments, the type index's buckets or the one aggregate's stream."""

    table: Table
    request: Request
    format: Format
    started: str
    parts: tuple[Part, ...]
    replay: Replayed | None = None
    """None of an export, which holds events."""

    @property
    def events(self) -> int:
        """How many there are so far."""
        return sum(part.events for part in self.parts)

    @property
    def left_out(self) -> int:
        """How many items are no events, and so not in it."""
        return sum(part.left_out for part in self.parts)

    @property
    def finished(self) -> bool:
        """Whether everything that was asked for is there."""
        return all(part.finished for part in self.parts)

    def digest(self) -> str:
        """SHA-256 of the whole manifest, and so, by the files' own, of the whole export."""
        return sha256(self.dumps().encode()).hexdigest()

    def dumps(self) -> str:
        """As it stands in the file."""
        content = {
            "manifestVersion": _VERSION,
            "table": {"arn": self.table.arn, "created": self.table.created},
            "request": {
                "aggregateId": self.request.aggregate_id,
                "eventType": self.request.event_type,
                "from": self.request.since,
                "to": self.request.until,
            },
            **({"replay": {"id": self.replay.replay_id, "spec": self.replay.spec}} if self.replay else {}),
            "format": self.format,
            "started": self.started,
            "finished": self.finished,
            "events": self.events,
            **({"leftOut": self.left_out} if self.left_out else {}),
            "parts": [
                {
                    "file": part.file,
                    "events": part.events,
                    "bytes": part.bytes,
                    "sha256": part.sha256,
                    **({"leftOut": part.left_out} if part.left_out else {}),
                    "lastEvaluatedKey": part.after,
                    "finished": part.finished,
                }
                for part in self.parts
            ],
        }
        return json.dumps(content, indent=2) + "\n"

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read it from an export's folder. OperatorError where there is none, or one that makes no sense."""
        path = folder / NAME
        try:
            content = json.loads(path.read_text("utf-8"))
            if content["manifestVersion"] != _VERSION:
                raise OperatorError(f"{path}: manifestVersion is {content['manifestVersion']}, and not {_VERSION}")
            asked = content["request"]
            return cls(
                table=Table(_text(content["table"], "arn"), _text(content["table"], "created")),
                request=Request(asked["aggregateId"], asked["eventType"], asked["from"], asked["to"]),
                format=Format(content["format"]),
                started=_text(content, "started"),
                parts=tuple(_part(each) for each in content["parts"]),
                replay=_replayed(content.get("replay")),
            )
        except FileNotFoundError:
            raise OperatorError(f"{folder}: there is no export here (no {NAME})") from None
        except KeyError as error:
            raise OperatorError(f"{path}: not an export's manifest: {error} is missing") from error
        except (TypeError, ValueError) as error:
            raise OperatorError(f"{path}: not an export's manifest: {error}") from error


class Checkpoints:
    """The manifest as it grows: each part's progress goes to the disk as one whole file. For several threads."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self._path = folder / NAME
        self._manifest = manifest
        self._parts = list(manifest.parts)
        self._lock = Lock()
        self._save()

    @property
    def manifest(self) -> Manifest:
        """As of now."""
        with self._lock:
            return self._now(self._parts)

    def record(self, number: int, part: Part) -> None:
        """Let a part count for as much as this; what it counts must be on the disk already."""
        with self._lock:
            self._parts[number] = part
            self._save()

    def _save(self) -> None:
        durable.replace(self._path, self._now(self._parts).dumps())

    def _now(self, parts: Iterable[Part]) -> Manifest:
        return replace(self._manifest, parts=tuple(parts))


def _replayed(content: Mapping[str, Any] | None) -> Replayed | None:
    return None if content is None else Replayed(_text(content, "id"), _text(content, "spec"))


def _part(content: Mapping[str, Any]) -> Part:
    part = Part(
        file=_text(content, "file"),
        events=_count(content, "events"),
        bytes=_count(content, "bytes"),
        sha256=_text(content, "sha256"),
        after=content["lastEvaluatedKey"],
        finished=content["finished"] is True,
        left_out=_count({"leftOut": 0, **content}, "leftOut"),
    )
    if Path(part.file).name != part.file:
        raise ValueError(f"file {part.file!r} is not a file's name")
    return part


def _text(content: Mapping[str, Any], name: str) -> str:
    if not isinstance(content[name], str):
        raise TypeError(f"{name} must be a text")
    return str(content[name])


def _count(content: Mapping[str, Any], name: str) -> int:
    value = content[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"{name} must be a number from 0 on")
    return value
