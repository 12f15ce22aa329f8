"""The documents that `make bench` wrote are those of the results that it kept."""

from __future__ import annotations

import pytest

from bench import cost, documents, results


def test_every_document_is_what_the_kept_results_say() -> None:
    kept = documents.documents(results.load())

    stale = [name for name, content in kept.items() if (documents.DOCS / name).read_text("utf-8") != content]

    assert not stale, f"`python -m bench --render` writes {', '.join(stale)} anew"


@pytest.mark.parametrize("target", ["end", "middle", "asOf"])
def test_a_state_among_100_000_events_took_a_hundredth_of_the_whole_fold_and_three_requests(target: str) -> None:
    by_way = {
        row["way"]: row
        for row in results.load()["reconstruct"]["rows"]
        if (row["length"], row["target"]) == (100_000, target)
    }

    assert by_way["snapshots"]["wallMs"] * 100 < by_way["fold"]["wallMs"]
    assert by_way["snapshots"]["requests"] <= 3 < by_way["fold"]["requests"]


def test_a_function_that_starts_with_no_client_is_told_without_a_ratio() -> None:
    """Its floor imports nothing, and so takes no time."""
    kept = results.load()
    bare = {**kept["imports"]["functions"][0], "name": "bare_one", "floor": "bare"}
    imports = {**kept["imports"], "functions": [*kept["imports"]["functions"], bare]}

    written = documents.documents({**kept, "imports": imports})["performance.md"]

    (line,) = (line for line in written.splitlines() if line.startswith("| bare_one |"))
    assert line.split(" | ")[1] == "–"


def test_nothing_that_was_not_measured_is_told() -> None:
    assert list(documents.documents({})) == ["performance.md"]


@pytest.mark.parametrize(
    ("units", "told"),
    [
        ({"append": 3.0}, False),
        ({"append": 3.0, "projection": None}, False),
        ({"append": 3.0, "projection": 4.0}, True),
    ],
)
def test_what_costs_nothing_known_is_not_summed_up(units: dict[str, float | None], told: bool) -> None:
    measured: results.Results = {part: {"rows": [{"writeUnits": each}]} for part, each in units.items()}

    assert cost.can_be_told({**measured, "latency": {"logs": {}}}) is told
    assert not cost.can_be_told(measured)
