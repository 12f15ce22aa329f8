"""Pages of events as answers: what fits one Lambda response, and a token for the rest."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from handlers.domain import KINDS
from handlers.sourcing import times
from handlers.sourcing.command import MAX_SEQUENCE
from handlers.sourcing.errors import MalformedError, NotAnEventError, shortened
from handlers.sourcing.event import Event
from handlers.sourcing.fields import check_identifier, check_whole
from handlers.sourcing.kinds import Kind
from handlers.sourcing.values import Encoded, Value, dumps

from . import tokens
from .correlation_index import CorrelatedPlace, CorrelationIndex, place_of_event
from .deadline import Deadline
from .streams import Page, Streams, kind_of
from .type_index import MAX_BUCKETS, Place, TypeIndex

log = logging.getLogger("ledger")

MAX_TOLD = 100
"""Items that are no events, in one answer; the log has them all."""
MAX_BODY_BYTES = 5 * 1024 * 1024
"""Lambda answers at most 6 MB, in which our body is itself a JSON text; the rest is for what wraps it."""


def of_aggregate(
    store: Streams, aggregate_id: str, limit: int | None, token: Any, *, first: int = 1, kind: Kind[Any] | None = None
) -> Value:
    """One page of a stream from its event `first` on, in order: one strongly consistent Query.

    Without events where the aggregate is not of `kind`. The page tells that, or, where it begins later and its events
    tell another kind or none, the stream's beginning: what `kind_of` takes.
    """
    subject = ["getAggregateEvents", aggregate_id, *([first] if first > 1 else [])]
    after = tokens.decode(token, subject, _sequence)
    start = first - 1 if after is None else after
    page = store.page(aggregate_id, after=start, limit=limit)
    if kind and page.events and not _is_of(kind, store, aggregate_id, page, start):
        page = Page([], None)
    shown = _fitting(page.events)
    next_after = page.events[len(shown) - 1].sequence if len(shown) < len(page.events) else page.next_after
    return {
        "aggregateId": aggregate_id,
        "events": shown,
        "eventCount": len(shown),
        **({"nextToken": tokens.encode(subject, next_after)} if next_after is not None else {}),
    }


def _is_of(kind: Kind[Any], store: Streams, aggregate_id: str, page: Page, start: int) -> bool:
    told = KINDS.of_events(page.events)
    if told is kind or (told and not start):
        return told is kind
    return kind_of(store, aggregate_id, ()) is kind


def by_type(
    index: TypeIndex,
    event_type: str,
    *,
    limit: int,
    since: str,
    until: str,
    token: Any,
    seconds_left: Callable[[], float],
) -> Value:
    """One page of a type's events, newest first, over all buckets.

    An item that is no event is left out, logged, and listed as `unreadable`: nobody takes the page for the whole truth.
    Raises OutOfTimeError where that takes too long.
    """
    subject = ["getEventsByType", event_type, since, until]
    if since > until:
        raise MalformedError("fromTimestamp", "must not be later than toTimestamp")
    after = tokens.decode(token, subject, lambda content: _last_shown(content, since, until))
    deadline = Deadline(seconds_left, "ask for fewer events (limit) at a time")
    foreign: list[NotAnEventError] = []
    page = index.page(
        event_type, limit=limit, since=since, until=until, after=after, unreadable=foreign.append, deadline=deadline
    )
    shown = _fitting(page.events)
    rest = page.behind(len(shown))
    return {
        "eventType": event_type,
        "events": shown,
        "count": len(shown),
        **told_unreadable(foreign),
        **({"nextToken": tokens.encode(subject, rest)} if rest is not None else {}),
    }


def by_correlation(index: CorrelationIndex, correlation_id: str, *, limit: int, token: Any) -> Value:
    """One page of the events that belong together, the earliest first: one Query.

    An item that is no event is left out, logged, and listed as `unreadable`.
    """
    subject = ["getEventsByCorrelation", correlation_id]
    foreign: list[NotAnEventError] = []
    after = tokens.decode(token, subject, _correlated)
    page = index.page(correlation_id, limit=limit, after=after, unreadable=foreign.append)
    shown = _fitting(page.events)
    rest = page.rest if len(shown) == len(page.events) else place_of_event(page.events[len(shown) - 1])
    return {
        "correlationId": correlation_id,
        "events": shown,
        "count": len(shown),
        **told_unreadable(foreign),
        **({"nextToken": tokens.encode(subject, rest)} if rest is not None else {}),
    }


def told_unreadable(foreign: Sequence[NotAnEventError]) -> dict[str, Value]:
    """What an answer says of items on the way that are no events, which are logged, too."""
    for error in foreign:
        log.error("left out: %s", error.message, extra=dict(error.details))
    return {"unreadable": [_told(error) for error in foreign[:MAX_TOLD]]} if foreign else {}


def _told(error: NotAnEventError) -> Value:
    return {**error.details, "problem": shortened(error.problem)}


def _last_shown(content: Value, since: str, until: str) -> Place:
    """The last event shown. Older code gave out one place for each bucket: the last shown is the earliest of them."""
    places = [content]
    if not isinstance(content[0], str):
        places = [[*each, bucket] for bucket, each in enumerate(content) if each]
    return min(
        (place_of_type(each, since, until) for each in places), key=lambda place: (place.timestamp, -place.bucket)
    )


def place_of_type(content: Value, since: str = times.FIRST, until: str = times.LAST) -> Place:
    """The place among a type's events that a token says. ValueError and others of conversions, MalformedError."""
    timestamp, aggregate_id, sequence, bucket = content
    # DynamoDB would refuse what cannot be a key, or lies outside of the query's range, as a start.
    if times.normalize(timestamp, "nextToken") != timestamp or not since <= timestamp <= until:
        raise ValueError("no time in the query's range")
    return Place(
        timestamp,
        check_identifier(aggregate_id, "nextToken"),
        _sequence(sequence),
        check_whole(bucket, "nextToken", 0, MAX_BUCKETS - 1),
    )


def _correlated(content: Value) -> CorrelatedPlace:
    timestamp, aggregate_id, sequence = content
    if times.normalize(timestamp, "nextToken") != timestamp:
        raise ValueError("no time of the ledger's")
    return CorrelatedPlace(timestamp, check_identifier(aggregate_id, "nextToken"), _sequence(sequence))


def _sequence(content: Value) -> int:
    return check_whole(content, "nextToken", 0, MAX_SEQUENCE)


def _fitting(events: Iterable[Event]) -> list[Encoded]:
    """The first events, as JSON, that fit an answer; at least one, since a single event always does."""
    texts: list[Encoded] = []
    size = 0
    for event in events:
        text = Encoded(dumps(event.record()))
        size += len(json.dumps(text))  # the runtime encodes the body once more, as ASCII
        if texts and size > MAX_BODY_BYTES:
            break
        texts.append(text)
    return texts
