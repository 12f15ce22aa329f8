"""CodeDeploy applications for Lambda and their deployment groups."""

from __future__ import annotations

from typing import Any

from local.deploy.registry import Created, NewResource, Registry, fields

TYPES = Registry()

_GROUP = {
    "appName": "applicationName",
    "deploymentConfigName": "deploymentConfigName",
    "deploymentGroupName": "deploymentGroupName",
    "serviceRoleArn": "serviceRoleArn",
}


@TYPES.creates("aws:codedeploy/application:Application", fields("name", "computePlatform", "tags"))
def application(new: NewResource) -> Created:
    """An application; its id is its name behind the id that AWS gives it."""
    client, name = new.client("codedeploy"), new.physical_name(100)
    platform = new.inputs.get("computePlatform", "Server")
    made = client.create_application(applicationName=name, computePlatform=platform, tags=new.tag_list)
    arn = f"arn:aws:codedeploy:{new.region}:{new.account_id}:application:{name}"
    outputs = {"name": name, "arn": arn, "applicationId": made["applicationId"], "tagsAll": new.tags}
    delete = {"applicationName": name}
    return Created(f"{made['applicationId']}:{name}", outputs, delete=lambda: client.delete_application(**delete))


@TYPES.creates(
    "aws:codedeploy/deploymentGroup:DeploymentGroup",
    fields(
        "tags",
        *_GROUP,
        alarmConfiguration=fields("alarms", "enabled", "ignorePollAlarmFailure"),
        autoRollbackConfiguration=fields("enabled", "events"),
        deploymentStyle=fields("deploymentOption", "deploymentType"),
    ),
)
def deployment_group(new: NewResource) -> Created:
    """How deployments of an application are made; its id is the one that AWS gives it."""
    client, inputs = new.client("codedeploy"), new.inputs
    request: dict[str, Any] = new.pick(_GROUP)
    if alarms := inputs.get("alarmConfiguration"):
        named = [{"name": each} for each in alarms.get("alarms", [])]
        request["alarmConfiguration"] = {**alarms, "alarms": named}
    for block in ("autoRollbackConfiguration", "deploymentStyle"):
        if block in inputs:
            request[block] = inputs[block]
    made = client.create_deployment_group(**request, tags=new.tag_list)
    of = {"applicationName": inputs["appName"], "deploymentGroupName": inputs["deploymentGroupName"]}
    arn = f"arn:aws:codedeploy:{new.region}:{new.account_id}:deploymentgroup:{'/'.join(of.values())}"
    outputs = {
        "arn": arn,
        "computePlatform": "Lambda",
        "deploymentGroupId": made["deploymentGroupId"],
        "tagsAll": new.tags,
    }
    return Created(made["deploymentGroupId"], outputs, delete=lambda: client.delete_deployment_group(**of))
