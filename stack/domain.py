"""What the ledger's business is told by settings: the one place in which the stack knows of them."""

from __future__ import annotations

import json

from components.settings import Settings


def told(settings: Settings) -> dict[str, str]:
    """For the environment of every function that decides, projects, or answers from rows.

    There the kinds of aggregates read it (`handlers.sourcing.told`), by these names.
    """
    return {
        "STATEMENT": json.dumps(settings.statement),
        "TRANSFER_TIMEOUT_SECONDS": str(settings.transfer_timeout_seconds),
        "TRANSFER_APPROVAL_ABOVE": str(settings.transfer_approval_above),
    }
