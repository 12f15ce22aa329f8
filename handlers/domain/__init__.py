"""The domain: which events there are, what causes them and what follows from them. Pure; no AWS, no I/O, no clock.

`account` and `projections` are this ledger's business; another domain replaces those two modules and the names bound
here, and keeps everything else.
"""

from .account import STATE_VERSION, check, decide, evolve, opens
from .account import Account as State
from .facts import EVENT_TYPES, scales
from .meaning import meaning, repeats
from .projections import all_projections

__all__ = [
    "EVENT_TYPES",
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
