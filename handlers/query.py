"""Entry point of the read side: one function per queryType.

The queries of rows are those that the kinds of aggregates have (`Kind.queries`); those of events are asked of any kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from .domain import EVENT_TYPES, KINDS
from .http_api.serving import serving
from .runtime import Context, seconds_left
from .settings import flag, number, setting
from .sourcing import times
from .sourcing.command import MAX_SEQUENCE
from .sourcing.errors import MalformedError, NotFoundError, UnreadableRowError, Violation
from .sourcing.fields import check_identifier, check_whole, folded, identifier, unknown, whole
from .sourcing.kinds import OfKind
from .sourcing.projection import DueQuery, RowQuery
from .sourcing.values import Value
from .store import clients, tokens
from .store.correlation_index import CorrelationIndex
from .store.deadline import Deadline
from .store.due_index import BUCKET, DueIndex, DuePlace, listed
from .store.event_store import EventStore
from .store.found_by_event import found_by_event
from .store.history import History
from .store.pages import by_correlation, by_type, of_aggregate, place_of_type, told_unreadable
from .store.read_model import ENTRIES_SEQUENCE, UNKNOWN, Key, ReadModel, stored_of
from .store.snapshots import Snapshots
from .store.statement import Statements, Stretch
from .store.type_index import TypeIndex

_buckets = number("TYPE_BUCKETS")
_dynamodb = clients.dynamodb(_buckets)
_table = setting("EVENT_STORE_TABLE")
_store = EventStore(_dynamodb, _table)
_history = History(_store, Snapshots(_dynamodb, setting("SNAPSHOTS_TABLE")), every=number("SNAPSHOT_EVERY"))
_types = TypeIndex(_dynamodb, _table, _buckets) if flag("TYPE_INDEX") else None
_correlations = CorrelationIndex(_dynamodb, _table) if flag("CORRELATION_INDEX") else None
_read_model = ReadModel(_dynamodb, setting("READ_MODEL_TABLE"))
_STATEMENT_ENTRIES = number("STATEMENT_ENTRIES")
"""How many a page of the statement has where nobody says."""
_due = DueIndex(_dynamodb, setting("READ_MODEL_TABLE"))
_MECHANICS = (ENTRIES_SEQUENCE, BUCKET)
"""Of a stored row: what is shown to nobody."""

_TYPES = {folded(name): name for name in EVENT_TYPES}

SecondsLeft = Callable[[], float]
"""A clock that runs towards the function's timeout."""


def _refuse(found: Sequence[Violation]) -> None:
    if found:
        raise MalformedError(*found[0], *found[1:])


def _get_aggregate_events(request: Mapping[str, Any], _: SecondsLeft) -> Value:
    """`{aggregateId, fromSequence?, limit?, nextToken?}`: the stream in order; one Query a page.

    404 where there is no event. None behind a later `fromSequence` is a page without any.
    """
    aggregate_id = identifier(request, "aggregateId")
    first = whole(request, "fromSequence", 1, MAX_SEQUENCE, default=1) or 1
    limit = whole(request, "limit", 1, 10_000)
    token = request.get("nextToken")
    page = of_aggregate(_store, aggregate_id, limit, token, first=first)
    if token is None and first == 1 and not page["events"]:
        raise _no_aggregate(aggregate_id)
    return page


def _get_events_by_type(request: Mapping[str, Any], left: SecondsLeft) -> Value:
    """`{eventType, limit?, fromTimestamp?, toTimestamp?, nextToken?}`: newest first; one Query per bucket a page.

    400 where the ledger has no index by type.
    """
    if _types is None:
        raise MalformedError(
            "queryType", "getEventsByType is not offered: this ledger keeps no index by type (its setting typeIndex)"
        )
    event_type = identifier(request, "eventType")
    meant = _TYPES.get(folded(event_type))
    if meant and event_type not in EVENT_TYPES:  # any other name may be a type of other code
        raise MalformedError("eventType", f"is unknown; did you mean {meant}?")
    return by_type(
        _types,
        event_type,
        limit=whole(request, "limit", 1, 1_000, default=100) or 0,
        since=_time(request, "fromTimestamp", times.FIRST),
        until=_time(request, "toTimestamp", times.LAST),
        token=request.get("nextToken"),
        seconds_left=left,
    )


def _get_events_by_correlation(request: Mapping[str, Any], _: SecondsLeft) -> Value:
    """`{correlationId, limit?, nextToken?}`: across aggregates, the earliest first; one Query a page.

    Those whose correlationId is not their own commandId. 400 where the ledger has no index by correlation.
    """
    if _correlations is None:
        raise MalformedError(
            "queryType",
            "getEventsByCorrelation is not offered: this ledger keeps no index by correlation (its setting "
            "correlationIndex)",
        )
    correlation_id = identifier(request, "correlationId")
    limit = whole(request, "limit", 1, 1_000, default=100) or 0
    return by_correlation(_correlations, correlation_id, limit=limit, token=request.get("nextToken"))


def _get_row(query: RowQuery, projection: OfKind, request: Mapping[str, Any], _: SecondsLeft) -> Value:
    """`{<argument>}`: the row of a projection; one GetItem."""
    record = _record(query, projection, identifier(request, query.argument), projection.name)
    return _shown_row(query, projection, record)


def _get_entries(query: RowQuery, projection: OfKind, request: Mapping[str, Any], left: SecondsLeft) -> Value:
    """`{<argument>, limit?, fromTimestamp?, toTimestamp?, nextToken?}`: what events left beside the row, newest first.

    Of the times at which events were recorded, both inclusive. One GetItem, and what `Statements.page` takes.
    """
    aggregate_id = identifier(request, query.argument)
    kind = projection.entries
    if kind is None:
        raise MalformedError("queryType", "this ledger keeps no statements: its setting `statement` is false")
    limit = whole(request, "limit", 1, 1_000, default=_STATEMENT_ENTRIES) or 0
    since, until = _time(request, "fromTimestamp", times.FIRST), _time(request, "toTimestamp", times.LAST)
    if since > until:
        raise MalformedError("fromTimestamp", "must not be later than toTimestamp")
    subject = [query.name, aggregate_id, since, until]
    start = tokens.decode(
        request.get("nextToken"), subject, lambda place: check_whole(place, "nextToken", 1, MAX_SEQUENCE)
    )
    record = _record(query, projection, aggregate_id, kind.name)
    _hold_together(projection, record)
    deadline = Deadline(left, "ask for fewer entries (limit) at a time")
    statements = Statements(_read_model, _store, _history, projection, kind)
    page = statements.page(aggregate_id, stored_of(record), Stretch(since, until, start), limit, deadline)
    head = ("AccountId", *(query.head or ()), "LastSequence", "LastHash")
    return {
        **{_shown(query, name): record[name] for name in head if name in record},
        "ProjectionType": kind.name,
        "Entries": [entry.content for entry in page.entries],
        **({"nextToken": tokens.encode(subject, page.rest)} if page.rest is not None else {}),
    }


def _get_due(query: DueQuery, projection: OfKind, request: Mapping[str, Any], left: SecondsLeft) -> Value:
    """`{<filter>?, ..., limit?, nextToken?}`: the rows for which something is due or will be; what `listed` takes.

    In each part of the index those come first whose next step has been due for longest. A filter may mean rows that
    are found by an event of theirs: then it is what `found_by_event` takes.
    """
    asked = {name: request[name] for name in query.filters if request.get(name) is not None}
    filters = [query.filters[name].meant(value) for name, value in asked.items()]
    sieve = _Sieve(
        subject=[query.name, asked],
        matches=lambda record: all(meant(record) for meant in filters),
        limit=whole(request, "limit", 1, 1_000, default=100) or 0,
        token=request.get("nextToken"),
        deadline=Deadline(left, f"ask for fewer {query.rows} (limit) at a time"),
    )
    by = query.by_event
    event_type = by and by.types.get(str(asked.get(by.member)))
    if by and event_type:
        if _types is None:
            due = [word for word in query.filters[by.member].words if word not in by.types]
            raise MalformedError(
                by.member,
                f"must be one of {', '.join(due)}: what has ended is found by its last event, and this ledger keeps no "
                "index by type (its setting typeIndex)",
            )
        return _listed_by_event(_types, query, projection, event_type, sieve, sieved=len(asked) > 1)
    return _listed_by_due(query, projection, sieve)


class _Sieve(NamedTuple):
    """Which rows of a list are asked for."""

    subject: Value
    matches: Callable[[dict[str, Any]], bool]
    limit: int
    token: Any
    deadline: Deadline


def _listed_by_event(
    types: TypeIndex, query: DueQuery, projection: OfKind, event_type: str, sieve: _Sieve, *, sieved: bool
) -> Value:
    page = found_by_event(
        types,
        _read_model,
        event_type,
        projection.name,
        sieve.matches,
        limit=sieve.limit,
        sieved=sieved,
        after=tokens.decode(sieve.token, sieve.subject, place_of_type),
        deadline=sieve.deadline,
    )
    rest = tokens.encode(sieve.subject, page.rest) if page.rest else None
    return {**_list(query, projection, page.records, rest), **told_unreadable(page.unreadable)}


def _listed_by_due(query: DueQuery, projection: OfKind, sieve: _Sieve) -> Value:

    def place_in(content: Value) -> tuple[int, DuePlace]:
        number, at, aggregate_id, name = content
        if times.normalize(at, "nextToken") != at or name != projection.name:
            raise ValueError("no place in the index")
        bucket = check_whole(number, "nextToken", 0, len(query.buckets) - 1)
        return bucket, DuePlace(at, check_identifier(aggregate_id, "nextToken"), name)

    page = listed(
        _due,
        query.buckets,
        sieve.matches,
        limit=sieve.limit,
        behind=tokens.decode(sieve.token, sieve.subject, place_in),
        deadline=sieve.deadline,
    )
    rest = tokens.encode(sieve.subject, [page.rest[0], *page.rest[1]]) if page.rest else None
    return _list(query, projection, page.records, rest)


def _list(query: DueQuery, projection: OfKind, records: Sequence[dict[str, Any]], rest: str | None) -> dict[str, Value]:
    return {
        query.rows: [_shown_row(query, projection, record) for record in records],
        "count": len(records),
        **({"nextToken": rest} if rest is not None else {}),
    }


def _reconstruct_state(request: Mapping[str, Any], left: SecondsLeft) -> Value:
    """`{aggregateId, upToSequence?, asOf?}`: the state by replay of the stream; see `History.reconstruct`.

    Before its first event an aggregate is as its kind begins; 404 where it has no event at all.
    """
    aggregate_id = identifier(request, "aggregateId")
    up_to = whole(request, "upToSequence", 0, MAX_SEQUENCE)
    as_of = times.normalize(request["asOf"], "asOf") if request.get("asOf") is not None else None
    moment = _history.reconstruct(aggregate_id, up_to=up_to, as_of=as_of, seconds_left=left)
    if moment is None:
        raise _no_aggregate(aggregate_id)
    return {
        "aggregateId": aggregate_id,
        "reconstructedState": KINDS.described(moment.state),
        "eventsProcessed": moment.events,
        "upToSequence": up_to,
        **({"asOf": as_of} if as_of else {}),
    }


def _record(query: RowQuery, projection: OfKind, aggregate_id: str, asked: str) -> dict[str, Any]:
    """A projection's stored row, for who asked for it or for what lies beside it."""
    record = _read_model.record(Key(aggregate_id, projection.name))
    if record is None:
        name = f"{projection.kind.name} {aggregate_id}"
        text = f"there is no {name}, or no {asked} of it yet: read models follow the events"
        raise NotFoundError(text, **{query.argument: aggregate_id})
    return record


def _shown_row(query: RowQuery | DueQuery, projection: OfKind, record: dict[str, Any]) -> dict[str, Any]:
    """A stored row, for who asked for it. UnreadableRowError where it is damaged."""
    _hold_together(projection, record)
    return {_shown(query, name): value for name, value in record.items() if name not in _MECHANICS}


def _hold_together(projection: OfKind, record: dict[str, Any]) -> None:
    """Raise UnreadableRowError for a stored row that is damaged."""
    row, position = stored_of(record)[:2]
    damage = projection.damage(row, position.sequence or MAX_SEQUENCE)
    damage += ["LastSequence"] * (not position.sequence) + ["LastHash"] * (position.hash == UNKNOWN)
    if damage:
        raise UnreadableRowError(projection.name, record["AccountId"], damage)


def _shown(query: RowQuery | DueQuery, name: str) -> str:
    """The name of a row's attribute in an answer: every kind's id stands under AccountId in the table."""
    return f"{query.argument[:1].upper()}{query.argument[1:]}" if name == "AccountId" else name


def _no_aggregate(aggregate_id: str) -> NotFoundError:
    """The answer of every query that finds no event under an id, and so no kind."""
    return NotFoundError(f"there is no aggregate {aggregate_id}", aggregateId=aggregate_id)


def _time(request: Mapping[str, Any], name: str, default: str) -> str:
    return default if request.get(name) is None else times.normalize(request[name], name)


class _Query(NamedTuple):
    """How a query is answered, and which members besides queryType its request may have."""

    answer: Callable[[Mapping[str, Any], SecondsLeft], Value]
    arguments: tuple[str, ...]


def _of_rows(query: RowQuery | DueQuery, projection: OfKind) -> _Query:
    if isinstance(query, DueQuery):
        return _Query(partial(_get_due, query, projection), (*query.filters, "limit", "nextToken"))
    if query.head is None:
        return _Query(partial(_get_row, query, projection), (query.argument,))
    members = (query.argument, "limit", "fromTimestamp", "toTimestamp", "nextToken")
    return _Query(partial(_get_entries, query, projection), members)


_QUERIES: Mapping[str, _Query] = MappingProxyType(
    {
        "getAggregateEvents": _Query(_get_aggregate_events, ("aggregateId", "fromSequence", "limit", "nextToken")),
        **{query.name: _of_rows(query, projection) for query, projection in KINDS.queries(flag)},
        "reconstructState": _Query(_reconstruct_state, ("aggregateId", "upToSequence", "asOf")),
        "getEventsByType": _Query(
            _get_events_by_type, ("eventType", "limit", "fromTimestamp", "toTimestamp", "nextToken")
        ),
        "getEventsByCorrelation": _Query(_get_events_by_correlation, ("correlationId", "limit", "nextToken")),
    }
)
_MEMBERS = dict.fromkeys(["queryType", *(name for query in _QUERIES.values() for name in query.arguments)])
"""Of any query's request."""


@serving("query", _MEMBERS)
def lambda_handler(request: Mapping[str, Any], misplaced: Sequence[Violation], context: Context) -> Value:
    """`{queryType, ...}` to the answer of that type."""
    _refuse(misplaced)
    if request.get("queryType") is None:
        _refuse(unknown(request, _MEMBERS))
    query = _QUERIES.get(identifier(request, "queryType"))
    if query is None:
        raise MalformedError("queryType", f"must be one of {', '.join(_QUERIES)}")
    _refuse(unknown(request, ("queryType", *query.arguments)))
    return query.answer(request, seconds_left(context))
