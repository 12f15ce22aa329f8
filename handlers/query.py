"""Entry point of the read side: one function per queryType.

The queries of rows are those of the projections (`Projection.queries`); those of events are asked of any kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from .answers import Answers, Query, SecondsLeft, answered, members_of, refuse, shown_row, time_in
from .domain import EVENT_TYPES, KINDS
from .http_api.serving import serving
from .regional import looking_back, this_region
from .runtime import Context, seconds_left
from .settings import ENVIRONMENT, flag, number, setting
from .sourcing import times
from .sourcing.errors import IntegrityError, MalformedError, UnsettledError, Violation
from .sourcing.fields import check_identifier, check_whole, folded, identifier, whole
from .sourcing.kinds import OfKind
from .sourcing.projection import DueQuery, RowQuery
from .sourcing.values import Value
from .store import clients, tokens
from .store.correlation_index import CorrelationIndex
from .store.deadline import Deadline
from .store.due_index import DueIndex, DuePlace, listed
from .store.found_by_event import found_by_event
from .store.history import History
from .store.pages import by_correlation, by_type, place_of_type, told_unreadable
from .store.read_model import ReadModel
from .store.snapshots import Snapshots
from .store.type_index import TypeIndex

_buckets = number("TYPE_BUCKETS")
_dynamodb = clients.dynamodb(_buckets)
_table = setting("EVENT_STORE_TABLE")
_store = looking_back(_dynamodb)
_history = History(_store, Snapshots(_dynamodb, setting("SNAPSHOTS_TABLE")), every=number("SNAPSHOT_EVERY"))
_types = TypeIndex(_dynamodb, _table, _buckets) if flag("TYPE_INDEX") else None
_correlations = CorrelationIndex(_dynamodb, _table) if flag("CORRELATION_INDEX") else None
_read_model = ReadModel(_dynamodb, setting("READ_MODEL_TABLE"))
_answers = Answers(_store, _history, _read_model, _read_model, entries_a_page=number("STATEMENT_ENTRIES"))
_due = DueIndex(_dynamodb, setting("READ_MODEL_TABLE"))

_TYPES = {folded(name): name for name in EVENT_TYPES}


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
        since=time_in(request, "fromTimestamp", times.FIRST),
        until=time_in(request, "toTimestamp", times.LAST),
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
        query.rows: [shown_row(query, projection, record) for record in records],
        "count": len(records),
        **({"nextToken": rest} if rest is not None else {}),
    }


def _queries(answers: Answers, rows: Iterable[tuple[RowQuery | DueQuery, OfKind]]) -> Mapping[str, Query]:
    """What answers each query, by its name; `rows` are the queries of rows with their projections."""

    def of_rows(query: RowQuery | DueQuery, projection: OfKind) -> Query:
        if isinstance(query, DueQuery):
            return Query(partial(_get_due, query, projection), (*query.filters, "limit", "nextToken"))
        return answers.of_rows(query, projection)

    return {
        **answers.around({query.name: of_rows(query, projection) for query, projection in rows}),
        "getEventsByType": Query(
            _get_events_by_type, ("eventType", "limit", "fromTimestamp", "toTimestamp", "nextToken")
        ),
        "getEventsByCorrelation": Query(_get_events_by_correlation, ("correlationId", "limit", "nextToken")),
    }


_QUERIES = _queries(_answers, KINDS.queries(ENVIRONMENT))


@serving("query", members_of(_QUERIES))
def lambda_handler(request: Mapping[str, Any], misplaced: Sequence[Violation], context: Context) -> Value:
    """`{queryType, ...}` to the answer of that type. With two Regions a stream may be no chain for a while: 503."""
    refuse(misplaced)
    try:
        return answered(_QUERIES, request, seconds_left(context))
    except IntegrityError as error:
        if this_region() is None:
            raise
        raise UnsettledError(error.message, **error.details) from error
