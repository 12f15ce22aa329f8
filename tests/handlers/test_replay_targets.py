"""A queue that refuses messages: those that it will never take are left out, the others go, or all are tried again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from handlers.sourcing.event import Event
from handlers.store.replay_targets import MAX_BATCH_BYTES, Copier, SendError, ToQueue
from tests.domain.builders import story

from ..aws import refusal

EVENTS = story("a", [1, 2, 3])
COPIER = Copier("r")


@dataclass
class Queue:
    """Refuses what `never` names, and answers `failed` of each message."""

    never: tuple[str, ...] = ()
    code: str = "BatchRequestTooLong"
    failed: dict[str, Any] = field(default_factory=dict)
    taken: list[str] = field(default_factory=list)
    calls: int = 0

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> Any:  # noqa: N803 -- the API's names
        self.calls += 1
        assert QueueUrl == "url"
        assert sum(len(each["MessageBody"]) for each in Entries) <= MAX_BATCH_BYTES or len(Entries) == 1
        if any(mark in each["MessageBody"] for each in Entries for mark in self.never):
            raise refusal(f"AWS.SimpleQueueService.{self.code}")
        refused = [each["Id"] for each in Entries if self.failed]
        self.taken += [each["Id"] for each in Entries if each["Id"] not in refused]
        return {"Failed": [{"Id": each, "Code": "X", **self.failed} for each in refused]}


def send(queue: Queue, events: list[Event] = EVENTS) -> Any:
    client: Any = queue
    return ToQueue(client, "url").send(events, COPIER)


def test_a_call_that_is_refused_for_one_message_is_made_for_each_alone() -> None:
    queue = Queue(never=('"EventSequence":2',))
    sent = send(queue)
    assert (sent.number, [each.sequence for each in sent.left_out]) == (3, [2])
    assert queue.calls == 1 + 4
    assert len(queue.taken) == 3


def test_a_message_that_the_queue_will_never_take_is_left_out() -> None:
    sent = send(Queue(failed={"SenderFault": True, "Message": "odd"}))
    assert (sent.number, sent.left_out[0].reason) == (0, "X: odd")


def test_what_it_does_not_take_now_is_tried_again() -> None:
    with pytest.raises(SendError):
        send(Queue(failed={"SenderFault": False}))
    with pytest.raises(SendError):
        send(Queue(never=("EventSequence",), code="QueueDoesNotExist"))


def test_large_messages_go_in_calls_of_their_own() -> None:
    large = [replace(each, data={"note": "x" * 150_000}) for each in EVENTS[:2]]
    queue = Queue()
    assert send(queue, [*large, *EVENTS[2:]]).number == 4
    assert queue.calls == 2
