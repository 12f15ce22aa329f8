"""Replays under way: started, watched, paused, resumed, cancelled. The work itself is the replayer's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from handlers.sourcing import times
from handlers.sourcing.errors import LedgerError
from handlers.sourcing.replays import BRANCH, QUEUE, ReplaySpec, Target
from handlers.sourcing.values import Value
from handlers.store.branches import Branches
from handlers.store.replay_source import segments_of
from handlers.store.replay_work import STRETCH, Work, message_of
from handlers.store.replays import ChangedMeanwhileError, Head, ReplayExistsError, Replays, Run, State
from ops.branches.results import branches_of
from ops.system import OperatorError, System

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

COMPLETED = "completed"
STALLED_SECONDS = 300
"""Longer than a segment's message stays hidden whose process has ended: then nothing moves any more by itself."""
GOES_ON_THERE = "Ctrl-C ends it there, and `replay start --target file --out DIR --resume` goes on"
_BATCH = 10
_ATTEMPTS = 5


def now_text() -> str:
    """The ledger's text of this moment, by the operator's clock."""
    return times.to_text(datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Runs:
    """What an operator does with replays."""

    replays: Replays
    sqs: SQSClient
    queue_url: str
    branches: Branches
    now: Callable[[], str] = now_text

    @classmethod
    def of(cls, system: System) -> Runs:
        """Those of a stack."""
        table = Replays(system.client("dynamodb"), system.output("replaysTable"))
        return cls(table, system.client("sqs"), system.output("replayQueueUrl"), branches_of(system))

    def start(self, replay_id: str, spec: ReplaySpec) -> Run:
        """Enter a replay in the table, whole, and have its segments worked on. OperatorError where the id is taken.

        One TransactWriteItems, and a SendMessageBatch for ten segments. Should this end between the two, resuming it
        sends the messages.
        """
        target = spec.target
        if target is None:
            raise ValueError("a replay without a target")
        moment = self.now()
        head = Head(
            *(replay_id, spec, moment, moment),
            queue_url=self._url(target) if target.kind == QUEUE else "",
            branch_id=self._branch(target) if target.kind == BRANCH else "",
        )
        rate = spec.rate or 1
        stretch = max(1, min(STRETCH, rate // len(segments_of(spec.selection))))
        try:
            run = self.replays.create(head, segments_of(spec.selection), stretch / rate)
        except ReplayExistsError as error:
            raise OperatorError(f"there is a replay {replay_id} already; give another --name") from error
        self._wake(run)
        return run

    def read(self, replay_id: str) -> Run:
        """One replay. OperatorError where there is none."""
        run = self.replays.read(replay_id)
        if run is None:
            raise OperatorError(f"there is no replay {replay_id}; `replay list` names them")
        return run

    def change(self, replay_id: str, wanted: State) -> Run:
        """Have a replay paused, running or cancelled; nothing where it is that already, but that what runs is woken.

        OperatorError where that makes no sense any more.
        """
        for _ in range(_ATTEMPTS):
            run = self.read(replay_id)
            if run.head.state is State.CANCELLED and wanted is not State.CANCELLED:
                raise OperatorError(f"{replay_id} is cancelled, for good; start another one")
            if not run.unfinished:
                raise OperatorError(f"{replay_id} is completed")
            if run.head.is_of_files and wanted is not State.CANCELLED:
                raise OperatorError(f"{replay_id} is written where it was started: {GOES_ON_THERE}")
            try:
                if run.head.state is not wanted:
                    head = self.replays.save_head(replace(run.head, state=wanted, changed_at=self.now()))
                    run = Run(head, run.segments)
            except ChangedMeanwhileError:
                continue
            if wanted is State.RUNNING:
                self._wake(run)
            return run
        raise OperatorError(f"{replay_id} is being changed by somebody else; look, and try again")

    def _wake(self, run: Run) -> None:
        """Send a message for each segment that is not done: a second one for one that has one does no harm."""
        works = [Work(run.head.replay_id, each.number) for each in run.unfinished]
        for start in range(0, len(works), _BATCH):
            entries: Any = [
                {"Id": str(work.segment), "MessageBody": message_of(work)} for work in works[start : start + _BATCH]
            ]
            answer = self.sqs.send_message_batch(QueueUrl=self.queue_url, Entries=entries)
            if failed := answer.get("Failed"):
                raise OperatorError(
                    f"not every segment could be sent off ({failed[0]['Code']}): `replay resume {run.head.replay_id}`"
                )

    def _branch(self, target: Target) -> str:
        try:
            return self.branches.get(target.name).id
        except LedgerError as error:
            raise OperatorError(f"{target}: {error.message}") from error

    def _url(self, target: Target) -> str:
        *_, account, name = target.name.split(":")
        try:
            return self.sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
        except ClientError as error:
            raise OperatorError(f"{target}: {error.response['Error']['Message']}") from error


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
    head, counts = run.head, run.counts
    return {
        "replayId": head.replay_id,
        "state": status_of(run),
        "stalled": is_stalled(run, now),
        "spec": head.spec.described(),
        "digest": head.spec.digest(),
        "startedAt": head.started_at,
        "changedAt": max([head.changed_at, *(each.changed_at for each in run.segments.values())]),
        "scanned": None if run.head.is_of_files else counts.scanned,
        "selected": None if run.head.is_of_files else counts.selected,
        "sent": counts.sent,
        "leftOut": counts.left_out,
        "segments": len(run.segments),
        "segmentsDone": len(run.segments) - len(run.unfinished),
        "problems": [each.problem for each in run.segments.values() if each.problem],
    }
