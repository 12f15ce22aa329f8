from __future__ import annotations

import pytest

from tests.infrastructure.plan.engine import State, up
from tests.infrastructure.program import Graph


@pytest.fixture
def standing(stack: Graph) -> State:
    """The state of each stack after its first `up`."""
    return up(State(), stack).after
