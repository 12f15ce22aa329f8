"""The AWS clients of the handlers, made once per execution environment."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sqs import SQSClient

# Fail well inside a function's timeout: an answer that takes this long is lost, and every call here is safe to repeat.
_CONFIG = Config(
    connect_timeout=1,
    read_timeout=4,
    retries={"mode": "standard", "total_max_attempts": 3},
    tcp_keepalive=True,
    # Given, since botocore puts its own together twice for each request: a quarter of the CPU that a call takes.
    user_agent=f"Boto3/{boto3.__version__} event-sourcing-ledger",  # boto3 adds botocore's version
)
# The arguments are of our own making, and what is wrong with them DynamoDB says as well: another tenth. (The tests
# check them as botocore would.) What answers are checked for, their CRC-32, stays on.
_DYNAMODB = _CONFIG.merge(Config(parameter_validation=False))


def dynamodb(side_by_side: int = 10) -> DynamoDBClient:
    """A DynamoDB client for so many calls at a time; Region, credentials and endpoint come from the environment."""
    return boto3.client("dynamodb", config=_for_calls(side_by_side))


@cache
def _for_calls(side_by_side: int) -> Config:
    return _DYNAMODB.merge(Config(max_pool_connections=max(10, side_by_side)))


def eventbridge(longest_seconds: int | None = None) -> EventBridgeClient:
    """An EventBridge client; Region, credentials and endpoint come from the environment.

    With `longest_seconds` a call is tried once, for so long at most: for what must not keep a caller waiting.
    """
    if longest_seconds is None:
        return boto3.client("events", config=_CONFIG)
    once = Config(connect_timeout=1, read_timeout=longest_seconds - 1, retries={"total_max_attempts": 1})
    return boto3.client("events", config=_CONFIG.merge(once))


def functions() -> LambdaClient:
    """A client that invokes functions, once, and waits as long as a cold one takes."""
    return boto3.client("lambda", config=_CONFIG.merge(Config(read_timeout=25, retries={"total_max_attempts": 1})))


def sqs() -> SQSClient:
    """An SQS client; Region, credentials and endpoint come from the environment."""
    return boto3.client("sqs", config=_CONFIG)


def streams() -> DynamoDBStreamsClient:
    """A client of DynamoDB's streams; Region, credentials and endpoint come from the environment."""
    return boto3.client("dynamodbstreams", config=_CONFIG)
