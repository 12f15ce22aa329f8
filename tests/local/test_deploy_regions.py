"""A program for two Regions: explicit providers, components that hand theirs on, and tables with replicas."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.deploy import DeployError, deploy
from local.engine import Engine
from tests.local.conftest import DISORDER
from tests.local.projects import write_project

HERE, THERE = "us-east-1", "eu-west-1"

TABLE = """
there = aws.Provider("there", region="eu-west-1")
key = aws.kms.Key("key", opts=pulumi.ResourceOptions(provider=there))
table = aws.dynamodb.Table("store", hash_key="Id", attributes=[{"name": "Id", "type": "S"}],
    billing_mode="PAY_PER_REQUEST", stream_enabled=True, stream_view_type="NEW_AND_OLD_IMAGES",
    server_side_encryption={"enabled": True, "kms_key_arn": aws.kms.Key("own").arn},
    tags={"kind": "store"}, deletion_protection_enabled=PROTECTED,
    replicas=[{"region_name": "eu-west-1", "kms_key_arn": key.arn, "point_in_time_recovery": True,
               "deletion_protection_enabled": PROTECTED, "propagate_tags": True}])
pulumi.export("name", table.name)
pulumi.export("key", key.arn)
pulumi.export("replica", table.replicas[0])
"""


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(region=HERE, stream_disorder=DISORDER) as running:
        yield running


def deployed(engine: Engine, folder: Path, program: str) -> Any:
    return deploy(engine.endpoint, "local", write_project(folder, program))


def test_what_is_in_a_component_is_in_the_region_of_its_provider(engine: Engine, tmp_path: Path) -> None:
    program = """
    class Inner(pulumi.ComponentResource):
        def __init__(self, name, opts):
            super().__init__("test:index:Inner", name, {}, opts)
            self.queue = aws.sqs.Queue(f"{name}-queue", opts=pulumi.ResourceOptions(parent=self))

    class Region(pulumi.ComponentResource):
        def __init__(self, name, region):
            provider = aws.Provider(f"{name}-aws", region=region)
            super().__init__("test:index:Region", name, {}, pulumi.ResourceOptions(providers={"aws": provider}))
            here = pulumi.ResourceOptions(parent=self)
            self.queue = Inner(f"{name}-inner", here).queue
            self.known = aws.get_region_output(opts=pulumi.InvokeOptions(parent=self)).region

    for name, region in (("one", "us-east-1"), ("other", "eu-west-1")):
        made = Region(name, region)
        pulumi.export(name, pulumi.Output.all(made.queue.arn, made.known))
    pulumi.export("single", aws.sqs.Queue("single", region="ap-southeast-2").arn)
    """
    outputs = deployed(engine, tmp_path, program).outputs
    for name, region in (("one", HERE), ("other", THERE)):
        arn, known = outputs[name]
        assert arn.split(":")[3] == known == region
        engine.client("sqs", region=region).get_queue_url(QueueName=arn.rsplit(":", 1)[-1])
    assert outputs["single"].split(":")[3] == "ap-southeast-2"


def test_a_table_has_its_replicas_and_tells_their_streams(engine: Engine, tmp_path: Path) -> None:
    deployment = deployed(engine, tmp_path, TABLE.replace("PROTECTED", "True"))
    name, replica = deployment.outputs["name"], deployment.outputs["replica"]
    there = engine.client("dynamodb", region=THERE)
    table = there.describe_table(TableName=name)["Table"]
    assert (replica["arn"], replica["streamArn"]) == (table["TableArn"], table["LatestStreamArn"])
    assert replica["streamLabel"] == table["LatestStreamLabel"]
    assert table["SSEDescription"]["KMSMasterKeyArn"] == deployment.outputs["key"]
    assert table["DeletionProtectionEnabled"] is True
    assert there.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"] == [{"Key": "kind", "Value": "store"}]
    backups = there.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    engine.client("dynamodb").put_item(TableName=name, Item={"Id": {"S": "a"}})
    engine.replication.settle()
    assert there.scan(TableName=name)["Count"] == 1

    with pytest.raises(DeployError, match="DeletionProtection"):
        deployment.destroy()
    deployment.destroy(force=True)
    for region in (HERE, THERE):
        with pytest.raises(ClientError, match="ResourceNotFound"):
            engine.client("dynamodb", region=region).describe_table(TableName=name)


OPEN = TABLE.replace("PROTECTED", "False")


@pytest.mark.parametrize(
    ("was", "now", "reason"),
    [
        ('"kms_key_arn": key.arn, ', "", "KMSMasterKeyId is missing"),
        ("NEW_AND_OLD_IMAGES", "KEYS_ONLY", "NEW_AND_OLD_IMAGES"),
        ('"region_name": "eu-west-1"', '"region_name": "cn-north-1"', "cn-north-1"),
        ('"propagate_tags": True', '"consistency_mode": "STRONG"', "MultiRegionConsistency"),
    ],
)
def test_a_replica_that_cannot_be_is_an_error_with_its_reason(
    engine: Engine, tmp_path: Path, was: str, now: str, reason: str
) -> None:
    before = engine.client("dynamodb").list_tables()["TableNames"]
    with pytest.raises(DeployError, match=reason):
        deployed(engine, tmp_path, OPEN.replace(was, now))
    assert engine.client("dynamodb").list_tables()["TableNames"] == before, "what came so far was taken back"
