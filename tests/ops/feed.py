"""A function with a queue as its feed, and a schedule, as the ledger's processes have them, without anything behind."""

from __future__ import annotations

from typing import Any

import boto3

from .conftest import ACCOUNT, ROLE, create_functions


class Feed:
    """Both are on at first. `outputs` are a stack's that has them."""

    def __init__(self, function: str) -> None:
        create_functions({function: {}})
        self.functions: Any = boto3.client("lambda")
        self.schedules: Any = boto3.client("scheduler")
        sqs: Any = boto3.client("sqs")
        url = sqs.create_queue(QueueName=f"{function}-queue")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        made = self.functions.create_event_source_mapping(FunctionName=function, EventSourceArn=arn, BatchSize=7)
        self.mapping = made["UUID"]
        self.schedules.create_schedule_group(Name="g")
        self.schedules.create_schedule(**self._schedule())
        self.function, self.schedule = function, "g/every-minute"
        self.outputs = {"processFunction": self.function, "sweepScheduleName": self.schedule}

    def _schedule(self) -> dict[str, Any]:
        return {
            "GroupName": "g",
            "Name": "every-minute",
            "Description": "sweeps",
            "ScheduleExpression": "rate(1 minute)",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q", "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"},
        }

    def switch(self, *, feed: bool, schedule: bool) -> None:
        """As an operator of AWS's would."""
        self.functions.update_event_source_mapping(UUID=self.mapping, Enabled=feed)
        self.schedules.update_schedule(**self._schedule(), State="ENABLED" if schedule else "DISABLED")

    def stands(self) -> tuple[bool, bool]:
        """Whether the feed is on, and the schedule."""
        state = self.functions.get_event_source_mapping(UUID=self.mapping)["State"]
        return state == "Enabled", self.described()["State"] == "ENABLED"

    def described(self) -> dict[str, Any]:
        """The schedule."""
        described: dict[str, Any] = self.schedules.get_schedule(GroupName="g", Name="every-minute")
        return described
