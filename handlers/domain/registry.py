"""The kinds of aggregates of this ledger: a new one is its module, its schemas and a line here."""

from handlers.sourcing.kinds import Kinds
from handlers.sourcing.meaning import Meanings

from . import account, heartbeat, transfer
from .facts import FACTS
from .transfer_steps import PROCESS

KINDS = Kinds(
    FACTS.streams,
    account.KIND,
    transfer.KIND,
    heartbeat.KIND,
    internal=FACTS.internal,
    forbidden=FACTS.forbidden,
)
MEANINGS = Meanings(KINDS, FACTS)

__all__ = ["KINDS", "MEANINGS", "PROCESS"]
