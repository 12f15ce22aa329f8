"""The event bus: PutEvents in batches that respect its limits, checked entry by entry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from handlers.sourcing import times
from handlers.sourcing.carriage import uncarried
from handlers.sourcing.copies import SOURCE as COPIES
from handlers.sourcing.copies import Copy
from handlers.sourcing.errors import MalformedError, NotAnEventError
from handlers.sourcing.event import SOURCE, Event
from handlers.sourcing.fields import check_identifier
from handlers.sourcing.rejection import EVENT_TYPE as REJECTION_TYPE
from handlers.sourcing.rejection import Rejection
from handlers.sourcing.values import Value, dumps, exact, loads

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef as Entry
    from mypy_boto3_events.type_defs import PutEventsResultEntryTypeDef as ResultEntry

MAX_ENTRIES = 10
# The documented total is less than 1 MB; besides the detail, the source, the detail type and 14 bytes of time count.
MAX_BYTES = 999_999
_TIME_BYTES = 14
MAX_TYPE_LENGTH = 128
_YEAR_10000 = datetime(9999, 12, 31, tzinfo=UTC).timestamp() + 86_400
FOR_GOOD = frozenset({"InvalidArgument", "MalformedDetail", "RedactionFailure"})
"""The codes that refuse an entry for what it is, whenever it is sent.

AWS documents more that are not to be tried again: those that deny permission, or know no such AWS account. They are not
of the entry but of how things are set up, and pass once that is mended. So may any code that is not documented.
"""
OF_THE_CALL = frozenset(
    {
        *("AccessDenied", "AccessDeniedException", "AuthFailure", "NotAuthorized", "UnauthorizedOperation"),
        *("ExpiredToken", "ExpiredTokenException", "IncompleteSignature", "InvalidClientTokenId"),
        *("InvalidSignatureException", "MissingAuthenticationToken", "OptInRequired", "RequestExpired"),
        *("RequestTimeTooSkewed", "SignatureDoesNotMatch", "UnrecognizedClientException"),
        *("BandwidthLimitExceeded", "LimitExceededException", "PriorRequestNotComplete", "RequestLimitExceeded"),
        *("RequestThrottled", "RequestThrottledException", "SlowDown", "Throttling", "ThrottledException"),
        *("ThrottlingException", "TooManyRequestsException"),
        *("ConcurrentModificationException", "RequestTimeout", "RequestTimeoutException"),
        *("InvalidAccountIdException", "InvalidAction", "OperationDisabledException", "ResourceNotFoundException"),
        *("NotAuthorizedForDetailTypeException", "NotAuthorizedForSourceException", "UnknownOperationException"),
    }
)
"""The codes that refuse a whole call for who made it, when, how often or on which bus, and not for what it holds."""
_REFUSING = frozenset({400, 413, 422})
"""The statuses of a refusal for what a call holds; the other 4xx are of permissions, places, times and rates."""
SetAside = Callable[[int, str], None]
"""Takes the index of an entry that the bus will never take, and why; raises PublishError where it cannot."""


class PublishError(Exception):
    """The bus did not take an event; `index` is the first one that is to be sent again, all before it are settled."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(f"entry {index}: {reason}")
        self.index = index


class _Refusal(NamedTuple):
    reason: str
    for_good: bool


class EventBus:
    """Publishes stored events, and refusals of commands."""

    def __init__(self, client: EventBridgeClient, name: str) -> None:
        self._client = client
        self._name = name

    def entry(self, event: Event) -> Entry:
        """The bus entry of a stored event.

        TypeError where its data holds what JSON cannot, ValueError or MalformedError where the bus would never take it.
        """
        return self._entry(event.event_type, event.timestamp, event.record())

    def rejection_entry(self, rejection: Rejection) -> Entry:
        """The bus entry of a refused command. ValueError where the bus would not take it."""
        return self._entry(REJECTION_TYPE, rejection.timestamp, rejection.record())

    def copy_entry(self, copy: Copy) -> Entry:
        """The bus entry of an event's copy, under the source of replays. ValueError, MalformedError as of an event."""
        return self._entry(copy.event_type, copy.timestamp, copy.record, COPIES)

    def _entry(self, event_type: str, timestamp: str, record: dict[str, Value], source: str = SOURCE) -> Entry:
        entry: Entry = {
            "EventBusName": self._name,
            "Source": source,
            "DetailType": event_type,
            # With the ledger's own time, an archive's replay window means the time of the event, not of the relay.
            "Time": _carried_time(timestamp),
            "Detail": dumps(record),
        }
        if not 1 <= len(event_type) <= MAX_TYPE_LENGTH or _size(entry) > MAX_BYTES:
            raise ValueError("its type or its size is beyond what the bus takes")
        if found := uncarried(record, "detail"):
            raise ValueError(f"{found[0].path} {found[0].message}")
        return entry

    def publish(self, entries: Sequence[Entry], set_aside: SetAside | None = None) -> None:
        """Put entries on the bus in order: one PutEvents per 10 of them or megabyte.

        Stops at the first entry that was not taken and raises PublishError with its index. Entries behind it in the
        same call may have been taken: they will be published twice.

        With `set_aside` an entry that is refused for good is handed to it, with the reason, and the next one follows.
        Of a call that is refused as a whole for what it holds, each entry is then tried alone: one PutEvents each. One
        that is refused alone is refused for good.
        """
        done = 0
        for batch in _batches(entries):
            for index, refusal in enumerate(self._refusals(batch, done, alone=set_aside is not None)):
                if refusal is None:
                    continue
                if set_aside is None or not refusal.for_good:
                    raise PublishError(done + index, refusal.reason)
                set_aside(done + index, refusal.reason)
            done += len(batch)

    def _refusals(self, batch: list[Entry], start: int, *, alone: bool) -> Iterator[_Refusal | None]:
        """What became of each entry. PublishError at the index, counted from `start`, of the first one not known."""
        try:
            answer = self._client.put_events(Entries=batch)
        except (BotoCoreError, ClientError) as error:
            if not (alone and _refuses_what_it_holds(error)):
                raise PublishError(start, f"{error}") from error
            if len(batch) == 1:
                yield _Refusal(f"{error}", for_good=True)
                return
        else:
            yield from map(_refusal, answer["Entries"])
            return
        for index, entry in enumerate(batch):
            yield from self._refusals([entry], start + index, alone=alone)


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


def _refusal(result: ResultEntry) -> _Refusal | None:
    code = result.get("ErrorCode")
    return None if code is None else _Refusal(f"{code}: {result.get('ErrorMessage', '')}", code in FOR_GOOD)


def _refuses_what_it_holds(error: Exception) -> bool:
    """Whether a call was refused for its entries, not for who made it, when, how often or on which bus."""
    if isinstance(error, ParamValidationError):  # by the SDK, before it was sent
        return True
    if not isinstance(error, ClientError) or error.response["Error"]["Code"] in OF_THE_CALL:
        return False
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") in _REFUSING


def _carried_time(timestamp: str) -> str:
    """The entry's Time. ValueError where it is none in the double of seconds since 1970 that carries it.

    A double has no room for the last microseconds of the year 9999: they would become the year 10000.
    """
    text = times.normalize(timestamp, "Timestamp")
    if datetime.fromisoformat(text).timestamp() >= _YEAR_10000:
        raise ValueError(f"its Timestamp {text} is beyond what the bus takes: as seconds it is in the year 10000")
    return text


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
