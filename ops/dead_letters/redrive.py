"""Moves letters to where they were going, by every remedy there is: what reaches further than `Sender` goes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from handlers.sourcing import times
from handlers.upkeep.foreign import Foreign
from handlers.upkeep.letters.diagnosis import Case, Remedy
from handlers.upkeep.letters.invocation import Invocation
from handlers.upkeep.letters.sending import TO_QUEUES, Result, Sender, in_order, problem_of
from handlers.upkeep.letters.stretch import Stretch, windows
from ops.timeline import ByTime
from tools.numbers import counted, verb

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient

LOG_STREAM = "redriven"
"""In the audit log: what did not reach it by itself."""


@dataclass(frozen=True, slots=True)
class Redriver:
    """One letter after the other, in an order that is a courtesy: see `Sender`."""

    sender: Sender
    logs: CloudWatchLogsClient
    firehose: Any
    functions: LambdaClient
    timeline: ByTime
    called: Mapping[str, str] = field(default_factory=dict)
    """What callers name, by the function's name, where that is another: an alias of it."""
    more_types: Sequence[str] = ()
    """Of events that a newer revision wrote, to look for in the store as well."""
    forced: bool = False
    """Take away the letter of a forgotten stretch, too, once what the store has of its time is published."""

    def move(self, cases: Iterable[Case]) -> Iterator[Result]:
        """Move every case; a result for each, as soon as it is known."""
        by_remedy = in_order(cases)
        yield from self.sender.send(case for remedy in TO_QUEUES for case in by_remedy[remedy])
        for case in by_remedy[Remedy.LOG]:
            yield from self.sender.moved([case], partial(self._log, case))
        for case in by_remedy[Remedy.FILES]:
            yield from self.sender.moved([case], partial(self._file, case))
        yield from self.sender.send(by_remedy[Remedy.PUBLISH])
        yield from self._search(by_remedy[Remedy.SEARCH])
        for case, invocation in _invocations(by_remedy[Remedy.INVOKE]):
            yield from self.sender.moved([case], partial(self._invoke, invocation))
        for called in _by_function(by_remedy[Remedy.CALL]):
            yield from self.sender.moved([case for case, _ in called], partial(self._invoke, called[-1][1]))
        for case in (*by_remedy[Remedy.LATER], *by_remedy[Remedy.NONE]):
            yield Result(case, moved=False, problem=f"its remedy is {case.remedy}")

    def _log(self, case: Case) -> dict[str, str]:
        """Straight to the log group: through the bus again, the event would be archived and projected again, too."""
        group = case.letter.attributes["TARGET_ARN"].split(":log-group:")[1].removesuffix(":*")
        try:
            with suppress(self.logs.exceptions.ResourceAlreadyExistsException):
                self.logs.create_log_stream(logGroupName=group, logStreamName=LOG_STREAM)
        except self.logs.exceptions.ResourceNotFoundException:
            problem = f"the stack has no audit log {group} any more (its setting auditLog); the event is in the store"
            return {case.letter.message_id: f"not sent: {problem}"}
        # CloudWatch refuses what is older than 14 days; the event's own time is in its text.
        now = int(datetime.now(UTC).timestamp() * 1000)
        line: Any = [{"timestamp": now, "message": case.letter.body}]
        answer = self.logs.put_log_events(logGroupName=group, logStreamName=LOG_STREAM, logEvents=line)
        refused = answer.get("rejectedLogEventsInfo")
        return {case.letter.message_id: f"refused by the log: {refused}"} if refused else {}

    def _file(self, case: Case) -> dict[str, str]:
        """Into Firehose's stream, not through the bus, for the reason of the log."""
        name = case.letter.attributes["TARGET_ARN"].rpartition("/")[2]
        try:
            self.firehose.put_record(DeliveryStreamName=name, Record={"Data": case.letter.body.encode()})
        except self.firehose.exceptions.ResourceNotFoundException:
            problem = f"the stack has no audit files by {name} any more (its setting auditFilesDays)"
            return {case.letter.message_id: f"not sent: {problem}; the event is in the store"}
        return {}

    def _search(self, cases: Sequence[Case]) -> Iterator[Result]:
        """Windows of time from the store, each read once, for the stretches that the stream has forgotten."""
        forgotten = [(case, case.stretch) for case in cases if case.stretch is not None]
        for window in windows(stretch for _, stretch in forgotten):
            inside = [(case, stretch) for case, stretch in forgotten if window[0] <= stretch.first <= window[1]]
            yield from self.sender.moved([case for case, _ in inside], partial(self._publish_window, window, inside))

    def _publish_window(
        self, window: tuple[datetime, datetime], inside: Sequence[tuple[Case, Stretch]]
    ) -> dict[str, str]:
        """Publish the events of a window. Not forced, every letter stays, since nothing proves that its own are there.

        An item does not say when it was stored, and its Timestamp is another time where it was imported, or follows a
        stamp from the future. So no number of events found proves that the stretch's are among them; only that some
        are missing, where there are fewer than it had records.
        """
        left_out: list[Foreign] = []
        bounds = [tuple(map(times.to_text, stretch.window)) for _, stretch in inside]
        found = [0] * len(inside)
        for batch in self.timeline.read(*window, self.more_types):
            left_out += self.sender.publish_new(batch.events)
            left_out += [] if self.forced else batch.foreign
            stamps = sorted(event.timestamp for event in batch.events)
            for at, (start, end) in enumerate(bounds):
                found[at] += bisect_right(stamps, end) - bisect_left(stamps, start)
        problems = problem_of([case for case, _ in inside], left_out)
        if not self.forced:
            for at, (case, stretch) in enumerate(inside):
                told = filter(None, (problems.get(case.letter.message_id), _doubt(found[at], stretch.size)))
                problems[case.letter.message_id] = "; ".join(told)
        return problems

    def _invoke(self, invocation: Invocation) -> dict[str, str]:
        name = self.called.get(invocation.function, invocation.function)
        self.functions.invoke(FunctionName=name, InvocationType="Event", Payload=invocation.payload)
        return {}


def _invocations(cases: Iterable[Case]) -> list[tuple[Case, Invocation]]:
    return [(case, case.invocation) for case in cases if case.invocation is not None]


def _by_function(cases: Iterable[Case]) -> list[list[tuple[Case, Invocation]]]:
    """Each function's, the oldest first. One call does the work of all that could not be made."""
    found: dict[str, list[tuple[Case, Invocation]]] = {}
    for case, invocation in _invocations(sorted(cases, key=lambda case: case.letter.since)):
        found.setdefault(invocation.function, []).append((case, invocation))
    return list(found.values())


def _doubt(found: int, size: int) -> str:
    """Why the letter of a forgotten stretch stays, and what to do about it."""
    missing = f"{size - found} of them at least are elsewhere, or were no events"
    known = missing if found < size else "whether all of its own are among them is open"
    published = f"{counted(found, 'event')} of its time {verb(found, 'was', 'were')} published"
    return (
        f"{published}, for its {counted(size, 'record')}; {known}: what was imported, follows a "
        "stamp from the future or is of a type that needs --type has another time or key. `verify` names those "
        "whose rows lag: `republish --aggregate ID` each, then redrive this letter with --force"
    )
