"""What the document shows works as it is shown, and every answer that it names is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from handlers.domain import KINDS
from handlers.http_api.routes import ROUTES
from handlers.sourcing.errors import OutOfTimeError
from handlers.sourcing.kinds import Kind
from schemas.openapi_parts import EITHERS, GATEWAYS

from ..domain.examples import asking
from ..handlers.conftest import Calls
from . import trials
from .conformity import DOCUMENT, OPERATIONS, hold
from .conftest import Answered, Api, make_queues, payload, people

GIVER, TAKER, TRANSFER = "account-123", "account-456", "transfer-123"
REPLAY, BRANCH = "march", "trial"


class Example(NamedTuple):
    """A request as the document shows it."""

    key: str
    name: str
    path: str | None
    query: str
    body: Any

    def __str__(self) -> str:
        return f"{self.key} {self.name}".strip()

    def __call__(self, api: Api, **other: Any) -> Answered:
        asked = {"path": self.path, "query": self.query, "body": self.body, **other}
        return api(self.key, **asked)


def _examples() -> Iterator[Example]:
    known = DOCUMENT["components"]["parameters"]
    for key, operation in OPERATIONS.items():
        given = [
            known[each["$ref"].rsplit("/", 1)[1]] if "$ref" in each else each
            for each in operation.get("parameters", [])
        ]
        shown = {each["name"]: each["schema"]["examples"][0] for each in given if each.get("required")}
        path = shown.pop("id", None)
        query = "&".join(f"{name}={value}" for name, value in shown.items())
        if "requestBody" not in operation:
            yield Example(key, "", path, query, None)
            continue
        content = operation["requestBody"]["content"]["application/json"]
        for name, each in content.get("examples", {}).items():
            yield Example(key, name, path, query, each["value"])
        for body in content["schema"].get("examples", []):
            yield Example(key, ROUTES[key].opens, path, query, body)


EXAMPLES = {str(each): each for each in _examples()}


def opened(api: Api) -> None:
    """Both accounts of the examples, as the document opens one."""
    body = EXAMPLES["POST /accounts/{id}/commands AccountCreated"].body
    for account in (GIVER, TAKER):
        assert api("POST /accounts/{id}/commands", account, body=body).status == 200


def waiting(api: Api) -> None:
    """A transfer that waits for somebody's approval."""
    opened(api)
    body = {**EXAMPLES["POST /transfers TransferRequested"].body, "amount": 2000}
    assert api("POST /transfers", body=body, authorizer=people("user-2")).status == 200


def all_of_it(api: Api) -> None:
    """An account, a transfer, and their rows; the queues; a replay, and a branch with a backtest."""
    make_queues()
    trials.replay(REPLAY)
    branches, on = trials.branch(BRANCH)
    trials.backtest(branches, on, {GIVER: [trials.decision(1, root=True)]})
    waiting(api)
    for each in (GIVER, TAKER, TRANSFER):
        api.project(each)


BEFORE: dict[str, Callable[[Api], object]] = {
    "TransferRequested": opened,
    "TransferApproved": waiting,
    "TransferCancelled": waiting,
    "": all_of_it,
}
"""By the example's name: what must have happened, where that is more than that an aggregate was opened, or less."""


def first_of(kind: Kind[Any]) -> str:
    """The command that opens aggregates of a kind."""
    return next((each for each in kind.commands if kind.opens(asking(each, {}))), kind.commands[0])


OPENING = {kind.name: first_of(kind) for kind in KINDS.all if kind.collection}


def begin(api: Api, kind: str) -> None:
    """An aggregate of a kind, under the id of the examples, as the document opens one."""
    example = next(each for each in EXAMPLES.values() if each.name == OPENING[kind] and each.path is not None)
    answer = example(api)
    assert answer.status == 200, f"{kind}: the example of {example.name} opens none: {answer.text}"


def prepare(api: Api, example: Example) -> None:
    """What must have happened before an example. Of a type that is not in BEFORE: its aggregate was opened."""
    kind = ROUTES[example.key].kind
    if example.name in BEFORE:
        BEFORE[example.name](api)
    elif example.name != OPENING[kind]:
        begin(api, kind)
    if example.name == "" and kind in OPENING.keys() - {"account", "transfer"}:
        begin(api, kind)
        api.project(example.path or "")


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_of_the_document_is_answered_as_it_stands_there(api: Api, name: str) -> None:
    example = EXAMPLES[name]
    prepare(api, example)

    answer = example(api)

    assert answer.status == 200, f"if {name} needs more than an open aggregate, say so in BEFORE: {answer.text}"


def malformed(api: Api, example: Example) -> Answered:
    return example(api, query="typo=1") if example.body is None else example(api, body="[]")


def of_nobody(api: Api, example: Example) -> Answered:
    return example(api, path="nobody")


def reused(api: Api, example: Example) -> Answered:
    """Another command under the id of one that was accepted."""
    opened(api)
    headers = {"Idempotency-Key": "once"}
    if ROUTES[example.key].opens:
        assert example(api, headers=headers).status == 200
        return example(api, body={**example.body, "amount": 1}, headers=headers)
    opening = OPENING[ROUTES[example.key].kind]
    first = next(each for each in EXAMPLES.values() if each.key == example.key and each.name == opening)
    other = last(example.key)
    assert api(first.key.removesuffix(":validate"), "new", body=first.body, headers=headers).status == 200
    return other(api, path="new", headers=headers)


def in_conflict(api: Api, example: Example) -> Answered:
    return over(api, example) if ROUTES[example.key].function == "operations" else reused(api, example)


def over(api: Api, example: Example) -> Answered:
    """A change of a replay that has come to its end."""
    replays, run = trials.replay(REPLAY, segments=1)
    replays.save(replace(run.segments[0], done=True))
    return example(api)


def unmet(api: Api, example: Example) -> Answered:
    return example(api, headers={"If-Match": '"7"'})


def too_large(api: Api, example: Example) -> Answered:
    note = {"note": "x" * 500_000}
    body = example.body
    if ROUTES[example.key].opens:
        return example(api, body={**body, **note})
    return example(api, body={**body, "eventData": {**body["eventData"], **note}})


def against_a_rule(api: Api, example: Example) -> Answered:
    if ROUTES[example.key].opens == "TransferRequested":
        return example(api, body={**example.body, "deadline": "2024-01-15T11:00:00Z"})
    if ROUTES[example.key].opens:
        assert example(api).status == 200
        return example(api)  # another command for the same id
    return last(example.key)(api, path="nothing")


def last(key: str) -> Example:
    """What ends an aggregate, or could not be its first: the last of the kind's commands that do not open one."""
    others = [each for each in EXAMPLES.values() if each.key == key and each.name not in OPENING.values()]
    assert others, f"{key} has no example but of what opens an aggregate: say here how it is refused"
    return others[-1]


def misled(api: Api, example: Example) -> Answered:
    """A request that reached a function that does not serve it: a fault of ours."""
    other = "command" if ROUTES[example.key].function == "query" else "query"
    return api.sent(other, payload(example.key, example.path, query=example.query, body=example.body))


REFUSED: dict[int, Callable[[Api, Example], Answered]] = {
    400: malformed,
    404: of_nobody,
    409: in_conflict,
    412: unmet,
    413: too_large,
    422: against_a_rule,
    500: misled,
}


OF_THE_LEDGER = {
    (key, int(status))
    for key, operation in OPERATIONS.items()
    for status, response in operation["responses"].items()
    if status != "200" and "application/problem+json" in response.get("content", {})
}
"""The refusals that a function answers: the only ones that are told as problems, too."""


@pytest.mark.parametrize(("key", "status"), sorted((key, status) for key, status in OF_THE_LEDGER if status != 503))
def test_every_refusal_that_the_document_names_is_given(api: Api, key: str, status: int) -> None:
    example = next(each for each in EXAMPLES.values() if each.key == key)

    answer = REFUSED[status](api, example)

    assert answer.status == status, answer.text
    hold(key, answer.status, answer.headers, answer.text)


@pytest.mark.parametrize("key", sorted(key for key, status in OF_THE_LEDGER if status == 503))
def test_every_question_and_command_may_be_out_of_time(api: Api, calls: Calls, key: str) -> None:
    def late(*_: Any) -> None:
        raise OutOfTimeError("there is no time for this")

    calls.before = late
    answer = next(each for each in EXAMPLES.values() if each.key == key)(api)

    # What is answered without a look at anything is in time.
    assert answer.status == (200 if ROUTES[key].answer in ("health", "document") else 503)


def test_every_answer_of_the_gateway_is_one_of_the_documents() -> None:
    told = 0
    for key, operation in OPERATIONS.items():
        for status in map(int, operation["responses"]):
            if status in GATEWAYS or status in EITHERS:
                hold(key, status, {"content-type": "application/json"}, '{"message":"Unauthorized"}')
                told += 1
    assert told > 5 * len(OPERATIONS)
