"""Moves letters to where they were going: sent first, deleted after, so that a crash repeats and never loses."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from handlers.sourcing import times
from handlers.sourcing.event import Event
from handlers.store.event_bus import EventBus, PublishError
from ops.foreign import Foreign
from ops.republish import put
from ops.timeline import ByTime

from .diagnosis import Case, Remedy
from .invocation import Invocation
from .queues import BATCH, BATCH_BYTES, Holding
from .stretch import Stretch, windows

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_sqs import SQSClient

_FAULTS = (BotoCoreError, ClientError, PublishError, LookupError, TypeError, ValueError, ArithmeticError)
LOG_STREAM = "redriven"
"""In the audit log: what did not reach it by itself."""
TOLD = 3
"""Of the events that the bus will never take, and of the items that are none, so many are named."""


class Result(NamedTuple):
    """What became of a letter: moved, or why not."""

    case: Case
    moved: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Redriver:
    """One letter after the other in the order of (aggregate, sequence).

    The order is a courtesy: the projection closes gaps from the store, so no order of messages makes a row skip one.
    """

    sqs: SQSClient
    logs: CloudWatchLogsClient
    functions: LambdaClient
    bus: EventBus
    timeline: ByTime
    queue_url: str
    """Of the projection queue."""
    process_queue_url: str
    holdings: Mapping[str, Holding]
    more_types: Sequence[str] = ()
    """Of events that a newer revision wrote, to look for in the store as well."""
    forced: bool = False
    """Take away the letter of a forgotten stretch, too, once what the store has of its time is published."""
    _published: set[tuple[str, int]] = field(default_factory=set)

    def move(self, cases: Iterable[Case]) -> Iterator[Result]:
        """Move every case; a result for each, as soon as it is known."""
        by_remedy: dict[Remedy, list[Case]] = {remedy: [] for remedy in Remedy}
        for case in sorted(cases, key=lambda case: case.order):
            by_remedy[case.remedy].append(case)
        for remedy, url in ((Remedy.PROJECT, self.queue_url), (Remedy.POKE, self.process_queue_url)):
            for batch in _fitting(by_remedy[remedy]):
                yield from self._moved(batch, partial(self._send, batch, url))
        for case in by_remedy[Remedy.LOG]:
            yield from self._moved([case], partial(self._log, case))
        for case in by_remedy[Remedy.PUBLISH]:
            yield from self._moved([case], partial(self._publish_events, case, case.events or ()))
        yield from self._search(by_remedy[Remedy.SEARCH])
        for case, invocation in _invocations(by_remedy[Remedy.INVOKE]):
            yield from self._moved([case], partial(self._invoke, invocation))
        for called in _by_function(by_remedy[Remedy.CALL]):
            yield from self._moved([case for case, _ in called], partial(self._invoke, called[-1][1]))
        for case in (*by_remedy[Remedy.LATER], *by_remedy[Remedy.NONE]):
            yield Result(case, moved=False, problem=f"its remedy is {case.remedy}")

    def _moved(self, cases: Sequence[Case], act: Callable[[], Mapping[str, str]]) -> Iterator[Result]:
        """Act, then delete the letters of `cases` for which `act` names no problem, by message id."""
        try:
            problems = dict(act())
        except _FAULTS as error:
            problems = {case.letter.message_id: f"not sent: {error!r}" for case in cases}
        for queue in {case.letter.queue for case in cases}:
            sent = [case.letter for case in cases if case.letter.queue == queue]
            sent = [letter for letter in sent if letter.message_id not in problems]
            try:
                left = self.holdings[queue].delete(sent)
            except (BotoCoreError, ClientError):
                left = {letter.message_id for letter in sent}
            problems |= dict.fromkeys(left, "sent, but not deleted here: it will be sent again, which is harmless")
        for case in cases:
            problem = problems.get(case.letter.message_id, "")
            yield Result(case, moved=not problem, problem=problem)

    def _send(self, cases: Sequence[Case], queue_url: str) -> dict[str, str]:
        entries: Any = [{"Id": str(at), "MessageBody": _message(case)} for at, case in enumerate(cases)]
        answer = self.sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)
        return {
            cases[int(each["Id"])].letter.message_id: f"not sent: {each['Code']}: {each.get('Message', '')}"
            for each in answer.get("Failed", [])
        }

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

    def _search(self, cases: Sequence[Case]) -> Iterator[Result]:
        """Windows of time from the store, each read once, for the stretches that the stream has forgotten."""
        forgotten = [(case, case.stretch) for case in cases if case.stretch is not None]
        for window in windows(stretch for _, stretch in forgotten):
            inside = [(case, stretch) for case, stretch in forgotten if window[0] <= stretch.first <= window[1]]
            yield from self._moved([case for case, _ in inside], partial(self._publish_window, window, inside))

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
            left_out += self._publish_new(batch.events)
            left_out += [] if self.forced else batch.foreign
            stamps = sorted(event.timestamp for event in batch.events)
            for at, (start, end) in enumerate(bounds):
                found[at] += bisect_right(stamps, end) - bisect_left(stamps, start)
        problems = _problem_of([case for case, _ in inside], left_out)
        if not self.forced:
            for at, (case, stretch) in enumerate(inside):
                told = filter(None, (problems.get(case.letter.message_id), _doubt(found[at], stretch.size)))
                problems[case.letter.message_id] = "; ".join(told)
        return problems

    def _publish_events(self, case: Case, events: Iterable[Event]) -> dict[str, str]:
        kept = tuple(events)
        left_out = self._publish_new(kept)
        if not left_out:
            self._published.update((event.aggregate_id, event.sequence) for event in kept)
        return _problem_of([case], left_out)

    def _publish_new(self, events: Iterable[Event]) -> Sequence[Foreign]:
        """Publish what was not yet. What the bus will never take holds up no other event, and is answered."""
        new = {(event.aggregate_id, event.sequence): event for event in events}
        return put(self.bus, (new[place] for place in sorted(new) if place not in self._published)).left_out

    def _invoke(self, invocation: Invocation) -> dict[str, str]:
        self.functions.invoke(FunctionName=invocation.function, InvocationType="Event", Payload=invocation.payload)
        return {}


def _invocations(cases: Iterable[Case]) -> list[tuple[Case, Invocation]]:
    return [(case, case.invocation) for case in cases if case.invocation is not None]


def _by_function(cases: Iterable[Case]) -> list[list[tuple[Case, Invocation]]]:
    """Each function's, the oldest first. One call does the work of all that could not be made."""
    found: dict[str, list[tuple[Case, Invocation]]] = {}
    for case, invocation in _invocations(sorted(cases, key=lambda case: case.letter.since)):
        found.setdefault(invocation.function, []).append((case, invocation))
    return list(found.values())


def _problem_of(cases: Sequence[Case], left_out: Sequence[Foreign]) -> dict[str, str]:
    """What keeps these letters in their queue; by message id."""
    if not left_out:
        return {}
    told = "; ".join(f"#{each.sequence} of {each.aggregate_id}: {each.problem}" for each in left_out[:TOLD])
    return {case.letter.message_id: f"all sent but {len(left_out)}: {told}" for case in cases}


def _doubt(found: int, size: int) -> str:
    """Why the letter of a forgotten stretch stays, and what to do about it."""
    missing = f"{size - found} of them at least are elsewhere, or were no events"
    known = missing if found < size else "whether all of its own are among them is open"
    return (
        f"{found} events of its time were published, for its {size} records; {known}: what was imported, follows a "
        "stamp from the future or is of a type that needs --type has another time or key. `verify` names accounts "
        "whose rows lag: `republish --aggregate ID` each, then redrive this letter with --force"
    )


def _message(case: Case) -> str:
    return case.letter.body if case.message is None else case.message


def _fitting(cases: Sequence[Case]) -> Iterator[list[Case]]:
    batch: list[Case] = []
    size = 0
    for case in cases:
        length = len(_message(case).encode())
        if batch and (len(batch) == BATCH or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(case)
        size += length
    if batch:
        yield batch
