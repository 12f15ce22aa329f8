"""What looks for events by time or type, on a stack that leaves the type index out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest

from ..domain.builders import story
from ..handlers.conftest import STORE, Calls, refusing
from .conftest import Published, Run, keep
from .test_dead_letters import leave, stretch, unknown

NINE, TEN = "2024-01-15T09:00:00.000000Z", "2024-01-15T10:00:00.000000Z"
INDEX = "EventType-Timestamp-index"


@pytest.fixture(autouse=True)
def left_out(aws: Any, outputs: Path) -> None:
    """The table has no index any more, and the query function is told so."""
    aws.update_table(TableName=STORE, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": INDEX}}])
    boto3.client("lambda").update_function_configuration(
        FunctionName="queryFunction", Environment={"Variables": {"TYPE_BUCKETS": "3", "TYPE_INDEX": "false"}}
    )


def test_a_window_is_published_from_the_whole_table_whatever_the_types(
    aws: Any, run: Run, published: Published, calls: Calls
) -> None:
    keep(aws, story("before", [1], now=NINE))  # 09:00:00 and 09:00:01
    keep(aws, story("a", [1] * 20, now=TEN))  # 10:00:00 to 10:00:20
    keep(aws, unknown("of-newer-code"))  # 10:00:00

    result = run("republish", "2024-01-15T09:00:01Z", "2024-01-15T10:00:05Z", "--json")

    expected = [("a", sequence) for sequence in range(1, 7)] + [("before", 2), ("of-newer-code", 1)]
    assert (result.code, sorted(published())) == (0, expected)
    assert (result.json["events"], result.json["fromTheFuture"]) == (8, 0)
    scans = calls.to("Scan")
    assert len(scans) == 2  # one to publish, one to count what is later
    assert all(scan["ConsistentRead"] for scan in scans)
    assert not any("IndexName" in query for query in calls.to("Query"))


def test_what_is_stamped_from_the_future_is_counted(aws: Any, run: Run) -> None:
    keep(aws, story("future", [1, 1], now="2999-01-15T10:00:00.000000Z"))

    told = run("republish", "2024-01-15T00:00:00Z", "--json").json
    assert told == {"events": 0, "foreign": [], "fromTheFuture": 3, "rulesOff": []}


def test_a_stretch_that_the_stream_has_forgotten_is_looked_for_in_the_whole_table(
    aws: Any, sqs: Any, run: Run, published: Published, *, calls: Calls
) -> None:
    keep(aws, story("a", [1] * 3, now=TEN))
    leave(sqs, "invocation-dlq", stretch(aws, 0, 3))
    calls.before = refusing("GetShardIterator", "TrimmedDataAccessException")

    result = run("dead-letters", "redrive", "--force", "--json")

    assert (result.code, result.json["counts"]) == (0, {"moved": 1})
    assert sorted(published()) == [("a", sequence) for sequence in range(1, 5)]


def test_an_export_of_one_type_is_refused_by_the_settings_name(run: Run, tmp_path: Path) -> None:
    result = run("export", "--out", str(tmp_path / "out"), "--type", "TransactionProcessed")

    assert result.code != 0
    assert "typeIndex" in result.error
    assert run("export", "--out", str(tmp_path / "out")).code == 0
