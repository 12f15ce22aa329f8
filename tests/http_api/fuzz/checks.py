"""What schemathesis checks of this API otherwise than by itself: loaded by it, in its own environment.

Two of its checks are replaced. A JSON Schema cannot say all that makes a request well formed, so a refusal of what the
document allows is excused where every violation that it names is one of those below, with what it is that cannot be
said. And an HTTP API of API Gateway has no 405: what no route has is unknown to it.
"""

from __future__ import annotations

import re

import schemathesis
from schemathesis.core.failures import Failure

BEYOND_SCHEMAS = {
    "is not a token that was given out": "only the server makes tokens",
    "belongs to another query": "only the server makes tokens",
    "is another one than the body's": "two parameters that must be equal",
    "or an Idempotency-Key that stands for it": "a member or a parameter, of which there must be one",
    "must be the aggregateId where it is given": "a member that must be equal to a parameter",
    "a name in an object must be": "names in extra members of whatever depth",
    "must hold visible characters": "a property of each character, by Unicode",
    "bytes": "a length in bytes",
    "digits after the point": "a number of digits: by `multipleOf`, clients with binary floats would refuse 0.07",
    "a number has at most 38 digits": "a number of digits",
    "not a number": "how large an exponent is in a text",
    "a whole number must lie between": "numbers in extra members of whatever depth",
    "must be more than ": "bounds of a number that is sent as text",
    "must be less than ": "bounds of a number that is sent as text",
    "must be at least ": "bounds of a number that is sent as text",
    "must be at most ": "bounds of a number that is sent as text",
    "must be an ISO 4217 currency code": "a list that ISO adds to, and that clients had to be made anew for",
    "must be another account than fromAccount": "two members that must differ",
    "must be the command's actor": "a member that must be equal to who sends it",
    "must be in Unicode's normal form NFC": "a property of the text as a whole, by Unicode",
    "must not hold U+FFFD": "a character that only stands for what is no text",
    "without U+FFFD": "a character that only stands for what is no text",
    "which a path does not carry": "two ids among all texts",
    "must not be later than": "two parameters in an order",
    "must be one of projection, process, replay, delivery, invocation": "in one Region there is no queue of conflicts",
    "must be of a day that there is": "leap seconds, which the ledger has not",
}
"""Parts of the messages of violations, and what a schema cannot say of them."""
TOO_MANY = 429
"""Operators' routes admit 20 requests a second, whatever the settings are: a fast machine sends more."""
STATES = frozenset({409, 412, 422})
"""Refusals by what the ledger holds, not by what the request is."""


def what_is_allowed_is_accepted(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> bool | None:
    """In place of positive_data_acceptance."""
    if case.meta is None or not case.meta.generation.mode.is_positive or _is_of_another_method(case):
        return None
    if not _has_a_condition_as_documented(case):
        return None
    if response.status_code in STATES or response.status_code in {401, 403, 404} or response.status_code < 400:
        return None
    if response.status_code == TOO_MANY:
        return None
    if response.status_code == 400:
        told = [each["message"] for each in response.json()["error"]["details"]["violations"]]
        if all(any(part in message for part in BEYOND_SCHEMAS) for message in told):
            return None
    raise Failure(
        operation=case.operation.label,
        title="What the document allows is refused",
        message=f"{response.status_code} {response.text[:600]}",
    )


def what_no_route_has_is_unknown(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> bool | None:
    """In place of unsupported_method."""
    if _is_of_another_method(case) and (response.status_code, response.text) != (404, '{"message":"Not Found"}'):
        raise Failure(
            operation=case.operation.label,
            title="A method that no route has is not unknown",
            message=f"{response.status_code} {response.text[:600]}",
        )
    return None


def _has_a_condition_as_documented(case: schemathesis.Case) -> bool:
    """Whether If-Match is: while it varies the body, schemathesis's coverage sends `0` for it, whatever its pattern."""
    pattern = case.operation.schema.raw_schema["components"]["parameters"]["ifMatch"]["schema"]["pattern"]
    condition = (case.headers or {}).get("If-Match")
    return condition is None or re.search(pattern, condition) is not None


def _is_of_another_method(case: schemathesis.Case) -> bool:
    return bool(case.method.lower() != case.operation.method.lower())


for check in (what_is_allowed_is_accepted, what_no_route_has_is_unknown):
    schemathesis.check(check)
