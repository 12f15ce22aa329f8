"""A forgotten STATE_VERSION is found: what follows from the examples of every stored type, in
each of its versions, stands beside it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from handlers.domain import KINDS
from handlers.domain.facts import FACTS
from handlers.sourcing.kinds import Kind
from schemas.files import load

from . import examples
from .examples import differing, outcomes, recorded, versions


@pytest.mark.parametrize("kind", KINDS.all, ids=lambda kind: kind.name)
def test_what_follows_from_events_changes_with_the_state_version_alone(kind: Kind[Any]) -> None:
    was, now = recorded().get(kind.name, {}).get(str(kind.state_version)), outcomes(kind)
    assert was is not None, (
        f"{kind.name} has a new STATE_VERSION: record what follows under it by `python -m tests.domain.examples`"
    )
    others = differing(was, now)
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


@pytest.mark.parametrize("event_type", [name for name, of in FACTS.streams.items() if of])
def test_every_word_that_a_field_may_hold_is_among_what_is_applied(event_type: str) -> None:
    """Also one that no example has: what follows from it is not to change unseen."""
    every = load()[event_type]
    for version, events in versions(event_type).items():
        for field, described in every[version]["properties"].items():
            held = [event.data.get(field) for event in events]
            assert [word for word in described.get("enum", ()) if word not in held] == [], f"{field} of {version}"


def test_it_is_said_what_is_recorded_and_that_a_state_version_was_forgotten(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(examples, "RECORDED", tmp_path / "recorded.json")
    kind = KINDS.all[0]
    name = f"{kind.name}, STATE_VERSION {kind.state_version}"

    assert examples.main() == 0
    assert f"{name}: recorded\n" in capsys.readouterr().out
    assert examples.main() == 0
    assert f"{name}: as it was recorded\n" in capsys.readouterr().out

    every = recorded()
    first = next(iter(every[kind.name][str(kind.state_version)]))
    every[kind.name][str(kind.state_version)][first] = "other"
    examples.RECORDED.write_text(json.dumps(every), "utf-8")
    assert examples.main() == 1
    assert f"{name}: what follows from {first} is not what was recorded: raise it" in capsys.readouterr().out
    assert recorded() == every
