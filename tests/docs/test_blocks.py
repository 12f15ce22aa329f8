"""Every code block of the documents is run by a test as printed, or says why not."""

from __future__ import annotations

import json
import re

import pytest

from .blocks import DOCUMENTS, PICTURES, READ, ROOT, RUN, Block, blocks
from .test_walks import APART, WALKED

BLOCKS = [block for document in DOCUMENTS for block in blocks(document)]
_PASTED_BODY = re.compile(r"(<<'?(\w+)'?[^\n]*\n).*?(^\s*\2$)", re.MULTILINE | re.DOTALL)
_BEHIND = re.compile(r"^ *[^ #].* # .*$", re.MULTILINE)
_COMMENT = re.compile(r"^ *#.*$", re.MULTILINE)
_OF_A_SHELL = re.compile(r"""['"`()?*\[\]<>;|&!$~^{}\\]""")


def hard_to_paste(text: str) -> list[str]:
    """Lines that zsh does not take from a paste: to it, as it comes, `#` is a command, and what follows are its words.

    So a comment has a line of its own, which fails alone, and nothing in it that a shell would heed.
    """
    typed = _PASTED_BODY.sub(r"\1\3", text)
    return [*_BEHIND.findall(typed), *(each for each in _COMMENT.findall(typed) if _OF_A_SHELL.search(each))]


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_is_of_a_kind_that_is_run_or_read(block: Block) -> None:
    assert block.language in (*RUN, *READ, *PICTURES)


@pytest.mark.parametrize("block", [each for each in BLOCKS if each.why_not is not None], ids=str)
def test_a_block_that_is_not_run_says_why(block: Block) -> None:
    assert block.language in RUN
    assert len(str(block.why_not).split()) >= 4


@pytest.mark.parametrize("block", [each for each in BLOCKS if each.language == "json"], ids=str)
def test_json_is_json(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", [each for each in BLOCKS if each.language in ("sh", "console")], ids=str)
def test_a_printed_command_can_be_pasted_into_any_shell(block: Block) -> None:
    assert hard_to_paste(block.text) == []


@pytest.mark.parametrize(
    ("text", "hard"),
    [
        ("make demo  # a minute", True),
        ("# what isn't there\nmake demo", True),
        ("# is it (not) there\nmake demo", True),
        ("# a minute\nmake demo", False),
        ("cat <<'END'\none  # it isn't\nEND", False),
        ("curl http://127.0.0.1/#there", False),
    ],
)
def test_what_is_hard_to_paste_is_known(text: str, hard: bool) -> None:
    assert bool(hard_to_paste(text)) is hard


def test_every_document_with_something_to_run_is_walked() -> None:
    assert {block.document for block in BLOCKS if block.language in RUN and block.why_not is None} == {*WALKED, *APART}


@pytest.mark.parametrize(("document", "module"), APART.items())
def test_a_walk_apart_is_of_its_document(document: str, module: str) -> None:
    assert f'"{document}"' in (ROOT / module).read_text("utf-8")


def test_a_block_is_found_with_its_mark_and_its_indentation() -> None:
    text = "1. So:\n\n   <!-- not run: it takes a year -->\n   ```sh\n   one\n     two\n   ```\n```json\n{}\n```\n"

    assert blocks("a.md", text) == [
        Block("a.md", 5, "sh", "one\n  two", "it takes a year"),
        Block("a.md", 9, "json", "{}"),
    ]


def test_a_mark_is_of_the_next_block_alone() -> None:
    text = "<!-- ends with 3: no -->\n```sh\none\n```\n<!-- not run: no -->\n\n```sh\ntwo\n```"

    assert [(block.code, block.why_not) for block in blocks("a.md", text)] == [(3, None), (0, None)]


@pytest.mark.parametrize("text", ["```sh\none\n", "~~~sh\none\n~~~", "```sh {.line}\none\n```", "```sh\none\n  ```"])
def test_a_fence_that_would_hide_a_block_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"a\.md:1"):
        blocks("a.md", text)
