"""The functions in this process on an in-memory AWS, as Lambda runs them: by execution environments that end.

Deterministic: the only clock is the world's, and every AWS call asks a `Fate` what happens to it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from importlib.abc import SourceLoader
from importlib.util import find_spec
from itertools import count
from threading import RLock, local
from types import CodeType, ModuleType
from typing import Any, TypeVar

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from handlers.failure import InvocationError
from handlers.sourcing import times
from handlers.sourcing.event import Event
from handlers.store.ledger import Ledger
from handlers.store.read_model import ReadModel

from ..aws import ENVIRONMENT, ROWS, STORE, TABLES, around_every_call
from .bus import Bus
from .dynamodb import DynamoDB
from .faults import NONE, Call, Fault, Killed
from .segments import Segments

START = datetime(2024, 1, 15, 10, tzinfo=UTC)
CALL_SECONDS = 0.005
FUNCTION_SECONDS = 30.0

T = TypeVar("T")
Fate = Callable[[Call], Fault]


def all_well(_: Call) -> Fault:
    """The fate of a call when nothing goes wrong."""
    return NONE


def at_once(read: Callable[[], T]) -> Callable[[], T]:
    """Reads that go side by side, made one by one in the order in which they begin."""
    result = read()
    return lambda: result


ANSWERING = ("command", "query", "validate")
"""Functions that fail with a code that callers know, or not at all."""


class FunctionFailedError(Exception):
    """An invocation ended without an answer: its handler raised, its time was up, or its process ended.

    `code` is what Lambda reports of a handler that raised on purpose.
    """

    def __init__(self, reason: str, code: str | None = None) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(eq=False)
class Invocation:
    """One run of a handler; it is also Lambda's context object."""

    world: World
    function: str
    number: int
    aws_request_id: str
    deadline: float
    fate: Fate
    client: BaseClient | None = None
    calls: Iterator[int] = field(default_factory=lambda: count(1))
    ended: bool = False

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self.deadline - self.world.now) * 1000))

    def leave_time(self, seconds: float) -> None:
        """Use up this invocation's time, and nobody else's."""
        self.deadline = min(self.deadline, self.world.now + seconds)

    def end(self) -> Killed:
        """End the process, by raising what this returns."""
        self.ended = True
        return Killed()

    def error(self, code: str, operation: str, response: Mapping[str, Any] | None = None) -> ClientError:
        """An error as this invocation's client raises it."""
        assert self.client
        error_class: Any = self.client.exceptions.from_code(code)
        error: ClientError = error_class(response or {"Error": {"Code": code, "Message": "told to"}}, operation)
        return error

    def __str__(self) -> str:
        return f"invocation {self.number} ({self.function})"


@dataclass(eq=False)
class Environment:
    """One process of a function: module state and clients of its own, and a clock that is seconds off."""

    module: ModuleType
    invocation: Invocation | None = None


@dataclass(eq=False)
class World:
    """AWS and the functions on it."""

    dynamodb: DynamoDB = field(default_factory=lambda: DynamoDB(TABLES))
    bus: Bus = field(default_factory=Bus)
    segments: Segments = field(default_factory=Segments)
    now: float = 0.0
    underway: list[Call] = field(default_factory=list)
    """Calls that their callers gave up on and that take effect before somebody's next write."""
    forgotten: list[Call] = field(default_factory=list)
    """Those that take effect even later, when `arrive_all` says so."""
    idle: dict[str, list[Environment]] = field(default_factory=lambda: defaultdict(list))
    broken: list[str] = field(default_factory=list)
    """What must never happen, kept where no handler can catch it."""
    watch: Callable[[World], None] | None = None
    """What must hold after every event that is stored: AssertionError where it does not."""
    requests: Iterator[int] = field(default_factory=count)
    """Numbers for those that ask the functions something."""
    decoded: dict[int, tuple[dict[str, Any], Event]] = field(default_factory=dict)
    """What stored items say, by their ids, with the items, so that no other one gets such an id."""
    _owners: dict[BaseClient, Environment] = field(default_factory=dict)
    _here: local = field(default_factory=local)
    """`environment`: the one that this thread's code runs in; several invocations may be under way."""
    _invocations: Iterator[int] = field(default_factory=lambda: count(1))
    _environments: Iterator[int] = field(default_factory=count)
    _lock: Any = field(default_factory=RLock)

    @contextmanager
    def running(self) -> Iterator[World]:
        """Make every AWS call of this process a call on this world."""
        with around_every_call(self._around), pytest.MonkeyPatch.context() as patch:
            patch.setattr(boto3, "client", self._new_client)
            yield self

    def invoke(self, function: str, event: Any, *, request_id: str | None = None, fate: Fate = all_well) -> Any:
        """The handler's answer to an event, both through JSON as in Lambda. FunctionFailedError where there is none."""
        number = next(self._invocations)
        environment = self.idle[function].pop() if self.idle[function] else self._start(function)
        self._here.environment = environment
        environment.invocation = invocation = Invocation(
            self, function, number, request_id or f"request-{number}", self.now + FUNCTION_SECONDS, fate
        )
        try:
            answer = environment.module.lambda_handler(json.loads(json.dumps(event)), invocation)
        except Killed:
            raise FunctionFailedError("the process ended") from None
        except InvocationError as error:
            self.idle[function].append(environment)
            raise FunctionFailedError("the handler raised", error.code) from error
        except Exception as error:
            if function in ANSWERING:
                raise AssertionError(f"{function} raised what its callers do not know") from error
            self.idle[function].append(environment)
            raise FunctionFailedError("the handler raised") from error
        finally:
            environment.invocation = self._here.environment = None
            assert not self.broken, self.broken
        assert not invocation.ended, f"{invocation} went on after the end of its process"
        if self.now > invocation.deadline:
            raise FunctionFailedError("the time was up")
        self.idle[function].append(environment)
        return json.loads(json.dumps(answer))

    def arrive(self) -> None:
        """Let the calls that are still underway take effect."""
        while self.underway:
            with suppress(ClientError):  # nobody is there to be told
                self.underway.pop(0).take_effect()

    def arrive_all(self) -> None:
        """Let the forgotten ones take effect as well."""
        self.underway += self.forgotten
        self.forgotten = []
        self.arrive()

    def _around(self, client: BaseClient, operation: str, arguments: dict[str, Any], _: Callable[[], Any]) -> Any:
        invocation = self._owners[client].invocation
        if invocation is None:
            self.broken.append(f"{operation} after its invocation had ended")
        if invocation is None or invocation.ended:
            raise Killed
        with self._lock:  # a query reads several buckets side by side
            self.now += CALL_SECONDS
            invocation.client = client
            call = Call(invocation, next(invocation.calls), operation, arguments, lambda sent: self._do(call, sent))
        fault = invocation.fate(call)
        if self.now > invocation.deadline:
            raise invocation.end()
        if not call.is_read:
            self.arrive()
        return fault.happen(call)

    def _do(self, call: Call, arguments: dict[str, Any]) -> Any:
        with self._lock:
            try:
                answer = self._service(call.operation).call(call.operation, arguments)
                if self.watch and call.operation == "PutItem" and arguments["TableName"] == STORE:
                    self.watch(self)
                return {**answer, "ResponseMetadata": {"HTTPHeaders": {"date": self._date()}}}
            except ClientError as error:
                raise call.invocation.error(error.response["Error"]["Code"], call.operation, error.response) from None
            except Exception as error:
                self.broken.append(f"{call}: {error!r}")
                raise

    def _service(self, operation: str) -> Bus | DynamoDB | Segments:
        if operation == "PutEvents":
            return self.bus
        return self.segments if operation == "SendMessage" else self.dynamodb

    def _start(self, function: str) -> Environment:
        """A cold start: the entry module is executed anew, which makes its clients and whatever else it keeps."""
        module = ModuleType(f"handlers.{function}")
        module.__package__ = "handlers"
        self._here.environment = environment = Environment(module)
        exec(_code(function), vars(module))  # noqa: S102 -- what an import does, without looking for the file again
        skew = next(self._environments) * 37 % 11 - 5
        names = vars(module)
        clock = {"now": lambda: self._text(skew)}
        if "now" in names:
            names.update(clock)
        if ledger := names.get("_ledger"):
            names["_ledger"] = self._on_this_clock(ledger, clock)
        if conductor := names.get("_conductor"):
            ledger = self._on_this_clock(conductor.ledger, clock)
            names["_conductor"] = replace(conductor, **clock, ledger=ledger, begin=at_once)
        if reconciler := names.get("_reconciler"):
            rows = ReadModel(reconciler.projector.read_model._client, ROWS, pause=self._pause)
            names["_reconciler"] = replace(
                reconciler,
                **clock,
                ledger=self._on_this_clock(reconciler.ledger, clock),
                projector=replace(reconciler.projector, read_model=rows, begin=at_once),
                builder=replace(reconciler.builder, snapshots=replace(reconciler.builder.snapshots, pause=self._pause)),
            )
        if replayer := names.get("_replayer"):
            names["_replayer"] = replace(replayer, **clock, pause=self._pass)
        if projector := names.get("_projector"):
            read_model = ReadModel(projector.read_model._client, ROWS, pause=self._pause)
            names["_projector"] = replace(projector, read_model=read_model, begin=at_once)
        if builder := names.get("_builder"):
            names["_builder"] = replace(builder, snapshots=replace(builder.snapshots, pause=self._pause))
        return environment

    def _on_this_clock(self, ledger: Ledger, clock: dict[str, Any]) -> Ledger:
        reader = replace(ledger.reader, **clock, begin=at_once)
        return replace(ledger, reader=reader, pause=self._pause)

    def _text(self, skew: float) -> str:
        return times.to_text(START + timedelta(seconds=self.now + skew))

    def _date(self) -> str:
        """AWS's own time, as its answers say it."""
        return _http_date(int(self.now))

    def _pass(self, seconds: float) -> None:
        self.now += seconds

    def _pause(self, _: float) -> None:
        self.now += CALL_SECONDS

    def _new_client(self, service: str, **_: Any) -> BaseClient:
        environment = self._here.environment
        assert environment, "a client is made when its process starts or handles an event"
        original = _prototype(service)
        client: BaseClient = object.__new__(type(original))
        vars(client).update(vars(original))
        self._owners[client] = environment
        return client

    @property
    def stream(self) -> list[dict[str, Any]]:
        """The event store's stream, from its beginning."""
        return self.dynamodb.tables[STORE].stream


_boto3_client: Any = boto3.client


@cache
def _http_date(seconds: int) -> str:
    """That of so many seconds after the start, which is asked for with each of the hundreds of calls in a second."""
    return format_datetime(START + timedelta(seconds=seconds), usegmt=True)


@cache
def _code(function: str) -> CodeType:
    """An entry module, compiled."""
    spec = find_spec(f"handlers.{function}")
    assert spec
    assert isinstance(spec.loader, SourceLoader)
    code = spec.loader.get_code(spec.name)
    assert code
    return code


@cache
def _prototype(service: str) -> BaseClient:
    """A real client, whose copies cost nothing."""
    client: BaseClient = _boto3_client(service, region_name=ENVIRONMENT["AWS_DEFAULT_REGION"])
    return client
