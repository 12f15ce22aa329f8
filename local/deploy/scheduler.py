"""EventBridge Scheduler: schedules and their groups."""

from typing import Any

from local.deploy.registry import Created, Inputs, NewResource, Registry, fields

TYPES = Registry()

_SCHEDULE = {
    "actionAfterCompletion": "ActionAfterCompletion",
    "description": "Description",
    "endDate": "EndDate",
    "groupName": "GroupName",
    "kmsKeyArn": "KmsKeyArn",
    "scheduleExpression": "ScheduleExpression",
    "scheduleExpressionTimezone": "ScheduleExpressionTimezone",
    "startDate": "StartDate",
    "state": "State",
}
_WINDOW = {"mode": "Mode", "maximumWindowInMinutes": "MaximumWindowInMinutes"}
_TARGET = {"arn": "Arn", "roleArn": "RoleArn", "input": "Input"}
_BLOCKS = {
    "deadLetterConfig": ("DeadLetterConfig", {"arn": "Arn"}),
    "eventbridgeParameters": ("EventBridgeParameters", {"detailType": "DetailType", "source": "Source"}),
    "retryPolicy": (
        "RetryPolicy",
        {"maximumEventAgeInSeconds": "MaximumEventAgeInSeconds", "maximumRetryAttempts": "MaximumRetryAttempts"},
    ),
    "sqsParameters": ("SqsParameters", {"messageGroupId": "MessageGroupId"}),
}


@TYPES.creates(
    "aws:scheduler/schedule:Schedule",
    fields(
        "name",
        "namePrefix",
        *_SCHEDULE,
        flexibleTimeWindow=fields(*_WINDOW),
        target=fields(*_TARGET, **{ours: fields(*names) for ours, (_, names) in _BLOCKS.items()}),
    ),
)
def schedule(new: NewResource) -> Created:
    """A schedule; its id is `group/schedule`. One that deleted itself after its last time is deleted already."""
    scheduler = new.client("scheduler")
    name, group = new.physical_name(64), new.inputs.get("groupName", "default")
    made = scheduler.create_schedule(
        Name=name,
        FlexibleTimeWindow=_renamed(new.inputs["flexibleTimeWindow"], _WINDOW),
        Target=_target(new.inputs["target"]),
        **new.pick(_SCHEDULE),
    )

    def delete() -> None:
        try:
            scheduler.delete_schedule(Name=name, GroupName=group)
        except scheduler.exceptions.ResourceNotFoundException:
            if new.inputs.get("actionAfterCompletion") != "DELETE":
                raise

    return Created(f"{group}/{name}", {"name": name, "groupName": group, "arn": made["ScheduleArn"]}, delete)


@TYPES.creates("aws:scheduler/scheduleGroup:ScheduleGroup", fields("name", "namePrefix", "tags"))
def schedule_group(new: NewResource) -> Created:
    """A group of schedules; its id is its name. Deleting it deletes the schedules in it."""
    scheduler, name = new.client("scheduler"), new.physical_name(64)
    arn = scheduler.create_schedule_group(Name=name, Tags=new.tag_list)["ScheduleGroupArn"]
    told = scheduler.get_schedule_group(Name=name)
    outputs = {"name": name, "arn": arn, "state": told["State"], "tagsAll": new.tags}
    return Created(name, outputs, delete=lambda: scheduler.delete_schedule_group(Name=name))


def _renamed(block: Inputs, names: dict[str, str]) -> dict[str, Any]:
    return {api: block[ours] for ours, api in names.items() if ours in block}


def _target(block: Inputs) -> dict[str, Any]:
    inner = {api: _renamed(block[ours], names) for ours, (api, names) in _BLOCKS.items() if block.get(ours)}
    return {**_renamed(block, _TARGET), **inner}
