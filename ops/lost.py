"""Lost events as an operator sees them: what each says, who decided it, what stands against it, and what is to be done.

The ledger's business is not known here: an event is shown by all that it says.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from handlers.sourcing.event import Event
from handlers.sourcing.values import Value
from handlers.store.conflicts import Bar, Conflict, Status

from .commands.common import amount_of, shown

_BARRED = {
    Bar.OPENING: "open it under another id if it is somebody else's, and close it here",
    Bar.BEHIND: "it was not asked of what stands: close it here, then book it under the other id",
    Bar.REUSED: "close it here, then send it under another commandId if it is to count",
    Bar.OVER: "nothing of it can be made again, close it",
}
_COMMAND = "python -m ops region reconcile --aggregate"


def described(conflict: Conflict) -> dict[str, Any]:
    """It as JSON, with the event as it was acknowledged, and what persons said of it."""
    words = [{"by": word.by or None, "at": word.since, "why": word.why} for word in conflict.said]
    return {**conflict.describe(), "state": conflict.status.words, "words": words, "event": conflict.event.record()}


def asks_who_stands(conflict: Conflict) -> bool:
    """Whether what is to be done about it depends on whose id that is by now."""
    return conflict.status is Status.PERSON and conflict.bar in (Bar.OPENING, Bar.BEHIND)


def lines(conflict: Conflict, first: Event | None = None) -> Iterator[str]:
    """It for a console; `first` is the event that stands first under its id, for who `asks_who_stands`."""
    event = conflict.event
    where = f"{shown(event.aggregate_id)} #{event.sequence} {shown(event.event_type)}"
    yield f"[bold]{conflict.status.words}[/]: {where}{': it stands' if conflict.stands else ''}"
    yield f"  {shown(_said(event))}"
    decided = f"  decided by {event.stamp.region} in epoch {event.stamp.epoch} at {event.timestamp}"
    yield f"{decided}, for {shown(event.actor)}; command {shown(event.command_id)}"
    who = f" by {shown(conflict.by)}" if conflict.by else ""
    yield f"  {conflict.since or conflict.kept_at}{who}: {shown(conflict.why) or 'nobody has looked yet'}"
    for word in conflict.said if [word.since for word in conflict.said] != [conflict.since] else ():
        yield f"  {shown(word.by) or 'somebody'} said at {word.since}: {shown(word.why)}"
    if first is not None:
        yield f"  under this id stands {shown(first.event_type)} for {shown(first.actor)}: {shown(_said(first))}"
    for each in _to_do(conflict):
        yield f"  {each}"


def _said(event: Event) -> str:
    """What an event says, but for its own aggregate's id: the amounts first."""
    said = [(name, value) for name, value in event.data.items() if value not in (None, event.aggregate_id)]
    said.sort(key=lambda each: (isinstance(each[1], str), each[0]))
    return ", ".join(f"{name} {_text(value)}" for name, value in said) or "says nothing more"


def _text(value: Value) -> str:
    return value if isinstance(value, str) else amount_of(value)


def _to_do(conflict: Conflict) -> Sequence[str]:
    if conflict.status is not Status.PERSON:
        return ()
    place = f"{_COMMAND} {shown(shlex.quote(conflict.event.aggregate_id))}"
    close = f'{place} --accept {conflict.event.hash} --why "..."'
    if conflict.stands:
        return (f"close it, then make up for it: {close}",)
    if conflict.counts_twice:
        return (f"close it; then, where it was made up for by commands, undo one of the two: {close}",)
    if conflict.bar is not None:
        return (f"{_BARRED[conflict.bar]}: {close}",)
    return (
        f"have it decided again, once nothing speaks against it: {place} --retry {conflict.event.hash}",
        f"or close it, then make up for it: {close}",
    )
