"""What the owner of the account wants of every resource, whichever component declares it.

It is a transformation of the whole stack, so a part that is added later keeps to it without knowing of it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.settings import SettingsError, refused

HOLDS_DATA = frozenset(
    {
        "aws:backup/vault:Vault",
        "aws:cloudwatch/logGroup:LogGroup",
        "aws:cognito/userPool:UserPool",
        "aws:dynamodb/table:Table",
        "aws:sqs/queue:Queue",
    }
)
"""What keeps events, what is made of them, or people's names, if only for a time. An archive takes no tags."""

_BUCKETS_OF_DATA = frozenset({("aws:s3/bucket:Bucket", "audit-files-bucket")})
"""Other buckets hold what anybody may read."""

DATA_CLASS_TAG = "data-class"
_ROLE = "aws:iam/role:Role"

Transformation = Callable[[pulumi.ResourceTransformationArgs], pulumi.ResourceTransformationResult | None]


class NoTransformationError(SettingsError):
    """The setting `transformation` names nothing that transforms."""


@dataclass(frozen=True)
class Conventions:
    permissions_boundary: str
    """ARN of the policy beyond which no role may; empty for none."""
    role_path: str
    data_class: str
    """The tag of what holds data; empty for none."""
    transformation: str
    """`module:function` of the owner's own; empty for none."""


def check_boundary(arn: str) -> None:
    """SettingsError for a boundary of another account or partition, which IAM takes of no role. Two requests, and none
    where none is given."""
    if not arn:
        return
    here = (aws.get_partition().partition, aws.get_caller_identity().account_id)
    partition, owner = arn.split(":")[1:5:3]
    if partition != here[0] or owner not in (here[1], "aws"):
        allowed = f"a policy of the account {here[1]} (partition {here[0]}), where this stack is, or one of AWS's own"
        raise refused("permissionsBoundary", arn, allowed)


def follow(conventions: Conventions) -> None:
    """Has every resource that is declared from here on keep to them. Raises: NoTransformationError."""
    pulumi.runtime.register_stack_transformation(_of(conventions))
    if conventions.transformation:
        pulumi.runtime.register_stack_transformation(_named(conventions.transformation))


def _of(conventions: Conventions) -> Transformation:
    of_roles = {
        **({"path": conventions.role_path} if conventions.role_path != "/" else {}),
        **({"permissions_boundary": conventions.permissions_boundary} if conventions.permissions_boundary else {}),
    }

    def transform(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if args.type_ == _ROLE and of_roles:
            return pulumi.ResourceTransformationResult({**args.props, **of_roles}, args.opts)
        if (args.type_ in HOLDS_DATA or (args.type_, args.name) in _BUCKETS_OF_DATA) and conventions.data_class:
            tags = pulumi.Output.from_input(args.props.get("tags")).apply(
                lambda own: {**(own or {}), DATA_CLASS_TAG: conventions.data_class}
            )
            return pulumi.ResourceTransformationResult({**args.props, "tags": tags}, args.opts)
        return None

    return transform


def _named(name: str) -> Transformation:
    module, _, function = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise NoTransformationError(f"the setting transformation is {name!r}, and {error}") from error
    if not callable(found):
        raise NoTransformationError(f"the setting transformation is {name!r}, and that is no function")
    transformation: Transformation = found

    def transform(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        given = f"the setting transformation is {name!r}, which, given {args.type_} {args.name!r},"
        try:
            result = transformation(args)
        except Exception as error:  # whatever somebody else's code raises: the setting is what names it
            raise NoTransformationError(f"{given} raised {type(error).__name__}: {error}") from error
        if result is not None and not isinstance(result, pulumi.ResourceTransformationResult):
            raise NoTransformationError(f"{given} gave back {result!r} and no ResourceTransformationResult")
        return result

    return transform
