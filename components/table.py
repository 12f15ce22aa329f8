"""What the tables have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import Input

from components.limits import BILLING_MODES, check_choice, check_range


@dataclass(frozen=True)
class TableArgs:
    billing_mode: Input[str] = "PAY_PER_REQUEST"
    read_capacity: Input[int] | None = None
    """Units of the table and of each global index; with PROVISIONED, and only then."""
    write_capacity: Input[int] | None = None
    """Units of the table and of each global index; with PROVISIONED, and only then."""
    point_in_time_recovery: Input[bool] = True
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

    def encryption(self) -> aws.dynamodb.TableServerSideEncryptionArgs | None:
        """With the customer key; None is DynamoDB's own, which is always on and costs nothing per call."""
        if self.kms_key_arn is None:
            return None
        return aws.dynamodb.TableServerSideEncryptionArgs(enabled=True, kms_key_arn=self.kms_key_arn)

    def recovery(self) -> aws.dynamodb.TablePointInTimeRecoveryArgs:
        """Restore to any second of the last 35 days."""
        return aws.dynamodb.TablePointInTimeRecoveryArgs(enabled=self.point_in_time_recovery)


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
    return aws.dynamodb.Table(
        f"{name}-table",
        attributes=[aws.dynamodb.TableAttributeArgs(name=each, type="S") for each in (*key, *index_keys)],
        hash_key=hash_key,
        range_key=range_key,
        billing_mode=args.billing_mode,
        read_capacity=args.read_capacity,
        write_capacity=args.write_capacity,
        point_in_time_recovery=args.recovery(),
        server_side_encryption=args.encryption(),
        deletion_protection_enabled=args.deletion_protection,
        opts=pulumi.ResourceOptions(parent=owner),
        **more,
    )


def global_index(name: str, key: tuple[str, str], args: TableArgs) -> aws.dynamodb.TableGlobalSecondaryIndexArgs:
    """A global index by these two attributes, which holds whole items."""
    schema = aws.dynamodb.TableGlobalSecondaryIndexKeySchemaArgs
    return aws.dynamodb.TableGlobalSecondaryIndexArgs(
        name=name,
        key_schemas=[
            schema(attribute_name=each, key_type=kind) for each, kind in zip(key, ("HASH", "RANGE"), strict=True)
        ],
        projection_type="ALL",
        read_capacity=args.read_capacity,
        write_capacity=args.write_capacity,
    )
