"""What hands a stream over to be put together again: the queue of `reconcile`."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import compress, decompress
from zlib import error as not_packed

from handlers.sourcing.errors import MalformedError
from handlers.sourcing.fields import check_key
from handlers.sourcing.values import Value, dumps, loads

from .items import Item, to_item, to_record
from .unpublishable import as_ascii

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True)
class ConflictQueue:
    """Each call is one SendMessage."""

    client: SQSClient
    url: str

    def poke(self, aggregate_id: str, late: int | None = None) -> None:
        """Have somebody look at a stream, and at what its event at the place `late` is a step of."""
        told: dict[str, Value] = {"aggregateId": aggregate_id, **({"late": late} if late else {})}
        self.client.send_message(QueueUrl=self.url, MessageBody=as_ascii(told))

    def lost(self, aggregate_id: str, item: Item, *, removed: bool = False) -> None:
        """Hand over an item of the store that is not there any more: something else is, or nothing where `removed`.

        It is packed: an item's 400 KB may be more than a message's megabyte as JSON.
        """
        packed = b64encode(compress(dumps(to_record(item)).encode())).decode()
        told = {"aggregateId": aggregate_id, "lost": packed, "removed": removed}
        self.client.send_message(QueueUrl=self.url, MessageBody=as_ascii(told))


class Told(NamedTuple):
    """What a message says: the aggregate that it is about, the item that was lost, whether nothing is in its place, and
    where an event came late."""

    aggregate_id: str
    lost: Item | None = None
    removed: bool = False
    late: int | None = None


def told_in(body: str) -> Told:
    """What a message says. MalformedError where that is nothing of the kind."""
    message: Any = loads(body, "body")
    if not isinstance(message, dict):
        raise MalformedError("body", "must be an object")
    aggregate_id, packed = check_key(message.get("aggregateId"), "aggregateId"), message.get("lost")
    if packed is None:
        late = message.get("late")
        return Told(aggregate_id, late=int(late) if isinstance(late, int | Decimal) else None)
    try:
        record: Any = loads(decompress(b64decode(packed, validate=True)).decode(), "lost")
        return Told(aggregate_id, to_item(record), message.get("removed") is True)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, not_packed) as error:
        raise MalformedError("lost", f"holds no item: {error!r}") from error
