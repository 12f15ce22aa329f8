"""The parts of the OpenAPI document that no kind of aggregates has to do with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.operations_parts import OPERATORS_ANSWERS, QUEUE

DESCRIPTION = """\
Commands, and questions about the present and the past, of an event-sourced ledger.

**Numbers are exact.** Every number is read and written digit by digit, up to 38 significant ones:
999999999999999999.99999999 stays what it is. A client that parses JSON numbers as binary floats loses that: parse them
as decimals or texts. In a command a number may be sent as text.

**The same command twice is one event.** Send an `Idempotency-Key`; repeat it with the same request until there is an
answer: all answers to it are equal.

**Who did it** is who is signed in: the token's `sub`, or the ARN of who signed the request. A body's `actor` is
ignored.

**Errors** have one form, `{"error": {"code", "message", "details"}}`. A client whose `Accept` names
`application/problem+json` gets the members of RFC 9457 beside it.

**Before the ledger** stands API Gateway. What it refuses or cannot do it answers itself, with `{"message"}` and no
`error`: 404 where no operation has the method and the path (an id in a path is not empty and holds no `/` and no `?`),
and whatever else an operation has of that form. Behind a distribution, CloudFront may answer 403, 502 or 504 by a page.
"""

EXACT_TEXT = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
GATEWAYS = (401, 403, 429, 431)
"""What API Gateway alone answers, without a function: its errors are of its own form."""
EITHERS: Mapping[int, str] = {
    404: "By API Gateway: the id is empty, or holds `/` or `?`.",
    413: "By API Gateway: the request is larger than it takes.",
    500: "By API Gateway: the function failed.",
    503: "By API Gateway: the function did not answer in time, or too many of them run.",
}
"""What API Gateway may answer, too."""
_LEDGERS = {
    "command": (400, 409, 412, 413, 422, 500, 503),
    "validate": (400, 409, 412, 413, 422, 500, 503),
    "query": (400, 500, 503),
    "operations": (400, 500, 503),
}
_CONFLICT = 409
OPERATIONS = "operations"
"""The function that answers operators."""


def answer_of(route: Mapping[str, Any]) -> tuple[int, ...]:
    """The statuses that a route may answer beside 200."""
    if route["scope"] is None:
        return (400, 429, 431, 500, 503)
    named = (404,) if "{" in route["path"] else ()
    changed = (409,) if _changes(route) else ()
    return tuple(sorted({*_LEDGERS[route["function"]], *named, *changed, *GATEWAYS, 413}))


def ledgers(route: Mapping[str, Any]) -> frozenset[int]:
    """Those of them that the ledger itself answers."""
    if route["scope"] is None:
        return frozenset({400, 500, 503})
    found = {*_LEDGERS[route["function"]]}
    is_unknown = bool(route["kind"]) if route["function"] == "query" else route["function"] == OPERATIONS
    return frozenset(
        {*found, *((404,) if is_unknown and route["subject"] else ()), *((409,) if _changes(route) else ())}
    )


def told_by(route: Mapping[str, Any], errors: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The errors that a route's function may answer: some are met by operators alone, and conflicts by them not."""
    statuses, is_operators = ledgers(route), route["function"] == OPERATIONS
    return [
        each
        for each in errors
        if each["status"] in statuses
        and (is_operators or not each["forOperators"])
        and (not _changes(route) or each["forOperators"] or each["status"] != _CONFLICT)
    ]


def _changes(route: Mapping[str, Any]) -> bool:
    """Whether it has something go on or end that may be over already."""
    return bool(route["function"] == OPERATIONS and route["method"] == "POST" and route["subject"])


ID: dict[str, Any] = {
    "type": "string",
    "minLength": 1,
    "maxLength": 256,
    "x-max-bytes": 256,
    "pattern": r"^[^\s\x00-\x1f\x7f-\x9f]+( +[^\s\x00-\x1f\x7f-\x9f]+)*$",
    "description": "1 to 256 bytes of visible characters, without spaces at its ends.",
}
_IN_PATH: dict[str, Any] = {
    **ID,
    "pattern": r"^[^\s\x00-\x1f\x7f-\x9f/?]+( +[^\s\x00-\x1f\x7f-\x9f/?]+)*$",
    "description": f"{ID['description']} In a path it holds no `/` and no `?`, encoded or not: API Gateway decodes "
    "them before it looks for the operation. Nor does it hold U+FFFD, which stands for what is no UTF-8.",
}
_SEQUENCE: dict[str, Any] = {"type": "integer", "minimum": 0, "maximum": 10**15}
FORMS: Mapping[str, dict[str, Any]] = {"id": ID, "time": {"type": "string", "format": "date-time"}}
"""What a filter of a list may be, beside one of some words."""
_TIME = "An ISO 8601 date and time with its offset (`+` as %2B)."
_GATEWAYS: dict[str, Any] = {"application/json": {"schema": {"$ref": "#/components/schemas/Gateway"}}}


def in_query(name: str, description: str, schema: Mapping[str, Any], *, required: bool = False) -> dict[str, Any]:
    """A parameter behind the `?`."""
    return {"name": name, "in": "query", "description": description, "required": required, "schema": schema}


def id_of(kind: str) -> dict[str, Any]:
    """The parameter of paths that is the id of one of a kind."""
    return {
        "name": "id",
        "in": "path",
        "required": True,
        "description": f"The {kind}'s id, percent-encoded once. Of what is no {kind} there is nothing here: it is as "
        "unknown as what does not exist.",
        "schema": {**_IN_PATH, "examples": [example_id(kind)]},
    }


def example_id(kind: str) -> str:
    """The id in examples."""
    return f"{kind}-123"


PARAMETERS: dict[str, Any] = {
    "correlationId": {
        "name": "id",
        "in": "path",
        "required": True,
        "description": "The correlationId, percent-encoded once.",
        "schema": {**_IN_PATH, "examples": ["invoice-7"]},
    },
    "replayId": {
        "name": "id",
        "in": "path",
        "required": True,
        "description": "The replay's name, percent-encoded once.",
        "schema": {**_IN_PATH, "examples": ["march"]},
    },
    "branch": {
        "name": "id",
        "in": "path",
        "required": True,
        "description": "The branch's name.",
        "schema": {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,39}$", "examples": ["trial"]},
    },
    "aggregateId": in_query(
        "aggregateId",
        "The account, or whatever else, whose decisions they are.",
        {"type": "string", "minLength": 1, "maxLength": 2048, "examples": ["account-123"]},
        required=True,
    ),
    "idempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "The commandId: repeated under it, a command is one event and gets one answer. As it is, "
        "without quotes, and without commas: by one, a header that is given twice becomes a single one. Where the body "
        "says a commandId, too, the two must be equal.",
        "schema": {**ID, "pattern": r"^[^\s\x00-\x1f\x7f-\x9f,]+( +[^\s\x00-\x1f\x7f-\x9f,]+)*$"},
    },
    "ifMatch": {
        "name": "If-Match",
        "in": "header",
        "description": "The ETag of what the command was decided on: its expectedSequence, in quotes. Where the "
        "aggregate has moved on, the answer is 412. Where the body says an expectedSequence, too, both must be equal.",
        "schema": {"type": "string", "pattern": '^"(0|[1-9][0-9]{0,14}|10{15})"$', "examples": ['"5"']},
    },
    "type": in_query("type", "The type of the events.", {**ID, "examples": ["AccountCreated"]}, required=True),
    "from": in_query("from", f"Recorded at this time or later. {_TIME}", {"type": "string", "format": "date-time"}),
    "to": in_query("to", f"Recorded at this time or earlier. {_TIME}", {"type": "string", "format": "date-time"}),
    "limit": in_query("limit", "So many on a page, at most.", {"type": "integer", "minimum": 1, "maximum": 1000}),
    "limitOfStream": in_query(
        "limit", "So many on a page, at most.", {"type": "integer", "minimum": 1, "maximum": 10_000}
    ),
    "limitOfLetters": in_query(
        "limit", "So many letters of each queue, at most.", {"type": "integer", "minimum": 1, "maximum": 500}
    ),
    "queue": in_query("queue", "One dead letter queue; left out: all.", QUEUE),
    "nextToken": in_query(
        "nextToken", "The nextToken of the page before, of the same question by the same caller.", {"type": "string"}
    ),
    "fromSequence": in_query(
        "fromSequence", "The stream from this event on; left out: from the first.", {**_SEQUENCE, "minimum": 1}
    ),
    "asOf": in_query(
        "asOf", f"The state after all that was recorded until then. {_TIME}", {"type": "string", "format": "date-time"}
    ),
    "upToSequence": in_query("upToSequence", "The state after the event of this sequence.", _SEQUENCE),
}

_NEXT: dict[str, Any] = {"type": "string", "description": "Where there is more: for the next page."}
_EVENT: dict[str, Any] = {
    "type": "object",
    "description": "An event as it is stored. What EventData holds is said by the schema of its EventType and Version.",
    "required": [
        *("AggregateId", "EventSequence", "EventId", "EventType", "EventData", "Version", "Timestamp"),
        *("CommandId", "CorrelationId", "CausationId", "Actor", "PreviousHash", "Hash"),
    ],
    "properties": {
        "AggregateId": {"type": "string"},
        "EventSequence": {"type": "integer", "description": "1..n, without a gap."},
        "EventId": {"type": "string"},
        "EventType": {"type": "string"},
        "EventData": {"type": "object"},
        "Version": {"type": "integer", "description": "Of the schema of its type."},
        "Timestamp": {"type": "string", "description": "When it was recorded: UTC, with microseconds."},
        "CommandId": {"type": "string"},
        "CommandDigest": {"type": "string"},
        "CorrelationId": {"type": "string"},
        "CausationId": {"type": "string"},
        "Actor": {"type": "string", "description": "Who asked for it."},
        "PreviousHash": {"type": "string"},
        "Hash": {"type": "string"},
    },
}
_EVENTS: dict[str, Any] = {"type": "array", "items": {"$ref": "#/components/schemas/Event"}}
_RECEIPT: dict[str, Any] = {
    "type": "object",
    "required": ["eventId", "aggregateId", "sequence", "commandId"],
    "properties": {
        "eventId": {"type": "string"},
        "aggregateId": {"type": "string"},
        "sequence": {"type": "integer", "description": "Of the (last) event that the command caused."},
        "commandId": {"type": "string", "description": "Under which the command counts."},
    },
    "examples": [
        {
            "eventId": "0b6f0c3e-1f0e-5a52-9a3c-7d4f1d0a2b11",
            "aggregateId": "account-123",
            "sequence": 2,
            "commandId": "deposit-1",
        }
    ],
}
_ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["code", "message", "details"],
    "properties": {
        "code": {"type": "string", "description": "Stable: what a program decides on."},
        "message": {"type": "string", "description": "For people."},
        "details": {
            "type": "object",
            "description": "Of 400: `field`, and all `violations` with their paths. Of 422: the `rule`, and more.",
        },
    },
}

COMPONENTS: dict[str, Any] = {
    "securitySchemes": {
        "oauth": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "An access token of the issuer that the deployment names. The scopes that an operation "
            "needs stand with it. The API for machines takes requests that are signed with AWS's Signature Version 4 "
            "(service execute-api) instead.",
        }
    },
    "headers": {
        "ETag": {
            "description": "The sequence of the last event that the answer is of, in quotes: for If-Match.",
            "schema": {"type": "string", "examples": ['"5"']},
        }
    },
    "responses": {
        "401": {"description": "No token, or one that does not hold.", "content": _GATEWAYS},
        "403": {"description": "A token without the scope, or a signer without the permission.", "content": _GATEWAYS},
        "431": {"description": "The path, the query and the headers are too long.", "content": _GATEWAYS},
        "429": {
            "description": "More requests than the API takes at a time: wait, and send it again.",
            "content": _GATEWAYS,
        },
    },
    "schemas": {
        "Envelope": {
            "type": "object",
            "description": "What any command may say beside its event.",
            "properties": {
                "commandId": {"anyOf": [ID, {"type": "null"}], "description": "As Idempotency-Key."},
                "expectedSequence": {
                    **_SEQUENCE,
                    "type": ["integer", "null"],
                    "description": "As If-Match; where the aggregate has moved on, the answer is 409.",
                },
                "correlationId": {
                    "anyOf": [ID, {"type": "null"}],
                    "description": "What it belongs to; left out: the commandId.",
                },
                "causationId": {
                    "anyOf": [ID, {"type": "null"}],
                    "description": "What caused it; left out: the commandId.",
                },
                "aggregateId": {
                    "anyOf": [ID, {"type": "null"}],
                    "description": "The path's id, where it is repeated.",
                },
                "actor": {"description": "Ignored: the actor is who is signed in."},
            },
        },
        "Receipt": _RECEIPT,
        "Foresight": {
            "type": "object",
            "required": ["valid", "wouldBe"],
            "properties": {"valid": {"const": True}, "wouldBe": {"$ref": "#/components/schemas/Receipt"}},
        },
        "Row": {
            "type": "object",
            "description": "A row of the read model, which follows the events: LastSequence says how far.",
            "required": ["ProjectionType", "LastSequence", "LastHash"],
            "properties": {
                "ProjectionType": {"type": "string"},
                "LastSequence": {"type": "integer"},
                "LastHash": {"type": "string"},
            },
        },
        "List": {
            "type": "object",
            "description": "The rows under their collection's name.",
            "required": ["count"],
            "properties": {"count": {"type": "integer"}, "nextToken": _NEXT},
            "additionalProperties": {"type": "array", "items": {"$ref": "#/components/schemas/Row"}},
        },
        "Entries": {
            "type": "object",
            "required": ["ProjectionType", "LastSequence", "Entries"],
            "properties": {
                "ProjectionType": {"type": "string"},
                "LastSequence": {"type": "integer"},
                "LastHash": {"type": "string"},
                "Entries": {"type": "array", "items": {"type": "object"}},
                "nextToken": _NEXT,
            },
        },
        "Event": _EVENT,
        "Stream": {
            "type": "object",
            "required": ["aggregateId", "events", "eventCount"],
            "properties": {
                "aggregateId": {"type": "string"},
                "events": _EVENTS,
                "eventCount": {"type": "integer"},
                "nextToken": _NEXT,
            },
        },
        "Events": {
            "type": "object",
            "required": ["events", "count"],
            "properties": {
                "eventType": {"type": "string"},
                "correlationId": {"type": "string"},
                "events": _EVENTS,
                "count": {"type": "integer"},
                "unreadable": {
                    "type": "array",
                    "items": {"type": "object"},
                    "description": "Items on the way that are no events.",
                },
                "nextToken": _NEXT,
            },
        },
        **OPERATORS_ANSWERS,
        "Health": {"type": "object", "required": ["status"], "properties": {"status": {"const": "ok"}}},
        "Document": {"type": "object", "required": ["openapi"], "properties": {"openapi": {"type": "string"}}},
        "Gateway": {
            "type": "object",
            "description": "What API Gateway answers by itself.",
            "required": ["message"],
            "properties": {"message": {"type": "string"}},
            "additionalProperties": False,
        },
        "Error": {"type": "object", "required": ["error"], "properties": {"error": _ERROR}},
        "Problem": {
            "description": "RFC 9457, and the error beside it.",
            "type": "object",
            "required": ["type", "title", "status", "detail", "error"],
            "properties": {
                "type": {"type": "string", "format": "uri", "examples": ["urn:ledger:error:SequenceConflict"]},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
                "error": _ERROR,
            },
        },
    },
}
