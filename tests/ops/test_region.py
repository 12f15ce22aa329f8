"""`region` as it is typed: what it lists, and the words that do not go together."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handlers.sourcing.standing import Role, Standing
from ops.commands import region as command
from ops.regions import Promoted

from .conftest import Run
from .test_between import THERE, two, written
from .test_status_regions import both, points

__all__ = ["both", "points", "two"]


def test_all_that_is_missing_is_listed_however_much_it_is(
    both: dict[str, Any], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = written([1] * 129)

    class Change:
        def promote(self, *_: Any, **__: Any) -> Promoted:
            return Promoted(Standing(THERE, Role.ACTIVE, 3), was_reached=True, missing=tuple(missing))

    monkeypatch.setattr(command, "_change", lambda *_: Change())
    asked = ("region", "promote", THERE, "--accept-loss", "--yes")
    told = run(*asked)

    listed = " ".join(told.out.split())
    assert told.out.count("not here: ") == len(missing) == 130
    for event in missing:
        assert f"#{event.sequence} {event.event_type} {event.event_id}, command {event.command_id}" in listed
    assert "130 events of us-east-1 had not come" in told.out
    assert len(json.loads(run(*asked, "--json").out)["missing"]) == 130
