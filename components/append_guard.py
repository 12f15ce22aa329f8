"""Who may write events: the event store's own policy, which holds whatever the roles of the account allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input

from components.event_store import EventTable
from components.handler_function import HandlerFunction
from components.policies import append_only_policy
from components.settings import refused


@dataclass(frozen=True)
class AppendGuardArgs:
    event_store: EventTable
    writers: Sequence[HandlerFunction]
    """The functions that append events."""
    menders: Sequence[HandlerFunction] = ()
    """The functions that put streams together again which two Regions wrote."""
    break_glass_arns: Sequence[Input[str]] = ()
    """Roles (users, the root user) that may put events besides: for an import, or to put back what was lost."""
    break_glass_until: str = ""
    """From when on these may not any more, in UTC; empty for as long as they are named."""


def identities(setting: str, arns: Sequence[str]) -> list[str]:
    """The ARNs, of identities of this account. SettingsError for one that is not, before anything is declared by it.

    Another account's role could not put events all the same: its account would have to be allowed to, and is not.
    """
    if not arns:
        return []
    partition, account_id = aws.get_partition().partition, aws.get_caller_identity().account_id
    return [of_this_account(setting, arn, partition, account_id) for arn in arns]


def of_this_account(setting: str, arn: str, partition: str, account_id: str) -> str:
    """The ARN. SettingsError where it is of another account or partition."""
    if arn.split(":")[1:5:3] != [partition, account_id]:
        here = f"the account {account_id} (partition {partition}), where this stack is"
        raise refused(setting, arn, f"identities of {here}: nobody else is let in")
    return arn


class AppendGuard(pulumi.ComponentResource):
    """The table's policy. It comes after the functions, since it names their roles."""

    def __init__(self, name: str, args: AppendGuardArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:AppendGuard", name, None, opts)
        table_arn = args.event_store.table_arn
        writers = [function.role_arn for function in args.writers]
        aws.dynamodb.ResourcePolicy(
            f"{name}-policy",
            resource_arn=table_arn,
            policy=append_only_policy(
                table_arn,
                writers,
                args.break_glass_arns,
                args.break_glass_until,
                menders=[function.role_arn for function in args.menders],
            ),
            # It was a part of the event store.
            opts=pulumi.ResourceOptions(
                parent=self, aliases=[pulumi.Alias(name="event-store-policy", parent=args.event_store)]
            ),
        )
        self.register_outputs({})
