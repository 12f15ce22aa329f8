"""Letters about stored events that the bus will never take: what the relay leaves, and an operator finds."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from handlers.sourcing.command import MAX_SEQUENCE
from handlers.sourcing.errors import MalformedError
from handlers.sourcing.event import Event
from handlers.sourcing.fields import check_key, whole
from handlers.sourcing.values import Value, dumps

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MAX_LETTER_BYTES = 256 * 1024
"""SQS takes four times as much, but not everywhere at once; a queue's own setting may be this."""
MAX_REASON = 1_000
_MARK = "unpublishable"
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


class Unpublishable(NamedTuple):
    """An event's place, and why the bus will never take it."""

    aggregate_id: str
    sequence: int
    reason: str

    def letter(self, event: Event) -> str:
        """The letter, with the event in it; one too large for a letter is left out, since the event store has it."""
        about = {"aggregateId": self.aggregate_id, "sequence": self.sequence, "reason": self.reason[:MAX_REASON]}
        letter = as_ascii({_MARK: about, "event": event.record()})
        return letter if len(letter) <= MAX_LETTER_BYTES else as_ascii({_MARK: about, "event": None})

    @classmethod
    def of(cls, letter: object) -> Unpublishable | None:
        """What a letter, parsed, says; None where it is of another form. MalformedError where it says nothing."""
        if not isinstance(letter, dict) or _MARK not in letter:
            return None
        about = letter[_MARK]
        if not isinstance(about, dict):
            raise MalformedError(_MARK, "must be an object")
        sequence = whole(about, "sequence", 1, MAX_SEQUENCE) or 0
        return cls(check_key(about.get("aggregateId"), "aggregateId"), sequence, str(about.get("reason")))


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The queue for such letters."""

    client: SQSClient
    url: str

    def leave(self, event: Event, reason: str) -> None:
        """Leave a letter: one SendMessage."""
        about = Unpublishable(event.aggregate_id, event.sequence, reason)
        self.client.send_message(QueueUrl=self.url, MessageBody=about.letter(event))


def as_ascii(value: Value) -> str:
    """JSON with exact numbers in which nothing is that a queue refuses: SQS takes no U+FFFF, but its escape."""
    return _NOT_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], dumps(value))
