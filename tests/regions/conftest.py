from __future__ import annotations

import pytest

from ..faults.conftest import _environment, _quiet
from .world import Pair

__all__ = ["_environment", "_quiet"]


@pytest.fixture
def pair() -> Pair:
    return Pair.new()
