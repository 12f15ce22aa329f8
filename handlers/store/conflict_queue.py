"""What hands a stream over to be put together again: the queue of `reconcile`."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zlib import compress, decompress
from zlib import error as not_packed

from handlers.sourcing.errors import MalformedError
from handlers.sourcing.fields import check_key
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

    MalformedError where it says nothing of the kind.
    """
    message: Any = loads(body, "body")
    if not isinstance(message, dict):
        raise MalformedError("body", "must be an object")
    aggregate_id, packed = check_key(message.get("aggregateId"), "aggregateId"), message.get("lost")
    if packed is None:
        return aggregate_id, None, False
    try:
        record: Any = loads(decompress(b64decode(packed, validate=True)).decode(), "lost")
        return aggregate_id, to_item(record), message.get("removed") is True
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, not_packed) as error:
        raise MalformedError("lost", f"holds no item: {error!r}") from error
