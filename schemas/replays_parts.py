"""The parts of the OpenAPI document that replays and branches have to do with."""

from __future__ import annotations

from typing import Any

from schemas.shapes import COUNT, TIME, a_list, an_object, or_null

_NEXT: dict[str, Any] = {"type": "string", "description": "Where there is more: for the next page."}
_REPLAY_COUNTS: dict[str, Any] = {
    "scanned": {**or_null(COUNT), "description": "Items of the store that it went through; null of files."},
    "selected": {**or_null(COUNT), "description": "Events among them that it is about; null of files."},
    "sent": {**COUNT, "description": "Copies that the target took."},
    "leftOut": {**COUNT, "description": "No events, or such that the target will never take."},
}
_ONE_REPLAY: dict[str, Any] = {
    "replayId": {"type": "string"},
    "state": {"enum": ["running", "paused", "cancelled", "completed"]},
    "stalled": {"type": "boolean", "description": "It runs, and nobody has been at it for long: resume it."},
    "spec": {"type": "object", "description": "What it was asked to do: its selection, `target`, `transform`, `rate`."},
    "digest": {"type": "string", "description": "SHA-256 of the spec."},
    "startedAt": TIME,
    "changedAt": TIME,
    **_REPLAY_COUNTS,
    "segments": COUNT,
    "segmentsDone": COUNT,
    "problems": a_list({"type": "string", "description": "What was left out last, of each segment, and why."}),
    "items": {
        **or_null(COUNT),
        "description": "Of the store, about: DynamoDB's count is some hours old. null where nothing tells.",
    },
}
_REPLAYS = an_object(
    "Replays.",
    {
        "replays": a_list(an_object("A replay.", _ONE_REPLAY)),
        "count": COUNT,
        "at": {**TIME, "description": "When this was so."},
        "nextToken": _NEXT,
    },
    optional=("nextToken",),
)
_REPLAY = an_object(
    "A replay with its segments.",
    {
        **_ONE_REPLAY,
        "bySegment": a_list(
            an_object(
                "A segment of the store.",
                {
                    "number": COUNT,
                    "state": {"enum": ["done", "working", "waiting"]},
                    **_REPLAY_COUNTS,
                    "after": {
                        **or_null(
                            an_object(
                                "The event up to which everything has gone out; null at the beginning and at the end.",
                                {"aggregateId": {"type": "string"}, "sequence": {"type": "number"}},
                            )
                        ),
                    },
                    "changedAt": TIME,
                    "problem": or_null({"type": "string"}),
                },
            )
        ),
        "at": {**TIME, "description": "When this was so."},
    },
)
_ONE_BRANCH: dict[str, Any] = {
    "name": {"type": "string"},
    "id": {"type": "string", "description": "Tells it from an earlier branch of that name."},
    "at": {**or_null(TIME), "description": "What it stands on; null: each account as it is first touched."},
    "revision": {"type": "string", "description": "Of the code that decided on it when it was made."},
    "createdAt": TIME,
    "expiresAt": TIME,
}
_BRANCHES = an_object(
    "Branches. A page may have none, and a nextToken: what has expired is left out.",
    {"branches": a_list(an_object("A branch.", _ONE_BRANCH)), "count": COUNT, "nextToken": _NEXT},
    optional=("nextToken",),
)
_BRANCH = an_object(
    "A branch.",
    {
        **_ONE_BRANCH,
        "run": or_null(
            an_object(
                "What was decided again on it; null: nothing.",
                {
                    "code": {"type": "string", "description": "The candidate's folder, where it was run."},
                    "revision": {"type": "string"},
                    "startedAt": TIME,
                    "until": {**TIME, "description": "The last moment that is looked at."},
                },
            )
        ),
        "touched": a_list(
            an_object(
                "Touched on it.", {"aggregateId": {"type": "string"}, "base": {**COUNT, "description": "Events."}}
            )
        ),
        "nextToken": _NEXT,
    },
    optional=("nextToken",),
)
_KINDS_OF_DECISIONS = ("accepted-refused", "refused-accepted", "other-events")
_BY_KIND: dict[str, Any] = {
    "type": "object",
    "properties": dict.fromkeys(_KINDS_OF_DECISIONS, COUNT),
    "additionalProperties": False,
}
_BY_UNIT: dict[str, Any] = {"type": "object", "additionalProperties": {"type": "number"}}
_ROOTS = {**_BY_KIND, "description": "Decisions that the rules alone make differ."}
_FOLLOWS = {**_BY_KIND, "description": "Decisions that differ because of others before them."}
_HELD = or_null(
    an_object(
        "What it holds; null: nothing.",
        {"unit": {"type": "string"}, "amount": {"type": "number"}, "aside": {"type": "number"}},
    )
)
_OUTCOME: dict[str, Any] = {
    "type": "object",
    "description": "What an account comes to: or, where the candidate cannot cope with it, the `problem` alone.",
    "required": ["aggregateId"],
    "properties": {
        "aggregateId": {"type": "string"},
        "problem": {"type": "string"},
        "recorded": _HELD,
        "candidate": _HELD,
        "differences": {**COUNT, "description": "Decisions that differ."},
        "roots": _ROOTS,
        "follows": _FOLLOWS,
        "processes": a_list({"type": "string", "description": "A transfer concerned."}),
    },
    "oneOf": [
        {"required": ["problem"]},
        {"required": ["recorded", "candidate", "differences", "roots", "follows", "processes"]},
    ],
}
_DIFF = an_object(
    "What a backtest comes to, and a page of the accounts that differ, by their ids.",
    {
        "branch": {"type": "string"},
        "complete": {"type": "boolean", "description": "false: the run has not come to its end."},
        "parts": COUNT,
        "partsDone": COUNT,
        "until": {**TIME, "description": "The last moment that was looked at."},
        "revision": {"type": "string", "description": "Of the candidate's code."},
        "selection": {"type": "object"},
        "aggregates": COUNT,
        "events": COUNT,
        "decisions": {**COUNT, "description": "Commands that were decided again."},
        "refusals": {**COUNT, "description": "Those among them that the ledger had refused."},
        "differing": {**COUNT, "description": "Accounts that differ."},
        "unread": {**COUNT, "description": "Accounts that the candidate cannot cope with."},
        "processes": {**COUNT, "description": "Times that a transfer is concerned."},
        "roots": _ROOTS,
        "follows": _FOLLOWS,
        "causes": {
            "type": "object",
            "description": "How often each root cause was met, by what it is in words; `others` beyond 200.",
            "additionalProperties": COUNT,
        },
        "recorded": _BY_UNIT,
        "candidate": _BY_UNIT,
        "difference": {
            "type": "object",
            "description": "By unit, what all accounts hold by either rules, and what that differs by.",
            "additionalProperties": an_object(
                "Of a unit.", {name: {"type": "number"} for name in ("recorded", "candidate", "difference")}
            ),
        },
        "accounts": a_list(_OUTCOME),
        "nextToken": _NEXT,
    },
    optional=("nextToken",),
)
_DECIDED: dict[str, Any] = {
    "type": ["array", "object"],
    "description": "Events, each an `eventType` with its `eventData`; or a refusal: `code`, `message`, `rule`.",
}
_DECISIONS = an_object(
    "Decisions that come out otherwise, in the order in which they were asked for.",
    {
        "branch": {"type": "string"},
        "aggregateId": {"type": "string"},
        "decisions": a_list(
            an_object(
                "A decision.",
                {
                    "kind": {"enum": list(_KINDS_OF_DECISIONS)},
                    "root": {"type": "boolean", "description": "The rules alone make it differ; false: it follows."},
                    "cause": {
                        **or_null({"type": "string"}),
                        "description": "The commandId of the account's first root cause; null where it is one itself.",
                    },
                    "commandId": {"type": "string"},
                    "eventType": {"type": "string"},
                    "sequence": {**or_null(COUNT), "description": "Of the recorded event; null of a refusal."},
                    "at": TIME,
                    "was": _DECIDED,
                    "is": _DECIDED,
                    "process": {**or_null({"type": "string"}), "description": "The transfer that it concerns."},
                },
            )
        ),
        "count": COUNT,
        "nextToken": _NEXT,
    },
    optional=("nextToken",),
)

REPLAYS_ANSWERS: dict[str, Any] = {
    "Replays": _REPLAYS,
    "Replay": _REPLAY,
    "Branches": _BRANCHES,
    "Branch": _BRANCH,
    "Diff": _DIFF,
    "Decisions": _DECISIONS,
}
"""By the sort of answer, with a capital."""
