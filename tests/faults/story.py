"""A client, the deliveries and a reader on one world: the steps that scenarios are told in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from handlers.domain import evolve
from handlers.domain.account import Account
from handlers.sourcing import times
from handlers.sourcing.event import Event
from handlers.sourcing.replays import ReplaySpec
from handlers.sourcing.values import dumps
from handlers.store.replay_source import SEGMENTS
from handlers.store.replay_work import Work, message_of
from handlers.store.replays import Head, Replays

from ..aws import ENVIRONMENT, REPLAYS, ROWS
from ..domain.builders import folded
from ..effort import LONG
from . import truth
from .client import ATTEMPTS, Answer, Client, Sent, asked
from .delivery import Delivery, Shard
from .dynamodb import segment_of
from .world import START, Environment, Fate, FunctionFailedError, World, all_well

LONGER_THAN_TRANSFERS = int(ENVIRONMENT["TRANSFER_TIMEOUT_SECONDS"]) + 60
REPLAY = "replay"
LISTS = {"getAggregateEvents": ("events", "eventCount"), "getEventsByType": ("events", "count")}


@dataclass(eq=False)
class Story:
    """What happens to one world under one fate."""

    fate: Fate = all_well
    world: World = field(default_factory=World)
    client: Client = field(init=False)
    delivery: Delivery = field(init=False)
    _resting: list[Environment] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client = Client(self.world)
        self.delivery = Delivery(self.world)

    def send(self, aggregate_id: str, event_type: str, **more: Any) -> Sent:
        """Send a new command, again and again until it is answered."""
        sent = self.client.new(aggregate_id, event_type, **more)
        self.again(sent)
        return sent

    def again(self, sent: Sent) -> Answer:
        """Send the same command once more."""
        return self.client.send(sent, self.fate)

    def change_places(self) -> None:
        """Let the processes of the command function rest, and those that rested take what is sent from now on."""
        self._resting, self.world.idle["command"] = self.world.idle["command"], self._resting

    @contextmanager
    def prelude(self) -> Iterator[None]:
        """What a scenario only starts from: other scenarios try the faults on its way, this one only in a long run."""
        fate = self.fate
        if not LONG:
            self.fate = all_well
        try:
            yield
        finally:
            self.fate = fate

    def foretell(self, aggregate_id: str, event_type: str, **more: Any) -> Sent:
        """Ask the validate function what a new command would come to, then send it: it comes to that."""
        sent = self.client.new(aggregate_id, event_type, **more)
        before = len(self.world.stream)
        foretold = self._asked("validate", sent.request)
        assert len(self.world.stream) == before, "a question changed the store"
        answer = self.again(sent)
        would_be = {"valid": True, "wouldBe": answer[1]} if answer[0] == 200 else answer[1]
        assert foretold == (answer[0], would_be)
        return sent

    def create(self, aggregate_id: str, **more: Any) -> Sent:
        return self.send(aggregate_id, "AccountCreated", **more)

    def pay(self, aggregate_id: str, amount: Any, **more: Any) -> Sent:
        return self.send(aggregate_id, "TransactionProcessed", amount=amount, **more)

    def relay(self) -> None:
        """One relay invocation for each shard that has records."""
        self._follow(self.delivery.relays)

    def keep(self) -> None:
        """One snapshot invocation for each shard that has records."""
        self._follow(self.delivery.snapshots)

    def _follow(self, shards: Sequence[Shard]) -> None:
        for shard in shards:
            if shard.fill():
                shard.deliver(fate=self.fate)

    def project(self, *picks: int) -> None:
        """One projection invocation with the waiting messages at these places; by default the first ten."""
        if self.delivery.queue.fill():
            waiting = len(self.delivery.queue.waiting)
            self.delivery.queue.deliver([pick for pick in picks if pick < waiting] or None, fate=self.fate)

    def transfer(self, name: str, amount: Any, **more: Any) -> Sent:
        """Ask for money to go from a to b; from then on money is watched."""
        self.world.watch = truth.check_money
        sides = {"fromAccount": "a", "toAccount": "b", "currency": "USD", **more}
        return self.send(name, "TransferRequested", amount=amount, **sides)

    def carry(self, fate: Fate | None = None) -> None:
        """One invocation of the processes with the first ten waiting messages."""
        if self.delivery.pokes.fill():
            self.delivery.pokes.deliver(fate=fate or self.fate)

    def sweep(self) -> None:
        """One sweep; it may fail."""
        with suppress(FunctionFailedError):
            answer = self.world.invoke("sweep", {}, fate=self.fate)
            assert answer["due"] == answer["carried"] + answer["failed"]

    def replay(self, rate: int, **selection: Any) -> None:
        """What an operator does to have everything replayed to the bus: that is in the table, whole, or is not."""
        spec = ReplaySpec.of({"target": "bus", "rate": rate, **selection})
        now = times.to_text(START + timedelta(seconds=self.world.now))
        numbers = sorted({segment_of(name, SEGMENTS) for name in truth.streams(self.world)})
        run = self._replays().create(Head(REPLAY, spec, now, now), numbers, 0.0)
        for each in run.unfinished:
            self.delivery.segments.send(message_of(Work(REPLAY, each.number)))

    def moment(self) -> str:
        """The ledger's text of now, with all that any clock of this world is ahead."""
        return times.to_text(START + timedelta(seconds=self.world.now + 10))

    def work(self) -> None:
        """One invocation of the replayer, if there is anything for it to do."""
        if self.delivery.segments.fill():
            self.delivery.segments.deliver(fate=self.fate)

    def _replays(self) -> Replays:
        return Replays(_Direct(self.world), REPLAYS)  # type: ignore[arg-type]

    def delete_row(self, account_id: str, projection: str) -> None:
        """What an operator does to have a row made again, by the next message about the account."""
        key = {"AccountId": {"S": account_id}, "ProjectionType": {"S": projection}}
        self.world.dynamodb.call("DeleteItem", {"TableName": ROWS, "Key": key})

    def forget_entries(self, account_id: str) -> None:
        """Leave an account's row as code does that knows no entries."""
        items = self.world.dynamodb.tables[ROWS].items
        for projection in [projection for account, projection in items if account == account_id and "#" in projection]:
            self.delete_row(account_id, projection)
        row = items[account_id, "AccountSummary"]
        older = {name: value for name, value in row.items() if name != "EntriesSequence"}
        self.world.dynamodb.call("PutItem", {"TableName": ROWS, "Item": older})

    def ask(self, query_type: str, **arguments: Any) -> None:
        """Ask the query function, all pages of it, and compare with the truth; it may fail, but never be wrong."""
        request = {"queryType": query_type, **arguments}
        status, body = self._answer(request)
        if query_type == "getEventsByType":
            assert [event["Timestamp"] for event in body] == [event["Timestamp"] for event in newest_first(body)]
            body = newest_first(body)  # events of the same moment may come in any order
        assert dumps((status, body)) == dumps(self._right(request))

    def finish(self) -> None:
        """Deliver everything and check. Transfers end at the latest when their time is over and somebody sweeps."""
        self.delivery.drain()
        if self.world.watch:
            self.world.now += LONGER_THAN_TRANSFERS
            self.fate = all_well
            self.sweep()
            self.delivery.drain()
            truth.check_money(self.world)
            truth.check_transfers_ended(self.world)
        truth.check_drained(self.world, self.client.sent)
        if run := self._replays().read(REPLAY):
            truth.check_replayed(self.world, run)

    def _answer(self, request: dict[str, Any]) -> Answer:
        if request["queryType"] not in LISTS:
            return self._page(request)
        found: list[Any] = []
        name, count = LISTS[request["queryType"]]
        token: dict[str, Any] = {}
        while True:
            status, body = self._page({**request, **token})
            if status == 404 and not token:
                return status, body
            assert status == 200
            assert len(body[name]) == body[count] <= request.get("limit", body[count])
            found += body[name]
            if "nextToken" not in body:
                return status, found
            token = {"nextToken": body["nextToken"]}

    def _page(self, request: dict[str, Any]) -> Answer:
        return self._asked("query", request)

    def _asked(self, function: str, request: dict[str, Any]) -> Answer:
        """The function's answer, after as many attempts as it takes."""
        for _ in range(ATTEMPTS):
            answer = asked(self.world, function, request, fate=self.fate)
            if answer and answer[0] < 500:
                return answer
        raise AssertionError(f"no answer to {request}")

    def _right(self, request: dict[str, Any]) -> Answer:
        stored = truth.streams(self.world)
        match request:
            case {"queryType": "getAggregateEvents" | "reconstructState", "aggregateId": unknown} if not stored[
                unknown
            ]:
                return 404, _missing("aggregateId", unknown, f"there is no aggregate {unknown}")
            case {"queryType": "getAggregateEvents", "aggregateId": aggregate_id}:
                return 200, [event.record() for event in stored[aggregate_id]]
            case {"queryType": "getEventsByType", "eventType": event_type}:
                every = [event for events in stored.values() for event in events if event.event_type == event_type]
                return 200, newest_first([event.record() for event in every])
            case {"queryType": "reconstructState", "aggregateId": aggregate_id}:
                return 200, _state(request, stored[aggregate_id])
            case {"accountId": account_id}:
                projection = request["queryType"].removeprefix("get")
                row = truth.rows(self.world).get((account_id, "AccountSummary"))
                if row and projection == "AccountStatement":
                    row = _statement(row, folded(stored[account_id][: int(row["LastSequence"])]))
                if row:
                    row = {name: value for name, value in row.items() if name != "EntriesSequence"}
                text = f"there is no account {account_id}, or no {projection} of it yet: read models follow the events"
                return (200, row) if row else (404, _missing("accountId", account_id, text))
        raise NotImplementedError(request)


@dataclass(frozen=True)
class _Direct:
    """A client of an operator's, whose calls go well."""

    world: World

    def query(self, **arguments: Any) -> Any:
        return self.world.dynamodb.call("Query", arguments)

    def transact_write_items(self, **arguments: Any) -> Any:
        return self.world.dynamodb.call("TransactWriteItems", arguments)


def _statement(row: dict[str, Any], items: truth.Rows) -> dict[str, Any]:
    """The first page, of an account that has few transactions."""
    entries = [items[key] for key in sorted(items) if "#" in key[1]]
    assert len(entries) <= int(ENVIRONMENT["STATEMENT_ENTRIES"])
    return {
        **{name: row[name] for name in ("AccountId", "Balance", "Currency", "LastSequence", "LastHash")},
        "ProjectionType": "AccountStatement",
        "Entries": [
            {name: value for name, value in entry.items() if name not in ("AccountId", "ProjectionType")}
            for entry in reversed(entries)
        ],
    }


def _missing(argument: str, aggregate_id: str, message: str) -> Any:
    return {"error": {"code": "NotFound", "message": message, "details": {argument: aggregate_id}}}


def newest_first(events: list[Any]) -> list[Any]:
    return sorted(events, key=lambda event: (event["Timestamp"], event["EventId"]), reverse=True)


def _state(request: dict[str, Any], events: list[Event]) -> Any:
    events = events[: request.get("upToSequence", len(events))]
    events = [event for event in events if event.timestamp <= request.get("asOf", event.timestamp)]
    state = Account()
    for event in events:
        state = evolve(state, event)
    return {
        "aggregateId": request["aggregateId"],
        "reconstructedState": state.describe(),
        "eventsProcessed": len(events),
        "upToSequence": request.get("upToSequence"),
        **({"asOf": request["asOf"]} if "asOf" in request else {}),
    }
