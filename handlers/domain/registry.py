"""The kinds of aggregates of this ledger: a new one is its module, its schemas and a line here."""

from handlers.sourcing.kinds import Kinds
from handlers.sourcing.meaning import Meanings

from . import account
from .facts import FACTS

KINDS = Kinds(
    FACTS.streams,
    account.KIND,
)
MEANINGS = Meanings(KINDS, FACTS)
