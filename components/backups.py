"""Backups of tables by AWS Backup: a vault, a plan, and a role that may make them of these tables and no others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output

from components.limits import (
    BACKUP_LOCKS,
    COLD_STORAGE_DAYS,
    COMPLIANCE,
    LEAST_GRACE_DAYS,
    MAX_BACKUP_DAYS,
    check_choice,
    check_range,
)
from components.policies import Grant, assume_role_policy, backup_policy

_FAILED = ("ABORTED", "EXPIRED", "FAILED", "PARTIAL")
"""States in which a job of AWS Backup ends without a whole backup."""


class Lock(NamedTuple):
    """What keeps backups from being deleted, whoever asks, before they are so old."""

    mode: str
    """Governance may be lifted by who may do that; compliance by nobody, AWS included, once its grace is over."""
    least_days: int
    grace_days: int
    """Of compliance: for so long it can still be taken back."""


@dataclass(frozen=True)
class BackupsArgs:
    tables: Mapping[str, Input[str]]
    """Their ARNs, by what each is called."""
    account_id: Input[str]
    region: Input[str]
    partition: Input[str]
    dns_suffix: Input[str]
    """Of the partition's services."""
    days: int
    """For so long a backup is kept."""
    schedule: str
    """When one is made: a cron expression of AWS Backup, in UTC."""
    cold_after_days: int = 0
    """Days after which it is moved to cold storage; 0 for never."""
    vault: str = ""
    """The name of a vault that is there, and locked by its owner; empty for one of the stack's own."""
    lock: Lock | None = None
    copy_to: Sequence[str] = ()
    """ARNs of vaults, of other Regions or accounts, that get a copy of each; their policies must admit it."""
    kms_key_arn: Input[str] | None = None
    """A customer key that the tables are under, and that encrypts the own vault. Without it AWS Backup uses its own."""


class Backups(pulumi.ComponentResource):
    """A vault of its own stays in the account, with what is in it, when the stack or the setting lets it go."""

    vault_name: pulumi.Output[str]

    def __init__(self, name: str, args: BackupsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:Backups", name, None, opts)
        check_range(name, "days", args.days, 1, MAX_BACKUP_DAYS)
        check_range(name, "cold_after_days", args.cold_after_days, 0, max(args.days - COLD_STORAGE_DAYS, 0))
        child = pulumi.ResourceOptions(parent=self)
        vault_name = Output.from_input(args.vault) if args.vault else _vault(self, name, args)
        role = aws.iam.Role(
            f"{name}-role",
            description="What makes backups of the ledger's tables may do",
            assume_role_policy=assume_role_policy(
                "backup.amazonaws.com", {"StringEquals": {"aws:SourceAccount": args.account_id}}
            ),
            opts=child,
        )
        policy = aws.iam.RolePolicy(
            f"{name}-policy",
            role=role.name,
            policy=backup_policy(
                _grants(args, vault_name),
                copies=bool(args.copy_to),
                kms_key_arn=args.kms_key_arn,
                dns_suffix=args.dns_suffix,
            ),
            opts=child,
        )
        plan = aws.backup.Plan(f"{name}-plan", rules=[_rule(args, vault_name)], opts=child)
        aws.backup.Selection(
            f"{name}-selection",
            plan_id=plan.id,
            iam_role_arn=role.arn,
            resources=list(args.tables.values()),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
        self.vault_name = vault_name
        self.register_outputs({"vaultName": self.vault_name})


class BackupWatch(pulumi.ComponentResource):
    """A rule on the account's default bus, where AWS Backup tells how jobs end: of these tables, those that failed."""

    rule_name: pulumi.Output[str]
    rule_arn: pulumi.Output[str]

    def __init__(self, name: str, tables: Sequence[Input[str]], opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:BackupWatch", name, None, opts)
        rule = aws.cloudwatch.EventRule(
            f"{name}-rule",
            description="Backups of the ledger's tables, and copies of them, that were not made",
            event_pattern=Output.json_dumps(
                {
                    "source": ["aws.backup"],
                    "detail-type": ["Backup Job State Change", "Copy Job State Change"],
                    "detail": {"resourceArn": list(tables), "state": list(_FAILED)},
                }
            ),
            state="ENABLED",
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.rule_name = rule.name
        self.rule_arn = rule.arn
        self.register_outputs({"ruleArn": self.rule_arn})


def _vault(owner: Backups, name: str, args: BackupsArgs) -> Output[str]:
    vault = aws.backup.Vault(
        f"{name}-vault",
        kms_key_arn=args.kms_key_arn,
        # AWS deletes no vault that holds a backup: a destroy would stop there, and whoever destroys a ledger by mistake
        # needs it most.
        opts=pulumi.ResourceOptions(parent=owner, retain_on_delete=True),
    )
    if args.lock is not None:
        check_choice(name, "lock", args.lock.mode, BACKUP_LOCKS)
        check_range(name, "lock.least_days", args.lock.least_days, 1, args.days)
        check_range(name, "lock.grace_days", args.lock.grace_days, LEAST_GRACE_DAYS, MAX_BACKUP_DAYS)
        aws.backup.VaultLockConfiguration(
            f"{name}-lock",
            backup_vault_name=vault.name,
            min_retention_days=args.lock.least_days,
            changeable_for_days=args.lock.grace_days if args.lock.mode == COMPLIANCE else None,
            # It stays with the vault that stays, and goes with the setting. A vault has one: made before the old one
            # is deleted, the new one would be deleted with it.
            opts=pulumi.ResourceOptions(parent=owner, deleted_with=vault, delete_before_replace=True),
        )
    vault_name: Output[str] = vault.name
    return vault_name


def _rule(args: BackupsArgs, vault_name: Input[str]) -> aws.backup.PlanRuleArgs:
    cold = args.cold_after_days or None
    return aws.backup.PlanRuleArgs(
        rule_name="ledger",
        target_vault_name=vault_name,
        schedule=args.schedule,
        lifecycle=aws.backup.PlanRuleLifecycleArgs(delete_after=args.days, cold_storage_after=cold),
        copy_actions=[
            aws.backup.PlanRuleCopyActionArgs(
                destination_vault_arn=arn,
                lifecycle=aws.backup.PlanRuleCopyActionLifecycleArgs(delete_after=args.days, cold_storage_after=cold),
            )
            for arn in args.copy_to
        ]
        or None,
    )


def _grants(args: BackupsArgs, vault_name: Input[str]) -> list[Grant]:
    """What AWSBackupServiceRolePolicyForBackup has for tables, of these tables and vaults.

    Without CreateBackup: a table is backed up as AWS Backup's own, with all that a vault promises, or not at all.
    """

    def here(resource: str, name: Input[str]) -> Output[str]:
        return Output.concat(
            "arn:", args.partition, ":backup:", args.region, ":", args.account_id, f":{resource}:", name
        )

    tables = ("dynamodb:DescribeTable", "dynamodb:ListTagsOfResource", "dynamodb:StartAwsBackupJob")
    vaults = ("backup:CopyIntoBackupVault", "backup:DescribeBackupVault")
    return [
        Grant("BackUpTables", tables, tuple(args.tables.values())),
        Grant("KeepInVaults", vaults, (here("backup-vault", vault_name), *args.copy_to)),
        Grant("TagBackups", ("backup:TagResource",), (here("recovery-point", "*"),)),
    ]
