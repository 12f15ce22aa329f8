"""Transfers from a request to their end, in this process against moto: what they cost, and what they survive."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from types import ModuleType
from typing import Any

import pytest

from handlers.domain import PROCESS, meaning
from handlers.sourcing.command import Command
from handlers.sourcing.errors import ClockSkewError
from handlers.sourcing.event import Event
from handlers.store import found_by_event
from handlers.store.items import to_record

from .conftest import ROWS, STORE, Calls, Context, Invoke, message, refusal

Handlers = Callable[[str], ModuleType]


def stored(aws: Any, aggregate_id: str | None = None) -> list[Event]:
    """The events of an aggregate, or of all, by key."""
    items = aws.scan(TableName=STORE)["Items"]
    events = [Event.of(to_record(item)) for item in items]
    found = [event for event in events if aggregate_id in (None, event.aggregate_id)]
    return sorted(found, key=lambda event: (event.aggregate_id, event.sequence))


def types(aws: Any, aggregate_id: str) -> list[str]:
    return [event.event_type for event in stored(aws, aggregate_id)]


class Bank:
    """Accounts a and b, the functions, and the messages between them."""

    def __init__(self, aws: Any, handlers: Handlers, send: Invoke, ask: Invoke) -> None:
        self.aws, self.handlers, self.send, self.ask = aws, handlers, send, ask

    def open(self, a: int = 100, b: int | None = 0) -> None:
        for account, amount in (("a", a), ("b", b)):
            if amount is not None:
                assert self.send("AccountCreated", {}, aggregateId=account)[0] == 200
            if amount:
                assert self.send("TransactionProcessed", {"amount": amount}, aggregateId=account)[0] == 200

    def request(self, amount: Any = 10, transfer_id: str = "t", **data: Any) -> tuple[int, Any]:
        sides = {"fromAccount": "a", "toAccount": "b", "currency": "USD", "amount": amount}
        return self.send(
            "TransferRequested", {**sides, **data}, aggregateId=transfer_id, actor="ann", commandId=f"{transfer_id}-r"
        )

    def poke(self, *events: Event) -> list[str]:
        """The ids of the messages that failed."""
        records = [message(event, number) for number, event in enumerate(events or stored(self.aws, "t")[:1])]
        answer = self.handlers("process").lambda_handler({"Records": records}, Context())
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def sweep(self, milliseconds: int = 60_000) -> dict[str, Any]:
        answer: dict[str, Any] = self.handlers("sweep").lambda_handler({}, Context(milliseconds=milliseconds))
        return answer

    def project(self) -> None:
        records = [message(event, number) for number, event in enumerate(stored(self.aws))]
        answer = self.handlers("projection").lambda_handler({"Records": records}, Context())
        assert answer == {"batchItemFailures": []}

    def state(self, aggregate_id: str) -> dict[str, Any]:
        status, body = self.ask("reconstructState", aggregateId=aggregate_id)
        assert status == 200, body
        state: dict[str, Any] = body["reconstructedState"]
        return state

    def moneys(self) -> list[Any]:
        """Balance and reserved of both accounts."""
        return [(state["balance"], state["reserved"]) for state in map(self.state, ("a", "b"))]


@pytest.fixture
def bank(aws: Any, handlers: Handlers, send: Invoke, ask: Invoke) -> Bank:
    return Bank(aws, handlers, send, ask)


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch, handlers: Handlers) -> Callable[[], None]:
    """Make the processes' clock stand behind every deadline."""

    def jump() -> None:
        for name in ("process", "sweep"):
            module = handlers(name)
            ledger = module._conductor.ledger
            fast = {"now": lambda: "2099-01-01T00:00:00.000000Z"}
            conductor = replace(
                module._conductor,
                ledger=replace(ledger, check_clock=lambda _: None, reader=replace(ledger.reader, **fast)),
                **fast,
            )
            monkeypatch.setattr(module, "_conductor", conductor)
        monkeypatch.setattr(handlers("sweep"), "now", lambda: "2099-01-01T00:00:00.000000Z")

    return jump


def test_one_poke_takes_a_transfer_from_its_request_to_its_completion(bank: Bank, calls: Calls) -> None:
    bank.open()
    calls.made.clear()
    assert bank.request()[0] == 200
    requested = len(calls.made)
    (event,) = stored(bank.aws, "t")
    calls.made = calls.made[:requested]

    assert bank.poke(event) == []

    carried = calls.names[requested:]
    # Four presents: the transfer's twice, and each account's once, side by side, of three Queries where a stream may be
    # long; then a look-up for each of the five commands. No other call.
    assert (carried.count("PutItem"), carried.count("Query"), len(carried)) == (5, 2 + 2 * 3 + 5, 18)
    assert calls.names.count("PutItem") == 6  # of three write units the first, of four the others
    assert bank.moneys() == [(90, 0), (10, 0)]
    assert types(bank.aws, "t") == ["TransferRequested", "TransferCommitted", "TransferCompleted"]
    assert types(bank.aws, "a")[-2:] == ["FundsReserved", "TransactionProcessed"]
    assert types(bank.aws, "b")[-1:] == ["TransactionProcessed"]


def test_a_poke_of_a_finished_transfer_is_one_query(
    bank: Bank, calls: Calls, handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank.open()
    bank.request()
    bank.poke()
    events = stored(bank.aws)
    module = handlers("process")
    monkeypatch.setattr(module, "_conductor", module.wired_conductor())  # another process, which has met nothing
    calls.made.clear()

    assert bank.poke(*(each for each in events if each.aggregate_id == "t")) == []

    assert calls.names == ["Query"]


def test_both_sides_say_which_transfer_they_are_part_of_and_who_caused_it(bank: Bank) -> None:
    bank.open()
    bank.request(reference="invoice 7")
    bank.poke()

    credit, post = stored(bank.aws, "b")[-1], stored(bank.aws, "a")[-1]
    assert (credit.data["transferId"], credit.data["counterparty"], credit.command_id) == ("t", "a", "t/credit")
    assert (post.data["transferId"], post.data["counterparty"], post.command_id) == ("t", "b", "t/post")
    assert {event.correlation_id for event in (credit, post, *stored(bank.aws, "t"))} == {"t-r"}
    assert credit.causation_id == post.causation_id == stored(bank.aws, "t")[1].event_id
    assert credit.actor == "ledger"


@pytest.mark.parametrize(
    ("a", "b", "data", "why"),
    [
        (5, 0, {}, ("reserve", "sufficient-funds")),
        (100, None, {}, ("check", "account-active")),
        (100, 0, {"currency": "EUR"}, ("check", "account-currency")),
        (100, 0, {"fromAccount": "nobody"}, ("reserve", "account-active")),
        (100, 0, {"toAccount": "t"}, ("check", "aggregate-kind")),
    ],
)
def test_what_an_account_would_refuse_fails_before_anything_is_set_aside(
    bank: Bank, a: int, b: int | None, data: dict[str, Any], why: tuple[str, str]
) -> None:
    bank.open(a, b)
    bank.request(**data)

    assert bank.poke() == []

    assert types(bank.aws, "t") == ["TransferRequested", "TransferFailed", "TransferSettled"]
    failed = stored(bank.aws, "t")[1].data
    assert ((failed["step"], failed["rule"]), failed["code"]) == (why, "RuleBroken")
    assert "FundsReserved" not in types(bank.aws, "a")
    assert bank.state("a")["available"] == a


def test_a_credit_that_is_refused_behind_the_commitment_gives_the_money_back(bank: Bank, calls: Calls) -> None:
    bank.open()
    bank.request()

    def close_b(operation: str, arguments: dict[str, Any]) -> None:
        if operation == "PutItem" and arguments["Item"]["EventType"]["S"] == "TransferCommitted":
            calls.after = None
            assert bank.send("AccountClosed", {}, aggregateId="b")[0] == 200

    calls.after = close_b
    assert bank.poke() == []

    assert types(bank.aws, "t")[1:] == ["TransferCommitted", "TransferFailed", "TransferSettled"]
    assert types(bank.aws, "a")[-2:] == ["FundsReserved", "ReservationReleased"]
    assert bank.moneys() == [(100, 0), (0, 0)]


def test_what_is_called_off_in_the_moment_of_its_commitment_gives_the_money_back_at_once(
    bank: Bank, calls: Calls
) -> None:
    bank.open()
    bank.request()

    def call_off(operation: str, arguments: dict[str, Any]) -> None:
        if operation == "PutItem" and arguments["Item"]["EventType"]["S"] == "TransferCommitted":
            calls.before = None
            assert bank.send("TransferCancelled", {}, aggregateId="t")[0] == 200

    calls.before = call_off
    assert bank.poke() == []

    assert types(bank.aws, "t")[1:] == ["TransferCancelled", "TransferSettled"]
    assert types(bank.aws, "a")[-2:] == ["FundsReserved", "ReservationReleased"]
    assert bank.moneys() == [(100, 0), (0, 0)]


@pytest.mark.parametrize("behind", [0, 1, 2])
def test_a_step_that_fails_is_not_refused(
    bank: Bank, handlers: Handlers, monkeypatch: pytest.MonkeyPatch, behind: int
) -> None:
    """The clock is found to be off once, behind so many steps: the transfer waits for the next message."""
    bank.open()
    bank.request()
    module, checks = handlers("process"), count(-2)  # two steps are asked about beforehand

    def is_off(_: object) -> None:
        if next(checks) in (behind, behind + 1):  # by what was kept of the aggregate, and by what is read then
            raise ClockSkewError("off")

    conductor = module._conductor
    with monkeypatch.context() as patch:
        patch.setattr(module, "_conductor", replace(conductor, ledger=replace(conductor.ledger, check_clock=is_off)))
        assert bank.poke() == ["m0"]
    assert "TransferFailed" not in types(bank.aws, "t")

    assert bank.poke() == []
    assert bank.moneys() == [(90, 0), (10, 0)]


def test_above_the_threshold_it_waits_for_somebody_else(bank: Bank) -> None:
    bank.open(5000)
    bank.request(2000)
    assert bank.poke() == []
    assert types(bank.aws, "t") == ["TransferRequested"]

    status, refused = bank.send("TransferApproved", {}, aggregateId="t", actor="ann")
    assert (status, refused["error"]["details"]["rule"]) == (422, "second-person")
    status, refused = bank.send("TransferApproved", {}, aggregateId="t")
    assert (status, refused["error"]["details"]["rule"]) == (422, "second-person"), "who is not named is nobody else"
    assert bank.send("TransferApproved", {}, aggregateId="t", actor="bob")[0] == 200
    assert bank.poke() == []

    assert bank.moneys() == [(3000, 0), (2000, 0)]


def test_a_cancelled_transfer_sets_nothing_aside_however_late_somebody_tries(bank: Bank) -> None:
    bank.open(5000)
    bank.request(2000)
    assert bank.send("TransferCancelled", {}, aggregateId="t")[0] == 200

    assert bank.poke() == []

    assert types(bank.aws, "t")[1:] == ["TransferCancelled", "TransferSettled"]
    (fence,) = [event for event in stored(bank.aws, "a") if event.command_id == "t/reserve"]
    assert (fence.event_type, fence.data["amount"]) == ("ReservationReleased", 0)


def test_the_sweep_expires_what_nobody_approves_and_lets_go_of_what_is_done(
    bank: Bank, late: Callable[[], None]
) -> None:
    bank.open(5000)
    bank.request(2000)
    bank.project()
    assert bank.sweep() == {"due": 0, "carried": 0, "failed": 0, "more": False}

    late()
    assert bank.sweep() == {"due": 1, "carried": 1, "failed": 0, "more": False}
    assert types(bank.aws, "t")[1:] == ["TransferExpired", "TransferSettled"]
    assert bank.sweep()["carried"] == 1  # the row follows the events: found again, and nothing is due
    bank.project()
    assert bank.sweep()["due"] == 0


def test_one_sweep_looks_into_every_part_of_the_index(bank: Bank, late: Callable[[], None]) -> None:
    bank.open(50_000)
    names = [f"t{number}" for number in range(7)]
    for name in names:
        bank.request(2000, name)
    bank.project()
    rows = (to_record(item) for item in bank.aws.scan(TableName=ROWS)["Items"])
    assert {row["DueBucket"] for row in rows if "DueBucket" in row} == set(PROCESS.buckets)

    late()
    assert bank.sweep() == {"due": 7, "carried": 7, "failed": 0, "more": False}

    assert {bank.state(name)["status"] for name in names} == {"Expired"}


def test_the_sweep_carries_on_what_nobody_woke(bank: Bank, monkeypatch: pytest.MonkeyPatch, handlers: Handlers) -> None:
    bank.open()
    bank.request()
    bank.project()
    monkeypatch.setattr(handlers("sweep"), "now", lambda: "2099-01-01T00:00:00.000000Z")

    assert bank.sweep()["carried"] == 1

    assert bank.moneys() == [(90, 0), (10, 0)]


def test_a_sweep_with_hardly_any_time_leaves_the_rest_to_the_next(bank: Bank, late: Callable[[], None]) -> None:
    bank.open()
    bank.request()
    bank.project()
    late()

    assert bank.sweep(milliseconds=3000) == {"due": 0, "carried": 0, "failed": 0, "more": True}


def test_what_fails_alone_fails_alone(bank: Bank, calls: Calls) -> None:
    bank.open()
    bank.request(transfer_id="t")
    bank.request(transfer_id="u")
    first, second, account = stored(bank.aws, "t")[0], stored(bank.aws, "u")[0], stored(bank.aws, "a")[0]
    unknown = Event.of({**first.record(), "AggregateId": "nobody"})
    no_event: Any = {"AggregateId": "x"}

    def break_t(operation: str, arguments: dict[str, Any]) -> None:
        if operation == "PutItem" and arguments["Item"]["CommandId"]["S"] == "t/commit":
            raise refusal("ThrottlingException")

    calls.before = break_t
    failed = bank.poke(first, second, unknown, no_event, account)

    assert sorted(failed) == ["m0", "m2", "m3"]
    assert bank.state("u")["status"] == "Completed"
    calls.before = None
    assert bank.poke(first) == []
    assert bank.moneys() == [(80, 0), (20, 0)]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_process_that_ends_at_any_call_is_gone_on_from(bank: Bank, calls: Calls, when: str) -> None:
    bank.open()
    number = 0
    while True:
        transfer_id = f"t{number}"
        bank.request(1, transfer_id)
        (event,) = stored(bank.aws, transfer_id)
        left = [number]

        def strike(_: str, __: Any, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == -1:
                raise refusal("InternalServerError")

        setattr(calls, when, strike)
        failed = bank.poke(event)
        setattr(calls, when, None)
        assert bank.poke(event) == []
        assert bank.state(transfer_id)["status"] == "Completed"
        number += 1
        assert bank.moneys() == [(100 - number, 0), (number, 0)]
        if not failed:
            break
    assert number > 10


@pytest.mark.parametrize("function", ["command", "validate"])
@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (("FundsReserved", {"transferId": "t", "amount": 1, "currency": "USD"}), "eventType"),
        (("ReservationReleased", {"transferId": "t", "amount": 1, "reason": "failed"}), "eventType"),
        (("TransferCommitted", {}), "eventType"),
        (("TransactionProcessed", {"amount": 1, "transferId": "t"}), "eventData.transferId"),
    ],
)
def test_callers_are_refused_what_only_transfers_cause(
    bank: Bank, handlers: Handlers, function: str, asked: tuple[str, dict[str, Any]], field: str
) -> None:
    bank.open()
    request = {"aggregateId": "a", "eventType": asked[0], "eventData": asked[1], "commandId": "of its own"}

    answer = handlers(function).lambda_handler(request, Context())

    assert answer["statusCode"] == 400
    assert f'"field":"{field}"' in answer["body"]


@pytest.mark.parametrize("name", ["post", "credit", "poke"])
def test_callers_do_not_take_the_ids_of_steps(bank: Bank, name: str) -> None:
    bank.open()

    status, body = bank.send("TransactionProcessed", {"amount": 1}, aggregateId="a", commandId=f"t/{name}")

    assert (status, body["error"]["details"]["field"]) == (400, "commandId")


def taken(bank: Bank, account: str, step: str) -> None:
    """Have a caller's deposit of 1 stand under the commandId of a step, as code that did not reserve it stored it."""
    asked = {"aggregateId": account, "eventType": "TransactionProcessed", "eventData": {"amount": 1}}
    older = bank.handlers("process").wired_conductor().ledger
    older.execute(Command.parse({**asked, "commandId": f"t/{step}"}, "r", meaning=meaning), lambda: 30.0)


@pytest.mark.parametrize(
    ("account", "step", "failed"),
    [("b", "credit", "check"), ("a", "post", "reserve"), ("a", "reserve", "reserve")],
)
def test_a_transfer_whose_step_has_a_callers_command_id_fails_before_anything_is_set_aside(
    bank: Bank, account: str, step: str, failed: str
) -> None:
    bank.open()
    taken(bank, account, step)
    before = bank.moneys()
    bank.request()

    assert bank.poke() == []

    assert types(bank.aws, "t") == ["TransferRequested", "TransferFailed", "TransferSettled"]
    why = stored(bank.aws, "t")[1].data
    assert (why["step"], why["code"]) == (failed, "CommandReused")
    assert "FundsReserved" not in types(bank.aws, "a")
    assert bank.moneys() == before
    assert bank.poke() == [], "nor is anything left to do behind it"


def test_a_release_whose_command_id_is_a_callers_takes_the_one_of_the_post(bank: Bank, calls: Calls) -> None:
    bank.open()
    taken(bank, "a", "release")
    bank.request()

    def call_off(operation: str, arguments: dict[str, Any]) -> None:
        if operation == "PutItem" and arguments["Item"]["EventType"]["S"] == "TransferCommitted":
            calls.before = None
            assert bank.send("TransferCancelled", {}, aggregateId="t")[0] == 200

    calls.before = call_off
    assert bank.poke() == []

    assert types(bank.aws, "t")[1:] == ["TransferCancelled", "TransferSettled"]
    assert [event.command_id for event in stored(bank.aws, "a")][-2:] == ["t/reserve", "t/post"]
    assert bank.moneys() == [(101, 0), (0, 0)]


def test_a_transfer_waits_for_room_among_the_reservations_until_its_deadline(
    bank: Bank, monkeypatch: pytest.MonkeyPatch, late: Callable[[], None], handlers: Handlers
) -> None:
    monkeypatch.setattr("handlers.domain.account.MAX_RESERVATIONS", 1)
    bank.open()
    for name in ("t", "u", "v"):
        bank.request(10, name)
    reserve = PROCESS.due(bank.handlers("process")._conductor._state("t", lambda: 30.0), "")[2]
    asked = Command.parse(reserve.request("t", "c", "d"), "r", meaning=meaning)
    handlers("process").wired_conductor().ledger.execute(asked, lambda: 30.0)

    assert bank.poke(*(stored(bank.aws, name)[0] for name in ("u", "v"))) == [], "a message is not tried again for it"

    assert types(bank.aws, "u") == types(bank.aws, "v") == ["TransferRequested"]
    bank.project()
    assert {bank.ask("getTransfer", transferId=name)[1]["Status"] for name in "uv"} == {"Requested"}
    monkeypatch.setattr(handlers("sweep"), "now", lambda: "2099-01-01T00:00:00.000000Z")
    assert bank.sweep() == {"due": 3, "carried": 3, "failed": 0, "more": False}
    states = {name: bank.state(name)["status"] for name in "tuv"}
    assert states == {"t": "Completed", "u": "Completed", "v": "Completed"}


def test_a_transfer_that_finds_no_room_expires(
    bank: Bank, monkeypatch: pytest.MonkeyPatch, late: Callable[[], None]
) -> None:
    monkeypatch.setattr("handlers.domain.account.MAX_RESERVATIONS", 0)
    bank.open()
    bank.request()
    bank.project()
    assert bank.poke() == []

    late()
    assert bank.sweep()["carried"] == 1

    assert types(bank.aws, "t")[1:] == ["TransferExpired", "TransferSettled"]
    assert bank.moneys() == [(100, 0), (0, 0)]


def test_the_same_request_twice_is_one_and_other_data_under_its_id_a_conflict(bank: Bank) -> None:
    bank.open()
    assert bank.request(10)[1] == bank.request("10.00")[1]
    assert bank.request(11)[0] == 409


def test_a_transfer_is_asked_about(bank: Bank) -> None:
    bank.open(5000)
    assert bank.ask("getTransfer", transferId="t")[0] == 404
    bank.request(2000)
    bank.request(10, "u")
    bank.poke(*stored(bank.aws, "u")[:1])
    bank.project()

    waiting, done = (bank.ask("getTransfer", transferId=each)[1] for each in ("t", "u"))
    assert (waiting["TransferId"], waiting["Status"], waiting["DueAt"]) == ("t", "Requested", waiting["Deadline"])
    assert (done["Status"], done["Amount"], "DueAt" in done, "DueBucket" in waiting) == ("Completed", 10, False, False)


def test_open_transfers_are_listed_in_pages(bank: Bank) -> None:
    bank.open(50_000)
    names = [f"t{number}" for number in range(7)]
    for name in names:
        bank.request(2000, name, **({"toAccount": "c"} if name == "t3" else {}))
    bank.request(10, "done")
    bank.poke(*stored(bank.aws, "done")[:1])
    bank.project()

    found: list[str] = []
    token: dict[str, str] = {}
    while True:
        status, page = bank.ask("getTransfers", limit=2, **token)
        assert status == 200
        assert page["count"] == len(page["transfers"]) <= 2
        found += [each["TransferId"] for each in page["transfers"]]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert sorted(found) == names
    assert [each["TransferId"] for each in bank.ask("getTransfers", accountId="c")[1]["transfers"]] == ["t3"]
    assert bank.ask("getTransfers", status="Committed")[1]["count"] == 0
    assert bank.ask("getTransfers", olderThan="2020-01-01T00:00:00Z")[1]["count"] == 0
    assert bank.ask("getTransfers", nextToken="x")[0] == 400
    assert bank.ask("getTransfers", status="Requested", **token)[0] == 400


@pytest.fixture
def ended(bank: Bank) -> Bank:
    """Five completed transfers, 10 to 14 from a to b; one failed and one cancelled; one that waits; all with rows."""
    bank.open(50_000)
    for number in range(5):
        bank.request(10 + number, f"done{number}")
        bank.poke(*stored(bank.aws, f"done{number}")[:1])
    bank.request(10, "failed", toAccount="nobody")
    bank.poke(*stored(bank.aws, "failed")[:1])
    bank.request(2000, "waiting")
    bank.request(2000, "cancelled")
    assert bank.send("TransferCancelled", {}, aggregateId="cancelled", actor="ann", commandId="c")[0] == 200
    bank.project()
    return bank


def listed(bank: Bank, **asked: Any) -> list[list[str]]:
    """The ids on each page, to the end."""
    pages: list[list[str]] = []
    token: dict[str, Any] = {}
    while True:
        status, page = bank.ask("getTransfers", **asked, **token)
        assert status == 200, page
        assert page["count"] == len(page["transfers"])
        pages.append([each["TransferId"] for each in page["transfers"]])
        if "nextToken" not in page:
            return pages
        token = {"nextToken": page["nextToken"]}


def test_transfers_are_listed_by_any_status_the_last_to_end_first(ended: Bank) -> None:
    every = [f"done{number}" for number in reversed(range(5))]

    assert listed(ended, status="Completed") == [every]
    assert listed(ended, status="Completed", limit=2) == [every[:2], every[2:4], every[4:]]
    assert listed(ended, status="Failed") == [["failed"]]
    assert listed(ended, status="Cancelled") == [["cancelled"]]
    assert listed(ended, status="Expired") == [[]]
    assert listed(ended, status="Requested") == [["waiting"]]
    assert ended.ask("getTransfers", status="Lost")[0] == 400


def test_other_filters_hold_for_those_that_have_ended(ended: Bank) -> None:
    assert listed(ended, status="Completed", accountId="b", limit=2) == [
        ["done4", "done3"],
        ["done2", "done1"],
        ["done0"],
    ]
    assert listed(ended, status="Completed", accountId="nobody") == [[]]
    assert listed(ended, status="Failed", accountId="nobody") == [["failed"]]
    assert listed(ended, status="Completed", olderThan="2020-01-01T00:00:00Z", accountId="b") == [[]]


def test_a_page_of_ended_transfers_goes_through_so_many_events_and_then_says_where_to_go_on(
    ended: Bank, monkeypatch: pytest.MonkeyPatch, calls: Calls
) -> None:
    monkeypatch.setattr(found_by_event, "MOST_LOOKED_AT", 2)
    monkeypatch.setattr(found_by_event, "BATCH_KEYS", 2)
    calls.made.clear()

    assert listed(ended, status="Completed", accountId="nobody", limit=1) == [[], [], []]
    assert calls.names.count("BatchGetItem") == 3
    assert {len(asked["RequestItems"][ROWS]["Keys"]) for asked in calls.to("BatchGetItem")} == {1, 2}


def test_a_row_that_does_not_say_it_yet_is_left_out_and_what_lies_behind_it_is_not(ended: Bank) -> None:
    ended.aws.delete_item(TableName=ROWS, Key={"AccountId": {"S": "done4"}, "ProjectionType": {"S": "TransferSummary"}})

    assert listed(ended, status="Completed", limit=1) == [["done3"], ["done2"], ["done1"], ["done0"]]


def test_a_token_of_one_status_is_none_of_another(ended: Bank) -> None:
    token = ended.ask("getTransfers", status="Completed", limit=1)[1]["nextToken"]

    for asked in ({"status": "Failed"}, {"status": "Completed", "accountId": "a"}, {}):
        assert ended.ask("getTransfers", **asked, limit=1, nextToken=token)[0] == 400


def test_without_an_index_by_type_an_ended_status_is_refused_by_name(
    ended: Bank, monkeypatch: pytest.MonkeyPatch, handlers: Handlers
) -> None:
    monkeypatch.setattr(handlers("query"), "_types", None)

    for status in ("Completed", "Failed", "Expired", "Cancelled"):
        code, answer = ended.ask("getTransfers", status=status)
        (told,) = answer["error"]["details"]["violations"]
        assert (code, told["path"]) == (400, "status")
        assert "one of Requested, Approved, Committed:" in told["message"]
        assert "typeIndex" in told["message"]
    assert listed(ended, status="Requested") == [["waiting"]]


def test_a_step_that_is_never_refused_and_was_is_counted_and_fails(
    bank: Bank, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, handlers: Handlers
) -> None:
    bank.open()
    bank.request()
    module = handlers("process")
    conductor = module._conductor
    shaky = replace(conductor, process=replace(conductor.process, certain=frozenset({"check"}), after=lambda *_: None))
    monkeypatch.setattr(module, "_conductor", shaky)
    bank.request(10, "u", toAccount="nobody")

    assert bank.poke(stored(bank.aws, "u")[0]) == ["m0"]

    assert '"StepsRefused": 1' in capsys.readouterr().out


def cut(bank: Bank, aggregate_id: str, events: int) -> None:
    """Cut a stream off by so many events, as a copy of a store has it that was made while streams grew."""
    for event in stored(bank.aws, aggregate_id)[-events:]:
        key = {"AggregateId": {"S": aggregate_id}, "EventSequence": {"N": str(event.sequence)}}
        bank.aws.delete_item(TableName=STORE, Key=key)


def anew(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go on in another process, which has met nothing."""
    module = bank.handlers("process")
    monkeypatch.setattr(module, "_conductor", module.wired_conductor())


def test_what_is_committed_and_has_nothing_set_aside_is_not_credited(
    bank: Bank, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bank.open()
    bank.request()
    bank.poke()
    cut(bank, "t", 1)
    cut(bank, "a", 2)
    cut(bank, "b", 1)
    anew(bank, monkeypatch)

    assert bank.poke() == ["m0"]

    assert '"StepsRefused": 1' in capsys.readouterr().out
    assert bank.moneys() == [(100, 0), (0, 0)]
    assert types(bank.aws, "t") == ["TransferRequested", "TransferCommitted"]


@pytest.mark.parametrize(("of_a", "of_b"), [(0, 0), (1, 0), (1, 1)])
def test_who_finds_a_transfer_committed_ends_it_whatever_was_done_behind_that(
    bank: Bank, monkeypatch: pytest.MonkeyPatch, of_a: int, of_b: int
) -> None:
    bank.open()
    bank.request()
    bank.poke()
    for aggregate_id, events in (("t", 1), ("a", of_a), ("b", of_b)):
        cut(bank, aggregate_id, events) if events else None
    anew(bank, monkeypatch)

    assert bank.poke() == []

    assert bank.state("t")["status"] == "Completed"
    assert bank.moneys() == [(90, 0), (10, 0)]


def test_who_asks_about_a_post_while_another_fails_the_transfer_goes_on_behind_that(
    bank: Bank, calls: Calls, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bank.open()
    bank.request()
    conductor = bank.handlers("process").wired_conductor()
    for step in conductor.process.due(conductor._state("t", lambda: 30.0), "")[2:]:
        conductor._do("t", conductor._state("t", lambda: 30.0), step, lambda: 30.0)
    assert types(bank.aws, "t")[-1] == "TransferCommitted"
    assert bank.send("AccountClosed", {}, aggregateId="b")[0] == 200
    other = bank.handlers("process").wired_conductor()
    anew(bank, monkeypatch)

    def other_first(operation: str, _: dict[str, Any]) -> None:
        if operation == "Query":
            calls.after = None
            assert other.carry("t", lambda: 30.0) is not None

    calls.after = other_first
    assert bank.poke() == []

    assert types(bank.aws, "t")[1:] == ["TransferCommitted", "TransferFailed", "TransferSettled"]
    assert "StepsRefused" not in capsys.readouterr().out
    assert bank.moneys() == [(100, 0), (0, 0)]


@pytest.mark.parametrize("of_b", [0, 1])
def test_a_transfer_that_was_cut_off_behind_its_request_does_not_fail_where_its_money_has_moved(
    bank: Bank, monkeypatch: pytest.MonkeyPatch, of_b: int
) -> None:
    bank.open()
    bank.request()
    bank.poke()
    cut(bank, "t", 2)
    if of_b:
        cut(bank, "b", of_b)
    anew(bank, monkeypatch)

    assert bank.poke() == []

    assert types(bank.aws, "t") == ["TransferRequested", "TransferCommitted", "TransferCompleted"]
    assert bank.moneys() == [(90, 0), (10, 0)]


def test_a_transfer_that_was_cut_off_behind_its_request_is_not_credited_where_its_money_was_given_back(
    bank: Bank, calls: Calls, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reservation is found by its commandId, and is over."""
    bank.open()
    bank.request()

    def call_off(operation: str, arguments: dict[str, Any]) -> None:
        if operation == "PutItem" and arguments["Item"]["EventType"]["S"] == "TransferCommitted":
            calls.before = None
            assert bank.send("TransferCancelled", {}, aggregateId="t")[0] == 200

    calls.before = call_off
    bank.poke()
    assert types(bank.aws, "a")[-2:] == ["FundsReserved", "ReservationReleased"]
    cut(bank, "t", 2)
    anew(bank, monkeypatch)

    assert bank.poke() == ["m0"]

    assert '"StepsRefused": 1' in capsys.readouterr().out
    assert bank.moneys() == [(100, 0), (0, 0)]
