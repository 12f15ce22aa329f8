"""The handlers and the operator's commands in one process against moto, as the tests of each have them."""

from ..handlers.conftest import _environment, ask, aws, calls, handlers, send
from ..ops.conftest import _no_waiting, outputs, run
from ..ops.test_import import on_target, target

__all__ = [
    "_environment",
    "_no_waiting",
    "ask",
    "aws",
    "calls",
    "handlers",
    "on_target",
    "outputs",
    "run",
    "send",
    "target",
]
