from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from ..aws import environment


@pytest.fixture(scope="session", autouse=True)
def _environment() -> Iterator[None]:
    with environment():
        yield


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Thousands of faults on purpose are not worth their log lines and metrics."""
    monkeypatch.setattr("handlers.runtime.print", lambda *_, **__: None, raising=False)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
