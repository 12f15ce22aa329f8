"""A door for each module, with nothing heard yet at the begin of each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local.web.door import Door, opened


@pytest.fixture(scope="module")
def open_door() -> Iterator[Door]:
    with opened() as found:
        yield found


@pytest.fixture
def door(open_door: Door) -> Door:
    open_door.events.clear()
    open_door.answer = None
    return open_door
