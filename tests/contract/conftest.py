"""Every test of this folder against both engines: Amazon's DynamoDB Local, and moto as the embedded AWS runs it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain, count
from typing import Any

import pytest
from botocore.client import BaseClient

from handlers.store import clients
from handlers.store.event_store import EventStore
from handlers.store.read_model import ReadModel
from handlers.store.snapshots import Snapshots
from handlers.store.type_index import TypeIndex
from local.engine.dynamodb_local import installation, server

from ..aws import ROWS, SNAPSHOTS, STORE, TABLES, around_every_call, environment
from ..quick_moto import boto_alone, make_tables
from .meter import Meter, metered

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
    with ExitStack() as stack:
        try:
            endpoint = stack.enter_context(server.running())
        except installation.UnavailableError as problem:
            pytest.skip(str(problem))
        yield endpoint


@dataclass(frozen=True)
class Engine:
    """An engine with both tables, empty. Each call of `client` gives another one: every writer has its own."""

    name: str
    client: Callable[[], Any]


@pytest.fixture(scope="session")
def pools() -> Iterator[dict[str, list[Any]]]:
    """The clients made for each engine so far: a test uses again what those before it had."""
    made: dict[str, list[Any]] = {DYNAMODB_LOCAL: [], MOTO: []}
    yield made
    for each in chain.from_iterable(made.values()):
        each.close()


@pytest.fixture(params=[DYNAMODB_LOCAL, MOTO])
def engine(request: pytest.FixtureRequest, pools: dict[str, list[Any]]) -> Iterator[Engine]:
    name: str = request.param
    for mark in request.node.iter_markers("differs"):
        if mark.args[0] == name:
            failures = (AssertionError, pytest.fail.Exception)
            request.applymarker(pytest.mark.xfail(reason=mark.kwargs["reason"], strict=True, raises=failures))
    pool, places = pools[name], count()

    def client() -> Any:
        if (place := next(places)) == len(pool):
            pool.append(clients.dynamodb())
        return pool[place]

    with _moto() if name == MOTO else _local(request.getfixturevalue("dynamodb_local")):
        if name == MOTO:
            make_tables(TABLES)
            yield Engine(name, client)
            return
        tables = _Tables(client())
        with around_every_call(tables.around):
            yield Engine(name, client)
        tables.delete()


@contextmanager
def _local(endpoint: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
        yield


class _Tables:
    """A test's tables on DynamoDB Local, each made by the first call that may be about it.

    Most tests need one or two of the five, and to make one takes as long as twenty calls.
    """

    def __init__(self, client: BaseClient) -> None:
        # As it is here: what a test counts or has fail are its own calls.
        self._ask: Callable[..., Any] = partial(BaseClient._make_api_call, client)  # type: ignore[attr-defined]
        self._missing = {table["TableName"]: table for table in TABLES}
        self._lock = threading.Lock()

    def around(self, _: BaseClient, _operation: str, arguments: dict[str, Any], proceed: Callable[[], Any]) -> Any:
        if self._missing:
            with self._lock:
                for name in _named(arguments) or set(self._missing):
                    if name in self._missing:
                        self._ask("CreateTable", self._missing[name])
                        del self._missing[name]
        return proceed()

    def delete(self) -> None:
        for name in {table["TableName"] for table in TABLES} - self._missing.keys():
            self._ask("DeleteTable", {"TableName": name})


def _named(arguments: dict[str, Any]) -> set[str]:
    """The tables that a call names: none of a call that says it otherwise, and so may be about any."""
    if "TableName" in arguments:
        return {arguments["TableName"]}
    writes = (write for each in arguments.get("TransactItems", ()) for write in each.values())
    return {*arguments.get("RequestItems", ()), *(write["TableName"] for write in writes)}


@contextmanager
def _moto() -> Iterator[None]:
    """Calls one at a time: moto's tables are not thread-safe, so the embedded AWS takes a lock around each, too."""
    lock = threading.Lock()

    def one_at_a_time(_client: Any, _operation: str, _arguments: dict[str, Any], proceed: Callable[[], Any]) -> Any:
        with lock:
            return proceed()

    with boto_alone(), around_every_call(one_at_a_time):
        yield


@pytest.fixture
def client(engine: Engine) -> Any:
    return engine.client()


@pytest.fixture
def meter(client: Any) -> Iterator[Meter]:
    """What each call of `client`, and so of `store`, `read_model` and `type_index`, read and cost."""
    with metered(client) as meter:
        yield meter


@pytest.fixture
def store(client: Any) -> EventStore:
    return EventStore(client, STORE, BUCKETS)


@pytest.fixture
def snapshots(client: Any) -> Snapshots:
    return Snapshots(client, SNAPSHOTS)


@pytest.fixture
def read_model(client: Any) -> ReadModel:
    return ReadModel(client, ROWS)


@pytest.fixture
def type_index(client: Any) -> TypeIndex:
    return TypeIndex(client, STORE, BUCKETS)
