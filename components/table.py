"""What the tables have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output

from components.limits import BILLING_MODES, MAX_RECOVERY_DAYS, check_choice, check_range
from components.scaling import scale

NO_LIMIT = -1
"""DynamoDB's word for it."""


@dataclass(frozen=True)
class TableArgs:
    billing_mode: Input[str] = "PAY_PER_REQUEST"
    read_capacity: Input[int] | None = None
    """Units of the table and of each global index; with PROVISIONED, and only then."""
    write_capacity: Input[int] | None = None
    """Units of the table and of each global index; with PROVISIONED, and only then."""
    max_read_capacity: int = 0
    """Units up to which table and global indexes scale by themselves, from `read_capacity` on; 0 for not at all."""
    max_write_capacity: int = 0
    """As `max_read_capacity`."""
    max_read_units: int = 0
    """Units a second at which the table, and each global index, throttles when billed on demand; 0 for no limit."""
    max_write_units: int = 0
    """As `max_read_units`."""
    warm_read_units: int = 0
    """Units a second that the table and each global index take at once; 0 for what DynamoDB begins with.

    DynamoDB lowers them never, and the provider would make another table instead: so a table with them is protected.
    """
    warm_write_units: int = 0
    """As `warm_read_units`."""
    point_in_time_recovery: Input[bool] = True
    recovery_days: int = MAX_RECOVERY_DAYS
    """Days back to which the table can be restored."""
    kms_key_arn: Input[str] | None = None
    """A customer key; without it DynamoDB encrypts with the key that it owns."""
    deletion_protection: bool = False
    """Have DynamoDB refuse to delete the table, whoever asks."""

    def check(self, owner: str) -> None:
        """Raise ValueError, naming `owner` and the field, unless DynamoDB can make a table of this."""
        check_choice(owner, "billing_mode", self.billing_mode, BILLING_MODES)
        provisioned = self.billing_mode == "PROVISIONED"
        for field, capacity in (("read_capacity", self.read_capacity), ("write_capacity", self.write_capacity)):
            if provisioned is (capacity is None) and isinstance(self.billing_mode, str):
                raise ValueError(
                    f"{owner}: {field} must {'be' if provisioned else 'not be'} given with {self.billing_mode}"
                )
            check_range(owner, field, capacity, 1, 40_000)
        check_range(owner, "recovery_days", self.recovery_days, 1, MAX_RECOVERY_DAYS)

    def throughput(self) -> dict[str, Any]:
        """What a table and a global index take alike: what they are good for, and at what they stop."""
        limits: dict[str, Any] = {}
        if self.max_read_units or self.max_write_units:
            limits["on_demand_throughput"] = {
                "max_read_request_units": self.max_read_units or NO_LIMIT,
                "max_write_request_units": self.max_write_units or NO_LIMIT,
            }
        if self.warm_read_units:
            limits["warm_throughput"] = {
                "read_units_per_second": self.warm_read_units,
                "write_units_per_second": self.warm_write_units,
            }
        return {"read_capacity": self.read_capacity, "write_capacity": self.write_capacity, **limits}

    def common(self) -> dict[str, Any]:
        """What every table is declared with."""
        return {
            "billing_mode": self.billing_mode,
            **self.throughput(),
            "point_in_time_recovery": self.recovery(),
            "server_side_encryption": self.encryption(),
            "deletion_protection_enabled": self.deletion_protection,
        }

    def options(self, owner: pulumi.Resource) -> pulumi.ResourceOptions:
        """What scales is Application Auto Scaling's from then on; what is warm is not replaced."""
        scaled = {"readCapacity": self.max_read_capacity, "writeCapacity": self.max_write_capacity}
        return pulumi.ResourceOptions(
            parent=owner,
            ignore_changes=[name for name, most in scaled.items() if most],
            protect=True if self.warm_read_units else None,
        )

    def encryption(self) -> aws.dynamodb.TableServerSideEncryptionArgs | None:
        """With the customer key; None is DynamoDB's own, which is always on and costs nothing per call."""
        if self.kms_key_arn is None:
            return None
        return aws.dynamodb.TableServerSideEncryptionArgs(enabled=True, kms_key_arn=self.kms_key_arn)

    def recovery(self) -> aws.dynamodb.TablePointInTimeRecoveryArgs:
        """Restore to any second of the last days."""
        days = self.recovery_days if self.point_in_time_recovery is not False else MAX_RECOVERY_DAYS
        return aws.dynamodb.TablePointInTimeRecoveryArgs(
            enabled=self.point_in_time_recovery, recovery_period_in_days=None if days == MAX_RECOVERY_DAYS else days
        )


def table_of(
    owner: pulumi.ComponentResource,
    name: str,
    args: TableArgs,
    key: tuple[str, str],
    index_keys: Sequence[str] = (),
    **more: Any,
) -> aws.dynamodb.Table:
    """A component's table by these two texts, `more` being what it alone has; `index_keys` are its indexes' attributes,
    texts as well. Raises ValueError as `TableArgs.check`."""
    args.check(name)
    hash_key, range_key = key
    table = aws.dynamodb.Table(
        f"{name}-table",
        attributes=[aws.dynamodb.TableAttributeArgs(name=each, type="S") for each in (*key, *index_keys)],
        hash_key=hash_key,
        range_key=range_key,
        opts=args.options(owner),
        **args.common(),
        **more,
    )
    scale(owner, name, table, args, [index.name for index in more.get("global_secondary_indexes", ())])
    return table


def replica(region: str, args: TableArgs) -> aws.dynamodb.TableReplicaArgs:
    """A table's replica in another Region, encrypted by a key of that one; `args` are what it is to be there."""
    return aws.dynamodb.TableReplicaArgs(
        region_name=region,
        kms_key_arn=args.kms_key_arn,
        point_in_time_recovery=args.point_in_time_recovery,
        deletion_protection_enabled=args.deletion_protection,
        propagate_tags=True,
    )


def replica_output(table: aws.dynamodb.Table, region: str, name: str) -> Output[str]:
    """What AWS says of a table's replica: its `arn` or `stream_arn`."""

    def find(replicas: Sequence[Any] | None) -> str:
        found = [getattr(each, name) for each in replicas or () if each.region_name == region]
        return str(found[0]) if found else ""

    return table.replicas.apply(find)


def global_index(name: str, key: tuple[str, str], args: TableArgs) -> aws.dynamodb.TableGlobalSecondaryIndexArgs:
    """A global index by these two attributes, which holds whole items."""
    schema = aws.dynamodb.TableGlobalSecondaryIndexKeySchemaArgs
    return aws.dynamodb.TableGlobalSecondaryIndexArgs(
        name=name,
        key_schemas=[
            schema(attribute_name=each, key_type=kind) for each, kind in zip(key, ("HASH", "RANGE"), strict=True)
        ],
        projection_type="ALL",
        **args.throughput(),
    )
