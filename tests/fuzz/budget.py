"""How much is tried: a little in every run, forty times as much with LEDGER_LONG=1."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings

from ..effort import LONG

FACTOR = 40 if LONG else 1
PATIENCE = pytest.mark.timeout(240 * FACTOR)


def examples(number: int) -> settings:
    """Settings for so many examples in an ordinary run; none of them may keep a function busy for long."""
    return settings(
        deadline=timedelta(seconds=30),
        max_examples=number * FACTOR,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
        phases=set(Phase) - {Phase.explain},
    )
