"""Going through a whole table, and many things at once, with bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = TypeVar("Item")
Result = TypeVar("Result")


def hash_keys(
    client: DynamoDBClient, table: str, key: str, segments: int, seen: Callable[[int], None]
) -> Iterator[set[str]]:
    """The values of a table's hash key, a set per segment of a parallel Scan; `seen` hears of each page's items.

    DynamoDB does not document in which order a Scan goes through the items of one key, nor that they come together; so
    only the keys are collected, and each is queried later on. Half a read unit per 4 KB of the table, whatever is
    asked of an item.
    """

    def scan(segment: int) -> set[str]:
        found: set[str] = set()
        pages = client.get_paginator("scan").paginate(
            TableName=table,
            ProjectionExpression="#key",
            ExpressionAttributeNames={"#key": key},
            Segment=segment,
            TotalSegments=segments,
        )
        for page in pages:
            found.update(item[key]["S"] for item in page["Items"])
            seen(len(page["Items"]))
        return found

    return in_parallel(scan, range(segments), segments)


def in_parallel(work: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """The results of `work` in the order in which they are done; no more than two items per worker are under way."""
    with ThreadPoolExecutor(workers) as pool:
        pending: set[Future[Result]] = set()
        try:
            for item in items:
                if len(pending) >= 2 * workers:
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
                pending.add(pool.submit(work, item))
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        finally:
            for future in pending:
                future.cancel()
