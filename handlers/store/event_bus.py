"""The event bus: PutEvents in batches that respect its limits, checked entry by entry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from handlers.domain import times
from handlers.domain.errors import MalformedError, NotAnEventError
from handlers.domain.event import SOURCE, Event
from handlers.domain.fields import check_identifier
from handlers.domain.rejection import EVENT_TYPE as REJECTION_TYPE
from handlers.domain.rejection import Rejection
from handlers.domain.values import Value, dumps, exact, loads

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef as Entry

MAX_ENTRIES = 10
# The documented total is 1 MB; what counts besides the detail is the source, the detail type and 14 bytes of time.
MAX_BYTES = 1_000_000
_TIME_BYTES = 14
MAX_TYPE_LENGTH = 128


class PublishError(Exception):
    """The bus did not take an event; `index` is the first one that it did not take, all before it were."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(f"entry {index}: {reason}")
        self.index = index


class EventBus:
    """Publishes stored events, and refusals of commands."""

    def __init__(self, client: EventBridgeClient, name: str) -> None:
        self._client = client
        self._name = name

    def entry(self, event: Event) -> Entry:
        """The bus entry of a stored event.

        TypeError where its data holds what JSON cannot, ValueError or MalformedError where the bus would not take it.
        """
        return self._entry(event.event_type, event.timestamp, event.record())

    def rejection_entry(self, rejection: Rejection) -> Entry:
        """The bus entry of a refused command. ValueError where the bus would not take it."""
        return self._entry(REJECTION_TYPE, rejection.timestamp, rejection.record())

    def _entry(self, event_type: str, timestamp: str, record: dict[str, Value]) -> Entry:
        entry: Entry = {
            "EventBusName": self._name,
            "Source": SOURCE,
            "DetailType": event_type,
            # With the ledger's own time, an archive's replay window means the time of the event, not of the relay.
            "Time": times.normalize(timestamp, "Timestamp"),
            "Detail": dumps(record),
        }
        if not 1 <= len(event_type) <= MAX_TYPE_LENGTH or _size(entry) > MAX_BYTES:
            raise ValueError("its type or its size is beyond what the bus takes")
        return entry

    def publish(self, entries: Sequence[Entry]) -> None:
        """Put entries on the bus in order: one PutEvents per 10 of them or megabyte.

        Stops at the first entry refused and raises PublishError with its index. Entries behind it in the same call may
        have been taken: they will be published twice. Exceptions of the client pass through with the same effect.
        """
        done = 0
        for batch in _batches(entries):
            answer = self._client.put_events(Entries=batch)
            if answer["FailedEntryCount"]:
                for index, result in enumerate(answer["Entries"]):
                    if "ErrorCode" in result:
                        reason = f"{result['ErrorCode']}: {result.get('ErrorMessage', '')}"
                        raise PublishError(done + index, reason)
            done += len(batch)


def delivered_event(body: str) -> Event:
    """The event in what a rule delivered, such as a queue's message. MalformedError where there is none in it."""
    envelope = loads(body, "body")
    if not isinstance(envelope, dict) or "detail" not in envelope:
        raise MalformedError("body", "holds no event: it is not an object with a detail")
    try:
        # An event's data lies one level down in its record, so that may be one level deeper than the data of a command.
        event = Event.of(exact(envelope["detail"], "body.detail", depth=-1))
    except NotAnEventError as error:
        raise MalformedError("body", f"holds no event: {error.message}") from error
    check_identifier(event.aggregate_id, "body.detail.AggregateId")  # DynamoDB refuses a whole batch for one bad key
    return event


def _batches(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        entry_size = _size(entry)
        if batch and (len(batch) == MAX_ENTRIES or size + entry_size > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += entry_size
    if batch:
        yield batch


def _size(entry: Entry) -> int:
    return _TIME_BYTES + sum(len(entry[part].encode()) for part in ("Source", "DetailType", "Detail"))
