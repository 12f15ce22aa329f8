"""What a merge leaves behind where two wrote one line."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
MARKER = re.compile(r"^(<{7}|\|{7}|>{7}) ", re.MULTILINE)


def test_no_document_has_two_versions_of_a_line() -> None:
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]

    assert len(documents) > 10
    assert [str(each) for each in documents if MARKER.search(each.read_text("utf-8"))] == []
