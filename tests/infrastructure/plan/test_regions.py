"""Back to one Region, step by step as docs/regions.md says it: what a careless `up` would take away, it is refused."""

from __future__ import annotations

import json

from tests.infrastructure.plan.engine import State, up
from tests.infrastructure.program import run

_SMALL = {"event-sourcing:httpApi": "false"}
_TWO = {**_SMALL, "event-sourcing:regions": json.dumps(["us-east-1", "eu-west-1"])}
_KEPT, _LOOSE = ({"event-sourcing:production": each} for each in ("true", "false"))
_BETWEEN = {"conflicts-table", "standings-table", "reconcile-function", "conflict-queue", "conflict-dlq-queue"}


def test_production_lets_no_region_go_before_it_is_taken_back() -> None:
    standing = up(State(), run("prod", {**_TWO, **_KEPT})).after

    careless = up(standing, run("prod", {**_SMALL, **_KEPT}))
    assert careless.refused >= {
        "read-model-table",
        "events-bus",
        "projection-function",
        "relay-feed-mapping",
        *_BETWEEN,
    }
    assert careless.after == standing

    taken_back = up(standing, run("prod", {**_TWO, **_LOOSE}))
    assert {name for name, changed in taken_back.updated.items() if "replicas" in changed} == {
        "event-store-table",
        "conflicts-table",
    }, "each replica has protection of its own"
    assert (taken_back.created, taken_back.replaced, taken_back.deleted, taken_back.refused) == (
        set(),
        {},
        set(),
        set(),
    )

    one = run("prod", {**_SMALL, **_LOOSE})
    alone = up(taken_back.after, one)
    assert alone.updated["event-store-table"] == {"replicas"}
    assert (alone.created, alone.replaced, alone.refused, alone.failed) == (set(), {}, set(), set())
    assert alone.deleted >= _BETWEEN
    assert {kept.name for kept in alone.after} == {each.name for each in one}
