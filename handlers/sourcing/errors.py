"""Everything that can go wrong in a way the caller is told about. Anything else is a fault of ours."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, Self

SHOWN = 200
"""Characters of what a caller sent that are repeated in an answer: names can be long, and an answer must not be."""


MAX_VIOLATIONS = 50
"""Of a value's faults so many are told: an answer, its log line and the news of the refusal have their limits."""


class Violation(NamedTuple):
    """One thing that is wrong with a caller's value: where, as a path from the request, and what."""

    path: str
    message: str


class LedgerError(Exception):
    """Base of the errors that become answers: an HTTP status, a stable code, a message and details (JSON values)."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "InternalError"
    for_operators: ClassVar[bool] = False
    """Whether operators alone meet it."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class MalformedError(LedgerError):
    """The request does not have the shape that it must have.

    `field` is the path of the first offending value, `violations` lists all of them with their paths, up to 50.
    """

    status = 400
    code = "MalformedRequest"

    def __init__(self, field: str, problem: str, *more: Violation) -> None:
        every = (Violation(field, problem), *more[: MAX_VIOLATIONS - 1])
        self.violations = tuple(Violation(shortened(path), message) for path, message in every)
        field = self.violations[0].path
        listed = [each._asdict() for each in self.violations]
        super().__init__(f"{field}: {problem}", field=field, violations=listed)


class NotFoundError(LedgerError):
    """What was asked for does not exist (yet: read models follow the events)."""

    status = 404
    code = "NotFound"


class SequenceConflictError(LedgerError):
    """The caller decided on an older state of the aggregate than the one that is there."""

    status = 409
    code = "SequenceConflict"


class CommandReusedError(LedgerError):
    """A commandId that already stands for another command: a mistake that must not look like a success.

    `event_type` is that of what it stands for.
    """

    status = 409
    code = "CommandReused"

    def __init__(self, event_type: str, **details: Any) -> None:
        super().__init__("this commandId stands for another command", **details)
        self.event_type = event_type


class ReplayEndedError(LedgerError):
    """The replay is completed or cancelled, which is for good."""

    status = 409
    code = "ReplayEnded"
    for_operators = True


class WrittenElsewhereError(LedgerError):
    """The replay writes files: a program of an operator's moves it, and is paused and gone on with where it runs."""

    status = 409
    code = "WrittenElsewhere"
    for_operators = True


class NotHomeError(LedgerError):
    """Another Region decides this: `region`, with its API at `url`, where known. Nothing was stored: ask there."""

    status = 409
    code = "NotHome"

    def __init__(self, region: str, why: str) -> None:
        super().__init__(f"{why}; send the command to {region or 'the active Region'}", region=region or None)
        self.region = region
        self.why = why

    def at(self, url: str | None) -> Self:
        """The same with the address of that Region's API, where there is one."""
        if url:
            self.details["url"] = url
        return self


class TooLargeError(LedgerError):
    """The event would not fit a DynamoDB item or an EventBridge entry."""

    status = 413
    code = "TooLarge"


class RuleBrokenError(LedgerError):
    """A business rule forbids the command in the aggregate's current state; `rule` is its stable name."""

    status = 422
    code = "RuleBroken"

    def __init__(self, rule: str, message: str, **details: Any) -> None:
        super().__init__(message, rule=rule, **details)
        self.rule = rule


class ContentionError(LedgerError):
    """Others kept writing the same place for as long as we could try. Nothing was stored; safe to send again."""

    status = 503
    code = "Contention"


class UnsettledError(LedgerError):
    """Two Regions wrote one stream, or a part of it has not come yet. It is put together again. Nothing was stored."""

    status = 503
    code = "Unsettled"


class OutOfTimeError(LedgerError):
    """There is more to read than a function has time for. Nothing was stored."""

    status = 503
    code = "OutOfTime"


class NotSentOffError(LedgerError):
    """The replay may go on, but not all of its segments could be sent off. Safe to send again."""

    status = 503
    code = "NotSentOff"
    for_operators = True


class ClockSkewError(LedgerError):
    """The clock of the process that would write is further off than the ledger can bear. Nothing was stored."""

    status = 503
    code = "ClockSkew"


class UnreadableEventError(LedgerError):
    """A stored event does not fit its schema, or is of a version newer than this code: ours to mend."""

    code = "UnreadableEvent"


class NotAnEventError(UnreadableEventError):
    """A stored item, or a message, that is no event: somebody else than the ledger wrote it, or it was damaged.

    `problem` says in words what is wrong with it, `aggregate_id` and `sequence` where it lies, as far as it says so.
    """

    def __init__(self, problem: str, aggregate_id: str | None = None, sequence: int | str | None = None) -> None:
        self.problem = problem
        self.aggregate_id = aggregate_id
        self.sequence = sequence
        places = {"aggregateId": aggregate_id, "sequence": sequence}
        told = {name: value for name, value in places.items() if value is not None}
        super().__init__(f"{self.place} is no event: {problem}", **told)

    @property
    def place(self) -> str:
        """Where it lies, in words."""
        if self.aggregate_id is None:
            return "an item of an unknown aggregate"
        item = "an item" if self.sequence is None else f"item {self.sequence}"
        return f"{item} of {shortened(self.aggregate_id)}"


class UnreadableRowError(LedgerError):
    """A row of the read model, or an entry beside it, is damaged: a copy, and `healed_by` says what makes it again."""

    code = "UnreadableRow"

    def __init__(
        self,
        projection: str,
        aggregate_id: str,
        damage: list[str],
        *,
        healed_by: str = "its next event or a repair makes it again",
    ) -> None:
        names = ", ".join(shortened(name) for name in damage[:5])
        text = f"the row {projection} of {aggregate_id} is damaged ({names}); {healed_by}"
        super().__init__(text, accountId=aggregate_id)


class IntegrityError(LedgerError):
    """Stored events do not form one unbroken chain. Somebody's error or attack, never the caller's mistake."""

    code = "IntegrityBreach"


def shortened(text: str) -> str:
    """A caller's text for a message about it."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
