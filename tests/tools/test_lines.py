"""Lines that fit a terminal: no word is broken, and no command that is named."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.lines import command, wrapped

WORDS = st.lists(st.text("ab`é漢", min_size=1, max_size=12), max_size=12)


@given(words=WORDS, width=st.integers(10, 40), hang=st.integers(0, 6))
def test_no_word_is_lost_or_broken_and_no_line_is_longer_than_its_longest_word(
    words: list[str], width: int, hang: int
) -> None:
    lines = wrapped(" ".join(words), width, hang=hang)

    assert " ".join(lines).split() == words
    assert all(sum(2 if each == "漢" else 1 for each in line) <= width or " " not in line.strip() for line in lines)


def test_a_command_between_backticks_stays_whole_where_it_fits_a_line() -> None:
    text = "No function answers there. Start the ledger with `make serve`, please."

    assert wrapped(text, 56) == ["No function answers there. Start the ledger with", "`make serve`, please."]
    assert wrapped("`a b c d e f`", 7) == ["`a b c", "d e f`"]


def test_so_does_one_at_the_end_of_a_hint() -> None:
    hint = "Start what was there, or say where it is now: .venv/bin/ledger login --url URL"

    assert wrapped(hint, 60)[-1] == ".venv/bin/ledger login --url URL"


def test_the_indent_of_a_line_stays_and_further_lines_hang() -> None:
    assert wrapped("  - one two three", 11, hang=4) == ["  - one two", "    three"]


@pytest.mark.parametrize("width", [24, 40, 80])
def test_a_command_line_can_be_copied_whatever_the_width(width: int) -> None:
    line = "  ledger transfer send alice bob 1 --reference 'May rent, all of it' --id 0123456789"

    lines = command(line, width)

    assert all(len(each) <= max(width, len("      --reference 'May rent, all of it' \\")) for each in lines)
    assert shlex.split("\n".join(lines).replace("\\\n", "")) == shlex.split(line)  # as sh reads it
    assert len(lines) > 1
