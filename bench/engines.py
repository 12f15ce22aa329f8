"""What the subjects run against: Amazon's own DynamoDB engine where it can be had, else the embedded AWS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib import metadata
from typing import Any, NamedTuple

import boto3
from botocore.config import Config

from local.engine import Engine
from local.engine.dynamodb_local import installation, server
from tests.aws import BUS, ENVIRONMENT, TABLES

from .subjects import peer_tables, recipe_tables

SETTINGS = {**ENVIRONMENT, "TYPE_BUCKETS": "4", "STATEMENT": "true", "STATEMENT_ENTRIES": "20", "SNAPSHOT_EVERY": "10"}
"""The functions' environment with the defaults of Pulumi.yaml."""


class Engines(NamedTuple):
    """A DynamoDB with the tables of ours and the recipe's, and a bus. `states_units`: whether its units are true."""

    name: str
    states_units: bool
    environment: Mapping[str, str]
    dynamodb: Any
    why_not: str
    """Why this is not Amazon's own engine; empty where it is."""


@contextmanager
def running() -> Iterator[Engines]:
    """Both engines, for as long as the context lasts."""
    with ExitStack() as stack:
        embedded = stack.enter_context(Engine())
        embedded.client("events").create_event_bus(Name=BUS)
        name, endpoint, why_not = f"moto {metadata.version('moto')} (the embedded AWS)", embedded.endpoint, ""
        try:
            endpoint = stack.enter_context(server.running(for_long=True))
            name = f"DynamoDB Local {installation.version()}"
        except installation.UnavailableError as problem:
            why_not = str(problem)
        dynamodb: Any = boto3.client(
            "dynamodb",
            endpoint_url=endpoint,
            region_name=ENVIRONMENT["AWS_DEFAULT_REGION"],
            aws_access_key_id=ENVIRONMENT["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=ENVIRONMENT["AWS_SECRET_ACCESS_KEY"],
            config=Config(read_timeout=60, retries={"total_max_attempts": 3}),
        )
        for table in (*TABLES, recipe_tables.EVENT_STORE, peer_tables.CASTORE, peer_tables.PYEVENTSOURCING):
            # Nobody follows a stream here, no call tells of one, and without it accounts are written twice as fast.
            dynamodb.create_table(**{name: value for name, value in table.items() if name != "StreamSpecification"})
        environment = {
            **SETTINGS,
            "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
            "AWS_ENDPOINT_URL_EVENTBRIDGE": embedded.endpoint,
        }
        yield Engines(name, not why_not, environment, dynamodb, why_not)
