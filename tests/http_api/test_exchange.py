"""Requests of the HTTP API and their answers: each route, and each way to get one wrong."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest

from handlers.http_api.routes import ROUTES

from ..handlers.conftest import Calls
from .conftest import ARN, SUBJECT, Api, machines, payload, people

SEND = "POST /accounts/{id}/commands"
VALIDATE = "POST /accounts/{id}/commands:validate"
ROW, EVENTS = "GET /accounts/{id}", "GET /accounts/{id}/events"
STATE, STATEMENT = "GET /accounts/{id}/state", "GET /accounts/{id}/statement"
BY_TYPE = "GET /events"
OPEN = {"eventType": "AccountCreated", "eventData": {}}


@pytest.fixture
def account(api: Api) -> Api:
    """An account with two transactions, and its rows."""
    assert api.command("AccountCreated", {}).status == 200
    assert api.command("TransactionProcessed", {"amount": 70}).status == 200
    assert api.command("TransactionProcessed", {"amount": -30}).status == 200
    api.project()
    return api


def test_a_command_is_answered_by_its_receipt_and_its_sequence_as_etag(api: Api) -> None:
    answer = api.command("AccountCreated", {}, headers={"Idempotency-Key": "open-1"})

    assert answer.status == 200
    assert answer.body.keys() == {"eventId", "aggregateId", "sequence", "commandId"}
    assert (answer.body["sequence"], answer.body["commandId"], answer.headers["etag"]) == (1, "open-1", '"1"')
    assert answer.headers["content-type"] == "application/json"


def test_every_question_has_its_answer(account: Api) -> None:
    row, statement = account(ROW, "account-1"), account(STATEMENT, "account-1")
    state, events = account(STATE, "account-1"), account(EVENTS, "account-1")
    by_type = account(BY_TYPE, query="type=TransactionProcessed")

    assert [each.status for each in (row, statement, state, events, by_type)] == [200] * 5
    assert (row.body["Balance"], row.headers["etag"]) == (40, '"3"')
    assert [each["Amount"] for each in statement.body["Entries"]] == [-30, 70]
    assert statement.headers["etag"] == '"3"'
    assert (state.body["reconstructedState"]["balance"], state.headers["etag"]) == (40, '"3"')
    assert [each["EventSequence"] for each in events.body["events"]] == [1, 2, 3]
    assert by_type.body["count"] == 2
    assert "etag" not in events.headers


def test_what_belongs_together_is_found_by_its_correlation(api: Api) -> None:
    for account in ("a", "b"):
        assert api.command("AccountCreated", {}, account, body={"correlationId": "saga/1"}).status == 200

    answer = api("GET /correlations/{id}", "saga%2F1", query="limit=1")
    more = api("GET /correlations/{id}", "saga%2F1", query=f"nextToken={quote(answer.body['nextToken'])}")

    assert [each.body["events"][0]["AggregateId"] for each in (answer, more)] == ["a", "b"]
    assert api("GET /correlations/{id}", "saga%2F1", query="limit=0").error["details"]["field"] == "limit"


def test_the_answer_is_that_of_a_direct_invocation(account: Api) -> None:
    direct = account.sent("query", {"queryType": "getAccountSummary", "accountId": "account-1"})

    assert account(ROW, "account-1").text == direct.text
    assert direct.headers == {}


def test_a_dry_run_writes_nothing(account: Api) -> None:
    answer = account(VALIDATE, "account-1", body={"eventType": "TransactionProcessed", "eventData": {"amount": 1}})

    assert (answer.status, answer.body["valid"], answer.body["wouldBe"]["sequence"]) == (200, True, 4)
    assert len(account.stored()) == 3


def test_health_is_open_and_asks_nobody(api: Api, calls: Calls) -> None:
    answer = api("GET /health", authorizer=None)

    assert (answer.status, answer.body) == (200, {"status": "ok"})
    assert calls.made == []


def test_the_document_is_served_as_it_is(api: Api, calls: Calls) -> None:
    answer = api("GET /openapi.json")

    assert (answer.status, answer.body["openapi"][:3]) == (200, "3.1")
    assert calls.made == []


def test_no_other_route_answers_without_knowing_the_caller(api: Api, calls: Calls) -> None:
    """Where somebody took the authorizer away from API Gateway."""
    nobody: list[Any] = [None, {}, {"jwt": None}, {"jwt": {"claims": {}}}, {"iam": {"userArn": None}}]
    nobody += [{"jwt": {"claims": {"sub": ""}}}, {"jwt": {"claims": {"sub": 7}}}, {"lambda": {"sub": "anybody"}}]
    for key in (key for key, route in ROUTES.items() if route.scope):
        for authorizer in nobody:
            event = payload(key, "account-1" if "{id}" in key else None, body=OPEN, authorizer=authorizer)
            answer = api.sent(ROUTES[key].function, event)
            assert (answer.status, answer.error["code"]) == (401, "Unauthenticated"), key

    assert calls.made == []


def test_the_actor_is_who_is_signed_in_whatever_the_body_says(api: Api) -> None:
    signed_in = [(people(), SUBJECT), (machines(), ARN), ({**people(), **machines()}, SUBJECT)]
    said: list[Any] = [{}, {"actor": "the-boss"}, {"actor": None}, {"actor": {"name": "the-boss"}}]
    for number, ((authorizer, _), members) in enumerate(product(signed_in, said)):
        answer = api.command("AccountCreated", {}, f"account-{number:02d}", body=members, authorizer=authorizer)
        assert answer.status == 200, answer.text

    actors = [event["Actor"] for event in sorted(api.stored(), key=lambda event: event["AggregateId"])]
    assert actors == [actor for (_, actor), _ in product(signed_in, said)]


def test_nothing_is_smuggled_in_by_a_member_that_no_command_has(api: Api) -> None:
    whole = {"aggregateId": "other", "actor": "the-boss", **OPEN}
    members: list[dict[str, Any]] = [{"body": json.dumps(whole)}, {"queryType": "getAccountSummary"}, {"Actor": "me"}]
    members += [{"requestContext": {"authorizer": people("the-boss")}}, {"body": None}, {"isBase64Encoded": True}]
    for smuggled in members:
        answer = api.command("AccountCreated", {}, body=smuggled)
        assert (answer.status, answer.error["details"]["field"]) == (400, next(iter(smuggled)))

    assert api.stored() == []


def test_numbers_are_exact_from_text_to_text(api: Api) -> None:
    api.command("AccountCreated", {})
    large, small, money = "999999999999999999.99999999", "0.00000001", "100.50"
    body = f'{{"eventType": "TransactionProcessed", "eventData": {{"amount": {money}, "n": [{large}, {small}]}}}}'

    for is_base64 in (False, True):
        assert api(SEND, "account-1", body=body, is_base64=is_base64).status == 200

    api.project()
    assert api(EVENTS, "account-1").text.count(f'"n":[{large},{small}]') == 2
    assert '"amount":100.5,' in api(EVENTS, "account-1").text
    assert '"Balance":201,' in api(ROW, "account-1").text


def test_money_is_exact_to_its_last_digit(api: Api) -> None:
    api.command("AccountCreated", {})
    body = '{"eventType": "TransactionProcessed", "eventData": {"amount": 999999999999999999.99}}'
    assert api(SEND, "account-1", body=body).status == 200

    api.project()

    assert '"Balance":999999999999999999.99,' in api(ROW, "account-1").text
    assert '"balance":999999999999999999.99,' in api(STATE, "account-1").text


def test_an_id_of_a_path_is_decoded_once(api: Api) -> None:
    meant = {"a%2Fb": "a/b", "a%252Fb": "a%2Fb", "%23": "#", "a%3Fb%3Dc": "a?b=c", "a+b": "a+b", "%25": "%"}
    meant |= {"%C3%A4%20%F0%9F%8C%8D": "ä 🌍", "commands": "commands"}
    for sent, aggregate_id in meant.items():
        answer = api(SEND, sent, body=OPEN)
        assert (answer.status, answer.body["aggregateId"]) == (200, aggregate_id)
        assert api(EVENTS, sent).body["aggregateId"] == aggregate_id

    assert {event["AggregateId"] for event in api.stored()} == set(meant.values())


def test_an_id_that_is_none_is_refused_as_the_paths(api: Api) -> None:
    for path, key in product(["%00", "%20a", "a" * 257, ""], [SEND, ROW, EVENTS, STATE]):
        answer = api(key, path, body=OPEN)
        assert (answer.status, answer.error["details"]["field"]) == (400, "id"), key


@pytest.mark.parametrize("path", ["M%FCller", "M%F6ller", "%C3", "M%EF%BF%BDller", "%ED%A0%80"])
def test_an_id_of_a_path_that_is_no_utf_8_is_refused(api: Api, calls: Calls, path: str) -> None:
    """API Gateway decodes it, and nothing tells any more which bytes there were: all of them were one account."""
    for key in (
        SEND,
        VALIDATE,
        ROW,
        EVENTS,
        STATE,
        STATEMENT,
        "GET /correlations/{id}",
        "POST /transfers/{id}/commands",
    ):
        answer = api(key, path, body=OPEN)
        assert (answer.status, answer.error["details"]["field"]) == (400, "id"), key
        assert "must be UTF-8 in percents" in answer.error["message"]

    assert calls.made == []


def test_two_keys_are_not_joined_to_one(api: Api) -> None:
    transfer = {"fromAccount": "a", "toAccount": "b", "amount": 1, "currency": "USD"}
    for key, (route, path, body) in product(
        ("k1,k2", "k1, k2", "k1,k1", ","), ((SEND, "account-1", OPEN), ("POST /transfers", None, transfer))
    ):
        answer = api(route, path, body=body, headers={"Idempotency-Key": key})
        assert (answer.status, answer.error["details"]["field"]) == (400, "Idempotency-Key"), key

    assert api.stored() == []
    assert api.command("AccountCreated", {}, body={"commandId": "k1,k2"}).status == 200


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "latin-1"])
def test_a_body_is_utf_8_without_a_mark(api: Api, encoding: str) -> None:
    text = json.dumps({**OPEN, "actor": "Müller"}, ensure_ascii=False)
    event = {**payload(SEND, "account-1", body=OPEN), "isBase64Encoded": True}

    answer = api.sent("command", {**event, "body": base64.b64encode(text.encode(encoding)).decode()})

    assert (answer.status, answer.error["details"]["field"]) == (400, "body")
    assert api.stored() == []
    assert api.sent("command", {**event, "body": base64.b64encode(text.encode()).decode()}).status == 200


def test_the_same_key_twice_is_one_event_and_equal_answers(api: Api) -> None:
    api.command("AccountCreated", {})

    answers = {
        api.command("TransactionProcessed", {"amount": 5}, headers={"Idempotency-Key": "pay-1"}).text for _ in range(2)
    }
    in_body = api.command("TransactionProcessed", {"amount": 5}, body={"commandId": "pay-1"})
    both = api.command(
        "TransactionProcessed", {"amount": 5}, body={"commandId": "pay-1"}, headers={"Idempotency-Key": "pay-1"}
    )

    assert answers == {in_body.text} == {both.text}
    assert len(api.stored()) == 2


def test_a_key_that_stands_for_another_command_is_a_conflict(api: Api) -> None:
    api.command("AccountCreated", {}, headers={"Idempotency-Key": "one"})

    answer = api.command("TransactionProcessed", {"amount": 5}, headers={"Idempotency-Key": "one"})

    assert (answer.status, answer.error["code"]) == (409, "CommandReused")


def test_what_is_said_twice_must_be_the_same(api: Api, calls: Calls) -> None:
    for name, value, members in (
        ("Idempotency-Key", "one", {"commandId": "two"}),
        ("Idempotency-Key", "1", {"commandId": 1}),
        ("If-Match", '"1"', {"expectedSequence": 2}),
        ("If-Match", '"1"', {"expectedSequence": True}),
        ("If-Match", '"1"', {"expectedSequence": "1"}),
        ("id", "", {"aggregateId": "account-2"}),
    ):
        answer = api.command("AccountCreated", {}, headers={name: value}, body=members)
        assert (answer.status, answer.error["details"]["field"]) == (400, name)
        assert "is another one than the body's" in answer.error["message"]

    assert calls.made == []


def test_what_is_said_twice_and_alike_is_said(account: Api) -> None:
    members = {"commandId": "one", "expectedSequence": 3, "aggregateId": "account-1"}
    headers = {"Idempotency-Key": "one", "If-Match": '"3"'}

    answer = account.command("TransactionProcessed", {"amount": 1}, body=members, headers=headers)

    assert (answer.status, answer.headers["etag"]) == (200, '"4"')


def test_an_unmet_condition_is_412_and_an_unmet_member_409_with_one_body(account: Api) -> None:
    pay = ("TransactionProcessed", {"amount": 1})
    by_header = account.command(*pay, headers={"If-Match": '"2"'})
    by_member = account.command(*pay, body={"expectedSequence": 2})
    by_both = account.command(*pay, body={"expectedSequence": 2}, headers={"If-Match": '"2"'})

    assert [each.status for each in (by_header, by_member, by_both)] == [412, 409, 412]
    assert by_header.error == by_member.error == by_both.error
    assert by_member.error["code"] == "SequenceConflict"
    assert len(account.stored()) == 3
    assert account.command(*pay, headers={"If-Match": account(ROW, "account-1").headers["etag"]}).status == 200


def test_a_condition_that_is_no_sequence_is_refused(account: Api) -> None:
    for condition in ("5", "*", 'W/"5"', '"5", "6"', '"-1"', '"05"', '"x"', "", f'"{"9" * 17}"', f'"{"9" * 16}"'):
        answer = account.command("TransactionProcessed", {"amount": 1}, headers={"If-Match": condition})
        assert (answer.status, answer.error["details"]["field"]) == (400, "If-Match"), condition

    assert len(account.stored()) == 3


def test_a_key_that_is_no_id_is_refused_by_its_header(api: Api) -> None:
    for key in ("", " a", "a" * 257, "\x00"):
        answer = api.command("AccountCreated", {}, headers={"Idempotency-Key": key})
        assert (answer.status, answer.error["details"]["field"]) == (400, "Idempotency-Key"), key


def test_a_body_that_is_no_object_is_refused(api: Api, calls: Calls) -> None:
    bodies = [None, "", "{", "[]", "null", '"text"', '{"eventType": "A", "eventType": "B"}', "NaN", "[" * 100_000]
    for body, is_base64 in product(bodies, (False, True)):
        answer = api(SEND, "account-1", body=body, is_base64=is_base64)
        assert (answer.status, answer.error["details"]["field"]) == (400, "body"), body

    assert calls.made == []


def test_a_body_that_is_no_base64_is_refused(api: Api) -> None:
    event = {**payload(SEND, "account-1", body=OPEN), "body": "{}", "isBase64Encoded": True}

    answer = api.sent("command", event)

    assert (answer.status, answer.error["details"]["field"]) == (400, "body")


def test_a_body_that_fits_no_event_is_refused(api: Api) -> None:
    assert api.command("AccountCreated", {"note": "x" * 500_000}).status == 413


def test_a_command_of_another_kind_is_refused_as_none_at_all(api: Api) -> None:
    answer = api.command("PenguinHatched", {})

    assert (answer.status, answer.error["details"]["field"]) == (400, "eventType")


WRONG: Sequence[tuple[str, str, str]] = [
    (BY_TYPE, "", "type"),
    (BY_TYPE, "type=", "type"),
    (BY_TYPE, "type=A&typo=1", "typo"),
    (BY_TYPE, "type=A&eventType=A", "eventType"),
    (BY_TYPE, "type=A&type=A", "type"),
    (BY_TYPE, "type=A&limit=0", "limit"),
    (BY_TYPE, "type=A&limit=1001", "limit"),
    (BY_TYPE, "type=A&limit=1.0", "limit"),
    (BY_TYPE, "type=A&limit=", "limit"),
    (BY_TYPE, "type=A&limit=" + "9" * 40, "limit"),
    (BY_TYPE, "type=A&from=yesterday", "from"),
    (BY_TYPE, "type=A&from=2024-01-02T00:00:00Z&to=2024-01-01T00:00:00Z", "from"),
    (BY_TYPE, "type=A&to=2024-01-01T00:00:00+01:00", "to"),
    (BY_TYPE, "type=A&nextToken=x", "nextToken"),
    (BY_TYPE, "type=%FF", "query"),
    (BY_TYPE, "&".join(f"a{number}=" for number in range(101)), "query"),
    (ROW, "limit=1", "limit"),
    (STATE, "upToSequence=-1", "upToSequence"),
    (STATE, "asOf=now", "asOf"),
    (STATE, "limit=1", "limit"),
    (STATEMENT, "fromTimestamp=2024-01-01T00:00:00Z", "fromTimestamp"),
    (EVENTS, "aggregateId=other", "aggregateId"),
    (EVENTS, "fromSequence=0", "fromSequence"),
    (EVENTS, "fromSequence=2.0", "fromSequence"),
    ("GET /openapi.json", "a=b", "a"),
    ("GET /health", "x=1", "x"),
]
"""A route, what stands behind its `?`, and the parameter that is refused."""


def test_a_parameter_that_is_wrong_is_refused_by_its_name(account: Api) -> None:
    for key, query, name in WRONG:
        answer = account(key, "account-1" if "{id}" in key else None, query=query)
        assert (answer.status, answer.error["details"]["field"]) == (400, name), query
        assert "toTimestamp" not in answer.error["message"]


def test_parameters_are_decoded_once(account: Api) -> None:
    assert account(BY_TYPE, query="type=%41ccountCreated&limit=%31").body["count"] == 1
    told = account(BY_TYPE, query="type=Account%2543reated")
    assert (told.status, told.body["eventType"]) == (200, "Account%43reated")
    early, late = (
        account(BY_TYPE, query=f"type=AccountCreated&{name}=2024-01-01T00:00:00%2B01:00") for name in ("to", "from")
    )
    assert (early.body["count"], late.body["count"]) == (0, 1)


def test_pages_go_on_for_the_caller_who_began_them(account: Api) -> None:
    for key, path, query, listed in (
        (BY_TYPE, None, "type=TransactionProcessed&limit=1", "events"),
        (EVENTS, "account-1", "limit=1", "events"),
        (STATEMENT, "account-1", "limit=1", "Entries"),
    ):
        first = account(key, path, query=query)
        token = quote(first.body["nextToken"])
        second = account(key, path, query=f"{query}&nextToken={token}")
        assert second.status == 200
        assert second.body[listed] != first.body[listed]
        for authorizer in (people("user-2"), machines()):
            stolen = account(key, path, query=f"{query}&nextToken={token}", authorizer=authorizer)
            assert (stolen.status, stolen.error["details"]["field"]) == (400, "nextToken")


def test_a_token_of_another_question_is_refused(account: Api) -> None:
    token = quote(account(EVENTS, "account-1", query="limit=1").body["nextToken"])

    for key, path in ((STATEMENT, "account-1"), (EVENTS, "account-2")):
        answer = account(key, path, query=f"nextToken={token}")
        assert (answer.status, answer.error["details"]["field"]) == (400, "nextToken")


def test_a_token_of_a_direct_invocation_is_none_of_the_api(account: Api) -> None:
    direct = account.sent("query", {"queryType": "getAggregateEvents", "aggregateId": "account-1", "limit": 1})

    answer = account(EVENTS, "account-1", query=f"nextToken={quote(direct.body['nextToken'])}")

    assert (answer.status, answer.error["details"]["field"]) == (400, "nextToken")


ACCEPTED: Sequence[tuple[str | None, bool]] = [
    (None, False),
    ("*/*", False),
    ("application/json", False),
    ("application/*", False),
    ("application/problem+json", True),
    ("text/html, Application/Problem+JSON;q=0.5", True),
    ("application/json, application/problem+json;q=0", False),
    ("application/problem+json; q=0.000", False),
    (";;,,", False),
]


def test_errors_are_problems_for_who_accepts_them(api: Api) -> None:
    for accept, is_problem in ACCEPTED:
        answer = api(STATE, "nobody", headers={} if accept is None else {"Accept": accept})
        assert answer.status == 404
        members = {"type": "urn:ledger:error:NotFound", "title": "Not found", "status": 404} if is_problem else {}
        detail = {"detail": "there is no aggregate nobody"} if is_problem else {}
        assert answer.body == {"error": answer.error, **members, **detail}, accept
        assert answer.headers["content-type"] == f"application/{'problem+' if is_problem else ''}json"


def test_a_fault_is_answered_and_counted_and_tells_nothing(
    api: Api, calls: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(operation: str, _: Any) -> None:
        raise RuntimeError("the secret inside")

    calls.before = fail
    answer = api.command("AccountCreated", {})

    assert (answer.status, answer.error["code"]) == (500, "InternalError")
    assert "secret" not in answer.text
    assert '"Faults": 1' in capsys.readouterr().out


@pytest.mark.parametrize("function", ["command", "validate", "query"])
def test_a_route_that_reaches_another_function_is_a_fault_there(api: Api, calls: Calls, function: str) -> None:
    """A dry run that was sent to `command` must not be carried out."""
    for key, route in ROUTES.items():
        if route.function != function:
            answer = api.sent(function, payload(key, "account-1", body=OPEN))
            assert answer.status == 500, key
    assert calls.made == []


def test_any_other_payload_is_served_as_ever(api: Api) -> None:
    """Another version of the payload, or another route: a function URL's, or that of somebody's own API."""
    others: list[dict[str, Any]] = [{"version": version} for version in ("1.0", None, 2)]
    others += [{"routeKey": key} for key in ("$default", "POST /commands", "GET /accounts/account-1", None, ["a"])]
    for number, other in enumerate(others):
        body = {**OPEN, "aggregateId": f"account-{number}", "actor": "somebody"}
        answer = api.sent("command", {**payload(SEND, "account-9", body=body), **other})
        assert (answer.status, answer.body["aggregateId"], answer.headers) == (200, f"account-{number}", {})

    assert {each["Actor"] for each in api.stored()} == {"somebody"}


def test_a_refusal_of_the_function_is_published_with_who_is_signed_in(api: Api, calls: Calls) -> None:
    assert api.command("TransactionProcessed", {"amount": 1}, body={"actor": "the-boss"}).status == 422

    (published,) = calls.to("PutEvents")
    detail = json.loads(published["Entries"][0]["Detail"])
    assert (detail["AggregateId"], detail["Actor"]) == ("account-1", SUBJECT)
