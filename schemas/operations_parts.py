"""The parts of the OpenAPI document that operators have to do with."""

from __future__ import annotations

from typing import Any

QUEUE: dict[str, Any] = {"type": "string", "enum": ["projection", "process", "replay", "delivery", "invocation"]}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
_TIME: dict[str, Any] = {"type": "string", "format": "date-time"}
CAUSES = (
    *("no-event", "not-in-the-store", "projected-meanwhile", "not-projected", "damaged-row", "not-carried-on"),
    *("not-delivered", "foreign-target", "unpublishable", "not-relayed", "stream-forgotten", "invocation-failed"),
    *("not-called", "untold"),
)
"""Those that a group may have today; an answer may have others, of newer code."""
_CAUSE: dict[str, Any] = {"type": "string", "description": "Why: stable, what a program decides on."}


def _object(description: str, properties: dict[str, Any], *, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "required": [name for name in properties if name not in optional],
        "properties": properties,
    }


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "type": [schema["type"], "null"]}


REDRIVE: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["queue"],
                "properties": {
                    "queue": QUEUE,
                    "cause": {
                        "enum": [*CAUSES, None],
                        "description": "Of a group; left out: whatever can be sent.",
                    },
                    "limit": {"type": ["integer", "null"], "minimum": 1, "maximum": 500, "default": 100},
                },
                "additionalProperties": False,
                "examples": [{"queue": "projection", "cause": "not-projected"}],
            }
        }
    },
}

_PIPELINE = _object(
    "Measured at the data: the newest five events of each type are looked for in the rows that they change.",
    {
        "at": _TIME,
        "queues": _list(
            _object(
                "A queue of work; the numbers are SQS's, about.",
                {
                    "queue": {"type": "string"},
                    "waiting": _COUNT,
                    "inWork": _COUNT,
                    "delayed": _COUNT,
                    "deadLetters": _COUNT,
                },
            )
        ),
        "deadLetters": _list(_object("A dead letter queue.", {"queue": QUEUE, "letters": _COUNT})),
        "projections": {
            "type": ["array", "null"],
            "description": "null where the ledger keeps no index by type.",
            "items": _object(
                "How far a projection is behind.",
                {
                    "projection": {"type": "string"},
                    "kind": {"type": "string"},
                    "lookedAt": {**_COUNT, "description": "Aggregates of the newest events."},
                    "behind": {**_COUNT, "description": "Those of them whose row lacks an event."},
                    "oldestMissing": _or_null(_TIME),
                    "secondsBehind": {**_COUNT, "description": "Since the oldest of those events was recorded."},
                },
            ),
        },
        "processes": _object(
            "What is under way across aggregates.",
            {
                "kind": {"type": "string"},
                "underWay": _COUNT,
                "overdue": {**_COUNT, "description": "Whose next step is due."},
                "overdueSince": _or_null(_TIME),
                "secondsOverdue": _COUNT,
                "complete": {"type": "boolean", "description": "false: there are more than were counted."},
            },
        ),
    },
)
_LETTER = _object(
    "A message of a dead letter queue.",
    {
        "messageId": {"type": "string"},
        "since": _TIME,
        "receives": {**_COUNT, "description": "Lookings included."},
        "reason": {"type": "string", "description": "For people."},
        "events": _list(
            _object("What it is about.", {"aggregateId": {"type": "string"}, "sequence": _or_null({"type": "integer"})})
        ),
    },
)
_LETTERS = _object(
    "Letters by what went wrong: those that were looked at.",
    {
        "groups": _list(
            _object(
                "Letters of a queue with one cause and one remedy.",
                {
                    "queue": QUEUE,
                    "cause": _CAUSE,
                    "remedy": {"type": "string", "description": "For people."},
                    "hopeless": {"type": "boolean", "description": "Sent again, they would only come back."},
                    "redrivable": {"type": "boolean", "description": "Whether the redrive of this API moves them."},
                    "count": _COUNT,
                    "oldest": _TIME,
                    "aggregateIds": _list({"type": "string"}),
                    "letters": _list(_LETTER),
                },
            )
        ),
        "queues": _list(
            _object(
                "What was seen of a queue; `left` and `hidden` (held by somebody else) are SQS's numbers, about.",
                {
                    "queue": QUEUE,
                    "lookedAt": _COUNT,
                    "left": _COUNT,
                    "hidden": _COUNT,
                    "complete": {"type": "boolean"},
                },
            )
        ),
        "complete": {"type": "boolean", "description": "Whether that was all of it."},
    },
)
_REDRIVEN = _object(
    "What became of the letters.",
    {
        "queue": QUEUE,
        "cause": _or_null({"type": "string"}),
        "moved": _COUNT,
        "failed": _COUNT,
        "problems": _list(_object("One that stays.", {"messageId": {"type": "string"}, "problem": {"type": "string"}})),
        "skipped": {**_COUNT, "description": "Meant, and left to an operator's command."},
        "complete": {
            "type": "boolean",
            "description": "false: there are more than were looked at. Ask again within a minute: those that were "
            "looked at and stay are hidden for so long, so the next call reaches others. Where hopeless letters are "
            "more than that reaches past, an operator's `python -m ops dead-letters redrive` looks at all.",
        },
    },
)
_VERIFICATION = _object(
    "What a stretch of the stream shows. The check is of the moment `asOf`, however many calls it takes.",
    {
        "aggregateId": {"type": "string"},
        "kind": _or_null({"type": "string"}),
        "asOf": _TIME,
        "fromSequence": _COUNT,
        "upToSequence": _COUNT,
        "inFlight": {**_COUNT, "description": "Events too young to be missed in a row."},
        "findings": _list(
            {
                "type": "object",
                "required": ["aggregateId", "kind", "sequence", "row", "detail"],
                "properties": {
                    "aggregateId": {"type": "string"},
                    "kind": {"type": "string", "description": "Stable, as an operator's `verify` has it."},
                    "sequence": {"type": ["integer", "null"]},
                    "row": {"type": ["string", "null"], "description": "Of the projection; null: of the stream."},
                    "detail": {"type": "string", "description": "For people."},
                    "attributes": {"type": "object", "description": "Of a row: what is stored and what should be."},
                },
            }
        ),
        "complete": {"type": "boolean", "description": "false: go on with nextToken."},
        "nextToken": {"type": "string", "description": "Where there is more: for the next stretch."},
    },
    optional=("nextToken",),
)

OPERATORS_ANSWERS: dict[str, Any] = {
    "Pipeline": _PIPELINE,
    "Letters": _LETTERS,
    "Redriven": _REDRIVEN,
    "Verification": _VERIFICATION,
}
"""By the sort of answer, with a capital."""
