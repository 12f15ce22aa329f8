"""DynamoDB tables and their resource policies."""

from typing import Any

from botocore.exceptions import ClientError

from local.deploy.errors import DeployError
from local.deploy.regions import in_aws
from local.deploy.registry import Created, Inputs, NewResource, Registry, fields

TYPES = Registry()

_CAPACITY = fields("readCapacity", "writeCapacity")
_PROJECTION = fields("projectionType", "nonKeyAttributes")
_ON_DEMAND = fields("maxReadRequestUnits", "maxWriteRequestUnits")


@TYPES.creates(
    "aws:dynamodb/table:Table",
    fields(
        "name",
        "hashKey",
        "rangeKey",
        "billingMode",
        "tableClass",
        "deletionProtectionEnabled",
        "streamEnabled",
        "streamViewType",
        "tags",
        **_CAPACITY,
        attributes=fields("name", "type"),
        globalSecondaryIndexes=fields(
            "name",
            "hashKey",
            "rangeKey",
            **_CAPACITY,
            **_PROJECTION,
            keySchemas=fields("attributeName", "keyType"),
            onDemandThroughput=_ON_DEMAND,
        ),
        localSecondaryIndexes=fields("name", "rangeKey", **_PROJECTION),
        onDemandThroughput=_ON_DEMAND,
        pointInTimeRecovery=fields("enabled", "recoveryPeriodInDays"),
        replicas=fields(
            "regionName",
            "kmsKeyArn",
            "pointInTimeRecovery",
            "deletionProtectionEnabled",
            "propagateTags",
            "consistencyMode",
        ),
        serverSideEncryption=fields("enabled", "kmsKeyArn"),
        ttl=fields("attributeName", "enabled"),
    ),
)
def table(new: NewResource) -> Created:
    """A table, ready for use; its id is its name."""
    dynamodb = new.client("dynamodb")
    name = new.physical_name(255)
    dynamodb.create_table(TableName=name, Tags=new.tag_list, **create_arguments(new.inputs))
    dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    _continuous_backups(new, name)
    if (ttl := new.inputs.get("ttl")) and ttl.get("enabled"):
        specification = {"Enabled": True, "AttributeName": ttl["attributeName"]}
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=specification)
    regions: list[str] = []

    def delete() -> None:
        for region in regions:
            dynamodb.update_table(TableName=name, ReplicaUpdates=[{"Delete": {"RegionName": region}}])
        dynamodb.delete_table(TableName=name)

    def unprotect() -> None:
        for region in (new.region, *regions):
            new.client_in("dynamodb", region).update_table(TableName=name, DeletionProtectionEnabled=False)

    try:
        replicas = [_replica(new, name, each, regions) for each in new.inputs.get("replicas", [])]
    except (DeployError, ClientError):
        if new.names is None:  # else it may have contents from before
            unprotect()
            delete()
        raise
    made = dynamodb.describe_table(TableName=name)["Table"]
    outputs = {
        "name": name,
        "arn": made["TableArn"],
        "streamArn": made.get("LatestStreamArn"),
        "streamLabel": made.get("LatestStreamLabel"),
        "tagsAll": new.tags,
        **({"replicas": replicas} if replicas else {}),
    }
    return Created(name, outputs, delete, unprotect)


def _replica(new: NewResource, name: str, asked: Inputs, made_in: list[str]) -> Inputs:
    """Makes a replica of the table in another Region, which joins `made_in`; its outputs."""
    region = in_aws(asked["regionName"])
    mode = {"MultiRegionConsistency": asked["consistencyMode"]} if "consistencyMode" in asked else {}
    key = {"KMSMasterKeyId": asked["kmsKeyArn"]} if "kmsKeyArn" in asked else {}
    create = {"Create": {"RegionName": region, **key}}
    new.client("dynamodb").update_table(TableName=name, ReplicaUpdates=[create], **mode)
    made_in.append(region)
    there = new.client_in("dynamodb", region)
    if asked.get("pointInTimeRecovery"):
        recovery = {"PointInTimeRecoveryEnabled": True}
        there.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)
    if asked.get("deletionProtectionEnabled"):
        there.update_table(TableName=name, DeletionProtectionEnabled=True)
    made = there.describe_table(TableName=name)["Table"]
    if asked.get("propagateTags") and new.tags:
        there.tag_resource(ResourceArn=made["TableArn"], Tags=new.tag_list)
    streams = {"streamArn": made["LatestStreamArn"], "streamLabel": made["LatestStreamLabel"]}
    return {**asked, "arn": made["TableArn"], **streams}


@TYPES.creates(
    "aws:dynamodb/resourcePolicy:ResourcePolicy", fields("resourceArn", "policy", "confirmRemoveSelfResourceAccess")
)
def resource_policy(new: NewResource) -> Created:
    """The resource policy of a table or stream; its id is the ARN of what it protects."""
    dynamodb, arn = new.client("dynamodb"), new.inputs["resourceArn"]
    revision = dynamodb.put_resource_policy(
        ResourceArn=arn,
        Policy=new.inputs["policy"],
        **new.pick({"confirmRemoveSelfResourceAccess": "ConfirmRemoveSelfResourceAccess"}),
    )["RevisionId"]
    return Created(
        arn,
        {"revisionId": revision},
        delete=lambda: dynamodb.delete_resource_policy(ResourceArn=arn),
    )


def create_arguments(inputs: Inputs) -> dict[str, Any]:
    """CreateTable's arguments, all but the name and the tags."""
    request: dict[str, Any] = {
        "AttributeDefinitions": [
            {"AttributeName": each["name"], "AttributeType": each["type"]} for each in inputs.get("attributes", [])
        ],
        "KeySchema": _keys(inputs["hashKey"], inputs.get("rangeKey")),
        "BillingMode": inputs.get("billingMode", "PROVISIONED"),
        "DeletionProtectionEnabled": inputs.get("deletionProtectionEnabled", False),
        **_throughput(inputs),
    }
    if indexes := inputs.get("globalSecondaryIndexes"):
        request["GlobalSecondaryIndexes"] = [
            {"IndexName": each["name"], "KeySchema": _index_keys(each), **_projection(each), **_throughput(each)}
            for each in indexes
        ]
    if indexes := inputs.get("localSecondaryIndexes"):
        request["LocalSecondaryIndexes"] = [
            {
                "IndexName": each["name"],
                "KeySchema": _keys(inputs["hashKey"], each["rangeKey"]),
                **_projection(each),
            }
            for each in indexes
        ]
    if inputs.get("streamEnabled"):
        request["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": inputs["streamViewType"]}
    if encryption := inputs.get("serverSideEncryption"):
        request["SSESpecification"] = _encryption(encryption)
    if "tableClass" in inputs:
        request["TableClass"] = inputs["tableClass"]
    return request


def _keys(hash_key: str, range_key: str | None) -> list[dict[str, str]]:
    keys = [{"AttributeName": hash_key, "KeyType": "HASH"}]
    return [*keys, {"AttributeName": range_key, "KeyType": "RANGE"}] if range_key else keys


def _index_keys(index: Inputs) -> list[dict[str, str]]:
    if schemas := index.get("keySchemas"):
        return [{"AttributeName": each["attributeName"], "KeyType": each["keyType"]} for each in schemas]
    if "hashKey" not in index:
        raise DeployError(f"globalSecondaryIndexes: index {index['name']!r} has neither keySchemas nor hashKey")
    return _keys(index["hashKey"], index.get("rangeKey"))


def _projection(index: Inputs) -> dict[str, Any]:
    projection = {"ProjectionType": index["projectionType"]}
    if attributes := index.get("nonKeyAttributes"):
        projection["NonKeyAttributes"] = attributes
    return {"Projection": projection}


def _throughput(block: Inputs) -> dict[str, Any]:
    """Provisioned and on-demand limits, which a table and its global indexes state alike; 0 is on-demand's nothing."""
    request: dict[str, Any] = {}
    if block.get("readCapacity") or block.get("writeCapacity"):
        request["ProvisionedThroughput"] = {
            "ReadCapacityUnits": block.get("readCapacity", 0),
            "WriteCapacityUnits": block.get("writeCapacity", 0),
        }
    if limits := block.get("onDemandThroughput"):
        request["OnDemandThroughput"] = {
            "MaxReadRequestUnits": limits.get("maxReadRequestUnits", -1),
            "MaxWriteRequestUnits": limits.get("maxWriteRequestUnits", -1),
        }
    return request


def _encryption(block: Inputs) -> dict[str, Any]:
    if not block["enabled"]:
        return {"Enabled": False}  # DynamoDB then encrypts with a key that it owns
    key = {"KMSMasterKeyId": block["kmsKeyArn"]} if "kmsKeyArn" in block else {}
    return {"Enabled": True, "SSEType": "KMS", **key}


def _continuous_backups(new: NewResource, name: str) -> None:
    recovery = new.inputs.get("pointInTimeRecovery")
    if not recovery or not recovery["enabled"]:
        return
    specification = {"PointInTimeRecoveryEnabled": True}
    if days := recovery.get("recoveryPeriodInDays"):
        specification["RecoveryPeriodInDays"] = days
    new.client("dynamodb").update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=specification)
