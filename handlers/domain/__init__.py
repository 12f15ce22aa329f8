"""The domain: which events there are, what causes them and what follows from them. Pure; no AWS, no I/O, no clock.

This ledger's business, over the mechanics in `handlers.sourcing`. Each kind of aggregate is a module with a `KIND`, and
a line in `registry`; whoever asks here need not know which there are.
"""

from .facts import EVENT_TYPES, REJECTION_VERSION, scales
from .registry import KINDS, MEANINGS, PROCESS
from .transforms import TRANSFORMS

check, decide, evolve, opens = KINDS.check, KINDS.decide, KINDS.evolve, KINDS.opens
meaning, repeats = MEANINGS.of, MEANINGS.repeats

__all__ = [
    "EVENT_TYPES",
    "KINDS",
    "PROCESS",
    "REJECTION_VERSION",
    "TRANSFORMS",
    "check",
    "decide",
    "evolve",
    "meaning",
    "opens",
    "repeats",
    "scales",
]
