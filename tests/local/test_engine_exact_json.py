"""JSON that keeps the text of its numbers is written compactly, quickly where it has none of those."""

from __future__ import annotations

import json

import pytest

from local.engine import exact_json


@pytest.mark.parametrize(
    "text",
    [
        '{"a":[1,true,null,"é\\"\\u2028\\n"],"b":{"c":{}},"":[[]]}',
        '{"a":[{"b":100.10}],"c":12345678901234567.5}',
        '[1e2,{"a":[0.10]},"x"]',
        "1.50",
        '"text"',
        "17",
    ],
)
def test_what_is_read_is_written_as_it_was(text: str) -> None:
    read = exact_json.loads(text)
    written = exact_json.dumps(read)
    assert json.loads(written) == json.loads(text)
    assert exact_json.loads(written) == read
    assert written == exact_json._by_hand(read)
    assert len(written) <= len(text)


def test_numbers_keep_their_text_however_deep_they_are() -> None:
    assert exact_json.dumps(exact_json.loads('{"a": [1, {"b": [100.10, 1E2]}]}')) == '{"a":[1,{"b":[100.10,1E2]}]}'


@pytest.mark.parametrize(("before", "behind"), [('{"n":', "}"), ("[", "]"), ('[{"n":', "}]")])
def test_what_can_be_read_can_be_written_however_deep_it_is(before: str, behind: str) -> None:
    text = before * 450 + "1.50" + behind * 450
    assert exact_json.dumps(exact_json.loads(text)) == text
