"""A forgotten STATE_VERSION is found: what follows from the examples of every stored type, in
each of its versions, stands beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from handlers.domain import KINDS
from handlers.sourcing.kinds import Kind

from .examples import outcomes, recorded


@pytest.mark.parametrize("kind", KINDS.all, ids=lambda kind: kind.name)
def test_what_follows_from_events_changes_with_the_state_version_alone(kind: Kind[Any]) -> None:
    was, now = recorded().get(kind.name, {}).get(str(kind.state_version)), outcomes(kind)
    assert was is not None, (
        f"{kind.name} has a new STATE_VERSION: record what follows under it by `python -m tests.domain.examples`"
    )
    # After what is new others follow, too: it alone is told of.
    others = sorted(now.keys() - was.keys()) or [name for name in was if was[name] != now.get(name)]
    assert others == [], (
        f"what follows from {', '.join(others)} is not what it was under {kind.name}'s STATE_VERSION "
        f"{kind.state_version}: raise it, then `python -m tests.domain.examples`"
    )


@pytest.mark.parametrize("kind", KINDS.all, ids=lambda kind: kind.name)
def test_each_type_from_which_something_follows_is_told_of_by_itself(kind: Kind[Any]) -> None:
    every = outcomes(kind)
    name = next(reversed(every))
    event_type, version = name.split()

    def without(state: Any, event: Any) -> Any:
        return state if (event.event_type, event.version) == (event_type, int(version)) else kind.evolve(state, event)

    assert outcomes(replace(kind, evolve=without)).keys() == every.keys() - {name}
