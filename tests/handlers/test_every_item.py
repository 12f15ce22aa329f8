"""What comes in several answers is had whole, in order, and no answer is asked for before it is needed."""

from __future__ import annotations

from itertools import islice
from typing import Any

from handlers.store.every_item import every_item

PAGES = [["a", "b"], [], ["c"]]
"""DynamoDB may leave a page empty and have more behind it."""


class Table:
    """Answers page after page, and keeps where each was asked from."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def query(self, *, TableName: str, ExclusiveStartKey: int = 0) -> dict[str, Any]:  # noqa: N803
        self.asked.append({"table": TableName, "from": ExclusiveStartKey})
        behind = ExclusiveStartKey + 1
        return {"Items": PAGES[ExclusiveStartKey]} | ({"LastEvaluatedKey": behind} if behind < len(PAGES) else {})


def test_every_page_is_had_once_and_an_empty_one_ends_nothing() -> None:
    table = Table()

    assert list(every_item(table.query, {"TableName": "t"})) == ["a", "b", "c"]
    assert table.asked == [{"table": "t", "from": place} for place in range(len(PAGES))]


def test_no_page_is_asked_for_that_nobody_takes() -> None:
    table = Table()

    assert list(islice(every_item(table.query, {"TableName": "t"}), 2)) == ["a", "b"]
    assert table.asked == [{"table": "t", "from": 0}]
