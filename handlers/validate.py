"""Entry point of the dry run: a command in, what the command function would say of it out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .domain import PROCESS, check, meaning, scales
from .http_api.serving import serving
from .runtime import Context, seconds_left
from .sourcing.command import MEMBERS, Command
from .sourcing.errors import Violation
from .wiring import wired_ledger

_ledger = wired_ledger()


@serving("validate", MEMBERS)
def lambda_handler(request: Mapping[str, Any], misplaced: Sequence[Violation], context: Context) -> dict[str, Any]:
    """A command's request to `{valid: true, wouldBe: <the command's receipt>}`, or the command's refusal.

    Nothing is written or published. By the time the command is sent, others may have changed the aggregate.
    """
    misplaced = [*misplaced, *PROCESS.claims(request.get("commandId"))]
    command = Command.read(request, context.aws_request_id, check, meaning, scales=scales, misplaced=misplaced)
    return {"valid": True, "wouldBe": _ledger.foresee(command, seconds_left(context)).describe()}
