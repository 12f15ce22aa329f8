"""The examples of the schemas, told as events: what follows from each, whatever the domain.

`python -m tests.domain.examples` records in `state_versions.json` what follows under a STATE_VERSION that is not there
yet. What is recorded stays.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from handlers.domain import KINDS
from handlers.domain.facts import FACTS
from handlers.sourcing.command import Command
from handlers.sourcing.event import Event, NewEvent, Position, chain
from handlers.sourcing.kinds import Kind, State
from handlers.sourcing.values import dumps, exact
from schemas.files import load, newest

RECORDED = Path(__file__).with_name("state_versions.json")
NOW = "2024-01-15T10:00:00.000000Z"
_SCHEMAS = load()


def asking(event_type: str, data: Mapping[str, Any]) -> Command:
    """A command for such an event."""
    request = {"aggregateId": "example-1", "eventType": event_type, "eventData": dict(data), "actor": "somebody"}
    return Command.parse(request, f"example of {event_type}")


def taken(state: State, event_type: str, **data: Any) -> State:
    """The state after a command with this data. Raises what the domain says against it."""
    command = asking(event_type, data)
    for event in chain(Position(), KINDS.decide(state, command), command, NOW):
        state = KINDS.evolve(state, event)
    return state


def told(event_type: str) -> list[Event]:
    """An event of each example of a type's newest version."""
    examples = newest(_SCHEMAS[event_type])["examples"]
    news = [NewEvent(event_type, exact(data, ""), FACTS.newest[event_type]) for data in examples]
    return [chain(Position(), [new], asking(event_type, new.data), NOW)[0] for new in news]


def versions(event_type: str) -> dict[int, list[Event]]:
    """By version of a type, events of its examples, and of these with another field each, where its schema lets them.

    A field is left out, null, one of its own examples or one of its words: those of all versions, since older events
    kept any field, and one that got its meaning later may stand in them.
    """
    fields: dict[str, list[Any]] = {}
    for schema in _SCHEMAS[event_type].values():
        for field, described in schema["properties"].items():
            fields.setdefault(field, []).extend((*described.get("examples", ()), *described.get("enum", ())))
    found: dict[int, list[Event]] = {}
    for version, schema in _SCHEMAS[event_type].items():
        told_of: dict[str, Mapping[str, Any]] = {}
        for example in schema["examples"]:
            without = ({name: data for name, data in example.items() if name != field} for field in fields)
            others = ({**example, field: value} for field, values in fields.items() for value in (None, *values))
            for data in (example, *without, *others):
                if not FACTS.violations(event_type, version, exact(data, ""), ""):
                    told_of.setdefault(dumps(data), data)
        news = [NewEvent(event_type, exact(data, ""), version) for data in told_of.values()]
        found[version] = [chain(Position(), [new], asking(event_type, new.data), NOW)[0] for new in news]
    return found


def opened(name: str) -> State:
    """The state of a kind after the first example of what opens its aggregates."""
    (kind,) = (each for each in KINDS.all if each.name == name)
    opening = next((each for each in kind.commands if kind.opens(asking(each, {}))), kind.commands[0])
    return KINDS.evolve(None, told(opening)[0])


def outcomes(kind: Kind[Any]) -> dict[str, str]:
    """By type and version of a kind's events, what tells what follows from its examples from anything else.

    Each is applied to a new aggregate, to an opened one, and to that after each example of a newest version. A version
    from which nothing follows is none of them.
    """
    names = [name for name, of in FACTS.streams.items() if of == kind.name]
    first = opened(kind.name)
    states = [kind.state(), *_different(first, *(kind.evolve(first, event) for name in names for event in told(name)))]
    found: dict[str, list[Any]] = {}
    for name in names:
        for version, events in versions(name).items():
            after = [(before, kind.evolve(before, event)) for event in events for before in states]
            if any(state != before for before, state in after):
                found[f"{name} {version}"] = [state.snapshot() for _, state in after]
    return {name: sha256(dumps(snapshots).encode()).hexdigest()[:16] for name, snapshots in found.items()}


def _different(*states: State) -> Iterator[State]:
    seen: list[State] = []
    for state in states:
        if state not in seen:
            seen.append(state)
            yield state


def recorded() -> dict[str, dict[str, dict[str, str]]]:
    """By kind and STATE_VERSION, the outcomes as they were, by type and version."""
    found: dict[str, dict[str, dict[str, str]]] = json.loads(RECORDED.read_text("utf-8")) if RECORDED.exists() else {}
    return found


def differing(was: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """From which types, each with its version, something else follows than did. After what is new others follow, too:
    it alone is told of."""
    return sorted(now.keys() - was.keys()) or [name for name in was if was[name] != now.get(name)]


def main() -> int:
    """Record what follows under each new STATE_VERSION, and say so; 1 where one was not raised that had to be."""
    every, forgotten = recorded(), False
    for kind in KINDS.all:
        of_kind, now, version = every.setdefault(kind.name, {}), outcomes(kind), str(kind.state_version)
        is_new = version not in of_kind
        others = differing(of_kind.setdefault(version, now), now)
        forgotten |= bool(others)
        told_of = "recorded" if is_new else "as it was recorded"
        if others:
            told_of = f"what follows from {', '.join(others)} is not what was recorded: raise it, then this again"
        print(f"{kind.name}, STATE_VERSION {version}: {told_of}")  # noqa: T201 -- a command line
    RECORDED.write_text(json.dumps(every, indent=1) + "\n", "utf-8")
    return int(forgotten)


if __name__ == "__main__":
    sys.exit(main())
