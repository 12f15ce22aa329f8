"""The subjects that are compared run, and do what is said of them; how fast is a matter of `make bench`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from rich.console import Console

from bench import contestants, cost, world
from bench.parts import append, decoding, imports, projection, replays, transfers
from bench.progress import Steps

pytestmark = pytest.mark.slow

pytest.importorskip("awslambdaric", reason="AWS's Lambda runtime client has no wheel for this platform")


@pytest.fixture(scope="module")
def there() -> Any:
    """A world of those who need nothing fetched."""
    with pytest.MonkeyPatch.context() as patch, world.running(Steps(Console(quiet=True))) as running:
        patch.setattr(append, "LENGTHS", (0, 10, 60))
        patch.setattr(append, "WARM_UP", 0)
        patch.setattr(append, "ROUNDS", 1)
        patch.setattr(projection, "BATCHES", {10: 1})
        patch.setattr(projection, "ACCOUNTS", {"hot": 1, "spread": 10})
        patch.setattr(projection, "WARM_UP", 2)
        patch.setattr(transfers, "COUNTED", 1)
        for name, value in {"ACCOUNTS": 3, "EACH": 4, "AT_ONCE": (2,), "BRANCHES_MADE": 1}.items():
            patch.setattr(replays, name, value)
        mine = tuple(each for each in running.contestants if each.name not in {"castore", "pyeventsourcing"})
        patch.setattr(running, "contestants", mine)
        yield running


@pytest.fixture(scope="module")
def rows(there: world.World) -> Mapping[tuple[str, int], Mapping[str, Any]]:
    return {(row["subject"], row["length"]): row for row in append.measure(there)["rows"]}


@pytest.mark.parametrize("length", [0, 10, 60])
def test_the_ledger_makes_the_calls_that_its_floor_of_the_same_calls_makes(rows: Any, length: int) -> None:
    ours, floor = rows["ours", length], rows["floor_of_our_calls", length]

    assert sorted(ours["operations"]) == sorted(floor["operations"]) == ["PutItem", *["Query"] * (3 if length else 1)]
    assert ours["waits"] == floor["waits"] == 2
    assert ours["writeUnits"] == floor["writeUnits"]


@pytest.mark.parametrize("length", [10, 60])
def test_the_ledger_makes_two_calls_on_an_account_that_it_has_met(rows: Any, length: int) -> None:
    assert rows[cost.WARM, length]["operations"] == ["Query", "PutItem"]
    assert rows[cost.WARM, length]["waits"] == 2
    assert (cost.WARM, 0) not in rows


def test_the_floor_needs_fewer_calls_for_a_short_stream(rows: Any) -> None:
    assert rows["floor", 10]["operations"] == ["Query", "PutItem"]
    assert len(rows["floor", 60]["operations"]) == 4


def test_the_recipe_reads_writes_and_publishes_one_after_the_other(rows: Any) -> None:
    assert rows["recipe", 10]["operations"] == ["Query", "PutItem", "PutEvents"]
    assert rows["recipe", 10]["waits"] == 3


def test_a_batch_is_projected_by_one_read_one_write_of_entries_and_one_of_each_row(there: world.World) -> None:
    by_spread = {row["spread"]: row["requests"] for row in projection.measure(there)["rows"]}

    assert by_spread == {"hot": 3, "spread": 12}


def test_a_transfer_is_carried_by_one_message_and_the_next_finds_nothing_to_do(there: world.World) -> None:
    counted = transfers.counted(there)

    calls = {name: (part["requests"], part["waits"]) for name, part in counted.items()}
    assert calls == {"request": (2, 2), "process": (18, 13), "poke": (1, 1), "rows": (6, 6)}


def test_replays_send_everything_to_each_target_and_the_own_rules_decide_as_they_did(there: world.World) -> None:
    measured = replays.measure(there)

    assert [(row["target"], row["atOnce"]) for row in measured["rows"]] == [(name, 2) for name in replays.TARGETS]
    assert all(row["eventsPerSecond"] > 0 for row in measured["rows"])
    assert measured["events"] == 12


def test_who_is_not_installed_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(contestants, "PEERS", tmp_path)

    absent = {each.name: each.why_not for each in contestants.all_contestants() if each.why_not}

    assert set(absent) == {"castore", "pyeventsourcing"}
    assert "make bench-peers" in absent["pyeventsourcing"]


def test_every_function_has_a_floor_to_be_compared_with() -> None:
    assert imports.entry_points() == {
        **dict.fromkeys(("branch", "command", "operations", "process", "projection", "query"), "dynamodb"),
        **dict.fromkeys(("reconcile", "replayer", "snapshot", "sweep", "validate"), "dynamodb"),
        "heartbeat": "lambda",
        "relay": "events",
        "token_scopes": "bare",
    }


def test_decoding_is_compared_on_data_that_all_accept() -> None:
    assert not list(decoding.subjects()["jsonschema: all violations, the validator kept"]())  # type: ignore[call-overload]
    assert decoding.subjects()[decoding.CHECK]() == []
