"""The policies of buckets: decided on where all policies are (`authorization`), and not by moto.

Moto takes every condition for fulfilled, so that "deny what comes without TLS" denies everything. And it keeps what is
said of public access to a bucket, without heeding it.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from local.engine import backends
from local.engine.api import ApiError
from local.engine.backends import FakeBucket, PermissionResult
from local.engine.policy_conditions import Unevaluable
from local.engine.policy_documents import parse

if TYPE_CHECKING:
    from local.engine.api import ApiRequest
    from local.engine.gateway import Gateway
    from local.engine.policy_conditions import Condition
    from local.engine.policy_documents import Statement

_NAMING = frozenset({"StringEquals", "StringLike", "ArnEquals", "ArnLike"})
_NAMED_BY = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
    }
)
"""Keys of conditions by which, with a fixed value, a policy is not for everybody: "The meaning of public" of S3."""
_WIDEST_NETWORK = 8
"""Bits of the address."""


def install() -> None:
    """From here on moto has no say in it. Calling it again changes nothing."""
    FakeBucket.get_permission = _none


def _none(*_: Any) -> Any:
    return PermissionResult.NEUTRAL


def heed_public_access_blocks(gateway: Gateway) -> None:
    """Has a public policy refused by a bucket that blocks such; `is_closed` says where one that is there is ignored."""
    gateway.before("s3", "PutBucketPolicy", _check)


def _check(request: ApiRequest) -> None:
    name = unquote(request.path).split("/")[1]
    bucket = backends.bucket(name)
    blocks = bucket is not None and bucket.public_access_block is not None
    if blocks and bucket.public_access_block.block_public_policy and is_public(request.body.decode("utf-8", "replace")):
        reason = "public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access"
        raise ApiError("AccessDenied", f"s3:PutBucketPolicy on arn:aws:s3:::{name} is refused because {reason}.", 403)


def is_closed(arn: str) -> bool:
    """Whether anonymous callers have nothing in the bucket, or in the one of the object, whatever its policy allows."""
    bucket = backends.bucket(arn.split(":", 5)[5].split("/", 1)[0])
    if bucket is None or bucket.public_access_block is None or not bucket.public_access_block.restrict_public_buckets:
        return False
    return bucket.policy is not None and is_public(bucket.policy.decode())


def is_public(document: str) -> bool:
    """Whether a policy is for everybody, as S3 tells. What cannot be read is refused elsewhere."""
    try:
        return any(_is_public(statement) for statement in parse(document))
    except Unevaluable:
        return False


def _is_public(statement: Statement) -> bool:
    if not statement.allows or any(_names_somebody(condition) for condition in statement.conditions):
        return False
    principals = statement.principals
    return principals is None or any("*" in name for names in principals.values() for name in names)


def _names_somebody(condition: Condition) -> bool:
    operator = condition.operator.removeprefix("ForAnyValue:")
    if operator == "IpAddress" and condition.key == "aws:sourceip":
        return all(map(_is_narrow, condition.values))
    return (
        operator in _NAMING
        and condition.key in _NAMED_BY
        and not any(sign in value for value in condition.values for sign in ("*", "?", "${"))
    )


def _is_narrow(network: str) -> bool:
    try:
        return ip_network(network, strict=False).prefixlen >= _WIDEST_NETWORK
    except ValueError:
        return False
