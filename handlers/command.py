"""Entry point of the write side: a command in, its event's receipt out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from .domain import PROCESS, REJECTION_VERSION, check, meaning, scales
from .http_api.serving import serving
from .regional import Unsettled
from .runtime import Context, count, log, seconds_left
from .settings import setting
from .sourcing.command import MEMBERS, Command
from .sourcing.errors import LedgerError, NotHomeError, UnsettledError, Violation
from .sourcing.rejection import Rejection
from .store import clients
from .store.event_bus import EventBus, PublishError
from .store.ledger import Receipt
from .wiring import now, wired_ledger

_PUBLISH_SECONDS = 3
"""Longer than that nobody waits for the news of a refusal; nor is it tried with less than that of the time left."""
_RESERVE_SECONDS = 2 * _PUBLISH_SECONDS
"""components/limits.py refuses a functionTimeout that leaves no more."""

_ledger = wired_ledger()
_unsettled = Unsettled()
_bus_name = setting("EVENT_BUS_NAME")


@serving("command", MEMBERS)
def lambda_handler(request: Mapping[str, Any], misplaced: Sequence[Violation], context: Context) -> dict[str, Any]:
    """`{aggregateId, eventType, eventData, ...}` to `{eventId, aggregateId, sequence, ...}`."""
    try:
        misplaced = [*misplaced, *PROCESS.claims(request.get("commandId"))]
        return _execute(request, misplaced, context)
    except NotHomeError:
        raise  # nobody has refused anything yet: another Region will tell
    except UnsettledError as error:
        _unsettled.hand_over(error.details["aggregateId"], context)
        raise
    except LedgerError as refusal:
        if refusal.status < 500:  # noqa: PLR2004 -- HTTP's line between theirs and ours
            _announce(refusal, request, context)
        raise


def _execute(request: Mapping[str, Any], misplaced: Sequence[Violation], context: Context) -> dict[str, Any]:
    request_id = context.aws_request_id
    command = Command.read(request, request_id, check, meaning, scales=scales, misplaced=misplaced)
    receipt = _ledger.execute(command, seconds_left(context))
    log.info("accepted", extra=_line(command, receipt))
    return receipt.describe()


def _line(command: Command, receipt: Receipt) -> dict[str, Any]:
    """What an operator looks for. Each byte is paid for with each command: no correlationId that is the commandId."""
    line = {
        "aggregateId": receipt.aggregate_id,
        "sequence": receipt.sequence,
        "eventType": command.event_type,
        "commandId": command.command_id,
    }
    return line if command.correlation_id == command.command_id else {**line, "correlationId": command.correlation_id}


def _announce(refusal: LedgerError, request: Mapping[str, Any], context: Context) -> None:
    """Put a refusal on the bus: one PutEvents. Where that fails it is counted, and the caller is answered all the same.

    The log has the refusal either way. A request that names no aggregate is nobody's to audit and stays there.
    """
    rejection = Rejection.of(request, refusal, context.aws_request_id, now(), REJECTION_VERSION)
    if rejection is None:
        return
    place = {"aggregateId": rejection.aggregate_id, "commandId": rejection.command_id, "actor": rejection.actor}
    log.info("rejected", extra={**place, "code": refusal.code, "eventId": rejection.event_id})
    problem: object = None
    if seconds_left(context)() < _RESERVE_SECONDS:
        problem = "too little time is left"
    else:
        try:
            _bus().publish([_bus().rejection_entry(rejection)])
        except (BotoCoreError, ClientError, PublishError, ValueError) as error:
            problem = error
    if problem is not None:
        log.error("a rejection was not published: %s", problem, extra=place)
        count("RejectionsNotPublished", 1, context, **place)


@cache
def _bus() -> EventBus:
    """Made for the first refusal, since most commands are accepted and a client costs time at a cold start."""
    return EventBus(clients.eventbridge(_PUBLISH_SECONDS), _bus_name)
