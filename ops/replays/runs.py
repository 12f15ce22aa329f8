"""Replays that an operator starts. She sees and stops them over the HTTP API, too: `handlers.upkeep.replays`."""

from __future__ import annotations

from dataclasses import dataclass

from handlers.sourcing.errors import LedgerError
from handlers.sourcing.replays import BRANCH, QUEUE, ReplaySpec, Target
from handlers.store.branches import Branches
from handlers.store.replay_source import segments_of
from handlers.store.replay_work import STRETCH
from handlers.store.replays import Head, ReplayExistsError, Replays, Run
from handlers.upkeep import replays
from ops.branches.results import branches_of
from ops.system import OperatorError, System

from .queues import TargetQueues


@dataclass(frozen=True, slots=True)
class Runs(replays.Runs):
    """What an operator does with replays from her command line."""

    branches: Branches
    queues: TargetQueues

    @classmethod
    def of(cls, system: System) -> Runs:
        """Those of a stack."""
        table = Replays(system.client("dynamodb"), system.output("replaysTable"))
        return cls(
            table, system.client("sqs"), system.output("replayQueueUrl"), branches_of(system), TargetQueues.of(system)
        )

    def start(self, replay_id: str, spec: ReplaySpec) -> Run:
        """Enter a replay in the table, whole, and have its segments worked on. OperatorError where the id is taken, or
        the target is none.

        One TransactWriteItems, and a SendMessageBatch for ten segments. Should this end between the two, resuming it
        sends the messages.
        """
        target = spec.target
        if target is None:
            raise ValueError("a replay without a target")
        moment = self.now()
        head = Head(
            *(replay_id, spec, moment, moment),
            queue_url=self.queues.url(self.sqs, target) if target.kind == QUEUE else "",
            branch_id=self._branch(target) if target.kind == BRANCH else "",
        )
        rate = spec.rate or 1
        stretch = max(1, min(STRETCH, rate // len(segments_of(spec.selection))))
        try:
            run = self.replays.create(head, segments_of(spec.selection), stretch / rate)
        except ReplayExistsError as error:
            raise OperatorError(f"there is a replay {replay_id} already; give another --name") from error
        self.wake(run)
        return run

    def _branch(self, target: Target) -> str:
        try:
            return self.branches.get(target.name).id
        except LedgerError as error:
            raise OperatorError(f"{target}: {error.message}") from error
