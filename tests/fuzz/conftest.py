"""The whole system in this process, for many examples in one test; what was tried is told at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from ..handlers.conftest import _environment, aws, handlers  # noqa: F401 -- fixtures
from .system import System, running


@pytest.fixture
def tally(record_property: Callable[[str, object], None]) -> Iterator[Counter[str]]:
    """Counts inputs by entry point."""
    counts: Counter[str] = Counter()
    yield counts
    record_property("inputs", dict(counts))


@pytest.fixture
def system(aws: Any, handlers: Callable[[str], ModuleType], tally: Counter[str]) -> Iterator[System]:  # noqa: F811
    """The functions on empty tables. Examples of one test share them, each under aggregate ids of its own."""
    with running(handlers, tally) as started:
        yield started
