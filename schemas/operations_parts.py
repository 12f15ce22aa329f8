"""The parts of the OpenAPI document that operators have to do with."""

from __future__ import annotations

from typing import Any

from schemas.replays_parts import REPLAYS_ANSWERS
from schemas.shapes import COUNT, TIME, a_list, an_object, or_null

QUEUE: dict[str, Any] = {
    "type": "string",
    "enum": ["projection", "process", "replay", "delivery", "invocation", "conflict"],
    "description": "`conflict` is there with two Regions alone.",
}
CAUSES = (
    *("no-event", "not-in-the-store", "projected-meanwhile", "not-projected", "damaged-row", "not-carried-on"),
    *("not-delivered", "foreign-target", "unpublishable", "not-relayed", "stream-forgotten", "invocation-failed"),
    *("not-called", "not-settled", "not-kept", "untold"),
)
"""Those that a group may have today; an answer may have others, of newer code."""
_CAUSE: dict[str, Any] = {"type": "string", "description": "Why: stable, what a program decides on."}

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

_PIPELINE = an_object(
    "Measured at the data: the newest five events of each type are looked for in the rows that they change.",
    {
        "at": TIME,
        "queues": a_list(
            an_object(
                "A queue of work; the numbers are SQS's, about.",
                {
                    "queue": {"type": "string"},
                    "waiting": COUNT,
                    "inWork": COUNT,
                    "delayed": COUNT,
                    "deadLetters": COUNT,
                },
            )
        ),
        "deadLetters": a_list(an_object("A dead letter queue.", {"queue": QUEUE, "letters": COUNT})),
        "projections": {
            "type": ["array", "null"],
            "description": "null where the ledger keeps no index by type.",
            "items": an_object(
                "How far a projection is behind.",
                {
                    "projection": {"type": "string"},
                    "kind": {"type": "string"},
                    "lookedAt": {**COUNT, "description": "Aggregates of the newest events."},
                    "behind": {**COUNT, "description": "Those of them whose row lacks an event."},
                    "oldestMissing": or_null(TIME),
                    "secondsBehind": {**COUNT, "description": "Since the oldest of those events was recorded."},
                },
            ),
        },
        "processes": an_object(
            "What is under way across aggregates.",
            {
                "kind": {"type": "string"},
                "underWay": COUNT,
                "overdue": {**COUNT, "description": "Whose next step is due."},
                "overdueSince": or_null(TIME),
                "secondsOverdue": COUNT,
                "complete": {"type": "boolean", "description": "false: there are more than were counted."},
            },
        ),
    },
)
_LETTER = an_object(
    "A message of a dead letter queue.",
    {
        "messageId": {"type": "string"},
        "since": TIME,
        "receives": {**COUNT, "description": "Lookings included."},
        "reason": {"type": "string", "description": "For people."},
        "events": a_list(
            an_object(
                "What it is about.", {"aggregateId": {"type": "string"}, "sequence": or_null({"type": "integer"})}
            )
        ),
    },
)
_LETTERS = an_object(
    "Letters by what went wrong: those that were looked at.",
    {
        "groups": a_list(
            an_object(
                "Letters of a queue with one cause and one remedy.",
                {
                    "queue": QUEUE,
                    "cause": _CAUSE,
                    "remedy": {"type": "string", "description": "For people."},
                    "hopeless": {"type": "boolean", "description": "Sent again, they would only come back."},
                    "redrivable": {"type": "boolean", "description": "Whether the redrive of this API moves them."},
                    "count": COUNT,
                    "oldest": TIME,
                    "aggregateIds": a_list({"type": "string"}),
                    "letters": a_list(_LETTER),
                },
            )
        ),
        "queues": a_list(
            an_object(
                "What was seen of a queue; `left` and `hidden` (held by somebody else) are SQS's numbers, about.",
                {
                    "queue": QUEUE,
                    "lookedAt": COUNT,
                    "left": COUNT,
                    "hidden": COUNT,
                    "complete": {"type": "boolean"},
                },
            )
        ),
        "complete": {"type": "boolean", "description": "Whether that was all of it."},
    },
)
_REDRIVEN = an_object(
    "What became of the letters.",
    {
        "queue": QUEUE,
        "cause": or_null({"type": "string"}),
        "moved": COUNT,
        "failed": COUNT,
        "problems": a_list(
            an_object("One that stays.", {"messageId": {"type": "string"}, "problem": {"type": "string"}})
        ),
        "skipped": {**COUNT, "description": "Meant, and left to an operator's command."},
        "complete": {
            "type": "boolean",
            "description": "false: there are more than were looked at. Ask again within a minute: those that were "
            "looked at and stay are hidden for so long, so the next call reaches others. Where hopeless letters are "
            "more than that reaches past, an operator's `python -m ops dead-letters redrive` looks at all.",
        },
    },
)
_VERIFICATION = an_object(
    "What a stretch of the stream shows. The check is of the moment `asOf`, however many calls it takes.",
    {
        "aggregateId": {"type": "string"},
        "kind": or_null({"type": "string"}),
        "asOf": TIME,
        "fromSequence": COUNT,
        "upToSequence": COUNT,
        "inFlight": {**COUNT, "description": "Events too young to be missed in a row."},
        "findings": a_list(
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
    **REPLAYS_ANSWERS,
}
"""By the sort of answer, with a capital."""
