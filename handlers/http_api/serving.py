"""Entry points that answer the HTTP API beside everything else that they are handed."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from handlers.runtime import Answer, Context, Outcome, answering, outcome
from handlers.sourcing.errors import LedgerError, Violation
from handlers.sourcing.payload import beside_body, request_of
from handlers.sourcing.values import Encoded, Value

from .exchange import Exchange, caller_of, header, route_of
from .routes import Function, Route

Handle = Callable[[Mapping[str, Value], Sequence[Violation], Context], Value]
"""A request, and what stands beside it where nobody reads it, to an answer's body."""
PROBLEM = "application/problem+json"
_SEQUENCES = {"receipt": "sequence", "row": "LastSequence", "entries": "LastSequence", "state": "eventsProcessed"}
"""By the sort of answer, where it says how far its aggregate has come."""
_ZERO = re.compile(r"q=0(\.0{0,3})?")


def serving(function: Function, members: Collection[str]) -> Callable[[Handle], Callable[[Any, Context], Answer]]:
    """Make an entry point of a function of a request.

    A request of one of the API's routes comes as the route says. Every other payload is the request itself, or has it
    in its `body`; `members` are those that a request may have.
    """

    def decorate(handle: Handle) -> Callable[[Any, Context], Answer]:
        direct = answering(lambda event, context: handle(request_of(event), beside_body(event, members), context))

        def lambda_handler(event: Any, context: Context) -> Answer:
            route = route_of(event)
            if route is None:
                return direct(event, context)
            return _answer(outcome(lambda: work(route, event, context), context, waited_for=True), route, event)

        def work(route: Route, event: Any, context: Context) -> Value:
            if route.function != function:  # not done in its stead: `command` must not do what is to be validated
                raise RuntimeError(f"{route.key} was sent to {function}")
            exchange = Exchange(route, event, "" if route.scope is None else caller_of(event))
            request = exchange.request()
            if route.answer == "health":
                return {"status": "ok"}
            if route.answer == "document":
                return _document()
            try:
                return exchange.shown(handle(request, (), context))
            except LedgerError as error:
                raise exchange.told(error) from error

        return lambda_handler

    return decorate


def _answer(done: Outcome, route: Route, event: Any) -> Answer:
    headers = {"cache-control": "no-store", "content-type": "application/json", **_tag(route, done)}
    if done.status >= 400 and _takes_problems(header(event, "Accept") or ""):  # noqa: PLR2004 -- HTTP's
        done = Outcome.of(done.status, {**_problem(done), **done.body})
        headers["content-type"] = PROBLEM
    return {**done.answer(), "headers": headers}


@cache
def _document() -> Encoded:
    return Encoded(Path(__file__).with_name("openapi.json").read_text("utf-8"))


def _tag(route: Route, done: Outcome) -> dict[str, str]:
    name = _SEQUENCES.get(route.answer)
    return {"etag": f'"{int(done.body[name])}"'} if name and done.status == 200 else {}  # noqa: PLR2004


def _takes_problems(accept: str) -> bool:
    """Whether a client's Accept names problem+json. One that takes anything at all gets what it always got."""
    for each in accept.lower().split(","):
        media, *parameters = (part.strip() for part in each.split(";"))
        if media == PROBLEM:
            return not any(_ZERO.fullmatch(parameter) for parameter in parameters)
    return False


def _problem(done: Outcome) -> dict[str, Value]:
    code = done.body["error"]["code"]
    words = re.sub("(?<=[a-z])(?=[A-Z])", " ", code)
    return {
        "type": f"urn:ledger:error:{code}",
        "title": f"{words[:1]}{words[1:].lower()}",
        "status": done.status,
        "detail": done.body["error"]["message"],
    }
