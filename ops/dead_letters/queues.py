"""Letters out of a queue and back, without losing any."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

Item = TypeVar("Item")

OUTPUTS: Mapping[str, str] = {
    "projection": "deadLetterQueueUrl",
    "delivery": "deliveryDeadLetterQueueUrl",
    "invocation": "invocationDeadLetterQueueUrl",
}
"""The dead letter queues, and the stack's outputs with their URLs."""

HIDDEN_SECONDS = 300
"""How long a letter stays hidden if this program dies before it puts it back."""
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


@dataclass(slots=True)
class Holding:
    """All letters of one queue, hidden from everyone else meanwhile."""

    client: SQSClient
    url: str
    letters: dict[str, Letter] = field(default_factory=dict)
    """By message id."""

    def delete(self, letters: Sequence[Letter]) -> set[str]:
        """Remove letters from the queue for good; the ids of those that could not be."""
        failed: set[str] = set()
        for batch in batched(letters, BATCH):
            entries: Any = [{"Id": str(at), "ReceiptHandle": letter.receipt} for at, letter in enumerate(batch)]
            answer = self.client.delete_message_batch(QueueUrl=self.url, Entries=entries)
            failed |= {batch[int(each["Id"])].message_id for each in answer.get("Failed", [])}
        for letter in letters:
            if letter.message_id not in failed:
                del self.letters[letter.message_id]
        return failed

    def release(self) -> None:
        """Show the letters that are left to everyone again."""
        for batch in batched(self.letters.values(), BATCH):
            entries: Any = [
                {"Id": str(at), "ReceiptHandle": letter.receipt, "VisibilityTimeout": 0}
                for at, letter in enumerate(batch)
            ]
            # What fails here is a letter that became visible by itself in the meantime.
            self.client.change_message_visibility_batch(QueueUrl=self.url, Entries=entries)


@contextmanager
def held(client: SQSClient, url: str, queue: str) -> Iterator[Holding]:
    """Receive everything that lies in a queue; put back in the end what was not deleted.

    Each receive, a mere listing's too, adds one to a letter's ApproximateReceiveCount. In a dead letter queue that
    moves nothing. SQS lets 120,000 letters be hidden at a time: more than that take several rounds.
    """
    holding = Holding(client, url)
    try:
        while True:
            answer = client.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=BATCH,
                VisibilityTimeout=HIDDEN_SECONDS,
                WaitTimeSeconds=WAIT_SECONDS,
                MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
                MessageAttributeNames=["All"],
            )
            letters = [Letter.of(queue, message) for message in answer.get("Messages", [])]
            new = [letter for letter in letters if letter.message_id not in holding.letters]
            holding.letters.update((letter.message_id, letter) for letter in letters)
            if not new:  # nothing is left, or the first ones have become visible again
                break
        yield holding
    finally:
        holding.release()


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Items in lists of at most `size`."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
