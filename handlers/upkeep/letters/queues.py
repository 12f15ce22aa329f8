"""Letters out of a queue and back, without losing any."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

Item = TypeVar("Item")
Enough = Callable[[], bool]
"""Whether no more is to be received."""

OUTPUTS: Mapping[str, str] = {
    "projection": "deadLetterQueueUrl",
    "process": "processDeadLetterQueueUrl",
    "replay": "replayDeadLetterQueueUrl",
    "delivery": "deliveryDeadLetterQueueUrl",
    "invocation": "invocationDeadLetterQueueUrl",
    "conflict": "conflictDeadLetterQueueUrl",
}
"""The dead letter queues, and the stack's outputs with their URLs."""
OF_TWO_REGIONS = frozenset({"conflict"})
"""Those of them that a stack in one Region has not."""

HIDDEN_SECONDS = 300
"""How long a letter stays hidden if this program dies before it puts it back; what is held longer is renewed."""
IDLE_RECEIVES = 100
"""So many answers in a row with nothing new in them end the receiving."""
CALLS_AT_ONCE = 16
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
WAIT_SECONDS = 1
"""A wait at all makes SQS ask all its servers; without one, it may miss letters."""
BATCH = 10
"""Messages in one call, at most."""
BATCH_BYTES = 256 * 1024
"""The payload of one call; SQS has raised its limit to four times as much, not everywhere at once."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message of a dead letter queue. `receives` counts all receives so far, this one and listings included."""

    queue: str
    message_id: str
    receipt: str
    body: str
    attributes: Mapping[str, str]
    since: datetime
    receives: int

    @classmethod
    def of(cls, queue: str, message: Mapping[str, Any]) -> Letter:
        """Read a message as ReceiveMessage answers it."""
        system = message["Attributes"]
        return cls(
            queue=queue,
            message_id=message["MessageId"],
            receipt=message["ReceiptHandle"],
            body=message["Body"],
            attributes={
                name: value.get("StringValue", "") for name, value in message.get("MessageAttributes", {}).items()
            },
            since=datetime.fromtimestamp(int(system["SentTimestamp"]) / 1000, UTC),
            receives=int(system["ApproximateReceiveCount"]),
        )


class Hidden(NamedTuple):
    """Letters of a queue that somebody else holds, or held when it was killed; about how many, until when at most."""

    queue: str
    number: int
    until: datetime


@dataclass(slots=True)
class Holding:
    """All letters of one queue that could be had, hidden from everyone else meanwhile."""

    client: SQSClient
    url: str
    queue: str
    now: Callable[[], datetime]
    letters: dict[str, Letter] = field(default_factory=dict)
    """By message id."""
    hidden: int = 0
    """About how many others there are that were not to be had."""
    left: int = 0
    """About how many there are that could have been had, too, where `most` or `enough` ended the receiving."""
    hidden_for: int = HIDDEN_SECONDS
    """Seconds that letters stay hidden if this program dies before it puts them back."""
    _renewed: datetime = _LONG_AGO

    def receive(
        self,
        meanwhile: Callable[[int], None] = lambda _: None,
        enough: Enough = lambda: False,
        most: int | None = None,
    ) -> None:
        """Receive everything, or at most so many letters, or until it is enough: a call for ten, and `meanwhile` after
        it, which hears how many there are by now; and two calls that count."""
        before, _ = self._counts()
        self._renewed = self.now()
        idle = 0
        # Letters that come again are hidden again by that; a call that brings nothing else is not the end of the queue.
        answer: Sequence[Any] | None = ()
        while idle < IDLE_RECEIVES and not enough():
            wanted = BATCH if most is None else min(BATCH, most - len(self.letters))
            if wanted <= 0:
                break
            with uninterrupted():
                answer = self._receive(wanted)
                if answer is None:
                    break
                letters = [Letter.of(self.queue, message) for message in answer]
                idle = 0 if any(letter.message_id not in self.letters for letter in letters) else idle + 1
                # The newest receipt is the one that counts.
                self.letters.update((letter.message_id, letter) for letter in letters)
            if not letters:
                break
            self.renew()
            meanwhile(len(self.letters))
        counted, visible = self._counts()
        self.left = visible
        # SQS counts with some delay: where it has not heard of these letters yet, what it knew before is closer.
        self.hidden = counted - len(self.letters) if counted >= len(self.letters) else before
        if answer is None:
            self.hidden += visible

    def _receive(self, wanted: int) -> Sequence[Any] | None:
        """Up to so many messages, ten at most; None where so many are hidden that SQS gives no more."""
        try:
            answer = self.client.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=wanted,
                VisibilityTimeout=self.hidden_for,
                WaitTimeSeconds=WAIT_SECONDS,
                MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
                MessageAttributeNames=["All"],
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("OverLimit", "AWS.SimpleQueueService.OverLimit"):
                raise
            return None
        return answer.get("Messages", [])

    def _counts(self) -> tuple[int, int]:
        """About how many messages are hidden, by whomever, and how many are not."""
        names: Any = ["ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessages"]
        told: Any = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        hidden, visible = (int(told[name]) for name in names)
        return hidden, visible

    def renew(self) -> None:
        """Hide the letters for longer if half of their time is over; one call for ten of them, side by side.

        To be called now and then: a queue may hold more letters than can be looked at within `hidden_for`.
        """
        now = self.now()
        if now - self._renewed < timedelta(seconds=self.hidden_for / 2):
            return
        self._renewed = now
        with ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
            list(
                pool.map(lambda batch: self._hide(batch, self.hidden_for), list(batched(self.letters.values(), BATCH)))
            )

    def delete(self, letters: Sequence[Letter]) -> set[str]:
        """Remove letters from the queue for good; the ids of those that could not be."""
        failed: set[str] = set()
        for batch in batched(letters, BATCH):
            entries: Any = [{"Id": str(at), "ReceiptHandle": letter.receipt} for at, letter in enumerate(batch)]
            answer = self.client.delete_message_batch(QueueUrl=self.url, Entries=entries)
            failed |= {batch[int(each["Id"])].message_id for each in answer.get("Failed", [])}
        for letter in letters:
            if letter.message_id not in failed:
                self.letters.pop(letter.message_id, None)
        return failed

    def leave_hidden(self, letters: Iterable[Letter]) -> None:
        """Let these be hidden for the rest of their time, instead of putting them back."""
        for letter in letters:
            self.letters.pop(letter.message_id, None)

    def release(self) -> None:
        """Show the letters that are left to everyone again; all of them, even if some calls fail."""
        with uninterrupted(), ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
            list(pool.map(lambda batch: self._hide(batch, 0), list(batched(self.letters.values(), BATCH))))

    def _hide(self, letters: Sequence[Letter], seconds: int) -> None:
        entries: Any = [
            {"Id": str(at), "ReceiptHandle": letter.receipt, "VisibilityTimeout": seconds}
            for at, letter in enumerate(letters)
        ]
        # What fails here became visible by itself in the meantime, or will within `hidden_for`.
        with suppress(BotoCoreError, ClientError):
            self.client.change_message_visibility_batch(QueueUrl=self.url, Entries=entries)

    @property
    def others(self) -> Hidden | None:
        """What was not to be had, if anything. Whatever this program hides is visible again within `hidden_for`."""
        if not self.hidden:
            return None
        return Hidden(self.queue, self.hidden, self.now() + timedelta(seconds=self.hidden_for))


def messages_in(client: SQSClient, url: str) -> int:
    """About how many messages a queue holds, those that are being worked on included."""
    counts: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counts.append("ApproximateNumberOfMessagesDelayed")
    attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=counts)["Attributes"]
    return sum(map(int, attributes.values()))


@contextmanager
def held(
    client: SQSClient,
    url: str,
    queue: str,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    meanwhile: Callable[[int], None] = lambda _: None,
    enough: Enough = lambda: False,
    most: int | None = None,
    hidden_for: int = HIDDEN_SECONDS,
) -> Iterator[Holding]:
    """Receive what lies in a queue; put back in the end what was not deleted, after an interruption as well.

    Each receive, a mere listing's too, adds one to a letter's ApproximateReceiveCount. In a dead letter queue that
    moves nothing. SQS lets 120,000 letters be hidden at a time: more than that take several rounds.
    """
    holding = Holding(client, url, queue, now, hidden_for=hidden_for)
    try:
        holding.receive(meanwhile, enough, most)
        yield holding
    finally:
        holding.release()


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let a first Ctrl-C wait for the end of the block, which knows then what AWS answered. A second one does not wait.

    Only the main thread hears of signals, and no command that a script began in the background: there it does nothing.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        yield
        return
    heard: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        if heard:
            raise KeyboardInterrupt
        heard.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if heard:
        raise KeyboardInterrupt


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Items in lists of at most `size`."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
