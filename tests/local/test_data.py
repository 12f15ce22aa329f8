"""An engine with a data folder: tables in DynamoDB Local, and what an engine finds that comes after another one."""

from __future__ import annotations

import json
import os
import signal
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.engine import Engine, InterceptedRequest, Response, aws, faults
from local.engine.durable.database import Database
from local.engine.durable.folder import servers_of
from local.engine.dynamodb_local import installation
from tests.local.conftest import TELLING, Workshop, package
from tests.support import eventually

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("awslambdaric", reason="AWS's Lambda runtime client has no wheel for this platform")

ARN = "arn:aws:{}:us-east-1:123456789012:{}"
TELL = """
from telling import tell

def handler(event, context):
    tell([record["dynamodb"]["Keys"]["Id"]["S"] for record in event["Records"]] if "Records" in event else event)
"""
IMAGES = """
from telling import tell

def handler(event, context):
    tell([record["dynamodb"]["NewImage"] for record in event["Records"]])
"""
KEYS: dict[str, Any] = {
    "KeySchema": [{"AttributeName": "Id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "Id", "AttributeType": "S"}],
}
STREAM: dict[str, Any] = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}}
ONCE = Config(retries={"total_max_attempts": 1})
BY_KIND = {"AttributeName": "Kind", "AttributeType": "S"}


@pytest.fixture(scope="module", autouse=True)
def _dynamodb_local() -> None:
    try:
        installation.java(), installation.jars()
    except installation.UnavailableError as problem:
        pytest.skip(str(problem))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One for the tests that need no restart."""
    with Engine(data=tmp_path_factory.mktemp("data") / "data") as running:
        yield running


def make_table(engine: Engine, name: str = "table", **settings: Any) -> dict[str, Any]:
    """The table's description."""
    request = {"TableName": name, "BillingMode": "PAY_PER_REQUEST", **KEYS, **settings}
    described: dict[str, Any] = engine.client("dynamodb").create_table(**request)["TableDescription"]
    return described


def put(engine: Engine, *identities: str, table: str = "table", **attributes: Any) -> None:
    for identity in identities:
        engine.client("dynamodb").put_item(TableName=table, Item={"Id": {"S": identity}, **attributes})


def identities(engine: Engine, table: str = "table", **arguments: Any) -> list[str]:
    items = engine.client("dynamodb").scan(TableName=table, **arguments)["Items"]
    return sorted(item["Id"]["S"] for item in items)


def index(name: str, key: str = "Kind") -> dict[str, Any]:
    keys = [{"AttributeName": key, "KeyType": "HASH"}]
    return {"IndexName": name, "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}}


def make_queue(engine: Engine, name: str = "queue") -> str:
    anybody = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}]}
    made = engine.client("sqs").create_queue(QueueName=name, Attributes={"Policy": json.dumps(anybody)})
    return str(made["QueueUrl"])


def make_function(engine: Engine, tell: str, name: str = "function", code: str = TELL, **settings: Any) -> None:
    engine.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="main.handler",
        Code={"ZipFile": package({"main.py": code, "telling.py": TELLING})},
        Environment={"Variables": {"TELL": tell}},
        Role=Workshop(engine).role,
        Timeout=10,
        **settings,
    )


def map_stream(engine: Engine, stream: str, function: str = "function", **settings: Any) -> str:
    arguments = {"StartingPosition": "TRIM_HORIZON", **settings}
    made = engine.client("lambda").create_event_source_mapping(
        EventSourceArn=stream, FunctionName=function, **arguments
    )
    return str(made["UUID"])


def told(engine: Engine, queue: str, count: int) -> list[Any]:
    return Workshop(engine).told(queue, count, timeout=20)


def test_a_function_goes_on_with_its_stream_where_it_was(data: Path) -> None:
    with Engine(data=data) as first:
        queue = make_queue(first)
        make_function(first, queue)
        stream = make_table(first, **STREAM)["LatestStreamArn"]
        mapping = map_stream(first, stream)
        put(first, "done")
        assert told(first, queue, 1) == [["done"]]
        first.client("lambda").update_event_source_mapping(UUID=mapping, Enabled=False)
        put(first, "on its way")
    with Engine(data=data) as second:
        with second.settling():
            queue = make_queue(second)
            make_function(second, queue)
            make_table(second, **STREAM)
            map_stream(second, stream)
            assert Workshop(second).stays_empty(queue)  # a rule might not be there yet
        assert told(second, queue, 1) == [["on its way"]]
        put(second, "new")
        assert told(second, queue, 1) == [["new"]]


def test_a_mapping_that_began_at_the_end_of_a_stream_begins_there_again(data: Path) -> None:
    with Engine(data=data) as first:
        make_function(first, make_queue(first))
        stream = make_table(first, **STREAM)["LatestStreamArn"]
        put(first, "before")
        map_stream(first, stream, StartingPosition="LATEST", Enabled=False)
        put(first, "behind")
    with Engine(data=data) as second:
        with second.settling():
            queue = make_queue(second)
            make_function(second, queue)
            make_table(second, **STREAM)
            mapping = map_stream(second, stream, StartingPosition="LATEST")
        assert told(second, queue, 1) == [["behind"]]
        second.client("lambda").delete_event_source_mapping(UUID=mapping)
        map_stream(second, stream)  # another mapping, which begins where it is told to
        assert [each for batch in told(second, queue, 1) for each in batch] == ["before", "behind"]


def test_deliveries_and_invocations_that_were_accepted_are_seen_through(data: Path) -> None:
    def make(engine: Engine, **settings: Any) -> str:
        queue, other = make_queue(engine), make_queue(engine, "other")
        make_function(engine, other, **settings)
        events = engine.client("events")
        events.put_rule(Name="rule", EventPattern='{"source": ["test"]}')
        events.put_targets(Rule="rule", Targets=[{"Id": "target", "Arn": ARN.format("sqs", "queue")}])
        return queue

    with Engine(data=data) as first:
        make(first)
        first.client("lambda").put_function_concurrency(FunctionName="function", ReservedConcurrentExecutions=0)
        first.client("lambda").invoke(FunctionName="function", InvocationType="Event", Payload='{"for": "later"}')
        attempts: list[InterceptedRequest] = []

        def fail(request: InterceptedRequest) -> Response:
            attempts.append(request)
            return request.error("InternalError", status=500)

        with first.intercept("sqs", "SendMessage", fail):
            entry = {"Source": "test", "DetailType": "kind", "Detail": '{"amount": 100.10}'}
            assert first.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0
            eventually(lambda: len(attempts) > 1)
    with Engine(data=data) as second:
        with second.settling():
            queue = make(second)
            with pytest.raises(ClientError, match="The stack is being deployed"):
                second.client("lambda", ONCE).invoke(FunctionName="function")
        (message,) = Workshop(second).take(queue, 1, timeout=20)
        assert '"amount":100.10' in message["Body"]
        assert told(second, queue.replace("/queue", "/other"), 1) == [{"for": "later"}]
        with closing(Database(data / "state.db")) as database:
            eventually(lambda: database.read("SELECT * FROM pending") == [])  # a function tells before it has returned


def test_a_dynamodb_local_that_ends_is_started_again(data: Path) -> None:
    with Engine(data=data) as engine:
        make_table(engine)
        put(engine, "a")
        (server,) = servers_of(data / "tables")
        os.kill(server, signal.SIGKILL)

        def answers() -> bool:
            try:
                return identities(engine) == ["a"]
            except ClientError:
                return False

        eventually(answers, 30)


def test_files_of_tables_are_whole_when_the_engine_has_ended(data: Path) -> None:
    with Engine(data=data) as engine:
        make_table(engine)
        put(engine, "a", "b")
        assert [each for each in (data / "tables").glob("*-wal") if each.stat().st_size]
    assert [each for each in (data / "tables").iterdir() if each.suffix != ".db"] == []
    with Engine(data=data) as engine:
        make_table(engine)
        assert identities(engine) == ["a", "b"]


def test_what_dynamodb_local_lacks_is_the_twins(engine: Engine) -> None:
    dynamodb = engine.client("dynamodb")
    arn = make_table(engine, "twin", Tags=[{"Key": "k", "Value": "v"}], DeletionProtectionEnabled=True)["TableArn"]
    assert arn == ARN.format("dynamodb", "table/twin")
    assert dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
    dynamodb.update_time_to_live(
        TableName="twin", TimeToLiveSpecification={"Enabled": True, "AttributeName": "Expires"}
    )
    assert dynamodb.describe_time_to_live(TableName="twin")["TimeToLiveDescription"]["AttributeName"] == "Expires"
    statement = {"Effect": "Deny", "Principal": "*", "Action": "dynamodb:DeleteItem", "Resource": arn}
    dynamodb.put_resource_policy(ResourceArn=arn, Policy=json.dumps({"Statement": [statement]}))
    with pytest.raises(ClientError, match="explicit deny in a resource-based policy"):
        dynamodb.delete_item(TableName="twin", Key={"Id": {"S": "a"}})
    with pytest.raises(ClientError, match=r"(?i)protect"):
        dynamodb.delete_table(TableName="twin")
    put(engine, "a", table="twin")
    assert dynamodb.describe_table(TableName="twin")["Table"]["ItemCount"] == 1


@pytest.mark.parametrize("operation", ["CreateBackup", "ListBackups", "DescribeLimits", "ListGlobalTables"])
def test_an_operation_of_neither_is_refused_by_name(engine: Engine, operation: str) -> None:
    with pytest.raises(ClientError) as refused:
        engine.client("dynamodb")._make_api_call(operation, ARGUMENTS.get(operation, {}))
    assert refused.value.response["Error"]["Code"] == "NotImplemented"
    assert operation in refused.value.response["Error"]["Message"]


ARGUMENTS: dict[str, dict[str, Any]] = {"CreateBackup": {"TableName": "twin", "BackupName": "backup"}}


def test_tables_can_be_named_by_their_arns(engine: Engine) -> None:
    dynamodb, arn = engine.client("dynamodb"), make_table(engine, "named")["TableArn"]
    item = {"Id": {"S": arn}}  # an ARN in an item stays what it is
    dynamodb.put_item(TableName=arn, Item=item)
    dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": arn, "Item": {"Id": {"S": "b"}}}}])
    answer = dynamodb.batch_get_item(RequestItems={arn: {"Keys": [item, {"Id": {"S": "b"}}]}})
    assert sorted(each["Id"]["S"] for each in answer["Responses"]["named"]) == [arn, "b"]


def test_faults_and_counts_are_as_in_memory(engine: Engine) -> None:
    make_table(engine, "counted")
    before = engine.calls["dynamodb", "PutItem"]
    with engine.intercept("dynamodb", "PutItem", faults.error("ConditionalCheckFailedException", times=1)):
        with pytest.raises(ClientError, match="ConditionalCheckFailed"):
            put(engine, "a", table="counted")
        put(engine, "b", table="counted")
    assert engine.calls["dynamodb", "PutItem"] - before == 2
    assert identities(engine, "counted") == ["b"]


def test_the_streams_api_speaks_of_this_aws(engine: Engine) -> None:
    stream = make_table(engine, "followed", **STREAM)["LatestStreamArn"]
    put(engine, "a", table="followed")
    streams = engine.client("dynamodbstreams")
    assert stream in [each["StreamArn"] for each in streams.list_streams()["Streams"]]
    described = streams.describe_stream(StreamArn=stream)["StreamDescription"]
    assert described["StreamArn"] == stream
    iterator = streams.get_shard_iterator(
        StreamArn=stream, ShardId=described["Shards"][0]["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    assert iterator.startswith(stream)
    (record,) = streams.get_records(ShardIterator=iterator)["Records"]
    assert (record["awsRegion"], record["dynamodb"]["NewImage"]) == ("us-east-1", {"Id": {"S": "a"}})
    with pytest.raises(ClientError, match="not found"):
        streams.describe_stream(StreamArn=stream + "0")


def test_an_empty_map_is_one_in_every_record(engine: Engine) -> None:
    stream = make_table(engine, "emptied", **STREAM)["LatestStreamArn"]
    attributes: dict[str, Any] = {
        "Empty": {"M": {}},
        "None": {"L": []},
        "Deep": {"M": {"Map": {"M": {}}, "List": {"L": [{"M": {}}, {"S": ""}]}}},
    }
    put(engine, "a", table="emptied", **attributes)
    put(engine, "a", table="emptied")
    streams = engine.client("dynamodbstreams")
    (shard,) = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
    place = {"StreamArn": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    records = streams.get_records(ShardIterator=streams.get_shard_iterator(**place)["ShardIterator"])["Records"]
    image = {"Id": {"S": "a"}, **attributes}
    assert [each["dynamodb"].get("NewImage") for each in records] == [image, {"Id": {"S": "a"}}]
    assert records[1]["dynamodb"]["OldImage"] == image


def test_a_function_is_given_an_empty_map(engine: Engine) -> None:
    queue = make_queue(engine, "images")
    make_function(engine, queue, "images", code=IMAGES)
    stream = make_table(engine, "imaged", **STREAM)["LatestStreamArn"]
    map_stream(engine, stream, "images")
    put(engine, "a", table="imaged", Empty={"M": {}})
    assert told(engine, queue, 1) == [[{"Id": {"S": "a"}, "Empty": {"M": {}}}]]


def test_regions_have_tables_of_their_own(engine: Engine) -> None:
    make_table(engine, "regional")
    put(engine, "a", table="regional")
    elsewhere = aws.client("dynamodb", engine.endpoint, "eu-west-1")
    elsewhere.create_table(TableName="regional", BillingMode="PAY_PER_REQUEST", **KEYS)
    assert elsewhere.scan(TableName="regional")["Items"] == []


def test_replicas_are_refused_by_name(engine: Engine) -> None:
    make_table(engine, "alone", **STREAM)
    create = [{"Create": {"RegionName": "eu-west-1"}}]
    with pytest.raises(ClientError, match="DynamoDB Local knows one Region"):
        engine.client("dynamodb").update_table(TableName="alone", ReplicaUpdates=create)
    with pytest.raises(RuntimeError, match="no global tables"):
        _ = engine.replication
