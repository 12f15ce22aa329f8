"""What the functions last logged about what lies in the dead letter queues."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self

from botocore.exceptions import ClientError

from handlers.sourcing.errors import MalformedError
from handlers.sourcing.values import loads
from handlers.upkeep.letters.diagnosis import Case
from ops.function_logs import FUNCTIONS, LAST, FunctionLog, Line, is_unread, spelled
from ops.system import OperatorError, System

_TRIED = timedelta(hours=6)
"""For so long an asynchronous invocation is tried before it is given up."""
_CLOCKS = timedelta(minutes=1)
_NAME = 6
"""Where the ARN of a function has its name."""
_BY_QUEUE = {"projection": "projection", "process": "process", "replay": "replayer", "conflict": "reconcile"}


@dataclass(frozen=True, slots=True)
class LastErrors:
    """The last error of each letter's aggregate, process, message or request, by the message's id."""

    by_message: Mapping[str, Line] = field(default_factory=dict)
    of_function: Mapping[str, Line] = field(default_factory=dict)
    """The last error of all of a letter's function, by the message's id, where none names what the letter is about: one
    that does not start, or that cannot be configured, knows no letter."""
    unread: Sequence[str] = ()
    """Why a log was not read."""

    @classmethod
    def of(cls, system: System, cases: Sequence[Case]) -> Self:
        """Look through the errors in each function's log since its oldest letter: `FunctionLog.last_errors`."""
        by_function: dict[str, list[Case]] = {}
        for case in cases:
            if function := _function_of(case, system):
                by_function.setdefault(function, []).append(case)
        found: dict[str, Line] = {}
        others: dict[str, Line] = {}
        unread: list[str] = []
        for function, concerned in by_function.items():
            subjects = {subject for case in concerned for subject in _subjects(case)}
            since = min(case.letter.since - _earlier(case) for case in concerned)
            try:
                lines = FunctionLog.of(system, function).last_errors(since, subjects)
            except OperatorError as error:
                unread.append(str(error))
                continue
            except ClientError as error:
                if not is_unread(error):
                    raise
                unread.append(str(error))
                continue
            for case in concerned:
                if line := _newest(lines[each] for each in _subjects(case) if each in lines):
                    found[case.letter.message_id] = line
                elif LAST in lines:
                    others[case.letter.message_id] = lines[LAST]
        return cls(found, others, unread)

    def of_case(self, case: Case) -> Line | None:
        """That of one letter."""
        return self.by_message.get(case.letter.message_id)

    def newest(self, cases: Sequence[Case]) -> Line | None:
        """The newest of some letters."""
        return _newest(line for case in cases if (line := self.of_case(case)))

    def newest_of_function(self, cases: Sequence[Case]) -> Line | None:
        """The newest of the functions of some letters, of which no line tells."""
        return _newest(line for case in cases if (line := self.of_function.get(case.letter.message_id)))

    def describe(self, case: Case) -> dict[str, Any] | None:
        """That of one letter as JSON; with `names` false where it is the last of its function, and names no letter."""
        line, names = self.of_case(case), True
        if line is None:
            line, names = self.of_function.get(case.letter.message_id), False
        if line is None:
            return None
        told = {"at": line.at.isoformat(timespec="milliseconds"), "error": line.what}
        return told if names else {**told, "names": False}


def _earlier(case: Case) -> timedelta:
    """How long before its time what it is about may have begun to fail. That of a message is of its first send."""
    return _TRIED if case.letter.queue == "invocation" else _CLOCKS


def _newest(lines: Iterator[Line]) -> Line | None:
    return max(lines, key=lambda line: line.at, default=None)


def _subjects(case: Case) -> Iterator[str]:
    yield case.letter.message_id
    if request := _context_of(case).get("requestId"):
        yield str(request)
    yield from (place.aggregate_id for place in case.places)


def _function_of(case: Case, system: System) -> str | None:
    """Whose log tells of a letter, by its entry's name; None where nobody's does by the aggregate."""
    if case.letter.queue != "invocation":
        return _BY_QUEUE.get(case.letter.queue)
    outputs = {system.function(f"{spelled(function)}Function"): function for function in FUNCTIONS}
    if case.invocation is not None:
        return outputs.get(case.invocation.function)
    parts = str(_context_of(case).get("functionArn", "")).split(":")
    return outputs.get(parts[_NAME]) if len(parts) > _NAME else None


def _context_of(case: Case) -> Mapping[str, Any]:
    """What Lambda notes of an invocation that it gave up, one for a stretch of the stream too; else nothing."""
    if case.letter.queue != "invocation":
        return {}
    try:
        record = loads(case.letter.body, "body")
    except MalformedError:
        return {}
    context = record.get("requestContext") if isinstance(record, dict) else None
    return context if isinstance(context, dict) else {}
