"""One process's story across streams, and a poke for it: what `ops transfers` stands on."""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from handlers.domain import KINDS
from handlers.domain.oversight import OVERSIGHT
from handlers.sourcing import times
from handlers.sourcing.command import MAX_SEQUENCE
from handlers.sourcing.event import Event
from handlers.sourcing.oversight import Oversight, Waits
from handlers.sourcing.projection import Projection, Row
from handlers.sourcing.restoring import UNFOLDABLE
from handlers.sourcing.told import Settings
from handlers.sourcing.values import dumps, loads
from handlers.store.clocks import CLOCK_TOLERANCE
from handlers.store.due_index import AT, DueIndex
from handlers.store.event_store import EventStore
from handlers.store.items import to_record
from handlers.store.read_model import UNKNOWN, stored_of

from .system import OperatorError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient

PAGE = 100
_FIRST_BLOCK = 64
_SKEW = timedelta(seconds=2 * CLOCK_TOLERANCE)
"""An event that was stored after another one may say that much less."""


class Next(NamedTuple):
    """What a process waits for, and the steps that are due at once; none while it waits for somebody."""

    waits: Waits
    steps: tuple[str, ...]

    def describe(self) -> dict[str, Any]:
        """It as JSON."""
        return {"why": self.waits.why, "until": self.waits.until, "steps": list(self.steps)}


@dataclass(frozen=True, slots=True)
class Story:
    """A process as its own stream tells it; strongly consistent, and so ahead of its row."""

    process_id: str
    events: tuple[Event, ...]
    row: Row
    next: Next | None
    """None where it has ended."""

    @property
    def status(self) -> str:
        """Its status, as in its row."""
        return str(self.row["Status"])


@dataclass(frozen=True, slots=True)
class Processes:
    """Of one stack, of one kind; `now` gives the ledger's UTC text."""

    client: DynamoDBClient
    store_table: str
    rows_table: str
    settings: Settings
    """Of the projection."""
    now: Callable[[], str]
    oversight: Oversight = OVERSIGHT

    def under_way(self) -> Iterator[dict[str, Any]]:
        """The rows of those that are under way, the longest due first: a Query for each part of the index and each 100
        rows of it (half a read unit per 4 KB), made as they are asked for."""
        index = DueIndex(self.client, self.rows_table)

        def bucket(name: str) -> Iterator[dict[str, Any]]:
            place = None
            while True:
                page = index.page(name, times.LAST, PAGE, place)
                yield from page.records
                place = page.rest
                if place is None:
                    return

        return heapq.merge(*map(bucket, self.oversight.process.buckets), key=lambda record: str(record[AT]))

    def every(self) -> Iterator[dict[str, Any]]:
        """The rows of all there are, in no order: a Scan of the read model, half a read unit per 4 KB of the table."""
        pages = self.client.get_paginator("scan").paginate(
            TableName=self.rows_table,
            FilterExpression="ProjectionType = :name",
            ExpressionAttributeValues={":name": {"S": self.oversight.projection}},
        )
        return (to_record(item) for page in pages for item in page["Items"])

    def _projection(self) -> Projection:
        (kind,) = (each for each in KINDS.all if each.name == self.oversight.process.kind)
        return next(each for each in kind.projections(self.settings) if each.name == self.oversight.projection)

    def damage(self, record: Mapping[str, Any]) -> list[str]:
        """The attributes of a row that are none that its projection makes."""
        projection = self._projection()
        row, position = stored_of(dict(record))[:2]
        wrong = projection.damage(row, position.sequence or MAX_SEQUENCE)
        return [*wrong, *["LastSequence"] * (not position.sequence), *["LastHash"] * (position.hash == UNKNOWN)]

    def story(self, process_id: str) -> Story:
        """A process's own story: one Query per megabyte of its stream. OperatorError where there is none such."""
        name = self.oversight.process.kind
        events = tuple(EventStore(self.client, self.store_table).read(process_id))
        kind = KINDS.of_events(events)
        if not events:
            raise OperatorError(f"there is no {name} {process_id}")
        if kind is None or kind.name != name:
            raise OperatorError(f"{process_id} is no {name}: {'it is an ' + kind.name if kind else 'of newer code'}")
        row, state = self._folded(events)
        now = self.now()
        waits = self.oversight.waits(row, now)
        due = tuple(step.name for step in self.oversight.process.due(state, now) if not step.dry)
        return Story(process_id, events, row, Next(waits, due) if waits else None)

    def everywhere(self, story: Story) -> list[Event]:
        """The events of a process's story in its own stream and in those of who takes part, by their times.

        Those have a part in it or the same correlation, and came behind its first event. A Query for each block of each
        of these streams from its end backwards until that time, by more events each time (one read unit per 4 KB).
        """
        first = story.events[0]
        since = times.to_text(datetime.fromisoformat(first.timestamp) - _SKEW)
        others = map(partial(self._since, moment=since), self.oversight.takes_part(story.row))
        streams = [[event for event in stream if self._belongs(event, story, first)] for stream in others]
        return list(heapq.merge(story.events, *streams, key=lambda event: event.timestamp))

    def _belongs(self, event: Event, story: Story, first: Event) -> bool:
        found = self.oversight.part(event)
        return event.correlation_id == first.correlation_id or (found is not None and found[0] == story.process_id)

    def _folded(self, events: Sequence[Event]) -> tuple[Row, Any]:
        projection = self._projection()
        row: Row = {}
        state = None
        try:
            for event in events:
                row, state = projection.apply(row, event), KINDS.evolve(state, event)
            wrong = projection.damage(row, len(events))
        except UNFOLDABLE as error:
            raise OperatorError(f"{events[0].aggregate_id} cannot be folded: `verify --aggregate` says why") from error
        if wrong:
            told = f"{events[0].aggregate_id} folds to what none can be ({', '.join(wrong)})"
            raise OperatorError(f"{told}: `verify --aggregate` says why")
        return row, state

    def _since(self, aggregate_id: str, moment: str) -> list[Event]:
        """The events of a stream with that Timestamp or a later one. Along a stream they never decrease."""
        store = EventStore(self.client, self.store_table)
        end, block = store.tail(aggregate_id, 1).end, _FIRST_BLOCK
        found: list[Event] = []
        while end:
            some = list(store.read(aggregate_id, after=max(end - block, 0), up_to=end))
            found = [*(each for each in some if each.timestamp >= moment), *found]
            if not some or some[0].timestamp < moment:
                break
            end, block = some[0].sequence - 1, 2 * block
        return found


def poke(functions: LambdaClient, function: str, event: Event) -> None:
    """Invoke the function of the processes with an event, as its queue would; what it did shows in the store.

    One invocation, which is answered when it has ended. OperatorError where it failed as a whole.
    """
    record = {"messageId": event.event_id, "body": dumps({"detail": event.record()})}
    _answered(functions, function, dumps({"Records": [record]}))


def command(functions: LambdaClient, function: str, request: Mapping[str, Any]) -> tuple[int, Any]:
    """Send a command by the function that takes them: status and body. OperatorError where it failed."""
    return invoked(functions, function, request)


def invoked(functions: LambdaClient, function: str, request: Mapping[str, Any]) -> tuple[int, Any]:
    """Ask a function something, and wait: status and body of its answer. OperatorError where it failed."""
    told = _answered(functions, function, json.dumps(request))
    return int(told["statusCode"]), loads(told["body"], "the answer")


def _answered(functions: LambdaClient, function: str, payload: str) -> Any:
    try:
        answer: Any = functions.invoke(FunctionName=function, Payload=payload.encode())
    except ClientError as error:
        if error.response["Error"]["Code"] != "TooManyRequestsException":
            raise
        raise OperatorError(
            f"{function} is throttled, and did nothing: docs/operations.md#a-function-that-may-not-run"
        ) from error
    told = loads(answer["Payload"].read(), f"the answer of {function}")
    if "FunctionError" in answer:
        code, text = told.get("errorType", "it failed"), told.get("errorMessage", "")
        raise OperatorError(f"{function} failed: {code}: {text}; asking again does no harm")
    return told
