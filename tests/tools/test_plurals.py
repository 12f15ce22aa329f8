"""What the tools say counts in words by one helper: nobody reads "1 events"."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_THINGS = (
    *("account", "aggregate", "branche", "command", "copie", "difference", "entrie", "event", "file", "finding"),
    *("function", "item", "letter", "message", "queue", "record", "refusal", "resource", "row", "segment"),
    *("snapshot", "step", "stream", "transfer"),
)
_NUMBERED = re.compile(r"\{([^{}]+)\}(?: (?:dead|further|long|more))? (?:" + "|".join(_THINGS) + r")s\b")
_TOLD_SO = {
    "MOST:,": "a bound",
    "MAX_RESERVATIONS": "a bound",
    "PART": "a bound",
    "len(gaps) - _SHOWN:,": "there are more than are shown",
    "len(busy):,": "of a share",
    "len(entries)": "of a share",
    "len(items)": "to the log alone",
    "PROCESS.kind": "no number",
    "self._skipped": "as AWS says it",
    "_range(low, high)": "as schemas say it",
    "downloads": "every 25 of them",
}
"""What may stand before the word all the same, and why."""


def told_by_hand(text: str) -> list[str]:
    """Numbers that stand in a text before what there may be one of."""
    return [found[1] for found in _NUMBERED.finditer(text) if found[1] not in _TOLD_SO]


@pytest.mark.parametrize("folder", ["cli", "handlers", "local", "ops"])
def test_numbers_are_told_by_the_helper(folder: str) -> None:
    found = {
        str(path.relative_to(ROOT)): told
        for path in sorted((ROOT / folder).rglob("*.py"))
        if (told := told_by_hand(path.read_text("utf-8")))
    }

    assert found == {}


@pytest.mark.parametrize("text", ['f"{number:,} events"', 'f"{len(found)} dead letters"', "{task.fields[files]} files"])
def test_what_is_told_by_hand_is_found(text: str) -> None:
    assert told_by_hand(text)
