"""CloudWatch log groups and resource policies (which the provider files under `cloudwatch`)."""

from local.deploy.registry import Created, NewResource, Registry, fields

TYPES = Registry()


@TYPES.creates(
    "aws:cloudwatch/logGroup:LogGroup",
    fields(
        "name",
        "namePrefix",
        "tags",
        "retentionInDays",
        "kmsKeyId",
        "logGroupClass",
        "skipDestroy",
        "deletionProtectionEnabled",
    ),
)
def log_group(new: NewResource) -> Created:
    """A log group with its retention; its id is its name."""
    logs = new.client("logs")
    name = new.physical_name(512)
    options = new.pick(
        {
            "kmsKeyId": "kmsKeyId",
            "logGroupClass": "logGroupClass",
            "deletionProtectionEnabled": "deletionProtectionEnabled",
        }
    )
    logs.create_log_group(logGroupName=name, tags=new.tags, **options)
    if days := new.inputs.get("retentionInDays"):  # 0 keeps the events for ever, which is the default
        logs.put_retention_policy(logGroupName=name, retentionInDays=days)
    groups = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    # The API's ARN ends in `:*`, the provider's does not.
    arn = next(group["arn"] for group in groups if group["logGroupName"] == name).removesuffix(":*")

    def delete() -> None:
        if not new.inputs.get("skipDestroy"):
            logs.delete_log_group(logGroupName=name)

    return Created(name, {"name": name, "arn": arn, "tagsAll": new.tags}, delete)


@TYPES.creates("aws:cloudwatch/logStream:LogStream", fields("logGroupName", "name"))
def log_stream(new: NewResource) -> Created:
    """A stream of a log group; its id is its name."""
    logs, of = new.client("logs"), {"logGroupName": new.inputs["logGroupName"]}
    name = new.physical_name(512)
    logs.create_log_stream(logStreamName=name, **of)
    arn = f"arn:aws:logs:{new.region}:{new.account_id}:log-group:{of['logGroupName']}:log-stream:{name}"
    return Created(name, {"name": name, "arn": arn}, delete=lambda: logs.delete_log_stream(logStreamName=name, **of))


@TYPES.creates(
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy", fields("policyName", "policyDocument", "resourceArn")
)
def log_resource_policy(new: NewResource) -> Created:
    """What other services may do with a log group, or with all of the account; its id is the ARN, or the name."""
    logs, given = new.client("logs"), new.inputs
    if "resourceArn" not in given:
        name = given["policyName"]
        logs.put_resource_policy(policyName=name, policyDocument=given["policyDocument"])
        return Created(name, {"policyScope": "ACCOUNT"}, delete=lambda: logs.delete_resource_policy(policyName=name))
    arn = given["resourceArn"]
    revision = logs.put_resource_policy(resourceArn=arn, policyDocument=given["policyDocument"])["revisionId"]
    return Created(
        arn,
        {"policyScope": "RESOURCE", "revisionId": revision},
        delete=lambda: logs.delete_resource_policy(resourceArn=arn, expectedRevisionId=revision),
    )
