"""Where a replay's copies go: the bus, a queue of somebody's own, the queue of the projections, a branch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol
from uuid import UUID, uuid5

from botocore.exceptions import BotoCoreError, ClientError

from handlers.domain import TRANSFORMS
from handlers.sourcing.copies import Copy, envelope
from handlers.sourcing.errors import MalformedError
from handlers.sourcing.event import SOURCE, Event
from handlers.sourcing.replays import BRANCH, BUS, PROJECTION, QUEUE

from .event_bus import EventBus, PublishError
from .replays import Head
from .unpublishable import as_ascii

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef as Entry
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef as Message

MAX_MESSAGES = 10
MAX_BATCH_BYTES = 256 * 1024
"""SQS takes four times as much in one call, but not everywhere at once."""
_OF_WHAT_IT_HOLDS = frozenset({"BatchRequestTooLong", "InvalidMessageContents", "InvalidParameterValue"})
"""The codes that refuse a call for its messages."""
_GROUPS = UUID("5c1e9a4d-3f0b-5a86-9d27-41c8e60b7f52")
_FIFO = ".fifo"


class SendError(Exception):
    """The target does not take anything now. What it was given may have gone out in part: to send it again is safe."""


class LeftOut(NamedTuple):
    """What the target will never take, or is no event at all, and why."""

    aggregate_id: str | None
    sequence: int | str | None
    reason: str

    def __str__(self) -> str:
        return f"event {self.sequence} of {self.aggregate_id}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Copier:
    """Makes the copies of a replay's events."""

    replay_id: str
    transform: str | None = None

    def copies(self, events: Sequence[Event]) -> tuple[list[Copy], list[LeftOut]]:
        """What goes out of events, in their order, and those that the transform failed on."""
        made: list[Copy] = []
        left_out: list[LeftOut] = []
        for event in events:
            try:
                made += TRANSFORMS.copies(event, self.replay_id, self.transform)
            except Exception as error:  # noqa: BLE001 -- one event's failure is only its own, and told
                reason = f"{self.transform} fails on it: {error!r}"
                left_out.append(LeftOut(event.aggregate_id, event.sequence, reason))
        return made, left_out


class Sent(NamedTuple):
    """How many copies or messages went out, and what did not and never will."""

    number: int
    left_out: Sequence[LeftOut] = ()


class ReplayTarget(Protocol):
    """Takes the events of one stretch, in their order."""

    def send(self, events: Sequence[Event], copier: Copier) -> Sent:
        """Raises SendError."""
        ...


@dataclass(frozen=True, slots=True)
class ToBus:
    """Under the source of replays, which no rule for live events matches."""

    bus: EventBus

    def send(self, events: Sequence[Event], copier: Copier) -> Sent:
        """One PutEvents per 10 copies or megabyte; more where it refuses one for what it holds."""
        made, left_out = copier.copies(events)
        copies: list[Copy] = []
        entries: list[Entry] = []
        for copy in made:
            try:
                entries.append(self.bus.copy_entry(copy))
            except (MalformedError, ValueError) as error:
                left_out.append(LeftOut(copy.aggregate_id, copy.sequence, f"{error}"))
            else:
                copies.append(copy)
        unmade = len(left_out)

        def leave_out(index: int, reason: str) -> None:
            left_out.append(LeftOut(copies[index].aggregate_id, copies[index].sequence, reason))

        try:
            self.bus.publish(entries, leave_out)
        except PublishError as error:
            raise SendError(f"the bus: {error}") from error
        return Sent(len(entries) - (len(left_out) - unmade), left_out)


@dataclass(frozen=True, slots=True)
class ToQueue:
    """As a rule of the bus would hand them to a queue; in a FIFO queue each stream in its order, each copy once."""

    client: SQSClient
    url: str

    def send(self, events: Sequence[Event], copier: Copier) -> Sent:
        """One SendMessageBatch per 10 copies or 256 KB."""
        copies, left_out = copier.copies(events)
        sent = _send_all(self.client, self.url, [self._message(copy) for copy in copies], copies)
        return Sent(sent.number, [*left_out, *sent.left_out])

    def _message(self, copy: Copy) -> Message:
        message: Message = {"Id": copy.copy_id, "MessageBody": as_ascii(copy.envelope())}
        if self.url.endswith(_FIFO):
            message["MessageGroupId"] = str(uuid5(_GROUPS, copy.aggregate_id))
            message["MessageDeduplicationId"] = copy.copy_id
        return message


@dataclass(frozen=True, slots=True)
class ToProjections:
    """Straight into the projections' queue: a message is a poke there, and brings an aggregate's rows up to its event.

    So of each aggregate only the last event of a stretch is sent, and it is the event itself.
    """

    client: SQSClient
    url: str

    def send(self, events: Sequence[Event], _: Copier) -> Sent:
        """One SendMessageBatch per 10 messages or 256 KB."""
        last = list({event.aggregate_id: event for event in events}.values())
        messages: list[Message] = [
            {
                "Id": event.event_id,
                "MessageBody": as_ascii(
                    envelope(event.event_id, SOURCE, event.event_type, event.timestamp, event.record())
                ),
            }
            for event in last
        ]
        return _send_all(self.client, self.url, messages, last)


@dataclass(frozen=True, slots=True)
class Targets:
    """Makes a replay's target. The clients are made when one is needed."""

    bus: Callable[[], EventBus]
    sqs: Callable[[], SQSClient]
    projection_queue_url: str
    replay_queue_url: str
    to_branch: Callable[[str, str], ReplayTarget]
    """Of a branch's name and id. SendError where there is none such any more."""

    def __call__(self, head: Head) -> ReplayTarget:
        """A replay's target. SendError where the transform is one of newer code, the branch is gone, or the queue is
        one that the replayer itself works with: its grants would let copies in."""
        spec, target = head.spec, head.spec.target
        if target is None:
            raise ValueError("a replay without a target")
        if spec.transform is not None and spec.transform not in TRANSFORMS.names:
            raise SendError(f"this code knows no transform {spec.transform}: deploy the one that does, and resume")
        if target.kind == BUS:
            return ToBus(self.bus())
        if target.kind == QUEUE:
            if path_of(head.queue_url) in map(path_of, (self.projection_queue_url, self.replay_queue_url)):
                raise SendError(f"{target} is a queue of the ledger's own: cancel the replay")
            return ToQueue(self.sqs(), head.queue_url)
        if target.kind == PROJECTION:
            return ToProjections(self.sqs(), self.projection_queue_url)
        if target.kind == BRANCH:
            return self.to_branch(target.name, head.branch_id)
        raise SendError(f"{target} is no target of the replayer's")


def path_of(url: str) -> str:
    """The account and the name in a queue's URL, which has several hosts."""
    return "/".join(url.rsplit("/", 2)[-2:])


def _send_all(client: SQSClient, url: str, messages: Sequence[Message], of: Sequence[Copy | Event]) -> Sent:
    """What SQS refuses for what it is is left out; where it takes one not just now, SendError."""
    places = {message["Id"]: each for message, each in zip(messages, of, strict=True)}
    left_out: list[LeftOut] = []
    for batch in _batches(messages):
        for message_id, reason in _refused(client, url, batch):
            place = places[message_id]
            left_out.append(LeftOut(place.aggregate_id, place.sequence, reason))
    return Sent(len(messages) - len(left_out), left_out)


def _refused(client: SQSClient, url: str, batch: list[Message]) -> Iterator[tuple[str, str]]:
    """Ids and reasons of those that the queue will never take; of a call that it refuses whole, each tried alone."""
    try:
        answer = client.send_message_batch(QueueUrl=url, Entries=batch)
    except (BotoCoreError, ClientError) as error:
        if not _refuses_what_it_holds(error):
            raise SendError(f"the queue: {error}") from error
        if len(batch) == 1:
            yield batch[0]["Id"], f"{error}"
            return
        for message in batch:
            yield from _refused(client, url, [message])
        return
    for failed in answer.get("Failed", []):
        reason = f"{failed['Code']}: {failed.get('Message', '')}"
        if not failed["SenderFault"]:
            raise SendError(f"the queue: {reason}")
        yield failed["Id"], reason


def _refuses_what_it_holds(error: Exception) -> bool:
    return isinstance(error, ClientError) and error.response["Error"]["Code"].rsplit(".", 1)[-1] in _OF_WHAT_IT_HOLDS


def _batches(messages: Sequence[Message]) -> Iterator[list[Message]]:
    batch: list[Message] = []
    size = 0
    for message in messages:
        length = len(message["MessageBody"])
        if batch and (len(batch) == MAX_MESSAGES or size + length > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += length
    if batch:
        yield batch
