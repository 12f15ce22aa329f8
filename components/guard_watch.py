"""Notices when somebody takes the event store's guards away, by what CloudTrail tells EventBridge."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws
from pulumi import Output

from components.event_store import EventTable

# By ARN: the policy that makes the table append-only. By name or ARN: deletion protection, stream and recovery.
_OF_THE_POLICY = ("DeleteResourcePolicy", "PutResourcePolicy")
_OF_THE_TABLE = ("DeleteTable", "UpdateContinuousBackups", "UpdateTable")


class GuardWatch(pulumi.ComponentResource):
    """A rule on the account's default bus, where CloudTrail's events arrive.

    They only do where a trail of the account records management events in this Region.
    """

    rule_name: pulumi.Output[str]
    rule_arn: pulumi.Output[str]

    def __init__(self, name: str, event_store: EventTable, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:GuardWatch", name, None, opts)
        table = [event_store.table_name, event_store.table_arn]
        rule = aws.cloudwatch.EventRule(
            f"{name}-rule",
            description="Changes of what guards the event store: its policy, deletion protection, stream and recovery",
            event_pattern=Output.json_dumps(
                {
                    "source": ["aws.dynamodb"],
                    "detail-type": ["AWS API Call via CloudTrail"],
                    "detail": {
                        "$or": [
                            {
                                "eventName": list(_OF_THE_POLICY),
                                "requestParameters": {"resourceArn": [event_store.table_arn]},
                            },
                            {"eventName": list(_OF_THE_TABLE), "requestParameters": {"tableName": table}},
                        ]
                    },
                }
            ),
            state="ENABLED",
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.rule_name = rule.name
        self.rule_arn = rule.arn
        self.register_outputs({"ruleArn": self.rule_arn})
