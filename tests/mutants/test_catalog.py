"""The defects can be planted: their texts are where the catalog says, and so are the tests that are to catch them."""

from __future__ import annotations

from collections import Counter

import pytest

from .__main__ import PROJECT
from .catalog import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_defect_has_its_place(mutant: Mutant) -> None:
    assert (PROJECT / mutant.file).read_text("utf-8").count(mutant.old) == 1
    assert mutant.new != mutant.old
    assert [path for path in mutant.tests if not (PROJECT / path).exists()] == []


def test_each_has_a_name_of_its_own() -> None:
    assert [name for name, times in Counter(mutant.name for mutant in MUTANTS).items() if times > 1] == []
