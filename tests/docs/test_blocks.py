"""Every code block of the documents is run by a test as printed, or says why not."""

from __future__ import annotations

import json

import pytest

from .blocks import DOCUMENTS, PICTURES, READ, ROOT, RUN, Block, blocks
from .test_walks import APART, WALKED

BLOCKS = [block for document in DOCUMENTS for block in blocks(document)]


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
