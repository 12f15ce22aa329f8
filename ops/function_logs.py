"""What the functions log, line by line, as Lambda writes it: JSON, with what our code adds to each line."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from botocore.exceptions import ClientError

from handlers.sourcing.errors import MalformedError
from handlers.sourcing.values import loads

from .system import System

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

FUNCTIONS = (
    *("command", "validate", "query", "relay", "projection", "snapshot"),
    *("process", "sweep", "branch", "replayer", "operations", "token-scopes"),
    *("reconcile", "heartbeat"),
)
ABOUT = ("aggregateId", "processId", "replayId", "replay_id")
"""The members of a line that say what it is about."""
LAST = ""
"""No subject has this name."""
_ERRORS = ("ERROR", "CRITICAL")
_LOW = ("TRACE", "DEBUG", "INFO")
_CLIENTS = ("boto3", "botocore", "s3transfer", "urllib3")
_ERRORS_ALONE = "{ " + " || ".join(f'$.level = "{level}"' for level in _ERRORS) + " }"
_PLAIN = re.compile(r"[A-Za-z0-9_.:@/+-]{1,200}")
"""Texts that a filter pattern takes for what they are."""
_KNOWN = frozenset({"timestamp", "level", "message", "logger", "requestId", "errorType", "errorMessage", "stackTrace"})
_UNREAD = frozenset({"AccessDeniedException", "ResourceNotFoundException"})


class Line(NamedTuple):
    """One line. `told` is its JSON; None where it is none."""

    event_id: str
    at: datetime
    text: str
    told: Mapping[str, Any] | None

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Self:
        """As FilterLogEvents gives it."""
        text = str(event["message"]).rstrip("\n")
        try:
            told = loads(text, "line")
        except MalformedError:
            told = None
        at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
        return cls(str(event["eventId"]), at, text, told if isinstance(told, dict) else None)

    @property
    def level(self) -> str:
        """How bad it is, as far as it says."""
        return str((self.told or {}).get("level", ""))

    @property
    def is_error(self) -> bool:
        """Whether it tells of a fault."""
        return self.level in _ERRORS

    @property
    def is_routine(self) -> bool:
        """Whether it is Lambda's own, of an invocation that went well."""
        record = (self.told or {}).get("record")
        return isinstance(record, dict) and record.get("status", "success") == "success"

    @property
    def is_noise(self) -> bool:
        """Whether it is a metric, which CloudWatch reads, or a word of AWS's client of what went well."""
        told = self.told or {}
        library = str(told.get("logger", "")).partition(".")[0] in _CLIENTS
        return "_aws" in told or (library and self.level in _LOW)

    @property
    def what(self) -> str:
        """What it says, with the error that it is about."""
        if self.told is None:
            return self.text
        if isinstance(record := self.told.get("record"), dict):
            return f"{self.told.get('type')}: {record.get('status')}"
        said = (self.told.get(name) for name in ("message", "errorType", "errorMessage"))
        return ": ".join(str(each) for each in said if each)

    @property
    def more(self) -> Mapping[str, Any]:
        """What our code adds."""
        told = self.told or {}
        return {} if "record" in told else {name: told[name] for name in told if name not in _KNOWN}

    def concerns(self, subject: str) -> bool:
        """Whether it says that it is about that aggregate or replay."""
        return any((self.told or {}).get(name) == subject for name in ABOUT)


@dataclass(frozen=True, slots=True)
class FunctionLog:
    """The log group of one function."""

    logs: CloudWatchLogsClient
    group: str

    @classmethod
    def of(cls, system: System, function: str) -> Self:
        """That of a function by its entry's name. OperatorError where the stack says none."""
        return cls(system.client("logs"), system.output(f"{spelled(function)}LogGroup"))

    def lines(self, since: datetime, about: str | None = None) -> Iterator[Line]:
        """What was logged since, in the order of time: a FilterLogEvents for each megabyte of the log that it goes
        through. With `about` the lines on that aggregate or replay."""
        pattern = ""
        if about is not None and _PLAIN.fullmatch(about):  # and the whole of it under 1,024 characters
            pattern = " || ".join(f'$.{name} = "{about}"' for name in ABOUT)
        lines = self._search(since, f"{{ {pattern} }}" if pattern else "")
        return lines if about is None else (line for line in lines if line.concerns(about))

    def last_errors(self, since: datetime, subjects: Collection[str]) -> dict[str, Line]:
        """The last error that was logged of each subject since, of those that have one, and under LAST the last
        that names none at all. It goes through all errors. A subject is an aggregate, a process, a replay, a message or
        a request."""
        found: dict[str, Line] = {}
        for line in self._search(since, _ERRORS_ALONE):
            if line.is_error and line.told:
                said = (line.told.get(name) for name in (*ABOUT, "messageId", "requestId"))
                of_these = [each for each in said if isinstance(each, str) and each in subjects]
                names = _names(line)
                # Lambda's own report of what a function raised comes behind the line that says why.
                found |= {each: line for each in of_these if names or each not in found or not _names(found[each])}
                if not names:
                    found[LAST] = line
        return found

    def _search(self, since: datetime, pattern: str) -> Iterator[Line]:
        selection: Any = {"filterPattern": pattern} if pattern else {}
        pages = self.logs.get_paginator("filter_log_events").paginate(
            logGroupName=self.group, startTime=max(0, int(since.timestamp() * 1000)), **selection
        )
        for page in pages:
            yield from sorted(map(Line.of, page["events"]), key=lambda line: line.at)


def _names(line: Line) -> bool:
    """Whether it says what it is about, besides the request."""
    return any((line.told or {}).get(name) for name in (*ABOUT, "messageId"))


def spelled(function: str) -> str:
    """The name of a function's entry as the outputs begin with it."""
    first, *rest = function.split("-")
    return first + "".join(word.title() for word in rest)


def is_unread(error: ClientError) -> bool:
    """Whether a log is not to be read: by whoever asks, or since there is none."""
    return error.response["Error"]["Code"] in _UNREAD
