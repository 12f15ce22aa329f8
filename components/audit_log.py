"""Everything that crosses the bus, in a log group that can be searched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output

from components.dead_letter_queue import DeadLetterQueue
from components.event_bus import EventBus
from components.limits import LOG_RETENTION_DAYS, check_choice, check_range
from components.policies import event_log_policy
from components.rule_target import Delivery, rule_target


@dataclass(frozen=True)
class AuditLogArgs:
    event_bus: EventBus
    account_id: Input[str]
    """Events of this account are logged: all that the bus takes."""
    dead_letters: DeadLetterQueue
    """Takes what could not be logged; must admit the rules of the bus."""
    apart: Sequence[str] = ()
    """Detail-types with a rule of their own, so that they are counted, alarmed and switched off apart from the rest."""
    retention_days: Input[int] = 3653
    """Ten years."""
    retry_attempts: Input[int] = 185
    max_event_age: Input[int] = 86_400
    """Seconds."""
    kms_key_arn: Input[str] | None = None
    """A customer key whose policy admits CloudWatch Logs."""
    but_from: Sequence[str] = ()
    """Sources whose events are not for it."""


class AuditLog(pulumi.ComponentResource):
    """Two rules that together match everything, but what comes from sources left out; the log group that they fill."""

    rule_name: pulumi.Output[str]
    apart_rule_name: pulumi.Output[str] | None
    """Of the rule for the types apart; None where there are none."""
    log_group_name: pulumi.Output[str]

    def __init__(self, name: str, args: AuditLogArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:AuditLog", name, None, opts)
        check_choice(name, "retention_days", args.retention_days, LOG_RETENTION_DAYS)
        check_range(name, "retry_attempts", args.retry_attempts, 0, 185)
        check_range(name, "max_event_age", args.max_event_age, 60, 86_400)
        child = pulumi.ResourceOptions(parent=self)
        logs = aws.cloudwatch.LogGroup(
            f"{name}-group",
            name_prefix=f"/aws/events/{name}-",  # EventBridge delivers to groups below /aws/events/ alone
            retention_in_days=args.retention_days,
            kms_key_id=args.kms_key_arn,
            opts=child,
        )
        everything: dict[str, object] = {"account": [args.account_id]}
        if args.but_from:
            everything["source"] = [{"anything-but": list(args.but_from)}]
        rest = {**everything, "detail-type": [{"anything-but": list(args.apart)}]} if args.apart else everything
        rules = {name: _rule(name, rest, args, child)}
        if args.apart:
            rules[f"{name}-apart"] = _rule(
                f"{name}-apart", {**everything, "detail-type": list(args.apart)}, args, child
            )
        # The log group's own policy: an account takes ten of the others in a Region, for all its stacks.
        admission = aws.cloudwatch.LogResourcePolicy(
            f"{name}-admission",
            resource_arn=logs.arn,
            policy_document=event_log_policy(logs.arn, [rule.arn for rule in rules.values()]),
            opts=child,
        )
        delivery = Delivery(args.event_bus, args.dead_letters, args.retry_attempts, args.max_event_age)
        for label, rule in rules.items():
            admitted = pulumi.ResourceOptions(parent=self, depends_on=[admission])
            rule_target(f"{label}-target", rule.name, logs.arn, delivery, admitted)
        self.rule_name = rules[name].name
        self.apart_rule_name = rules[f"{name}-apart"].name if args.apart else None
        self.log_group_name = logs.name
        self.register_outputs({"ruleName": self.rule_name, "logGroupName": self.log_group_name})


def _rule(
    name: str, pattern: Mapping[str, object], args: AuditLogArgs, opts: pulumi.ResourceOptions
) -> aws.cloudwatch.EventRule:
    return aws.cloudwatch.EventRule(
        f"{name}-rule",
        description="Events to the audit log: all of them, or those that its pattern names",
        event_bus_name=args.event_bus.name,
        event_pattern=Output.json_dumps(pattern),
        state="ENABLED",
        opts=opts,
    )
