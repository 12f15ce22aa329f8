"""Entry point of the dry run: a command in, what the command function would say of it out."""

from __future__ import annotations

from typing import Any

from .domain import check, meaning, scales
from .runtime import Context, answering, seconds_left
from .sourcing.command import MEMBERS, Command
from .sourcing.payload import beside_body, request_of
from .wiring import wired_ledger

_ledger = wired_ledger()


@answering
def lambda_handler(event: Any, context: Context) -> dict[str, Any]:
    """A command's request to `{valid: true, wouldBe: <the command's receipt>}`, or the command's refusal.

    Nothing is written or published. By the time the command is sent, others may have changed the account.
    """
    request = request_of(event)
    misplaced = beside_body(event, MEMBERS)
    command = Command.read(request, context.aws_request_id, check, meaning, scales=scales, misplaced=misplaced)
    return {"valid": True, "wouldBe": _ledger.foresee(command, seconds_left(context)).describe()}
