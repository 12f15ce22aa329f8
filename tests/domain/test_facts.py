"""Commands against the newest schemas, stored events in the newest shape."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.domain import check, decide, evolve, facts
from handlers.domain.account import Account
from handlers.domain.facts import NEWEST, fact_of, violations
from handlers.domain.generated.tables import SCHEMAS
from handlers.domain.upcasters import UPCASTERS
from handlers.sourcing.command import Command
from handlers.sourcing.errors import MalformedError, RuleBrokenError, UnreadableEventError
from handlers.sourcing.event import Event
from handlers.sourcing.facts import attribute
from handlers.sourcing.values import exact
from schemas.files import load

from .builders import command, create, run, summaries, transact


def event(event_type: str, data: dict[str, Any], version: int = 1) -> Event:
    _, (first, *_) = run(create())
    return Event.of({**first.record(), "EventType": event_type, "EventData": data, "Version": version})


def test_every_violation_of_a_command_is_told_at_once() -> None:
    request = {
        "eventType": "TransactionProcessed",
        "aggregateId": "account-1",
        "eventData": {
            "amount": "much",
            "type": "gift",
            "timestamp": 5,
            "currency": "euro",
            "accountId": "other",
            "note": float("nan"),
        },
        "actor": 7,
    }

    with pytest.raises(MalformedError) as caught:
        Command.parse(request, "request-1", check)

    kinds = SCHEMAS["TransactionProcessed", NEWEST["TransactionProcessed"]]["properties"]["type"]["enum"]
    told = {each["path"]: each["message"] for each in caught.value.details["violations"]}
    assert told == {
        "eventData.note": "not a finite number",
        "eventData.amount": "not a number",
        "eventData.type": f"must be {' or '.join(kinds)}",
        "eventData.timestamp": "must be a text or null",
        "eventData.currency": "must match [A-Z]{3}",
        "eventData.accountId": "must be the aggregateId where it is given",
        "actor": "must be a non-empty text",
    }
    assert caught.value.details["field"] == "eventData.note"


@pytest.mark.parametrize("aggregate", [{}, {"aggregateId": ""}, {"aggregateId": 5}, {"aggregateId": " a"}])
def test_the_data_is_checked_whatever_is_wrong_with_the_aggregate_id(aggregate: dict[str, Any]) -> None:
    data = {"amount": "x", "type": "gift", "accountId": "account-1"}

    with pytest.raises(MalformedError) as caught:
        Command.parse({**aggregate, "eventType": "TransactionProcessed", "eventData": data}, "request-1", check)

    told = [each["path"] for each in caught.value.details["violations"]]
    assert told == ["aggregateId", "eventData.amount", "eventData.type"]


def test_an_unknown_type_is_told_of_where_there_is_no_data_either() -> None:
    def told(event_type: str) -> list[str]:
        with pytest.raises(MalformedError) as caught:
            Command.parse({"aggregateId": "a", "eventType": event_type}, "request-1", check)
        return [each["path"] for each in caught.value.details["violations"]]

    assert told("AccountPainted") == ["eventData", "eventType"]
    assert told("TransactionProcessed") == ["eventData"]


def test_a_value_that_cannot_be_held_is_not_called_missing_as_well() -> None:
    request = {"aggregateId": "a", "eventType": "TransactionProcessed", "eventData": {"amount": float("inf")}}

    with pytest.raises(MalformedError) as caught:
        Command.parse(request, "request-1", check)

    assert [each["path"] for each in caught.value.details["violations"]] == ["eventData.amount"]


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        (0.30000000000000004, ["must have at most 8 digits after the point", "more than 15 significant digits"]),
        (Decimal(f"0.{'1' * 40}"), ["must have at most 8 digits after the point", "a number has at most 38 digits"]),
        (1e300, ["must be less than 1000000000000000000", "a number has at most 38 digits"]),
        (Decimal("1E+1000000"), ["must be less than 1000000000000000000", "a number has at most 38 digits"]),
        (1234567890123456.7, ["more than 15 significant digits"]),
    ],
)
def test_of_a_number_that_cannot_be_carried_the_schemas_word_comes_first(amount: Any, told: list[str]) -> None:
    data = {"amount": amount, "note": [amount]}

    with pytest.raises(MalformedError) as caught:
        Command.parse({"aggregateId": "a", "eventType": "TransactionProcessed", "eventData": data}, "request-1", check)

    violations_ = caught.value.details["violations"]
    found = [each["message"] for each in violations_ if each["path"] == "eventData.amount"]
    assert len(found) == len(told)
    assert all(message.startswith(start) for message, start in zip(found, told, strict=True))
    assert [each["path"] for each in violations_[:1]] == ["eventData.note[0]"]


def test_new_events_are_of_the_newest_version_and_say_everything() -> None:
    _, (created, first, second) = run(
        create(currency="EUR"), transact(5, category="salary"), transact(-2, type=None, category=None, currency=None)
    )

    for event_, said in (
        (created, {"currency": "EUR"}),
        (first, {"amount": 5, "type": "deposit", "currency": "EUR", "category": "salary"}),
        (second, {"amount": -2, "type": "withdrawal", "currency": "EUR", "category": "uncategorized"}),
    ):
        assert event_.version == NEWEST[event_.event_type]
        assert event_.data.items() >= said.items()


def test_money_in_another_currency_than_the_accounts_is_refused() -> None:
    state, _ = run(create(currency="EUR"))

    with pytest.raises(RuleBrokenError) as caught:
        decide(state, transact(5, currency="USD"))

    assert caught.value.details == {"rule": "account-currency", "currency": "USD", "accountCurrency": "EUR"}
    assert str(caught.value) == "the account is kept in EUR, and this is in USD"


def test_extra_fields_of_a_command_are_kept_as_they_are() -> None:
    note = {"deep": ["é", None, True, Decimal("0.10")]}

    _, events = run(create(note=note))

    assert events[0].data["note"] == note


def test_an_event_of_a_type_without_a_schema_changes_nothing() -> None:
    state, _ = run(create(), transact(5))
    stranger = event("AccountPainted", {"colour": "red"}, version=7)

    assert fact_of(stranger) is None
    assert evolve(state, stranger) == state
    assert all(projection.apply({"Balance": 5}, stranger) == {"Balance": 5} for projection in summaries())


@pytest.mark.parametrize("version", [NEWEST["TransactionProcessed"] + 1, 10**15])
def test_an_event_of_a_newer_version_is_not_guessed_at(version: int) -> None:
    known = NEWEST["TransactionProcessed"]
    newer = event("TransactionProcessed", {"amount": 5, "type": "deposit"}, version=version)

    with pytest.raises(UnreadableEventError, match=f"version {version}; this code knows {known} at most"):
        evolve(Account(), newer)
    for projection in summaries():
        with pytest.raises(UnreadableEventError):
            projection.apply({"Balance": Decimal(0), "TransactionCount": 0, "Entries": []}, newer)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("data", [{}, {"amount": "5", "type": "deposit"}, {"amount": Decimal(5)}])
def test_an_event_that_does_not_fit_its_own_version_is_not_applied(version: int, data: dict[str, Any]) -> None:
    with pytest.raises(UnreadableEventError, match="does not fit its schema"):
        evolve(Account(), event("TransactionProcessed", data, version))


def test_a_version_is_checked_by_its_own_schema_not_by_a_newer_one() -> None:
    data = {"amount": Decimal(5), "type": "deposit", "currency": 978}

    read = fact_of(event("TransactionProcessed", data, 1))
    assert read is not None
    assert read.currency == "USD"
    with pytest.raises(UnreadableEventError, match="currency"):
        fact_of(event("TransactionProcessed", data, 2))


junk: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.decimals(-5, 5, places=1)
    | st.sampled_from(["EUR", "eur", "EUR\n", "salary", ""])
    | st.text(max_size=40)
    | st.just({})
    | st.just([])
)


def gained(event_type: str, version: int) -> list[str]:
    """The names that the next version gives a meaning, and that were anybody's before."""
    return sorted(
        SCHEMAS[event_type, version + 1]["properties"].keys() - SCHEMAS[event_type, version]["properties"].keys()
    )


@given(st.data())
def test_whatever_an_older_version_kept_it_is_read_in_the_newest_shape(draw: st.DataObject) -> None:
    event_type, version = draw.draw(st.sampled_from(sorted(UPCASTERS)))
    example = draw.draw(st.sampled_from(load()[event_type][version]["examples"]))
    names = [*gained(event_type, version), "note"]
    data = {**exact(dict(example), "example"), **draw.draw(st.dictionaries(st.sampled_from(names), junk))}
    assert violations(event_type, version, data, "") == []
    before = dict(data)

    read = fact_of(event(event_type, data, version))

    said = {name: getattr(read, attribute(name)) for name in SCHEMAS[event_type, NEWEST[event_type]]["properties"]}
    given_ = {name: value for name, value in said.items() if value is not None}
    assert violations(event_type, NEWEST[event_type], given_, "") == []
    assert data == before


@pytest.mark.parametrize("category", [5, None, "Not A Word", ["salary"], {"salary": True}])
def test_an_extra_field_whose_name_was_given_a_meaning_counts_only_where_it_fits(category: Any) -> None:
    data = {"amount": Decimal(5), "type": "deposit", "currency": "EUR"}

    taken = fact_of(event("TransactionProcessed", {**data, "category": "salary"}))
    left_out = fact_of(event("TransactionProcessed", {**data, "category": category}))

    assert taken is not None
    assert left_out is not None
    assert (taken.currency, taken.category) == ("EUR", "salary")
    assert (left_out.currency, left_out.category) == ("EUR", "uncategorized")


def test_a_step_that_makes_what_the_newest_version_forbids_is_not_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {**UPCASTERS, ("TransactionProcessed", 1): lambda data: {**data, "category": 5}}
    monkeypatch.setattr(facts.FACTS, "upcasters", wrong)

    with pytest.raises(UnreadableEventError, match=r"TransactionProcessed, became no version \d+: category must be"):
        fact_of(event("TransactionProcessed", {"amount": Decimal(5), "type": "deposit"}))


def test_an_event_that_is_only_published_changes_nothing_where_it_stands_in_a_stream() -> None:
    assert fact_of(event("CommandRejected", {}, NEWEST["CommandRejected"] + 1)) is None


def test_a_command_of_an_unknown_type_is_refused_by_name() -> None:
    for event_type in ("AccountPainted", "CommandRejected"):
        assert [each.path for each in check("account-1", event_type, {})] == ["eventType"]
        with pytest.raises(MalformedError):
            decide(Account(), command(event_type))


def test_null_of_an_optional_field_says_nothing_even_where_no_event_may_hold_it() -> None:
    for event_type, required in (
        ("AccountCreated", {}),
        ("TransactionProcessed", {"amount": 1}),
        ("AccountClosed", {}),
    ):
        nulls = dict.fromkeys(SCHEMAS[event_type, NEWEST[event_type]]["properties"])
        data = {**nulls, **required}

        assert check("account-1", event_type, data) == []
        assert violations(event_type, NEWEST[event_type], {**required, **stored_of(event_type, data)}, "") == []


def stored_of(event_type: str, data: dict[str, Any]) -> dict[str, Any]:
    """The data with which the event is stored, on an account that takes it."""
    state = Account() if event_type == "AccountCreated" else Account(status="Active", currency="USD")
    (event,) = decide(state, command(event_type, "account-1", **data))
    return dict(event.data)


def test_null_of_a_required_field_is_still_missing() -> None:
    (found,) = check("account-1", "TransactionProcessed", {"amount": None})

    assert found == ("eventData.amount", "must be a number")
