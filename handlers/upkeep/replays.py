"""Replays as operators have them: how far each one is, and whether it may go on. The work itself is the replayer's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from handlers.sourcing import times
from handlers.sourcing.errors import (
    ContentionError,
    NotFoundError,
    NotSentOffError,
    ReplayEndedError,
    WrittenElsewhereError,
)
from handlers.sourcing.values import Value
from handlers.store.replay_work import Work, message_of
from handlers.store.replays import ChangedMeanwhileError, Counts, Replays, Run, Segment, State

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

COMPLETED = "completed"
STALLED_SECONDS = 300
"""Longer than a segment's message stays hidden whose process has ended: then nothing moves any more by itself."""
GOES_ON_THERE = "Ctrl-C ends it there, and `replay start --target file --out DIR --resume` goes on"
_BATCH = 10
_ATTEMPTS = 5


def now_text() -> str:
    """The ledger's text of this moment, by the clock here."""
    return times.to_text(datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Runs:
    """What an operator does with replays that were started."""

    replays: Replays
    sqs: SQSClient
    queue_url: str
    now: Callable[[], str] = field(default=now_text, kw_only=True)

    def read(self, replay_id: str) -> Run:
        """One replay: what `Replays.read` takes. NotFoundError where there is none."""
        run = self.replays.read(replay_id)
        if run is None:
            raise NotFoundError(f"there is no replay {replay_id}", replayId=replay_id)
        return run

    def change(self, replay_id: str, wanted: State) -> Run:
        """Have a replay paused, running or cancelled; nothing where it is that already, but that what runs is woken.

        What `read` takes, and a PutItem; to have it running, what `wake` takes besides. NotFoundError; ReplayEndedError
        where that makes no sense any more; WrittenElsewhereError; ContentionError; NotSentOffError.
        """
        for _ in range(_ATTEMPTS):
            run = self.read(replay_id)
            if run.head.state is State.CANCELLED and wanted is not State.CANCELLED:
                raise ReplayEndedError(f"{replay_id} is cancelled, for good; start another one", replayId=replay_id)
            if not run.unfinished:
                raise ReplayEndedError(f"{replay_id} is completed", replayId=replay_id)
            if run.head.is_of_files and wanted is not State.CANCELLED:
                text = f"{replay_id} is written where it was started: {GOES_ON_THERE}"
                raise WrittenElsewhereError(text, replayId=replay_id)
            try:
                if run.head.state is not wanted:
                    head = self.replays.save_head(replace(run.head, state=wanted, changed_at=self.now()))
                    run = Run(head, run.segments)
            except ChangedMeanwhileError:
                continue
            if wanted is State.RUNNING:
                self.wake(run)
            return run
        raise ContentionError(f"{replay_id} is being changed by somebody else; look, and try again")

    def wake(self, run: Run) -> None:
        """Send a message for each segment that is not done: a second one for one that has one does no harm.

        A SendMessageBatch for ten segments. NotSentOffError where not all were taken.
        """
        works = [Work(run.head.replay_id, each.number) for each in run.unfinished]
        for start in range(0, len(works), _BATCH):
            entries: Any = [
                {"Id": str(work.segment), "MessageBody": message_of(work)} for work in works[start : start + _BATCH]
            ]
            answer = self.sqs.send_message_batch(QueueUrl=self.queue_url, Entries=entries)
            if failed := answer.get("Failed"):
                text = f"not every segment of {run.head.replay_id} could be sent off ({failed[0]['Code']}); resume it"
                raise NotSentOffError(text, replayId=run.head.replay_id)


def is_scanned(run: Run) -> bool:
    """Whether a replay goes through all of the store, and tells how far it is."""
    return not run.head.is_of_files and not run.head.spec.selection.aggregate_ids


def items_of(client: DynamoDBClient, table: str) -> int | None:
    """About how many items the store has; None where nothing tells: DynamoDB's own count, which is some hours old.

    One DescribeTable.
    """
    return int(client.describe_table(TableName=table)["Table"]["ItemCount"]) or None


def status_of(run: Run) -> str:
    """In a word: what the operator wants of it, unless it is completed."""
    return str(run.head.state) if run.unfinished else COMPLETED


def is_stalled(run: Run, now: str) -> bool:
    """Whether a replay that runs has nothing that moves it: nobody has been at it for long, or will be soon."""
    if run.head.state is not State.RUNNING or not run.unfinished:
        return False
    latest = max(max(each.changed_at, each.due, each.lease_until) for each in run.unfinished)
    return max(latest, run.head.changed_at) < times.earlier(now, STALLED_SECONDS)


def described(run: Run, now: str) -> dict[str, Value]:
    """A replay as JSON."""
    head = run.head
    return {
        "replayId": head.replay_id,
        "state": status_of(run),
        "stalled": is_stalled(run, now),
        "spec": head.spec.described(),
        "digest": head.spec.digest(),
        "startedAt": head.started_at,
        "changedAt": max([head.changed_at, *(each.changed_at for each in run.segments.values())]),
        **_counted(run, run.counts),
        "segments": len(run.segments),
        "segmentsDone": len(run.segments) - len(run.unfinished),
        "problems": [each.problem for each in run.segments.values() if each.problem],
    }


def described_whole(run: Run, now: str) -> dict[str, Value]:
    """A replay with each of its segments as JSON."""
    segments = sorted(run.segments.values(), key=lambda each: each.number)
    return {**described(run, now), "bySegment": [_segment(run, each, now) for each in segments]}


def _counted(run: Run, counts: Counts) -> dict[str, Value]:
    """Who writes files tells what is written, and not what it was chosen from."""
    unknown = {"scanned": None, "selected": None} if run.head.is_of_files else {}
    return {**counts.describe(), **unknown}


def _segment(run: Run, segment: Segment, now: str) -> dict[str, Value]:
    at_work = bool(segment.owner) and now <= segment.lease_until
    after = segment.after
    return {
        "number": segment.number,
        "state": "done" if segment.done else "working" if at_work else "waiting",
        **_counted(run, segment.counts),
        "after": None if after is None else {"aggregateId": after.aggregate_id, "sequence": after.sequence},
        "changedAt": segment.changed_at,
        "problem": segment.problem or None,
    }
