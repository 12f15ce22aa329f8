"""Every test of this folder against both engines: Amazon's DynamoDB Local, and moto as the embedded AWS runs it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto import mock_aws

from handlers.store import clients
from handlers.store.event_store import EventStore
from handlers.store.read_model import ReadModel
from handlers.store.type_index import TypeIndex

from ..aws import ROWS, STORE, TABLES, around_every_call, environment
from .dynamodb_local import installation, server
from .meter import Meter

DYNAMODB_LOCAL = "dynamodb-local"
MOTO = "moto"
BUCKETS = 3


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "differs(engine, reason): what this engine gets wrong; see docs/engines.md. Passing is an error."
    )


@pytest.fixture(scope="session", autouse=True)
def _environment() -> Iterator[None]:
    with environment():
        yield


@pytest.fixture(scope="session")
def dynamodb_local(_environment: None) -> Iterator[str]:
    """The endpoint of this session's DynamoDB Local."""
    try:
        installation.java()
        installation.jars()
    except installation.UnavailableError as problem:
        pytest.skip(str(problem))
    with server.running() as endpoint:
        yield endpoint


@dataclass(frozen=True)
class Engine:
    """An engine with both tables, empty. Each call of `client` makes a new one: every writer has its own."""

    name: str
    client: Callable[[], Any]


@pytest.fixture(scope="session")
def session(_environment: None) -> boto3.Session:
    """Keeps what clients share, most of the time that it takes to make one; moto forgets the default one each time."""
    return boto3.Session()


@pytest.fixture(params=[DYNAMODB_LOCAL, MOTO])
def engine(request: pytest.FixtureRequest, session: boto3.Session) -> Iterator[Engine]:
    name: str = request.param
    for mark in request.node.iter_markers("differs"):
        if mark.args[0] == name:
            failures = (AssertionError, pytest.fail.Exception)
            request.applymarker(pytest.mark.xfail(reason=mark.kwargs["reason"], strict=True, raises=failures))
    running = _moto() if name == MOTO else _local(request.getfixturevalue("dynamodb_local"))
    with running, pytest.MonkeyPatch.context() as patch:
        patch.setattr(boto3, "DEFAULT_SESSION", session)
        admin = clients.dynamodb()
        for table in TABLES:
            admin.create_table(**table)
        made = [admin]

        def client() -> Any:
            made.append(clients.dynamodb())
            return made[-1]

        yield Engine(name, client)
        for table in TABLES:
            admin.delete_table(TableName=table["TableName"])
        for each in made:
            each.close()


@contextmanager
def _local(endpoint: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
        yield


@contextmanager
def _moto() -> Iterator[None]:
    """Calls one at a time: moto's tables are not thread-safe, so the embedded AWS takes a lock around each, too."""
    lock = threading.Lock()

    def one_at_a_time(_client: Any, _operation: str, _arguments: dict[str, Any], proceed: Callable[[], Any]) -> Any:
        with lock:
            return proceed()

    with mock_aws(), around_every_call(one_at_a_time):
        yield


@pytest.fixture
def client(engine: Engine) -> Any:
    return engine.client()


@pytest.fixture
def meter(client: Any) -> Meter:
    """What each call of `client`, and so of `store`, `read_model` and `type_index`, read and cost."""
    return Meter(client)


@pytest.fixture
def store(client: Any) -> EventStore:
    return EventStore(client, STORE, BUCKETS)


@pytest.fixture
def read_model(client: Any) -> ReadModel:
    return ReadModel(client, ROWS)


@pytest.fixture
def type_index(client: Any) -> TypeIndex:
    return TypeIndex(client, STORE, BUCKETS)
