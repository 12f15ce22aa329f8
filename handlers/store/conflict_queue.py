"""What hands a stream over to be put together again: the queue of `reconcile`."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zlib import compress, decompress

from handlers.sourcing.values import dumps, loads

from .items import Item, to_item, to_record
from .unpublishable import as_ascii

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True)
class ConflictQueue:
    """Each call is one SendMessage."""

    client: SQSClient
    url: str

    def poke(self, aggregate_id: str) -> None:
        """Have somebody look at a stream."""
        self.client.send_message(QueueUrl=self.url, MessageBody=as_ascii({"aggregateId": aggregate_id}))

    def lost(self, aggregate_id: str, item: Item, *, removed: bool = False) -> None:
        """Hand over an item of the store that is not there any more: something else is, or nothing where `removed`.

        It is packed: an item's 400 KB may be more than a message's megabyte as JSON.
        """
        packed = b64encode(compress(dumps(to_record(item)).encode())).decode()
        told = {"aggregateId": aggregate_id, "lost": packed, "removed": removed}
        self.client.send_message(QueueUrl=self.url, MessageBody=as_ascii(told))


def told_in(body: str) -> tuple[str, Item | None, bool]:
    """The aggregate that a message is about, the item that was lost, and whether nothing is in its place.

    ValueError, MalformedError, zlib's error where it says neither.
    """
    message: Any = loads(body, "body")
    if not isinstance(message, dict) or not isinstance(message.get("aggregateId"), str):
        raise ValueError("no message about an aggregate")  # noqa: TRY004 -- one error for all that is wrong with it
    packed = message.get("lost")
    record: Any = None if packed is None else loads(decompress(b64decode(packed)), "lost")
    return message["aggregateId"], None if record is None else to_item(record), message.get("removed") is True
