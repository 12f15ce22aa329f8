"""All that a Query finds, however many answers it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any


def every_item(ask: Callable[..., Any], asked: Mapping[str, Any]) -> Iterator[Any]:
    """The items, in the order of the answers: one request a megabyte, each made when those before it are taken."""
    place: dict[str, Any] = {}
    while True:
        answer = ask(**asked, **place)
        yield from answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        place = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
