"""The replay's machine: one message works on one segment, for as long as its function has time, and hands it on.

What goes out goes out before the place behind it is saved, so a process that ends repeats copies and loses none; and a
copy's id follows from the event, so a repeated copy is the same one. The place moves only over the one that was read:
whoever was overtaken finds that out when it saves, and stops. So the lease is a courtesy, which spares the work of two
at one segment; what goes out does not hang on it, nor on any clock.

An unfinished segment of a running replay has a message in the queue, or in its dead letters: a message is done with
only once the next one is sent, or the segment is done, or the replay may not go on. Who resumes it sends new ones.

The queue counts how often it hands a message out, and sets it aside at last. What is to be counted is attempts that get
nowhere, not crashes. So a message that has moved its segment on is used up: when it comes again, as its process ended,
a new one takes its place, which nobody has counted yet. What is set aside has moved nothing since it was sent, or has
not so much as sent a message four times running.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from handlers.sourcing import times
from handlers.sourcing.errors import MalformedError, NotAnEventError
from handlers.sourcing.event import Event
from handlers.sourcing.fields import check_whole, identifier, optional_identifier
from handlers.sourcing.values import dumps, loads

from .replay_source import SEGMENTS, Place, ReplaySource
from .replay_targets import Copier, LeftOut, ReplayTarget, SendError, Targets
from .replays import NOTHING, ChangedMeanwhileError, Counts, Head, Replays, Run, Segment, State
from .stored_events import event_of

log = logging.getLogger("ledger")

SPARE_SECONDS = 8.0
"""With less time left the segment is handed on: a call may take five, and three follow the last stretch."""
CHECK_SECONDS = 1.0
"""So often the place is saved, and whether it may go on is asked: a pause takes hold within this and a call."""
PAGE = 500
"""Items that are read at once: what is in memory, and read once more by whoever goes on."""
STRETCH = 10
"""Items whose copies go out together: one call of either target."""
LEASE_SECONDS = 5.0
"""Beyond the function's time."""
_NO_TIME = 0.001
MAX_DELAY_SECONDS = 900
AGAIN_SECONDS = 5
"""Later than at once the segment is handed on where its target took nothing any more."""


class Work(NamedTuple):
    """A message of the queue: the segment of a replay that is to be worked on."""

    replay_id: str
    segment: int
    waits_for: str = ""
    """The message that was at work on it when this one came, whose lease it let run out."""


def message_of(work: Work) -> str:
    """A message's body."""
    waits = {"waitsFor": work.waits_for} if work.waits_for else {}
    return dumps({"replayId": work.replay_id, "segment": work.segment, **waits})


def work_of(body: str) -> Work:
    """What a message is about. MalformedError where it is about nothing."""
    message = loads(body, "body")
    if not isinstance(message, dict):
        raise MalformedError("body", "must be an object")
    return Work(
        identifier(message, "replayId"),
        check_whole(message.get("segment"), "segment", 0, SEGMENTS - 1),
        optional_identifier(message, "waitsFor", ""),
    )


class OvertakenError(Exception):
    """Somebody else has moved the segment on meanwhile; the message is to come again and look."""


class HandOn(Protocol):
    """Sends a message, which arrives so many seconds later."""

    def __call__(self, work: Work, /, *, after: int = 0) -> None: ...


@dataclass(frozen=True, slots=True)
class Replayer:
    """Works on segments."""

    replays: Replays
    source: ReplaySource
    targets: Targets
    hand_on: HandOn
    now: Callable[[], str]
    pause: Callable[[float], None]
    rate: int
    """Copies a second of a replay that says nothing of it."""
    concurrency: int
    """So many segments of all replays are worked on at once, at most."""

    def work(self, work: Work, message_id: str, left: Callable[[], float]) -> Counts:
        """Work on a segment by a message, until it is done, may not go on, or hardly any time is left.

        What has become of its items in this time; nothing by a message that has done its part before, and is replaced
        by a Query and a new one. Each second one Query and one PutItem on the table of replays; a page
        of the store for each 500 items; a call of the target for each ten. At the end a PutItem, a Query, and a message
        that goes on. The message is to come again where this raises: SendError if the target took nothing at all, or
        OvertakenError.
        """
        run = self.replays.read(work.replay_id)
        segment = run.segments.get(work.segment) if run else None
        if run is None or segment is None:
            log.error("no such replay", extra=work._asdict())
            return NOTHING
        if run.head.state is not State.RUNNING or segment.done or run.head.is_of_files:
            return NOTHING
        if segment.is_held(message_id, self.now()):
            self._wait_for(segment, work)
            return NOTHING
        if segment.moved_by == message_id:
            self._pass_on(segment, 0)
            return NOTHING
        target = self.targets(run.head)
        try:
            until = times.later(self.now(), left() + LEASE_SECONDS)
            shift = _Shift(self, run, self.replays.save(segment.taken(message_id, until)), target, left)
            ended = shift.to_its_end()
        except ChangedMeanwhileError as error:
            raise OvertakenError(f"somebody else has moved it on: {error}") from error
        counts = ended.counts.minus(segment.counts)
        if shift.refusal and counts == NOTHING:
            raise shift.refusal
        if not ended.done:
            self._see_to(ended, AGAIN_SECONDS if shift.refusal else 0)
        return counts

    def _wait_for(self, segment: Segment, work: Work) -> None:
        """Come again when the lease has run out: its owner may have ended as a dead letter.

        Another owner than the last time is the proof that somebody goes on: there is nothing to wait for.
        """
        if work.waits_for in ("", segment.owner):
            seconds = seconds_between(self.now(), segment.lease_until)
            self.hand_on(work._replace(waits_for=segment.owner), after=whole_delay(seconds + 1))

    def _see_to(self, segment: Segment, after: int) -> None:
        """Hand a segment on that is not done, and nobody's any more, if its replay runs.

        It is asked behind the segment's release. Who resumes a replay says first that it runs, and then sends messages;
        one that found the segment still held went away. So either that one finds it free, or this finds that it runs.
        """
        run = self.replays.read(segment.replay_id)
        if run is not None and run.head.state is State.RUNNING:
            self._pass_on(segment, after)

    def _pass_on(self, segment: Segment, after: int) -> None:
        """Send a new message for a segment, which comes when the segment is due, and so many seconds later at least."""
        wait = seconds_between(self.now(), segment.due) if segment.due else 0
        self.hand_on(Work(segment.replay_id, segment.number), after=whole_delay(max(after, int(wait))))


class _Shift:
    """One message's work on its segment."""

    def __init__(
        self, machine: Replayer, run: Run, segment: Segment, target: ReplayTarget, left: Callable[[], float]
    ) -> None:
        self._machine = machine
        self._run = run
        self._segment = segment
        self._target = target
        self._copier = Copier(run.head.replay_id, run.head.spec.transform)
        self._left = left
        self._began = self._checked = left()
        self._next = seconds_between(machine.now(), segment.due) if segment.due else 0.0
        """When the next stretch may go out, in seconds from the beginning."""
        self._is_running = True
        self.refusal: SendError | None = None

    def to_its_end(self) -> Segment:
        """Everything up to the end of the segment, of the time, or of what may be. Raises ChangedMeanwhileError."""
        while self._has_time() and self._wait() < self._left() - SPARE_SECONDS and self._next_page():
            pass
        self._earn()
        return self._save(self._segment.released())

    def _next_page(self) -> bool:
        """Send what is selected of the next page; whether to go on behind it."""
        selection, number = self._head.spec.selection, self._segment.number
        page = self._machine.source.page(selection, number, self._segment.after, self._page())
        for stretch in _stretches(page.items, min(STRETCH, int(self._share()))):
            if not self._send(stretch):
                return False
        self._segment = self._segment.moved(page.after, done=page.after is None)
        return not self._segment.done

    def _earn(self) -> None:
        """Wait for as long as what went out takes at this share of the rate: another segment may begin in its place."""
        if self._is_running and not self.refusal:
            self._machine.pause(max(0.0, min(self._wait(), self._left() - SPARE_SECONDS)))

    def _wait(self) -> float:
        """Seconds until the next stretch may go out."""
        wait = self._next - self._elapsed()
        return wait if wait > _NO_TIME else 0.0

    @property
    def _head(self) -> Head:
        return self._run.head

    def _has_time(self) -> bool:
        return self._left() > SPARE_SECONDS

    def _page(self) -> int:
        """No more items than can go out in the time that is left, were all of them selected."""
        return max(STRETCH, min(PAGE, int(self._share() * self._left())))

    def _send(self, items: Sequence[Mapping[str, Any]]) -> bool:
        """Send what is selected of some items and move the place behind them; whether to go on."""
        counts, events, problem = self._selected(items)
        if events:
            if not self._waits_its_turn():
                return False
            try:
                sent = self._target.send(events, self._copier)
            except SendError as error:
                log.warning("not sent: %s", error, extra=self._place())
                self.refusal = error
                return False
            self._next = max(self._next, self._elapsed()) + max(len(events), sent.number) / self._share()
            counts = counts.plus(Counts(sent=sent.number, left_out=len(sent.left_out)))
            for each in sent.left_out:
                problem = self._tell(each)
        self._segment = replace(
            self._segment.moved(Place.of(items[-1])),
            counts=self._segment.counts.plus(counts),
            problem=problem or self._segment.problem,
        )
        return self._may_go_on()

    def _selected(self, items: Sequence[Mapping[str, Any]]) -> tuple[Counts, list[Event], str]:
        selection = self._head.spec.selection
        events: list[Event] = []
        problem, left_out = "", 0
        for item in items:
            try:
                event = event_of(item)
            except NotAnEventError as error:
                problem = self._tell(LeftOut(error.aggregate_id, error.sequence, error.message))
                left_out += 1
            else:
                if selection.takes(event):
                    events.append(event)
        return Counts(len(items), len(events), left_out=left_out), events, problem

    def _tell(self, left_out: LeftOut) -> str:
        log.error("left out: %s", left_out.reason, extra={**self._place(), **left_out._asdict()})
        return f"{left_out}"

    def _waits_its_turn(self) -> bool:
        """Whether a stretch may go out: once it is due, if the time suffices and nobody forbids it meanwhile."""
        while (wait := self._wait()) > 0:
            self._machine.pause(min(wait, CHECK_SECONDS))
            if not self._may_go_on():
                return False
        return True

    def _may_go_on(self) -> bool:
        """Whether there is time, and the operator lets it; once a second the place is saved and she is asked."""
        if self._checked - self._left() >= CHECK_SECONDS:
            self._checked = self._left()
            self._segment = self._save(self._segment)
            run = self._machine.replays.read(self._head.replay_id)
            self._is_running = run is not None and run.head.state is State.RUNNING
            self._run = run or self._run
        return self._is_running and self._has_time()

    def _save(self, segment: Segment) -> Segment:
        now = self._machine.now()
        due = times.later(now, self._wait())
        return self._machine.replays.save(replace(segment, changed_at=now, due=due))

    def _share(self) -> float:
        """Copies a second: nobody who shares the rate knows of fewer that are unfinished than there are."""
        rate = self._head.spec.rate or self._machine.rate
        return rate / max(1, min(self._machine.concurrency, len(self._run.unfinished)))

    def _elapsed(self) -> float:
        return self._began - self._left()

    def _place(self) -> dict[str, object]:
        return {"replayId": self._head.replay_id, "segment": self._segment.number}


def seconds_between(earlier: str, later: str) -> float:
    """From one of the ledger's times to another; below 0 where that is the earlier one."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def whole_delay(seconds: float) -> int:
    """As SQS takes it: 15 minutes at most."""
    return max(0, min(MAX_DELAY_SECONDS, int(seconds)))


def _stretches(items: Sequence[Mapping[str, Any]], size: int) -> Iterator[Sequence[Mapping[str, Any]]]:
    size = max(1, size)
    return (items[start : start + size] for start in range(0, len(items), size))
