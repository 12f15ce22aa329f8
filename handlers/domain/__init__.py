"""The domain: which events there are, what causes them and what follows from them. Pure; no AWS, no I/O, no clock.

This ledger's business, over the mechanics in `handlers.sourcing`: another domain binds other things to these names.
"""

from .account import STATE_VERSION, check, decide, evolve, opens
from .account import Account as State
from .facts import EVENT_TYPES, REJECTION_VERSION, scales
from .meaning import meaning, repeats
from .projections import all_projections

__all__ = [
    "EVENT_TYPES",
    "REJECTION_VERSION",
    "STATE_VERSION",
    "State",
    "all_projections",
    "check",
    "decide",
    "evolve",
    "meaning",
    "opens",
    "repeats",
    "scales",
]
