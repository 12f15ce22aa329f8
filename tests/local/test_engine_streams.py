"""Event source mappings from DynamoDB streams."""

from __future__ import annotations

import ast
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.local.conftest import PROJECT, Workshop
from tests.support import eventually

TELLS = "import telling\ndef handler(event, context): telling.tell([r['dynamodb']['Keys'] for r in event['Records']])"
TELLS_ALL = "import telling\ndef handler(event, context): telling.tell(event)"


def _numbers(batch: list[dict[str, Any]]) -> list[int]:
    return [int(keys["Number"]["N"]) for keys in batch]


def test_a_record_has_the_shape_that_lambda_gives_it(workshop: Workshop) -> None:
    tell = workshop.queue()
    table, stream = workshop.table()
    workshop.map(stream, workshop.function(TELLS_ALL, tell=tell), StartingPosition="TRIM_HORIZON")

    workshop.put(table, "a", 1, Amount={"N": "100.1"}, Nested={"M": {"L": {"L": [{"BOOL": True}]}}})

    (record,) = workshop.told(tell)[0]["Records"]
    assert record.pop("eventID")
    stream_part = record.pop("dynamodb")
    assert record == {
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "eventSourceARN": stream,
    }
    assert abs(stream_part.pop("ApproximateCreationDateTime") - time.time()) < 5
    assert stream_part.pop("SequenceNumber").isdigit()
    assert stream_part.pop("SizeBytes") > 0
    keys = {"Id": {"S": "a"}, "Number": {"N": "1"}}
    assert stream_part == {
        "Keys": keys,
        "NewImage": {**keys, "Amount": {"N": "100.1"}, "Nested": {"M": {"L": {"L": [{"BOOL": True}]}}}},
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }


def test_binary_attributes_are_text_to_the_function_and_to_the_filters(workshop: Workshop) -> None:
    tell = workshop.queue()
    table, stream = workshop.table()
    workshop.map(
        stream,
        workshop.function(TELLS_ALL, tell=tell),
        StartingPosition="TRIM_HORIZON",
        BatchSize=1,
        FilterCriteria={"Filters": [{"Pattern": '{"dynamodb": {"NewImage": {"Data": {"B": ["eP8="]}}}}'}]},
    )
    binary = {"Set": {"BS": [b"\x00", b"b"]}, "Nested": {"M": {"L": {"L": [{"B": b"deep"}]}}}, "None": {"B": b""}}

    workshop.put(table, "a", 1, Data={"B": b"another"})
    workshop.put(table, "a", 2, Data={"B": b"x\xff"}, **binary)
    workshop.put(table, "a", 2, Data={"B": b"x\xff"})

    first, second = [event["Records"][0]["dynamodb"] for event in workshop.told(tell, 2)]
    image = {
        "Id": {"S": "a"},
        "Number": {"N": "2"},
        "Data": {"B": "eP8="},
        "Set": {"BS": ["AA==", "Yg=="]},
        "Nested": {"M": {"L": {"L": [{"B": "ZGVlcA=="}]}}},
        "None": {"B": ""},
    }
    assert first["NewImage"] == second["OldImage"] == image


def test_a_change_and_a_removal_arrive_with_both_images(workshop: Workshop) -> None:
    tell = workshop.queue()
    table, stream = workshop.table()
    workshop.map(stream, workshop.function(TELLS_ALL, tell=tell), StartingPosition="TRIM_HORIZON", BatchSize=1)

    workshop.put(table, "a", 1, V={"S": "old"})
    workshop.put(table, "a", 1, V={"S": "new"})
    workshop.put(table, "a", 1, V={"S": "new"})  # changes nothing, so the stream tells nothing
    workshop.dynamodb.delete_item(TableName=table, Key={"Id": {"S": "a"}, "Number": {"N": "1"}})

    records = [event["Records"][0] for event in workshop.told(tell, 3)]
    assert [record["eventName"] for record in records] == ["INSERT", "MODIFY", "REMOVE"]
    assert records[1]["dynamodb"]["OldImage"]["V"] == {"S": "old"}
    assert records[1]["dynamodb"]["NewImage"]["V"] == {"S": "new"}
    assert "NewImage" not in records[2]["dynamodb"]


def test_trim_horizon_begins_with_the_first_record_and_latest_with_the_next(workshop: Workshop) -> None:
    table, stream = workshop.table()
    workshop.put(table, "a", 1)
    first, latest = workshop.queue(), workshop.queue()
    workshop.map(stream, workshop.function(TELLS, tell=first), StartingPosition="TRIM_HORIZON")
    workshop.map(stream, workshop.function(TELLS, tell=latest), StartingPosition="LATEST")
    assert _numbers(workshop.told(first)[0]) == [1]

    workshop.put(table, "a", 2)

    assert _numbers(workshop.told(first)[0]) == [2]
    assert _numbers(workshop.told(latest)[0]) == [2]


def test_a_batch_is_no_larger_than_the_batch_size(workshop: Workshop) -> None:
    tell = workshop.queue()
    table, stream = workshop.table()
    for number in range(7):
        workshop.put(table, "a", number)

    workshop.map(stream, workshop.function(TELLS, tell=tell), StartingPosition="TRIM_HORIZON", BatchSize=3)

    assert [_numbers(batch) for batch in workshop.told(tell, 3)] == [[0, 1, 2], [3, 4, 5], [6]]


def test_a_batching_window_gathers_records(workshop: Workshop) -> None:
    tell = workshop.queue()
    table, stream = workshop.table()
    function = workshop.function(TELLS, tell=tell)
    workshop.map(stream, function, StartingPosition="TRIM_HORIZON", BatchSize=100, MaximumBatchingWindowInSeconds=1)

    for number in range(5):
        workshop.put(table, "a", number)

    assert _numbers(workshop.told(tell)[0]) == [0, 1, 2, 3, 4]


def test_a_filter_lets_through_what_matches_any_pattern(workshop: Workshop) -> None:
    tell = workshop.queue()
    table, stream = workshop.table()
    patterns = [
        {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"Kind": {"S": ["wanted"]}}}},
        {"eventName": ["REMOVE"]},
    ]
    workshop.map(
        stream,
        workshop.function(TELLS_ALL, tell=tell),
        StartingPosition="TRIM_HORIZON",
        BatchSize=1,
        FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)} for pattern in patterns]},
    )

    workshop.put(table, "a", 1, Kind={"S": "unwanted"})
    workshop.put(table, "a", 2, Kind={"S": "wanted"})
    workshop.put(table, "a", 2, Kind={"S": "wanted"}, More={"S": "x"})
    workshop.dynamodb.delete_item(TableName=table, Key={"Id": {"S": "a"}, "Number": {"N": "2"}})

    events = workshop.told(tell, 2)
    assert [event["Records"][0]["eventName"] for event in events] == ["INSERT", "REMOVE"]
    assert workshop.size(tell) == 0


def test_the_lowest_reported_failure_is_where_it_goes_on(workshop: Workshop) -> None:
    tell = workshop.queue()
    table, stream = workshop.table()
    function = workshop.function(
        """
        import telling
        seen = []
        def handler(event, context):
            records = event["Records"]
            telling.tell([r["dynamodb"]["Keys"] for r in records])
            if seen:
                return {"batchItemFailures": []}
            seen.append(1)
            failed = [r["dynamodb"]["SequenceNumber"] for r in records if r["dynamodb"]["Keys"]["Number"]["N"] in "24"]
            return {"batchItemFailures": [{"itemIdentifier": number} for number in reversed(failed)]}
        """,
        tell=tell,
    )
    for number in range(6):
        workshop.put(table, "a", number)

    workshop.map(stream, function, StartingPosition="TRIM_HORIZON", FunctionResponseTypes=["ReportBatchItemFailures"])

    assert [_numbers(batch) for batch in workshop.told(tell, 2)] == [[0, 1, 2, 3, 4, 5], [2, 3, 4, 5]]
    assert workshop.size(tell) == 0


@pytest.mark.parametrize(
    "answer",
    [
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"wrongName": "1"}]},
        {"batchItemFailures": [{"itemIdentifier": "a number that was not in the batch"}]},
        {"batchItemFailures": "all of them"},
        "well done",
    ],
)
def test_an_answer_that_makes_no_sense_fails_the_whole_batch(workshop: Workshop, answer: object) -> None:
    tell = workshop.queue()
    table, stream = workshop.table()
    code = f"""
        import telling
        def handler(event, context):
            telling.tell(len(event["Records"]))
            return {answer!r}
        """
    workshop.put(table, "a", 1)
    workshop.put(table, "a", 2)

    workshop.map(
        stream,
        workshop.function(code, tell=tell),
        StartingPosition="TRIM_HORIZON",
        FunctionResponseTypes=["ReportBatchItemFailures"],
        MaximumRetryAttempts=1,
    )

    assert workshop.told(tell, 2) == [2, 2]


@pytest.mark.parametrize("answer", [None, {}, {"batchItemFailures": None}, {"batchItemFailures": []}])
def test_an_answer_without_failures_is_success(workshop: Workshop, answer: object) -> None:
    tell = workshop.queue()
    table, stream = workshop.table()
    code = f"import telling\ndef handler(event, context):\n    telling.tell(1)\n    return {answer!r}"
    function = workshop.function(code, tell=tell)
    workshop.map(
        stream,
        function,
        StartingPosition="TRIM_HORIZON",
        FunctionResponseTypes=["ReportBatchItemFailures"],
        BatchSize=1,
    )

    workshop.put(table, "a", 1)
    workshop.put(table, "a", 2)

    assert workshop.told(tell, 2) == [1, 1]
    assert workshop.size(tell) == 0


def test_an_error_is_retried_and_then_reported_to_the_destination(workshop: Workshop) -> None:
    tell, failures = workshop.queue(), workshop.queue()
    table, stream = workshop.table()
    code = "import telling\ndef handler(event, context):\n    telling.tell(1)\n    raise ValueError('always')"
    function = workshop.function(code, tell=tell)
    workshop.map(
        stream,
        function,
        StartingPosition="TRIM_HORIZON",
        MaximumRetryAttempts=2,
        DestinationConfig={"OnFailure": {"Destination": workshop.queue_arn(failures)}},
    )

    workshop.put(table, "a", 1)

    (record,) = workshop.told(failures)
    assert workshop.told(tell, 3) == [1, 1, 1]
    context = record.pop("requestContext")
    assert context.pop("requestId")
    assert context == {
        "functionArn": f"arn:aws:lambda:us-east-1:123456789012:function:{function}",
        "condition": "RetryAttemptsExhausted",
        "approximateInvokeCount": 3,
    }
    assert record.pop("responseContext") == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    assert record.pop("version") == "1.0"
    assert record.pop("timestamp").endswith("Z")
    batch = record.pop("DDBStreamBatchInfo")
    assert record == {}
    assert batch["streamArn"] == stream
    assert batch["batchSize"] == 1
    assert (
        batch["shardId"]
        == workshop.engine.client("dynamodbstreams").describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][
            0
        ]["ShardId"]
    )
    assert batch["startSequenceNumber"] == batch["endSequenceNumber"]
    assert batch["approximateArrivalOfFirstRecord"] <= batch["approximateArrivalOfLastRecord"]


def test_bisecting_isolates_the_bad_record(workshop: Workshop) -> None:
    tell, failures = workshop.queue(), workshop.queue()
    table, stream = workshop.table()
    function = workshop.function(
        """
        import telling
        def handler(event, context):
            numbers = [r["dynamodb"]["Keys"]["Number"]["N"] for r in event["Records"]]
            if "5" in numbers:
                raise ValueError("five")
            for number in numbers:
                telling.tell(number)
        """,
        tell=tell,
    )
    for number in range(8):
        workshop.put(table, "a", number)

    workshop.map(
        stream,
        function,
        StartingPosition="TRIM_HORIZON",
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": workshop.queue_arn(failures)}},
    )

    assert workshop.told(tell, 7) == ["0", "1", "2", "3", "4", "6", "7"]
    assert workshop.told(failures)[0]["DDBStreamBatchInfo"]["batchSize"] == 1
    assert workshop.size(failures) == 0


def test_records_that_are_too_old_go_to_the_destination_untried(workshop: Workshop) -> None:
    tell, failures = workshop.queue(), workshop.queue()
    table, stream = workshop.table()
    uuid = workshop.map(
        stream,
        workshop.function(
            "import telling\ndef handler(event, context):\n    telling.tell(1)\n    raise ValueError", tell=tell
        ),
        StartingPosition="TRIM_HORIZON",
        DestinationConfig={"OnFailure": {"Destination": workshop.queue_arn(failures)}},
    )
    workshop.put(table, "a", 1)
    workshop.told(tell)

    workshop.lambda_.update_event_source_mapping(UUID=uuid, MaximumRecordAgeInSeconds=1)

    (record,) = workshop.told(failures)
    assert record["requestContext"]["condition"] == "RecordAgeExceeded"


SLOW_AT_FIRST = """
    import telling, time
    def handler(event, context):
        for record in event["Records"]:
            image = record["dynamodb"]["NewImage"]
            if image.get("Slow"):
                time.sleep(1)
            telling.tell([int(image["Number"]["N"]), int(image["Version"]["N"])])
    """


def test_lanes_run_side_by_side_and_keep_the_order_of_an_item_alone(workshop: Workshop) -> None:
    tell = workshop.queue()
    table, stream = workshop.table()
    for number in range(8):
        slow = {"Slow": {"BOOL": True}} if number == 0 else {}
        for version in range(3):
            workshop.put(table, "one partition", number, Version={"N": str(version)}, **slow)

    function = workshop.function(SLOW_AT_FIRST, tell=tell)
    workshop.map(stream, function, StartingPosition="TRIM_HORIZON", BatchSize=1, ParallelizationFactor=10)

    seen = workshop.told(tell, 24)
    for number in range(8):
        assert [version for each, version in seen if each == number] == [0, 1, 2]
    assert [number for number, _ in seen].index(0) > 0, "others of the partition did not overtake the slow one"


def test_without_more_lanes_everything_keeps_its_order(workshop: Workshop) -> None:
    tell = workshop.queue()
    table, stream = workshop.table()
    workshop.map(stream, workshop.function(TELLS, tell=tell), StartingPosition="TRIM_HORIZON", BatchSize=1)

    for number in range(10):
        workshop.put(table, f"key-{number}", number)

    assert [_numbers(batch)[0] for batch in workshop.told(tell, 10)] == list(range(10))


def test_a_disabled_mapping_waits_and_goes_on_where_it_was(workshop: Workshop) -> None:
    tell = workshop.queue()
    table, stream = workshop.table()
    uuid = workshop.map(stream, workshop.function(TELLS, tell=tell), StartingPosition="TRIM_HORIZON")
    workshop.put(table, "a", 1)
    workshop.told(tell)

    workshop.lambda_.update_event_source_mapping(UUID=uuid, Enabled=False)
    assert workshop.lambda_.get_event_source_mapping(UUID=uuid)["State"] == "Disabled"
    workshop.put(table, "a", 2)
    assert workshop.stays_empty(tell)
    workshop.lambda_.update_event_source_mapping(UUID=uuid, Enabled=True)

    assert _numbers(workshop.told(tell)[0]) == [2]


def test_a_deleted_mapping_delivers_nothing_more(workshop: Workshop) -> None:
    tell = workshop.queue()
    table, stream = workshop.table()
    uuid = workshop.map(stream, workshop.function(TELLS, tell=tell), StartingPosition="TRIM_HORIZON")
    workshop.put(table, "a", 1)
    workshop.told(tell)

    workshop.lambda_.delete_event_source_mapping(UUID=uuid)
    workshop.put(table, "a", 2)

    assert workshop.stays_empty(tell)


def test_a_throttled_function_gets_its_records_later(workshop: Workshop) -> None:
    tell, failures = workshop.queue(), workshop.queue()
    table, stream = workshop.table()
    function = workshop.function(TELLS, tell=tell)
    workshop.lambda_.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    workshop.map(
        stream,
        function,
        StartingPosition="TRIM_HORIZON",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": workshop.queue_arn(failures)}},
    )
    workshop.put(table, "a", 1)
    assert workshop.stays_empty(tell)

    workshop.lambda_.delete_function_concurrency(FunctionName=function)

    assert _numbers(workshop.told(tell)[0]) == [1]
    assert workshop.size(failures) == 0


def test_concurrent_writes_all_arrive(workshop: Workshop) -> None:
    tell = workshop.queue()
    table, stream = workshop.table()
    workshop.map(stream, workshop.function(TELLS, tell=tell), StartingPosition="TRIM_HORIZON", BatchSize=100)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: workshop.put(table, f"key-{number % 5}", number), range(100)))

    seen: list[int] = []

    def all_seen() -> bool:
        for batch in workshop.told(tell):
            seen.extend(_numbers(batch))
        return len(seen) >= 100

    eventually(all_seen)
    assert sorted(seen) == list(range(100))


def test_every_ledger_of_the_tests_runs_without_an_order_per_account() -> None:
    """Each engine that a module makes which deploys has disorder in its streams."""
    found = 0
    for path in sorted((PROJECT / "tests").rglob("*.py")):
        called = [each for each in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(each, ast.Call)]
        if "deploy" in {ast.unparse(call.func) for call in called}:
            engines = [call for call in called if ast.unparse(call.func) == "Engine"]
            found += len(engines)
            assert all("stream_disorder" in {each.arg for each in call.keywords} for call in engines), path
    assert found >= 3
