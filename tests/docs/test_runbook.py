"""Whoever is told of something finds in the runbook what to do about it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from handlers.sourcing.oversight import Misfit
from handlers.upkeep.verification.findings import Kind

RUNBOOK = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
ACROSS = RUNBOOK.split("### Across streams")[1].split("\n## ")[0]


@pytest.mark.parametrize("kind", sorted(Kind))
def test_every_finding_of_verify_is_explained(kind: Kind) -> None:
    assert f"`{kind.value}`" in RUNBOOK


@pytest.mark.parametrize("kind", [*sorted(each.value for each in Misfit), Kind.SUM.value])
def test_every_finding_across_streams_has_a_next_step(kind: str) -> None:
    (row,) = re.findall(rf"^\| `{kind}` \| (.+) \| (.+) \|$", ACROSS, re.MULTILINE)

    assert all(len(cell) > 20 for cell in row)
