"""Answers to queries about one aggregate, over whatever streams and rows: the ledger's, or those of a branch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from .domain import KINDS
from .sourcing import times
from .sourcing.command import MAX_SEQUENCE
from .sourcing.errors import MalformedError, NotFoundError, UnreadableRowError, Violation
from .sourcing.fields import check_whole, identifier, unknown, whole
from .sourcing.kinds import Kind, OfKind
from .sourcing.projection import DueQuery, RowQuery
from .sourcing.values import Value
from .store import tokens
from .store.deadline import Deadline
from .store.due_index import BUCKET
from .store.history import History
from .store.pages import of_aggregate
from .store.read_model import ENTRIES_SEQUENCE, UNKNOWN, Key, Rows, WrittenEntries, stored_of
from .store.statement import Statements, Stretch
from .store.streams import Streams, kind_of

_MECHANICS = (ENTRIES_SEQUENCE, BUCKET)
"""Of a stored row: what is shown to nobody."""

SecondsLeft = Callable[[], float]
"""A clock that runs towards the function's timeout."""


class Query(NamedTuple):
    """How a query is answered, and which members besides queryType its request may have."""

    answer: Callable[[Mapping[str, Any], SecondsLeft], Value]
    arguments: tuple[str, ...]


def members_of(queries: Mapping[str, Query]) -> Collection[str]:
    """The members of any query's request, each once and in order."""
    return dict.fromkeys(["queryType", *(name for query in queries.values() for name in query.arguments)])


def answered(queries: Mapping[str, Query], request: Mapping[str, Any], left: SecondsLeft) -> Value:
    """The answer to a request `{queryType, ...}`. MalformedError where it is none of these queries, or says more."""
    if request.get("queryType") is None:
        refuse(unknown(request, members_of(queries)))
    query = queries.get(identifier(request, "queryType"))
    if query is None:
        raise MalformedError("queryType", f"must be one of {', '.join(queries)}")
    refuse(unknown(request, ("queryType", *query.arguments)))
    return query.answer(request, left)


def refuse(found: Sequence[Violation]) -> None:
    """Raise MalformedError where something was found."""
    if found:
        raise MalformedError(*found[0], *found[1:])


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers what is asked of one aggregate: its events, its rows, what its events left beside them, its state."""

    store: Streams
    history: History
    rows: Rows
    written: WrittenEntries | None
    """What events left, as it is stored; None where it only follows from the streams."""
    entries_a_page: int
    """How many a page of a statement has where nobody says."""

    def of_rows(self, query: RowQuery, projection: OfKind) -> Query:
        """What answers a query of a row, or of the entries beside it."""
        if query.head is None:
            return Query(partial(self.row, query, projection), (query.argument,))
        members = (query.argument, "limit", "fromTimestamp", "toTimestamp", "nextToken")
        return Query(partial(self.entries, query, projection), members)

    def around(self, rows: Mapping[str, Query]) -> dict[str, Query]:
        """The queries of one aggregate by their names: those of any kind, and between them those of `rows`."""
        return {
            "getAggregateEvents": Query(self.events, ("aggregateId", "kind", "fromSequence", "limit", "nextToken")),
            **rows,
            "reconstructState": Query(self.state, ("aggregateId", "kind", "upToSequence", "asOf")),
        }

    def events(self, request: Mapping[str, Any], _: SecondsLeft) -> Value:
        """`{aggregateId, kind?, fromSequence?, limit?, nextToken?}`: the stream in order; one Query a page.

        404 where there is no event. None behind a later `fromSequence` is a page without any. Of another kind than
        `kind` there is none; a page that does not begin the stream, and has no event of that kind first, takes a
        further Query.
        """
        aggregate_id, kind = identifier(request, "aggregateId"), kind_in(request)
        first = whole(request, "fromSequence", 1, MAX_SEQUENCE, default=1) or 1
        limit = whole(request, "limit", 1, 10_000)
        token = request.get("nextToken")
        page = of_aggregate(self.store, aggregate_id, limit, token, first=first, kind=kind)
        if token is None and first == 1 and not page["events"]:
            raise no_aggregate(aggregate_id)
        return page

    def row(self, query: RowQuery, projection: OfKind, request: Mapping[str, Any], _: SecondsLeft) -> Value:
        """`{<argument>}`: the row of a projection; one GetItem."""
        record = self._record(query, projection, identifier(request, query.argument), projection.name)
        return shown_row(query, projection, record)

    def entries(self, query: RowQuery, projection: OfKind, request: Mapping[str, Any], left: SecondsLeft) -> Value:
        """`{<argument>, limit?, fromTimestamp?, toTimestamp?, nextToken?}`: what events left beside the row.

        The newest first. Of the times at which events were recorded, both inclusive. One GetItem, and what
        `Statements.page` takes.
        """
        aggregate_id = identifier(request, query.argument)
        kind = projection.entries
        if kind is None:
            raise MalformedError("queryType", "this ledger keeps no statements: its setting `statement` is false")
        limit = whole(request, "limit", 1, 1_000, default=self.entries_a_page) or 0
        since, until = time_in(request, "fromTimestamp", times.FIRST), time_in(request, "toTimestamp", times.LAST)
        if since > until:
            raise MalformedError("fromTimestamp", "must not be later than toTimestamp")
        subject = [query.name, aggregate_id, since, until]
        start = tokens.decode(
            request.get("nextToken"), subject, lambda place: check_whole(place, "nextToken", 1, MAX_SEQUENCE)
        )
        record = self._record(query, projection, aggregate_id, kind.name)
        hold_together(projection, record)
        deadline = Deadline(left, "ask for fewer entries (limit) at a time")
        statements = Statements(self.written, self.store, self.history, projection, kind)
        page = statements.page(aggregate_id, stored_of(record), Stretch(since, until, start), limit, deadline)
        head = ("AccountId", *(query.head or ()), "LastSequence", "LastHash")
        return {
            **{_shown(query, name): record[name] for name in head if name in record},
            "ProjectionType": kind.name,
            "Entries": [entry.content for entry in page.entries],
            **({"nextToken": tokens.encode(subject, page.rest)} if page.rest is not None else {}),
        }

    def state(self, request: Mapping[str, Any], left: SecondsLeft) -> Value:
        """`{aggregateId, kind?, upToSequence?, asOf?}`: the state by replay of the stream; see `History.reconstruct`.

        Before its first event an aggregate is as its kind begins; 404 where it has no event at all, or is of another
        kind than `kind`. Only where no event up to there is of a known type, that takes a further Query.
        """
        aggregate_id, kind = identifier(request, "aggregateId"), kind_in(request)
        up_to = whole(request, "upToSequence", 0, MAX_SEQUENCE)
        as_of = times.normalize(request["asOf"], "asOf") if request.get("asOf") is not None else None
        moment = self.history.reconstruct(aggregate_id, up_to=up_to, as_of=as_of, seconds_left=left)
        if moment is None:
            raise no_aggregate(aggregate_id)
        state = moment.state
        if kind:
            if (KINDS.of_state(state) or kind_of(self.store, aggregate_id, ())) is not kind:
                raise no_aggregate(aggregate_id)
            state = kind.state() if state is None else state
        return {
            "aggregateId": aggregate_id,
            "reconstructedState": KINDS.described(state),
            "eventsProcessed": moment.events,
            "upToSequence": up_to,
            **({"asOf": as_of} if as_of else {}),
        }

    def _record(self, query: RowQuery, projection: OfKind, aggregate_id: str, asked: str) -> dict[str, Any]:
        """A projection's stored row, for who asked for it or for what lies beside it."""
        record = self.rows.record(Key(aggregate_id, projection.name))
        if record is None:
            name = f"{projection.kind.name} {aggregate_id}"
            text = f"there is no {name}, or no {asked} of it yet: read models follow the events"
            raise NotFoundError(text, **{query.argument: aggregate_id})
        return record


def shown_row(query: RowQuery | DueQuery, projection: OfKind, record: dict[str, Any]) -> dict[str, Any]:
    """A stored row, for who asked for it. UnreadableRowError where it is damaged."""
    hold_together(projection, record)
    return {_shown(query, name): value for name, value in record.items() if name not in _MECHANICS}


def hold_together(projection: OfKind, record: dict[str, Any]) -> None:
    """Raise UnreadableRowError for a stored row that is damaged."""
    row, position = stored_of(record)[:2]
    damage = projection.damage(row, position.sequence or MAX_SEQUENCE)
    damage += ["LastSequence"] * (not position.sequence) + ["LastHash"] * (position.hash == UNKNOWN)
    if damage:
        raise UnreadableRowError(projection.name, record["AccountId"], damage)


def _shown(query: RowQuery | DueQuery, name: str) -> str:
    """The name of a row's attribute in an answer: every kind's id stands under AccountId in the table."""
    return f"{query.argument[:1].upper()}{query.argument[1:]}" if name == "AccountId" else name


def no_aggregate(aggregate_id: str) -> NotFoundError:
    """The answer of every query that finds no event under an id, and so no kind."""
    return NotFoundError(f"there is no aggregate {aggregate_id}", aggregateId=aggregate_id)


def kind_in(request: Mapping[str, Any]) -> Kind[Any] | None:
    """The kind of which an aggregate must be; None where the request does not say. MalformedError."""
    if request.get("kind") is None:
        return None
    given, kinds = identifier(request, "kind"), {kind.name: kind for kind in KINDS.all}
    if given not in kinds:
        raise MalformedError("kind", f"must be one of {', '.join(kinds)}")
    return kinds[given]


def time_in(request: Mapping[str, Any], name: str, default: str) -> str:
    return default if request.get(name) is None else times.normalize(request[name], name)
