"""A command: what somebody wants to happen to one aggregate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Any, TypeVar

from .errors import MalformedError, Violation
from .fields import check_identifier, identifier, unfit_as_new, unknown, whole
from .values import Value, check_scale, dumps, exact

NO_ACTOR = "unspecified"
"""The actor of a request that names none."""
MEMBERS = (
    "aggregateId",
    "eventType",
    "eventData",
    "commandId",
    "expectedSequence",
    "correlationId",
    "causationId",
    "actor",
)
"""Of a command's request."""
MAX_SEQUENCE = 10**15
# Values that nothing can hold are told of in so many fields; their paths may be long, and an answer must not be.
MAX_UNHOLDABLE = 3

T = TypeVar("T")
Check = Callable[[str, str, Mapping[str, Value]], Sequence[Violation]]
"""What is wrong with the data of a command: aggregate id ("" where that is no good), event type, data to violations."""
Scales = Callable[[str], Mapping[str, int]]
"""Event type to the numbers among its fields that the domain reckons with, and how many digits these have at most after
the point."""
Meaning = Callable[[str, str, Mapping[str, Value]], Mapping[str, Value]]
"""What the data of a command says, however it is spelled: aggregate id, event type, data to data. Never fails."""


@dataclass(frozen=True, slots=True)
class Command:
    """One request to change one aggregate. `command_id` names it for good: two with one id are one command."""

    aggregate_id: str
    event_type: str
    event_data: dict[str, Value]
    command_id: str
    correlation_id: str
    causation_id: str
    actor: str
    digest: str
    """SHA-256 of what is asked for: tells a repeated command from another one under the same id."""
    expected_sequence: int | None = None
    violations: tuple[Violation, ...] = ()
    """What is wrong with it, whatever the aggregate's state. Such a command is never carried out; but it may have been,
    when it was not refused yet, and is then answered as it was."""

    @classmethod
    def parse(
        cls,
        request: Mapping[str, Any],
        request_id: str,
        check: Check = lambda *_: (),
        meaning: Meaning = lambda _, __, data: data,
        *,
        scales: Scales = lambda _: {},
    ) -> Command:
        """A command with which nothing is wrong. Raises MalformedError with every violation."""
        return cls.read(request, request_id, check, meaning, scales=scales).sound()

    @classmethod
    def read(
        cls,
        request: Mapping[str, Any],
        request_id: str,
        check: Check = lambda *_: (),
        meaning: Meaning = lambda _, __, data: data,
        *,
        scales: Scales = lambda _: {},
        misplaced: Sequence[Violation] = (),
    ) -> Command:
        """Read a command from a request's object; `request_id` names it where the caller gave no commandId.

        The Lambda request id serves for that, since Lambda's own retries repeat it. What is wrong with the command, by
        `check` or otherwise, stands in its `violations`, behind what is `misplaced` around the request. Raises
        MalformedError with all of that where no stored event can be of this request: it names no aggregate or no
        command, or its data cannot be held.
        """
        if request.get("commandId") is None:
            check_identifier(request_id, "commandId")
        found = [*misplaced, *unknown(request, MEMBERS)]

        def read(value: Callable[[], T], otherwise: T) -> T:
            try:
                return value()
            except MalformedError as error:
                found.extend(error.violations)
                return otherwise

        def name(member: str, default: str) -> str:
            given = request.get(member)
            if given is None:
                return default
            checked = read(lambda: check_identifier(given, member), "")
            found.extend(unfit_as_new(checked, member))
            return checked

        aggregate_id = read(lambda: identifier(request, "aggregateId"), "")
        event_type = read(lambda: identifier(request, "eventType"), "")
        nothing: dict[str, Any] = {}
        data = read(lambda: _data(request), nothing)
        whole_data, uncarried, why = _exact(data, scales(event_type), found)
        if event_type:
            # Not told twice: members that cannot be held, and all of them where there is no data at all.
            told = {f"eventData.{name}" for name in data.keys() - whole_data.keys() - uncarried.keys()}
            anything = isinstance(request.get("eventData"), dict)
            found += [
                each
                for each in check(aggregate_id, event_type, whole_data | uncarried)
                if each.path not in told and (anything or not each.path.startswith("eventData"))
            ]
        # Behind what the schema says of such a number: its scale or bounds are what the caller can mend.
        found += why
        command_id = name("commandId", request_id)
        recognisable = aggregate_id and command_id and whole_data.keys() == data.keys()
        command = cls(
            aggregate_id=aggregate_id,
            event_type=event_type,
            event_data=whole_data,
            command_id=command_id,
            correlation_id=name("correlationId", command_id),
            causation_id=name("causationId", command_id),
            actor=name("actor", NO_ACTOR),
            digest=digest_of(event_type, meaning(aggregate_id, event_type, whole_data)),
            expected_sequence=read(lambda: whole(request, "expectedSequence", 0, MAX_SEQUENCE), None),
            violations=tuple(found),  # the last, behind all that is read
        )
        return command if recognisable else command.sound()

    def sound(self) -> Command:
        """This command, if nothing is wrong with it. Raises MalformedError with every violation."""
        if self.violations:
            raise self.refusal()
        return self

    def refusal(self) -> MalformedError:
        """The answer to a command with violations."""
        return MalformedError(*self.violations[0], *self.violations[1:])

    @property
    def literal_digest(self) -> str:
        """The digest of the data as it is spelled, which older code took. Most data is spelled as it is meant."""
        return digest_of(self.event_type, self.event_data)


def digest_of(event_type: str, data: Mapping[str, Value]) -> str:
    """What tells a command from another one, by what its data says."""
    return sha256(dumps([event_type, data]).encode()).hexdigest()


def _data(request: Mapping[str, Any]) -> dict[str, Any]:
    data = request.get("eventData")
    if not isinstance(data, dict):
        raise MalformedError("eventData", "is required and must be an object")
    return data


def _exact(
    data: dict[str, Any], scales: Mapping[str, int], found: list[Violation]
) -> tuple[dict[str, Value], dict[str, Decimal], list[Violation]]:
    """The data with exact numbers, without the members that cannot be held; those are told of in `found`.

    A member with a scale that came as a float is held if the float can be only one number of that scale.

    Beside it the numbers among those members, as they read, and what keeps each of them from being carried.
    """
    whole_data: dict[str, Value] = {}
    uncarried: dict[str, Decimal] = {}
    why: list[Violation] = []
    try:
        whole_data = _exact_numbers(data, scales)
    except MalformedError:
        unholdable: list[Violation] = []
        for name, value in data.items():
            try:
                whole_data |= _exact_numbers({name: value}, scales)
            except MalformedError as error:
                as_read = _as_read(value)
                if as_read is None:
                    unholdable += error.violations
                else:
                    uncarried[name] = as_read
                    why += error.violations
        found += unholdable[:MAX_UNHOLDABLE]
    return whole_data, uncarried, why[:MAX_UNHOLDABLE]


def _exact_numbers(data: dict[str, Any], scales: Mapping[str, int]) -> dict[str, Value]:
    for name, scale in scales.items():
        if isinstance(value := data.get(name), float):
            check_scale(value, scale, f"eventData.{name}")
    whole_data: dict[str, Value] = exact(data, "eventData")
    return whole_data


def _as_read(value: object) -> Decimal | None:
    """The number that a member reads as; None where it is no finite one."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    read = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    return read if read.is_finite() else None
