"""Global tables: replicas in other Regions, and what goes from one to another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.engine import Engine
from local.engine.global_tables import REPLICATION_ROLE
from tests.local.in_process import refusal
from tests.support import eventually

HERE, THERE, FAR = "us-east-1", "eu-west-1", "ap-southeast-2"
STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(region=HERE) as running:
        yield running


class Tables:
    """A table of one test, and its replicas."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine, self.name = engine, name
        self.arn = f"arn:aws:dynamodb:{HERE}:123456789012:table/{name}"

    def at(self, region: str) -> Any:
        return self.engine.client("dynamodb", region=region)

    def make(self, **settings: Any) -> None:
        keys = [{"AttributeName": "Id", "KeyType": "HASH"}, {"AttributeName": "Number", "KeyType": "RANGE"}]
        types = {"Id": "S", "Number": "N", "Type": "S"}
        self.at(HERE).create_table(
            **{
                "TableName": self.name,
                "KeySchema": keys,
                "AttributeDefinitions": [{"AttributeName": n, "AttributeType": t} for n, t in types.items()],
                "BillingMode": "PAY_PER_REQUEST",
                "StreamSpecification": STREAM,
                "GlobalSecondaryIndexes": [
                    {
                        "IndexName": "types",
                        "KeySchema": [{"AttributeName": "Type", "KeyType": "HASH"}, keys[1]],
                        "Projection": {"ProjectionType": "ALL"},
                    }
                ],
                **settings,
            }
        )

    def replicate(self, region: str = THERE, **settings: Any) -> Any:
        create = {"Create": {"RegionName": region, **settings}}
        return self.at(HERE).update_table(TableName=self.name, ReplicaUpdates=[create])["TableDescription"]

    def describe(self, region: str) -> Any:
        return self.at(region).describe_table(TableName=self.name)["Table"]

    def put(self, region: str, number: int, value: str, **more: Any) -> None:
        item = {**_key(number), "Value": {"S": value}, "Type": {"S": "T"}, **more}
        self.at(region).put_item(TableName=self.name, Item=item)

    def value(self, region: str, number: int) -> str | None:
        """A strong read: it is of the Region alone."""
        found = self.at(region).get_item(TableName=self.name, Key=_key(number), ConsistentRead=True).get("Item")
        return None if found is None else str(found["Value"]["S"])

    def records(self, region: str) -> list[dict[str, Any]]:
        streams = self.engine.client("dynamodbstreams", region=region)
        arn = self.describe(region)["LatestStreamArn"]
        (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        where = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        found: list[dict[str, Any]] = streams.get_records(
            ShardIterator=streams.get_shard_iterator(**where)["ShardIterator"]
        )["Records"]
        return found

    def told(self, region: str) -> list[tuple[str, str | None, str | None]]:
        """Of each record of the stream what it was, and the value before and after."""
        images = [
            (r["eventName"], r["dynamodb"].get("OldImage"), r["dynamodb"].get("NewImage")) for r in self.records(region)
        ]
        return [(name, old and old["Value"]["S"], new and new["Value"]["S"]) for name, old, new in images]


def _key(number: int) -> dict[str, Any]:
    return {"Id": {"S": "a"}, "Number": {"N": str(number)}}


@pytest.fixture
def tables(engine: Engine, request: pytest.FixtureRequest) -> Tables:
    return Tables(engine, request.node.name.replace("[", "-").replace("]", "")[:200])


@pytest.fixture
def both(tables: Tables) -> Tables:
    """With a replica there."""
    tables.make()
    tables.replicate()
    return tables


def test_a_new_replica_has_what_is_there_and_says_so(tables: Tables) -> None:
    tables.make(DeletionProtectionEnabled=True)
    tables.put(HERE, 1, "before", Data={"B": b"\x00\xff"}, Nested={"M": {"L": {"L": [{"N": "1.50"}, {"B": b"x"}]}}})
    tables.at(HERE).update_time_to_live(
        TableName=tables.name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "Due"}
    )

    answer = tables.replicate()

    assert [(each["RegionName"], each["ReplicaStatus"]) for each in answer["Replicas"]] == [(THERE, "ACTIVE")]
    assert answer["MultiRegionConsistency"] == "EVENTUAL"
    items = [tables.at(region).scan(TableName=tables.name)["Items"] for region in (HERE, THERE)]
    assert items[0] == items[1] != []
    there = tables.describe(THERE)
    assert [(each["RegionName"], each["ReplicaArn"]) for each in there["Replicas"]] == [(HERE, tables.arn)]
    assert there["TableArn"] == tables.arn.replace(HERE, THERE)
    assert there["StreamSpecification"] == STREAM
    assert there["LatestStreamArn"] != tables.describe(HERE)["LatestStreamArn"]
    assert [each["IndexName"] for each in there["GlobalSecondaryIndexes"]] == ["types"]
    assert there["DeletionProtectionEnabled"] is False, "each replica has its own"
    expiry = tables.at(THERE).describe_time_to_live(TableName=tables.name)["TimeToLiveDescription"]
    assert expiry == {"AttributeName": "Due", "TimeToLiveStatus": "ENABLED"}
    assert tables.records(THERE) == []


def test_what_one_region_writes_the_other_has_and_tells(both: Tables) -> None:
    data = {"Data": {"B": b"\x00\xff"}, "Set": {"BS": [b"1", b"2"]}, "Nested": {"M": {"L": {"L": [{"B": b"x"}]}}}}
    both.put(HERE, 1, "first", **data)
    both.engine.replication.settle()
    both.put(HERE, 1, "second", **data)
    both.engine.replication.settle()
    both.at(HERE).update_item(
        TableName=both.name,
        Key=_key(1),
        UpdateExpression="SET #v = :v",
        ExpressionAttributeNames={"#v": "Value"},
        ExpressionAttributeValues={":v": {"S": "third"}},
    )
    both.put(HERE, 2, "gone")
    both.engine.replication.settle()
    both.at(HERE).delete_item(TableName=both.name, Key=_key(2))
    both.engine.replication.settle()

    items = [both.at(region).scan(TableName=both.name)["Items"] for region in (HERE, THERE)]
    assert items[0] == items[1]
    assert both.told(THERE) == both.told(HERE) == [
        ("INSERT", None, "first"),
        ("MODIFY", "first", "second"),
        ("MODIFY", "second", "third"),
        ("INSERT", None, "gone"),
        ("REMOVE", "gone", None),
    ]  # fmt: skip
    assert {record["awsRegion"] for record in both.records(THERE)} == {THERE}
    found = both.at(THERE).query(
        TableName=both.name,
        IndexName="types",
        KeyConditionExpression="#t = :t",
        ExpressionAttributeNames={"#t": "Type"},
        ExpressionAttributeValues={":t": {"S": "T"}},
    )
    assert [item["Value"]["S"] for item in found["Items"]] == ["third"]

    both.put(THERE, 3, "back")  # and so in the other direction, but nothing goes round
    both.engine.replication.settle()
    assert both.value(HERE, 3) == "back"
    assert len(both.records(HERE)) == len(both.records(THERE)) == 6


def test_a_cut_link_holds_changes_back_until_it_is_healed(both: Tables) -> None:
    with both.engine.links.cut(HERE, THERE):
        both.put(HERE, 1, "here")
        both.put(THERE, 2, "there")
        both.engine.replication.settle()
        assert (both.value(THERE, 1), both.value(HERE, 2)) == (None, "there")
        assert both.engine.replication.pending(both.name, HERE, THERE) == [_key(1)]
        assert both.engine.replication.pending(both.name, THERE, HERE) == []
    both.engine.replication.settle()
    assert both.value(THERE, 1) == "here"
    assert both.engine.replication.pending(both.name, HERE, THERE) == []


def test_the_last_writer_wins_and_the_loser_alone_is_told(both: Tables) -> None:
    with both.engine.links.partition(HERE, THERE):
        both.put(HERE, 1, "earlier")
        both.put(THERE, 1, "later")
    both.engine.replication.settle()
    assert both.value(HERE, 1) == both.value(THERE, 1) == "later"
    assert both.told(HERE) == [("INSERT", None, "earlier"), ("MODIFY", "earlier", "later")]
    assert both.told(THERE) == [("INSERT", None, "later")]


def test_a_deletion_wins_and_loses_by_its_time_as_a_put_does(both: Tables) -> None:
    for number in (1, 2):
        both.put(HERE, number, "first")
    both.engine.replication.settle()
    with both.engine.links.partition(HERE, THERE):
        both.put(HERE, 1, "older than the deletion")
        both.at(THERE).delete_item(TableName=both.name, Key=_key(1))
        both.at(HERE).delete_item(TableName=both.name, Key=_key(2))
        both.put(THERE, 2, "newer than the deletion")
    both.engine.replication.settle()
    assert both.value(HERE, 1) is both.value(THERE, 1) is None
    assert both.value(HERE, 2) == both.value(THERE, 2) == "newer than the deletion"


def test_a_clock_that_is_ahead_wins_though_it_wrote_first(both: Tables) -> None:
    both.engine.replication.skew(HERE, 60)
    try:
        with both.engine.links.partition(HERE, THERE):
            both.put(HERE, 1, "ahead")
            both.put(THERE, 1, "later")
        both.engine.replication.settle()
        assert both.value(HERE, 1) == both.value(THERE, 1) == "ahead"
        both.put(THERE, 1, "of what is there")  # an own write is never older than what it overwrites
        both.engine.replication.settle()
        assert both.value(HERE, 1) == both.value(THERE, 1) == "of what is there"
    finally:
        both.engine.replication.skew(HERE, 0)


def test_a_clock_that_goes_wrong_later_changes_no_earlier_write(both: Tables) -> None:
    try:
        with both.engine.links.partition(HERE, THERE):
            both.put(HERE, 1, "earlier")
            both.engine.replication.skew(HERE, 60)
            both.put(THERE, 1, "later")
        both.engine.replication.settle()
        assert both.value(HERE, 1) == both.value(THERE, 1) == "later"
    finally:
        both.engine.replication.skew(HERE, 0)


def test_writes_that_cross_together_are_one_to_the_other_region(both: Tables) -> None:
    with both.engine.links.cut(HERE, THERE):
        for value in ("first", "second", "third"):
            both.put(HERE, 1, value)
    both.engine.replication.settle()
    assert both.told(THERE) == [("INSERT", None, "third")]
    assert len(both.told(HERE)) == 3


def test_a_slow_link_takes_its_time_and_a_condition_looks_at_its_own_region(both: Tables) -> None:
    both.engine.links.delay(HERE, THERE, 3600)
    try:
        both.put(HERE, 1, "won here")
        both.at(THERE).put_item(
            TableName=both.name,
            Item={**_key(1), "Value": {"S": "won there, too"}},
            ConditionExpression="attribute_not_exists(Id)",
        )
        assert both.engine.replication.pending(both.name, HERE, THERE) == [_key(1)]
        eventually(lambda: both.value(HERE, 1) == "won there, too", message="the fast direction")
    finally:
        both.engine.links.delay(HERE, THERE, 0)
    both.engine.replication.settle()
    assert both.value(THERE, 1) == "won there, too"


def test_a_transaction_that_fails_is_told_to_nobody_and_one_that_succeeds_item_by_item(both: Tables) -> None:
    both.put(HERE, 9, "there is one")
    puts = [{"Put": {"TableName": both.name, "Item": {**_key(n), "Value": {"S": "t"}}}} for n in (1, 2)]
    none = {"TableName": both.name, "Key": _key(9), "ConditionExpression": "attribute_not_exists(Id)"}
    with pytest.raises(ClientError, match="TransactionCanceled"):
        both.at(HERE).transact_write_items(TransactItems=[*puts, {"ConditionCheck": none}])
    both.engine.replication.settle()
    assert both.value(THERE, 1) is None

    both.at(HERE).transact_write_items(TransactItems=puts)
    both.engine.replication.settle()
    assert both.value(THERE, 1) == both.value(THERE, 2) == "t"
    assert len(both.records(THERE)) == 3


def test_three_regions_tell_each_other_and_a_later_replica_misses_nothing(both: Tables) -> None:
    with both.engine.links.cut(THERE, HERE):
        both.put(THERE, 1, "not here yet")
        both.put(HERE, 2, "here")
        both.replicate(FAR)
        both.engine.replication.settle()
        assert (both.value(FAR, 1), both.value(FAR, 2), both.value(HERE, 1)) == ("not here yet", "here", None)
    both.put(FAR, 3, "far")
    both.engine.replication.settle()
    for region in (HERE, THERE, FAR):
        assert [both.value(region, number) for number in (1, 2, 3)] == ["not here yet", "here", "far"]
    assert {each["RegionName"] for each in both.describe(HERE)["Replicas"]} == {THERE, FAR}


def deny(region: str, *actions: str, **condition: Any) -> str:
    statement = {"Effect": "Deny", "Principal": "*", "Action": list(actions), "Resource": "*", **condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize("whose", [HERE, THERE])
def test_a_policy_that_denies_the_replication_role_stops_it_and_that_is_told(both: Tables, whose: str) -> None:
    arn = both.arn.replace(HERE, whose)
    both.at(whose).put_resource_policy(ResourceArn=arn, Policy=deny(whose, "dynamodb:DeleteItem"))
    both.put(HERE, 1, "held")
    both.put(THERE, 2, "held")
    other = THERE if whose == HERE else HERE
    assert both.describe(whose)["TableStatus"] == "REPLICATION_NOT_AUTHORIZED"
    assert both.describe(other)["TableStatus"] == "ACTIVE"
    (told,) = both.describe(other)["Replicas"]
    assert told["ReplicaStatus"] == "REPLICATION_NOT_AUTHORIZED"
    with pytest.raises(TimeoutError):
        both.engine.replication.settle(timeout=0.3)
    assert (both.value(THERE, 1), both.value(HERE, 2)) == (None, None)

    admitted = {"Condition": {"ArnNotEquals": {"aws:PrincipalArn": REPLICATION_ROLE}}}
    both.at(whose).put_resource_policy(ResourceArn=arn, Policy=deny(whose, "dynamodb:DeleteItem", **admitted))
    both.engine.replication.settle()
    assert (both.value(THERE, 1), both.value(HERE, 2)) == ("held", "held")
    assert both.describe(whose)["TableStatus"] == "ACTIVE"
    with pytest.raises(ClientError, match="explicit deny"):
        both.at(whose).delete_item(TableName=both.name, Key=_key(1))


def test_what_expires_in_one_region_is_deleted_in_the_other_and_only_the_first_says_why(both: Tables) -> None:
    both.at(THERE).update_time_to_live(
        TableName=both.name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "Due"}
    )
    both.put(HERE, 1, "due", Due={"N": "1000"})
    both.put(HERE, 2, "not due", Due={"N": "2000"})
    both.put(HERE, 3, "never")
    both.engine.replication.settle()
    assert both.engine.replication.expire(both.name, THERE, now=1500) == 1
    both.engine.replication.settle()
    assert [both.value(HERE, number) for number in (1, 2, 3)] == [None, "not due", "never"]
    assert both.records(THERE)[-1]["userIdentity"] == {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}
    assert both.records(HERE)[-1]["eventName"] == "REMOVE"
    assert "userIdentity" not in both.records(HERE)[-1]


def test_settings_are_those_of_all_replicas_or_of_one_as_on_aws(both: Tables) -> None:
    gone = [{"Delete": {"IndexName": "types"}}]
    both.at(THERE).update_table(TableName=both.name, GlobalSecondaryIndexUpdates=gone)
    assert both.describe(HERE)["GlobalSecondaryIndexes"] == both.describe(THERE)["GlobalSecondaryIndexes"] == []
    both.at(THERE).update_table(TableName=both.name, DeletionProtectionEnabled=True)
    assert both.describe(HERE)["DeletionProtectionEnabled"] is False
    recovery = {"PointInTimeRecoveryEnabled": True}
    both.at(THERE).update_continuous_backups(TableName=both.name, PointInTimeRecoverySpecification=recovery)
    here = both.at(HERE).describe_continuous_backups(TableName=both.name)["ContinuousBackupsDescription"]
    assert here["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "DISABLED"
    code, _ = refusal(both.at(HERE).update_table, TableName=both.name, StreamSpecification={"StreamEnabled": False})
    assert code == "ValidationException"


def test_a_replica_goes_when_it_is_told_to_unless_it_is_protected(both: Tables) -> None:
    both.at(THERE).update_table(TableName=both.name, DeletionProtectionEnabled=True)
    delete = [{"Delete": {"RegionName": THERE}}]
    code, _ = refusal(both.at(HERE).update_table, TableName=both.name, ReplicaUpdates=delete)
    assert code == "ValidationException"
    both.at(THERE).update_table(TableName=both.name, DeletionProtectionEnabled=False)
    both.at(HERE).update_table(TableName=both.name, ReplicaUpdates=delete)
    assert "Replicas" not in both.describe(HERE)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        both.describe(THERE)
    both.put(HERE, 1, "alone")
    both.replicate()
    assert both.value(THERE, 1) == "alone"
    both.at(THERE).delete_table(TableName=both.name)
    assert "Replicas" not in both.describe(HERE)
    with pytest.raises(LookupError):
        both.engine.replication.pending(both.name, HERE, THERE)


def test_each_replica_has_its_own_key(tables: Tables) -> None:
    keys = {
        region: tables.engine.client("kms", region=region).create_key()["KeyMetadata"]["Arn"]
        for region in (HERE, THERE)
    }
    tables.make(SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": keys[HERE]})
    for wrong in ({}, {"KMSMasterKeyId": keys[HERE]}):
        create = [{"Create": {"RegionName": THERE, **wrong}}]
        code, _ = refusal(tables.at(HERE).update_table, TableName=tables.name, ReplicaUpdates=create)
        assert code == "ValidationException"
    told = tables.replicate(KMSMasterKeyId=keys[THERE])["Replicas"][0]
    assert told["KMSMasterKeyId"] == keys[THERE]
    assert tables.describe(THERE)["SSEDescription"]["KMSMasterKeyArn"] == keys[THERE]
    assert tables.describe(HERE)["SSEDescription"]["KMSMasterKeyArn"] == keys[HERE]


@pytest.mark.parametrize(
    ("settings", "region", "code"),
    [
        ({"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}}, THERE, "ValidationException"),
        ({"StreamSpecification": {"StreamEnabled": False}}, THERE, "ValidationException"),
        ({}, HERE, "ValidationException"),
        ({}, "eu-nowhere-1", "ValidationException"),
    ],
    ids=["another view", "no stream", "its own Region", "no Region"],
)
def test_a_replica_that_cannot_be_is_refused(tables: Tables, settings: Any, region: str, code: str) -> None:
    tables.make(**settings)
    create = [{"Create": {"RegionName": region}}]
    assert refusal(tables.at(HERE).update_table, TableName=tables.name, ReplicaUpdates=create)[0] == code
    assert "Replicas" not in tables.describe(HERE)


def test_what_replicas_do_not_have_here_is_refused_by_name(both: Tables) -> None:
    for update in (
        {"Update": {"RegionName": THERE, "KMSMasterKeyId": "k"}},
        {"Create": {"RegionName": FAR, "ProvisionedThroughputOverride": {"ReadCapacityUnits": 1}}},
    ):
        code, text = refusal(both.at(HERE).update_table, TableName=both.name, ReplicaUpdates=[update])
        assert code == "NotImplemented"
        assert "ReplicaUpdates" in text
    for more in ({"MultiRegionConsistency": "STRONG"}, {"DeletionProtectionEnabled": True}):
        create = [{"Create": {"RegionName": FAR}}]
        code, _ = refusal(both.at(HERE).update_table, TableName=both.name, ReplicaUpdates=create, **more)
        assert code == "NotImplemented"
    assert len(both.describe(HERE)["Replicas"]) == 1


def test_the_latency_of_replication_is_a_metric_of_the_region_that_wrote(both: Tables) -> None:
    both.put(HERE, 1, "measured")
    metric = {
        "Namespace": "AWS/DynamoDB",
        "MetricName": "ReplicationLatency",
        "Dimensions": [{"Name": "TableName", "Value": both.name}, {"Name": "ReceivingRegion", "Value": THERE}],
    }
    found = eventually(lambda: both.engine.client("cloudwatch").list_metrics(**metric)["Metrics"], message="a metric")
    assert len(found) == 1
    assert both.engine.client("cloudwatch", region=THERE).list_metrics(**metric)["Metrics"] == []
