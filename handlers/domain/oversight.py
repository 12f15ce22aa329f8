"""What operators see of transfers across streams: whether their steps fit together, and what one waits for.

Which parts there must be follows from the order of the steps (`transfer_steps`): money is set aside before the
commitment, and behind that credited, then posted, then the transfer is completed. One that came to nothing releases
what it set aside, then is settled. So whatever is there must have all that comes before it. Apart from that, parts that
are missing may still come.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from handlers.sourcing import times
from handlers.sourcing.event import Event
from handlers.sourcing.kinds import State
from handlers.sourcing.oversight import Flaw, Held, Judged, Misfit, Oversight, Part, Waits
from handlers.sourcing.process import command_id
from handlers.sourcing.projection import Row
from handlers.sourcing.values import Value

from .account import Account
from .facts import Fact, fact_of
from .generated.classes import (
    FundsReserved,
    ReservationReleased,
    TransactionProcessed,
    TransferApproved,
    TransferCancelled,
    TransferCommitted,
    TransferCompleted,
    TransferExpired,
    TransferFailed,
    TransferRequested,
    TransferSettled,
)
from .money import ZERO
from .transfer import COME_TO_NOTHING, KIND, SECOND_PERSON, UNCOMMITTED, Transfer, advanced, broken_by
from .transfer_steps import OTHER, PROCESS
from .transfer_summary import STATUSES, TransferSummary, is_open

_ENDS = MappingProxyType({f"Transfer{name}": name.lower() for name in ("Completed", *COME_TO_NOTHING)})
_PLAIN: Mapping[str, type[Fact]] = MappingProxyType(
    {each.__name__: each for each in (TransferCommitted, TransferCompleted, TransferCancelled, TransferSettled)}
)
_DONE = MappingProxyType(
    {
        "reserve": "set aside",
        "fence": "fenced off",
        "credit": "credited",
        "post": "posted",
        "release": "released",
    }
)
_ON_ACCOUNTS = ("reserve", "credit", "post", "release")
"""The steps in accounts' streams that have a commandId of their own."""


class _Step(NamedTuple):
    """A part on one of the accounts, by the name of the step that it is."""

    name: str
    part: Part


def part_of(event: Event) -> tuple[str, Part] | None:
    """The transfer that an event is a part of, and that part."""
    match fact_of(event):
        case TransferRequested() as told:
            sides: dict[str, Value] = {"from": told.from_account, "to": told.to_account}
            terms = {"deadline": told.deadline, "needsApproval": told.needs_approval, "by": event.actor}
            return event.aggregate_id, _part(event, **sides, **terms, amount=told.amount, currency=told.currency)
        case FundsReserved() as told:
            return told.transfer_id, _part(event, amount=told.amount, currency=told.currency)
        case ReservationReleased() as told:
            return told.transfer_id, _part(event, amount=told.amount)
        case TransactionProcessed() as told if told.transfer_id is not None:
            return told.transfer_id, _part(event, amount=told.amount, currency=told.currency)
        case told:
            return (event.aggregate_id, _part(event, **_said(told))) if event.event_type in KIND.commands else None


def _said(told: Fact | None) -> dict[str, Value]:
    """What an event of a transfer's own that is no request says, as far as its rules ask."""
    match told:
        case TransferApproved():
            return {"by": told.by}
        case TransferExpired():
            return {"at": told.at}
        case TransferFailed():
            return {"step": told.step}
        case _:
            return {}


def claimed_by(event: Event) -> tuple[str, Part] | None:
    """The transfer that has a step of that commandId on an account, if there is such a transfer."""
    transfer_id, _, name = event.command_id.rpartition("/")
    return (transfer_id, _part(event)._replace(foreign=True)) if name in _ON_ACCOUNTS else None


def step_of(event: Event) -> str:
    """The step that an event of a transfer's is. A fence has the reservation's commandId, and releases nothing; and of
    post and release, one may have the other's."""
    found = part_of(event)
    on_account = found is not None and event.event_type not in KIND.commands
    return _name(found[1]) if found and on_account else event.command_id.rpartition("/")[2]


def places(transfer_id: str, parts: Sequence[Part]) -> list[tuple[str, str]]:
    """Where the steps of a transfer may be; none where nobody requested it. The account that gives comes first: a post
    that is seen has its credit on the other one."""
    requested = _requested(transfer_id, parts)
    if requested is None:
        return []
    giver, taker = str(requested.data["from"]), str(requested.data["to"])
    steps = [*((giver, name) for name in ("release", "post", "reserve")), (taker, "credit")]
    return [(account, command_id(transfer_id, name)) for account, name in steps]


def judge(transfer_id: str, parts: Sequence[Part]) -> Judged:
    """Whether the parts of a transfer fit together."""
    foreign = [part for part in parts if part.foreign]
    parts = [part for part in parts if not part.foreign]
    steps = [_Step(_name(part), part) for part in parts if part.event_type not in KIND.commands]
    net: dict[str, Decimal] = {}
    for step in steps:
        if step.name in ("credit", "post"):
            unit = str(step.part.data["currency"])
            net[unit] = net.get(unit, ZERO) + _amount(step.part)
    requested = _requested(transfer_id, parts)
    if requested is None:
        flaws = [_flaw(Misfit.ORPHANED, step, f"{_of(step, transfer_id)}, which nobody requested") for step in steps]
        return Judged(tuple(flaws), net)
    own = [part for part in parts if part.event_type in KIND.commands]
    steps_at = places(transfer_id, parts)
    taken = [part for part in foreign if (part.aggregate_id, part.command_id) in steps_at]
    ids = {part.command_id for part in taken}
    flaws = [*_alone(transfer_id, requested, steps, ids), *_together(transfer_id, requested, own, steps)]
    flaws += [_taken(transfer_id, part) for part in taken]
    return Judged(tuple(flaws), net)


def undo(event: Event) -> str:
    """What a person does to undo a step that contradicts its transfer, which the ledger does not by itself: there may
    be too little money left, and somebody may count on it."""
    match fact_of(event):
        case TransactionProcessed() as told:
            what = ("withdraw", "from") if told.amount > 0 else ("pay", "into")
            return f"to undo it, {what[0]} {abs(told.amount):f} {told.currency} {what[1]} {event.aggregate_id}"
        case _:
            return "no money lies elsewhere by it"


def has_ended(parts: Sequence[Part]) -> bool:
    """Whether a transfer has come to an end: from then on nothing but a release is due."""
    return any(part.event_type in _ENDS for part in parts)


def moved(event: Event) -> Decimal:
    """By how much an event that is no transfer's changes its account's balance."""
    match fact_of(event):
        case TransactionProcessed(transfer_id=None) as told:
            return told.amount
        case _:
            return ZERO


def held(state: State) -> Held | None:
    """An account's balance, and what of it is set aside."""
    if not isinstance(state, Account) or state.currency is None:
        return None
    return Held(state.currency, state.balance, state.reserved)


def waits(row: Row, now: str) -> Waits | None:
    """What a transfer waits for, by its row."""
    if not is_open(row):
        return None
    status, due, deadline = row["Status"], row["DueAt"], row["Deadline"]
    if status in UNCOMMITTED and now >= deadline:
        return Waits("its deadline is over: it is to expire", deadline)
    if status == "Requested" and row["NeedsApproval"]:
        return Waits("somebody else than its requester is to approve of it", deadline)
    if status in UNCOMMITTED:
        return Waits("money is to be set aside, and the transfer to be committed", due)
    if status == "Committed":
        return Waits("money is to be credited, then posted", due)
    return Waits("what is set aside is to be released", due)


def _alone(transfer_id: str, requested: Part, steps: Sequence[_Step], taken: Set[str]) -> Iterator[Flaw]:
    """What is wrong with steps each by itself, or for being there twice; `taken` are commandIds that others have."""
    seen: dict[str, Part] = {}
    wrongs = [(step, _differing(transfer_id, requested, step, taken)) for step in steps]
    for step, wrong in sorted(wrongs, key=lambda each: bool(each[1])):  # of two, the right one counts as the first
        first = seen.setdefault(step.name, step.part)
        if first is not step.part:
            detail = f"{_of(step, transfer_id)}, which event {first.sequence} of {first.aggregate_id} did already"
            yield _flaw(Misfit.REPEATED, step, detail)
        if wrong:
            yield _flaw(Misfit.DIFFERS, step, f"{_of(step, transfer_id)}: {wrong}")


def _differing(transfer_id: str, requested: Part, step: _Step, taken: Set[str]) -> str:
    """In what a step is not the one that its transfer asks for."""
    asked, part = requested.data, step.part
    account = asked["to" if step.name == "credit" else "from"]
    amount = ZERO if step.name == "fence" else asked["amount"]
    wanted = {
        "its account": (part.aggregate_id, account),
        "its amount": (abs(_amount(part)), amount),
        "its currency": (part.data.get("currency", asked["currency"]), asked["currency"]),
        "its commandId": (part.command_id, _command_id(transfer_id, step.name, taken)),
    }
    return "; ".join(f"{name} is {_text(was)}, not {_text(is_)}" for name, (was, is_) in wanted.items() if was != is_)


def _text(value: Value) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _command_id(transfer_id: str, name: str, taken: Set[str]) -> str:
    """The commandId under which a step is taken, where others have some of them."""
    own = command_id(transfer_id, "reserve" if name == "fence" else name)
    return command_id(transfer_id, OTHER[name]) if name in OTHER and own in taken else own


def _taken(transfer_id: str, part: Part) -> Flaw:
    detail = (
        f"{part.command_id} stands for a {part.event_type} of somebody else's, and would be a step of the transfer "
        f"{transfer_id}"
    )
    return Flaw(Misfit.FOREIGN, part.aggregate_id, part.sequence, detail)


def _together(transfer_id: str, requested: Part, own: Sequence[Part], steps: Sequence[_Step]) -> Iterator[Flaw]:
    """What is there that contradicts something else, and what is not though something rests on it."""
    giver, taker = str(requested.data["from"]), str(requested.data["to"])
    there = {step.name: step for step in reversed(steps)}
    types = {part.event_type for part in own}
    ends = [part for part in own if part.event_type in _ENDS]
    end = _ENDS[ends[0].event_type] if ends else None
    committed = "TransferCommitted" in types
    yield from _forbidden(own)

    came_to_nothing = end is not None and end != "completed"
    for name, is_wrong in (
        ("credit", came_to_nothing or not committed),
        ("post", came_to_nothing or not committed),
        ("release", not came_to_nothing),
        ("fence", not came_to_nothing),
    ):
        if name in there and is_wrong:
            outcome = end or ("committed" if committed else "not committed")
            yield _flaw(Misfit.CONTRADICTS, there[name], f"{_of(there[name], transfer_id)}, which is {outcome}")

    for name, account, because in _wanting(there, end, committed=committed):
        yield Flaw(
            Misfit.MISSING,
            giver if account == "from" else taker,
            None,
            f"nothing was {_DONE[name]} for the transfer {transfer_id}, though {because}",
        )
    over = end == "completed" or "TransferSettled" in types
    if over and "reserve" in there and not {"post", "release"} & there.keys():
        detail = f"{_of(there['reserve'], transfer_id)}, which is {end} and over, and it still is"
        yield _flaw(Misfit.OPEN, there["reserve"], detail)


def _forbidden(own: Sequence[Part]) -> Iterator[Flaw]:
    """The events of a transfer's own that its rules do not allow at their places."""
    state = Transfer()
    for part in sorted(own, key=lambda each: each.sequence):
        wrong = _wrong_at(state, part)
        if wrong:
            detail = f"{part.event_type} cannot stand here: {wrong}"
            yield Flaw(Misfit.CONTRADICTS, part.aggregate_id, part.sequence, detail)
        state = _requested_by(part) if part.event_type == _OPENING else advanced(state, _told(part))


def _wrong_at(state: Transfer, part: Part) -> str:
    """What a transfer's rules say against an event. What they came to say later is held against no old one."""
    if part.event_type == _OPENING:
        return "" if state.status == "Unknown" else "the transfer was requested before"
    broken = broken_by(state, _told(part))
    newer = broken is not None and broken.rule == SECOND_PERSON and part.data["by"] != state.requested_by
    return "" if broken is None or newer else broken.message


def _requested_by(part: Part) -> Transfer:
    data = part.data
    return Transfer(
        status="Requested",
        deadline=times.in_one_form(str(data["deadline"])),
        needs_approval=data["needsApproval"] is True,
        requested_by=str(data["by"]),
    )


def _told(part: Part) -> Fact:
    """What `_said` kept, as a fact again."""
    match part.event_type:
        case "TransferApproved":
            return TransferApproved(by=str(part.data["by"]))
        case "TransferExpired":
            return TransferExpired(at=str(part.data["at"]))
        case "TransferFailed":
            return TransferFailed(step="credit" if part.data["step"] == "credit" else "reserve", code="")
        case plain:
            return _PLAIN[plain]()


def _wanting(there: Mapping[str, _Step], end: str | None, *, committed: bool) -> Iterator[tuple[str, str, str]]:
    """The steps that must be there and are not: each with the side on which, and why it must."""
    completed = end == "completed"
    if "reserve" not in there:
        reasons = [
            *(f"event {there[name].part.sequence} {_DONE[name]} it" for name in ("post", "release") if name in there),
            *(["it was committed"] if committed else []),
            *(["it was completed"] if completed else []),
        ]
        yield from (("reserve", "from", why) for why in reasons[:1])
    if "credit" not in there and ("post" in there or completed):
        because = f"event {there['post'].part.sequence} posted it" if "post" in there else "it was completed"
        yield "credit", "to", because
    if "post" not in there and completed and "reserve" not in there:
        yield "post", "from", "it was completed"


def _name(part: Part) -> str:
    if part.event_type == "FundsReserved":
        return "reserve"
    if part.event_type == "ReservationReleased":
        return "release" if _amount(part) else "fence"
    return "credit" if _amount(part) > 0 else "post"


def _requested(transfer_id: str, parts: Sequence[Part]) -> Part | None:
    return next((each for each in parts if (each.aggregate_id, each.event_type) == (transfer_id, _OPENING)), None)


def _of(step: _Step, transfer_id: str) -> str:
    return f"money was {_DONE[step.name]} for the transfer {transfer_id}"


def _flaw(misfit: Misfit, step: _Step, detail: str) -> Flaw:
    return Flaw(misfit, step.part.aggregate_id, step.part.sequence, detail)


def _amount(part: Part) -> Decimal:
    amount = part.data["amount"]
    if not isinstance(amount, Decimal):
        raise TypeError(f"the amount of {part} is no number")
    return amount


def _part(event: Event, **data: Value) -> Part:
    return Part(event.aggregate_id, event.sequence, event.event_type, event.command_id, data)


_OPENING = "TransferRequested"

OVERSIGHT = Oversight(
    process=PROCESS,
    projection=TransferSummary().name,
    statuses=STATUSES,
    cancel="TransferCancelled",
    part=part_of,
    claimed=claimed_by,
    step=step_of,
    places=places,
    judge=judge,
    undo=undo,
    has_ended=has_ended,
    moved=moved,
    held=held,
    takes_part=lambda row: (row["FromAccount"], row["ToAccount"]),
    waits=waits,
)
"""To the operators' commands."""
