"""One request of the HTTP API, as the request that its function takes today.

What is relied on of API Gateway's payload 2.0: `pathParameters` are decoded, exactly once ("decodes URL-encoded request
parameters before passing them to your backend integration", its guide says; `rawPath` comes decoded, too, so that it
does not tell `a/b` from `a%2Fb`). So a path's id is taken as it is. `rawQueryString` is as the client sent it, and
decoded here, once: `queryStringParameters` would run repeated ones together. Names of headers are in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from handlers.domain import KINDS
from handlers.sourcing.command import MAX_SEQUENCE
from handlers.sourcing.errors import LedgerError, MalformedError, NotHomeError, SequenceConflictError, Violation
from handlers.sourcing.fields import REPLACEMENT, check_whole, tellable, unknown
from handlers.sourcing.payload import request_of
from handlers.sourcing.values import Value
from handlers.store import tokens

from .elsewhere import directed
from .routes import ID, ROUTES, Route

_MAX_PARAMETERS = 100
_NUMBERS = frozenset({"fromSequence", "limit", "upToSequence"})
_WHOLE = re.compile("-?[0-9]{1,30}")
_ETAG = re.compile('"(0|[1-9][0-9]{0,15})"')
_BESIDE = ("commandId", "correlationId", "causationId")
"""What a body that is a command's data may say of the command."""
KEY, CONDITION = "Idempotency-Key", "If-Match"


class UnauthenticatedError(LedgerError):
    """A request of which API Gateway does not say who sent it: a route of this API without its authorizer."""

    status = 401
    code = "Unauthenticated"


class UnmetConditionError(LedgerError):
    """The aggregate has moved on from what If-Match says: as its expectedSequence, but by HTTP's status for it."""

    status = 412
    code = SequenceConflictError.code


def route_of(event: Any) -> Route | None:
    """The route that a payload is a request of; None for what is no request of this API."""
    if not isinstance(event, dict) or event.get("version") != "2.0":
        return None
    key = event.get("routeKey")
    return ROUTES.get(key) if isinstance(key, str) else None


def caller_of(event: Mapping[str, Any]) -> str:
    """Who sent a request, as API Gateway found: a token's subject, or the ARN of who signed. UnauthenticatedError."""
    authorizer = event.get("requestContext", {}).get("authorizer") or {}
    for told, name in ((authorizer.get("jwt") or {}).get("claims"), "sub"), (authorizer.get("iam"), "userArn"):
        found = (told or {}).get(name)
        if isinstance(found, str) and found:
            return found
    raise UnauthenticatedError("the API does not say who sent this request; nothing was done")


def header(event: Mapping[str, Any], name: str) -> str | None:
    """A header, by its name as HTTP documents write it."""
    value = (event.get("headers") or {}).get(name.lower())
    return value if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request of a route by somebody."""

    route: Route
    event: Mapping[str, Any]
    caller: str

    def request(self) -> dict[str, Value]:
        """The request to the route's function. MalformedError by the names that HTTP has for its parts."""
        if self.route.function not in ("query", "operations"):
            return self._command()
        return {**self._members(), **self._query()} if self.route.method == "POST" else self._query()

    def told(self, error: LedgerError) -> LedgerError:
        """An error of the function in the API's words: by its parameters and statuses."""
        if isinstance(error, SequenceConflictError) and header(self.event, CONDITION) is not None:
            return UnmetConditionError(error.message, **error.details)
        if isinstance(error, NotHomeError):
            return directed(error, self.event)
        if not isinstance(error, MalformedError):
            return error
        names = self._names()
        found = [
            Violation(names.get(path := self._below(each.path), path), self._words(each.message))
            for each in error.violations
        ]
        return MalformedError(*found[0], *found[1:])

    def shown(self, body: Value) -> Value:
        """An answer's body, with a nextToken that is good for this caller alone."""
        if not isinstance(body, dict) or "nextToken" not in body:
            return body
        return {**body, "nextToken": tokens.encode(self._subject(), body["nextToken"])}

    def _command(self) -> dict[str, Value]:
        body = self._body()
        key, condition = header(self.event, KEY), header(self.event, CONDITION)
        request = _opening(self.route, body, key) if self.route.opens else body
        given: dict[str, tuple[str, Value]] = {} if self.route.opens else {ID: ("aggregateId", self._id())}
        if key is not None:
            given[KEY] = ("commandId", _single(key))
        if condition is not None:
            given[CONDITION] = ("expectedSequence", _sequence(condition))
        conflicts = [
            Violation(where, f"is another one than the body's {member}")
            for where, (member, value) in given.items()
            if not _agree(request.get(member), value)
        ]
        if conflicts:
            raise MalformedError(*conflicts[0], *conflicts[1:])
        self._check_kind(request.get("eventType"))
        return {**request, **dict(given.values()), "actor": self.caller}

    def _body(self) -> Mapping[str, Value]:
        carried = {name: self.event.get(name) for name in ("body", "isBase64Encoded")}
        return request_of({"requestContext": {}, **carried})

    def _members(self) -> Mapping[str, Value]:
        """What the body of a query says; nothing where there is none and needs to be none. What its request has beside
        is the route's to say."""
        if not self.route.members and not self.event.get("body"):
            return {}
        body = self._body()
        if wrong := _unknown(body, self.route.members, "members"):
            raise MalformedError(*wrong[0], *wrong[1:])
        return body

    def _check_kind(self, event_type: Value) -> None:
        asked = KINDS.of_command(event_type) if isinstance(event_type, str) else None
        if asked is not None and asked.name != self.route.kind:
            raise MalformedError("eventType", f"is a command of another kind: {asked.name}, not {self.route.kind}")

    def _query(self) -> dict[str, Value]:
        route = self.route
        request: dict[str, Value] = {"queryType": route.query}
        if route.subject:
            request[route.subject] = self._id()
        if route.of_kind:
            request["kind"] = route.kind
        for name, text in self._parameters().items():
            request[route.parameters[name]] = int(text) if name in _NUMBERS and _WHOLE.fullmatch(text) else text
        if "nextToken" in request:
            request["nextToken"] = tokens.decode(request["nextToken"], self._subject(), _inner)
        return request

    def _parameters(self) -> dict[str, str]:
        """What stands behind the `?`, decoded once. MalformedError for what is unknown, repeated or no UTF-8."""
        try:
            pairs = parse_qsl(
                self.event.get("rawQueryString") or "",
                keep_blank_values=True,
                errors="strict",
                max_num_fields=_MAX_PARAMETERS,
            )
        except ValueError:
            raise MalformedError(
                "query", f"must be UTF-8 in percents, of {_MAX_PARAMETERS} parameters at most"
            ) from None
        found: dict[str, str] = {}
        wrong: list[Violation] = []
        for name, value in pairs:
            if name in found:
                wrong.append(Violation(tellable(name), "is given more than once"))
            found[name] = value
        if wrong := [*_unknown(found, self.route.parameters, "parameters"), *wrong]:
            raise MalformedError(*wrong[0], *wrong[1:])
        return found

    def _id(self) -> str:
        """The path's id. MalformedError where it holds what stands for bytes that are no UTF-8, whichever they were:
        as it is, one id would be that of all of them."""
        found = str(self.event["pathParameters"][ID])
        if REPLACEMENT in found:
            raise MalformedError(ID, "must be UTF-8 in percents, without U+FFFD, which stands for what is none")
        return found

    def _subject(self) -> Value:
        """What a nextToken is bound to, beside what the function itself binds it to."""
        return [self.caller, self.route.operation]

    def _names(self) -> dict[str, str]:
        """By what the function calls a part of its request, what HTTP calls it."""
        route = self.route
        names = {member: name for name, member in route.parameters.items()}
        if route.subject:
            names[route.subject] = ID
        if header(self.event, KEY) is not None:
            names["commandId"] = KEY
        if route.opens:
            names["aggregateId"] = _id_of(route)
        return names

    def _below(self, path: str) -> str:
        """A path of a command's request as one of a body that is its data."""
        return path.removeprefix("eventData.") if self.route.opens else path

    def _words(self, message: str) -> str:
        for name, member in self.route.parameters.items():
            message = message if name == member else re.sub(rf"\b{member}\b", name, message)
        return message


def _opening(route: Route, body: Mapping[str, Value], key: str | None) -> dict[str, Value]:
    """The command in a body that is its data, beside the new aggregate's id and what any command may say.

    Who gives no id has it named by the Idempotency-Key: so a repeated request is not another aggregate.
    """
    given = body.get(_id_of(route))
    if given is None and key is None:
        raise MalformedError(_id_of(route), f"is required, or an {KEY} that stands for it")
    beside = {name: body[name] for name in _BESIDE if name in body}
    data = {name: value for name, value in body.items() if name not in (*_BESIDE, "actor", _id_of(route))}
    return {**beside, "aggregateId": key if given is None else given, "eventType": route.opens, "eventData": data}


def _single(key: str) -> str:
    """A key that was given once. API Gateway joins a header that is given twice by a comma: that key nobody chose."""
    if "," in key:
        raise MalformedError(KEY, "must not hold a comma, which joins the values of a header that is given twice")
    return key


def _id_of(route: Route) -> str:
    return f"{route.kind}Id"


def _sequence(condition: str) -> int:
    if not (quoted := _ETAG.fullmatch(condition)):
        raise MalformedError(CONDITION, 'must be one ETag of an answer: a sequence in quotes, such as "5"')
    return check_whole(int(quoted[1]), CONDITION, 0, MAX_SEQUENCE)


def _agree(member: Value, given: Value) -> bool:
    """Whether a body's member says nothing else than what stands for it in the path or a header."""
    return member is None or (not isinstance(member, bool) and bool(member == given))


def _inner(place: Value) -> str:
    if not isinstance(place, str):
        raise ValueError("no token")  # noqa: TRY004 -- as a conversion
    return place


def _unknown(found: Mapping[str, Value], known: Collection[str], what: str) -> list[Violation]:
    if known:
        return unknown(found, known)
    return [Violation(tellable(name), f"is unknown; there are no {what} here") for name in list(found)[:3]]
