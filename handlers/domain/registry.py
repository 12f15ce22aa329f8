"""The kinds of aggregates of this ledger: a new one is its module, its schemas and a line here."""

from handlers.sourcing.kinds import Kinds

from . import account
from .generated.tables import STREAMS

KINDS = Kinds(
    STREAMS,
    account.KIND,
)
