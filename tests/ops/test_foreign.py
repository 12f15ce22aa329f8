"""What somebody else put into the store is named by every command, and the events beside it are worked on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from handlers.sourcing.values import dumps

from ..domain.builders import story
from ..foreign import FOREIGN, put_foreign
from .conftest import Published, Run, keep, url

ODD = pytest.mark.parametrize("odd", FOREIGN)
DATED = pytest.mark.parametrize("odd", [odd for odd in FOREIGN if odd != "a time of another form"])


@ODD
@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_an_export_names_it_and_has_the_events(aws: Any, run: Run, tmp_path: Path, *, odd: str, form: str) -> None:
    keep(aws, story("a", [1, 2]))
    change, problem = FOREIGN[odd]
    put_foreign(aws, "foreign", "1", change)
    out = tmp_path / "export"

    result = run("export", "--out", str(out), "--format", form)

    assert result.code == 1
    assert f"foreign #1 no event: {problem}" in result.out
    assert "3 events" in result.out
    assert "1 item is no event and was left out" in result.out
    manifest = json.loads((out / "manifest.json").read_text())
    assert (manifest["finished"], manifest["events"], manifest["leftOut"]) == (True, 3, 1)


def test_an_export_of_one_account_names_it(aws: Any, run: Run, tmp_path: Path) -> None:
    keep(aws, story("a", [1, 2]))
    put_foreign(aws, "a", "2.5", {})
    put_foreign(aws, "b", "1", FOREIGN["no data"][0])

    first = run("export", "--out", str(tmp_path / "a"), "--aggregate", "a", "--json")
    second = run("export", "--out", str(tmp_path / "b"), "--aggregate", "b", "--json")

    assert [(each.code, each.json["events"], each.json["leftOut"]) for each in (first, second)] == [
        (1, 3, 1),
        (1, 0, 1),
    ]
    assert "a #2.5 no event: EventSequence must be a whole number" in first.error


@ODD
def test_a_stream_is_published_without_it(aws: Any, run: Run, published: Published, odd: str) -> None:
    keep(aws, story("a", [1, 2]))
    change, problem = FOREIGN[odd]
    put_foreign(aws, "a", "4", change)

    result = run("republish", "--aggregate", "a", "--json")

    assert (result.code, result.json["events"]) == (1, 3)
    assert result.json["foreign"] == [{"aggregateId": "a", "sequence": "4", "problem": problem}]
    assert f"a #4 no event: {problem}" in result.error
    assert sorted(published()) == [("a", 1), ("a", 2), ("a", 3)]


@DATED
def test_a_window_is_published_without_it(aws: Any, run: Run, published: Published, odd: str) -> None:
    keep(aws, story("a", [1, 2]))
    change, problem = FOREIGN[odd]
    put_foreign(aws, "foreign", "4", change)

    result = run("republish", "2024-01-15T09:00:00Z", "2024-01-15T11:00:00Z", "--json")

    assert (result.code, result.json["events"]) == (1, 3)
    assert result.json["foreign"] == [{"aggregateId": "foreign", "sequence": "4", "problem": problem}]
    assert sorted(published()) == [("a", 1), ("a", 2), ("a", 3)]


@ODD
def test_verify_and_snapshots_name_it(aws: Any, run: Run, odd: str) -> None:
    keep(aws, story("a", [1, 2]))
    change, problem = FOREIGN[odd]
    put_foreign(aws, "a", "4", change)

    found = run("verify", "--aggregate", "a", "--json").json["findings"]
    broken = run("snapshots", "--json").json["broken"]

    unreadable = [each for each in found if each["kind"] == "unreadable"]
    assert [(each["sequence"], each["detail"]) for each in unreadable] == [(4, f"the item is no event: {problem}")]
    assert broken == [{"aggregateId": "a", "detail": f"item 4 of a is no event: {problem}"}]


@pytest.mark.parametrize("value", [{"SS": ["x"]}, {"B": b"x"}])
def test_verify_names_an_attribute_of_a_kind_that_no_event_has(aws: Any, run: Run, value: Any) -> None:
    keep(aws, story("a", []))
    put_foreign(aws, "a", "2", {"Note": value})

    found = run("verify", "--json").json["findings"]

    kind = next(iter(value))
    words = "a set" if kind == "SS" else "a binary"
    assert [each["detail"] for each in found if each["kind"] == "unreadable"] == [
        f"the item is no event: the item.Note is no JSON value but {words}"
    ]


def test_dead_letters_say_in_words_what_is_missing(aws: Any, sqs: Any, run: Run) -> None:
    detail = {"AggregateId": "a", "EventSequence": 3}
    sqs.send_message(QueueUrl=url("projection-dlq"), MessageBody=dumps({"detail": detail}))

    (letter,) = run("dead-letters", "list", "--json").json["letters"]

    assert letter["reason"] == "no event: body: holds no event: item 3 of a is no event: EventId is missing"
