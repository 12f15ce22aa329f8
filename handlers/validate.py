"""Entry point of the dry run: a command in, what the command function would say of it out."""

from __future__ import annotations

from typing import Any

from .domain import check, meaning
from .domain.command import Command
from .domain.payload import request_of
from .runtime import Context, answering, seconds_left
from .wiring import wired_ledger

_ledger = wired_ledger()


@answering
def lambda_handler(event: Any, context: Context) -> dict[str, Any]:
    """A command's request to `{valid: true, wouldBe: {eventId, aggregateId, sequence}}`, or the command's refusal.

    Nothing is written or published. By the time the command is sent, others may have changed the account.
    """
    command = Command.read(request_of(event), context.aws_request_id, check, meaning)
    receipt = _ledger.foresee(command, seconds_left(context))
    would_be = {"eventId": receipt.event_id, "aggregateId": receipt.aggregate_id, "sequence": receipt.sequence}
    return {"valid": True, "wouldBe": would_be}
