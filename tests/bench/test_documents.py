"""The documents that `make bench` wrote are those of the results that it kept."""

from __future__ import annotations

import pytest

from bench import documents, results

FILES = documents.documents(results.load())


def test_every_document_is_what_the_kept_results_say() -> None:
    stale = [name for name, content in FILES.items() if (documents.DOCS / name).read_text("utf-8") != content]

    assert not stale, f"`python -m bench --render` writes {', '.join(stale)} anew"


def test_nothing_that_was_not_measured_is_told() -> None:
    assert list(documents.documents({})) == ["performance.md"]


def test_what_costs_nothing_known_is_not_summed_up() -> None:
    kept = results.load()
    rows = [{**row, "readUnits": None, "writeUnits": None} for row in kept["append"]["rows"]]

    written = documents.documents({**kept, "append": {**kept["append"], "rows": rows}})

    assert "performance.md" in written
    assert not {"cost.md", "scaling.md"} & written.keys()


@pytest.mark.parametrize("target", ["end", "middle", "asOf"])
def test_a_state_out_of_100_000_events_is_100_times_faster_than_their_fold(target: str) -> None:
    rows = [row for row in results.load()["reconstruct"]["rows"] if (row["length"], row["target"]) == (100_000, target)]
    by_way = {row["way"]: row for row in rows}

    assert by_way["fold"]["wallMs"] >= 100 * by_way["snapshots"]["wallMs"]
    assert by_way["snapshots"]["requests"] <= 3  # the target's own page, and two beyond it
