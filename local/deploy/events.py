"""EventBridge buses, archives, rules and targets (which the provider files under `cloudwatch`)."""

from typing import Any

from local.deploy.errors import DeployError
from local.deploy.registry import Created, NewResource, Registry, fields

TYPES = Registry()

_RULE = {
    "description": "Description",
    "eventPattern": "EventPattern",
    "roleArn": "RoleArn",
    "scheduleExpression": "ScheduleExpression",
    "state": "State",
}


@TYPES.creates(
    "aws:cloudwatch/eventBus:EventBus",
    fields("name", "description", "kmsKeyIdentifier", "tags", deadLetterConfig=fields("arn")),
)
def event_bus(new: NewResource) -> Created:
    """A custom bus; its id is its name."""
    events = new.client("events")
    name = new.physical_name(256)
    request = new.pick({"description": "Description", "kmsKeyIdentifier": "KmsKeyIdentifier"})
    if dead_letters := new.inputs.get("deadLetterConfig"):
        request["DeadLetterConfig"] = {"Arn": dead_letters["arn"]}
    arn = events.create_event_bus(Name=name, Tags=new.tag_list, **request)["EventBusArn"]
    return Created(
        name, {"name": name, "arn": arn, "tagsAll": new.tags}, delete=lambda: events.delete_event_bus(Name=name)
    )


@TYPES.creates("aws:cloudwatch/eventBusPolicy:EventBusPolicy", fields("eventBusName", "policy"))
def event_bus_policy(new: NewResource) -> Created:
    """The resource policy of a bus."""
    events, bus = new.client("events"), new.inputs.get("eventBusName", "default")
    events.put_permission(EventBusName=bus, Policy=new.inputs["policy"])
    return Created(bus, {}, delete=lambda: events.remove_permission(EventBusName=bus, RemoveAllPermissions=True))


@TYPES.creates(
    "aws:cloudwatch/eventArchive:EventArchive",
    fields("name", "eventSourceArn", "description", "eventPattern", "retentionDays", "kmsKeyIdentifier"),
)
def event_archive(new: NewResource) -> Created:
    """An archive of a bus; its id is its name."""
    events = new.client("events")
    name = new.physical_name(48)
    request = new.pick(
        {
            "eventSourceArn": "EventSourceArn",
            "description": "Description",
            "eventPattern": "EventPattern",
            "retentionDays": "RetentionDays",
            "kmsKeyIdentifier": "KmsKeyIdentifier",
        }
    )
    arn = events.create_archive(ArchiveName=name, **request)["ArchiveArn"]
    return Created(name, {"name": name, "arn": arn}, delete=lambda: events.delete_archive(ArchiveName=name))


@TYPES.creates("aws:cloudwatch/eventRule:EventRule", fields("name", "namePrefix", "eventBusName", "tags", *_RULE))
def event_rule(new: NewResource) -> Created:
    """A rule on a bus; its id is `bus/rule`, or `rule` on the default bus."""
    events, bus = new.client("events"), new.inputs.get("eventBusName", "default")
    name = new.physical_name(64)
    arn = events.put_rule(Name=name, EventBusName=bus, Tags=new.tag_list, **new.pick(_RULE))["RuleArn"]
    return Created(
        name if bus == "default" else f"{bus}/{name}",
        {"name": name, "arn": arn, "eventBusName": bus, "tagsAll": new.tags},
        delete=lambda: events.delete_rule(Name=name, EventBusName=bus),
    )


@TYPES.creates(
    "aws:cloudwatch/eventTarget:EventTarget",
    fields(
        "rule",
        "eventBusName",
        "arn",
        "targetId",
        "input",
        "inputPath",
        "roleArn",
        deadLetterConfig=fields("arn"),
        inputTransformer={"inputTemplate": {}, "inputPaths": {}},
        retryPolicy=fields("maximumEventAgeInSeconds", "maximumRetryAttempts"),
        sqsTarget=fields("messageGroupId"),
    ),
)
def event_target(new: NewResource) -> Created:
    """A target of a rule; its id is `bus-rule-target`."""
    events, bus, rule = new.client("events"), new.inputs.get("eventBusName", "default"), new.inputs["rule"]
    target_id = new.physical_name(64, "targetId")
    result = events.put_targets(Rule=rule, EventBusName=bus, Targets=[_target(new, target_id)])
    if result["FailedEntryCount"]:  # the call succeeds even where the entry fails
        raise DeployError(f"PutTargets: {result['FailedEntries'][0].get('ErrorMessage')}")
    return Created(
        f"{bus}-{rule}-{target_id}",
        {"targetId": target_id, "eventBusName": bus},
        delete=lambda: events.remove_targets(Rule=rule, EventBusName=bus, Ids=[target_id]),
    )


def _target(new: NewResource, target_id: str) -> dict[str, Any]:
    target: dict[str, Any] = {
        "Id": target_id,
        **new.pick({"arn": "Arn", "input": "Input", "inputPath": "InputPath", "roleArn": "RoleArn"}),
    }
    if dead_letters := new.inputs.get("deadLetterConfig"):
        target["DeadLetterConfig"] = {"Arn": dead_letters["arn"]}
    if retry := new.inputs.get("retryPolicy"):
        names = {
            "maximumEventAgeInSeconds": "MaximumEventAgeInSeconds",
            "maximumRetryAttempts": "MaximumRetryAttempts",
        }
        target["RetryPolicy"] = {api: retry[ours] for ours, api in names.items() if ours in retry}
    if transformer := new.inputs.get("inputTransformer"):
        target["InputTransformer"] = {
            "InputTemplate": transformer["inputTemplate"],
            "InputPathsMap": transformer.get("inputPaths", {}),
        }
    if sqs := new.inputs.get("sqsTarget"):
        target["SqsParameters"] = {"MessageGroupId": sqs["messageGroupId"]}
    return target
