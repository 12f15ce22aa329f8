"""The embedded AWS engine: moto's AWS, and behind the same endpoint what moto stops short of.

Lambda functions run for real, event source mappings poll, rules deliver with retries, archives replay.
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from botocore.config import Config

from local import descriptions
from local.engine import (
    archives,
    arrivals,
    aws,
    backends,
    bucket_policies,
    dynamodb_json,
    lifetimes,
    partitions,
    queue_clock,
    retention,
    scratch,
    shortcuts,
    targets,
)
from local.engine.alias_api import AliasApi
from local.engine.api import DEFAULT_REGION, Response
from local.engine.archives import Archives
from local.engine.async_invoke import AsyncInvoker
from local.engine.authorizations import Authorizations, Call, Permission
from local.engine.background import Background, Queues
from local.engine.bus import EventBus
from local.engine.changes import Changes
from local.engine.clock import Clock, ManualClock, SystemClock
from local.engine.cloud_control import CloudControl
from local.engine.code_deploy import SERVICE as CODE_DEPLOY
from local.engine.code_deploy import CodeDeploy
from local.engine.destinations import Destinations
from local.engine.durable.folder import DataError, DataFolder
from local.engine.durable.storage import OnDisk
from local.engine.dynamodb_local.installation import UnavailableError
from local.engine.dynamodb_local.server import NotStarted
from local.engine.event_patterns import EventPatterns
from local.engine.gateway import Fault, Gateway, InterceptedRequest
from local.engine.global_tables import SERVICE as REPLICATION
from local.engine.global_tables import GlobalTables
from local.engine.invoke import Invoker
from local.engine.invoke_configs import InvokeConfigs
from local.engine.item_limits import ItemLimits
from local.engine.kms_keys import KmsKeys
from local.engine.lambda_api import LambdaApi
from local.engine.limits import Limits
from local.engine.links import Links
from local.engine.log_policies import LogGroupPolicies
from local.engine.log_search import LogSearch
from local.engine.long_polling import LongPolling
from local.engine.mappings import Mappings
from local.engine.message_limits import MessageLimits
from local.engine.networks import Networks
from local.engine.object_locks import ObjectLocks
from local.engine.packages import Packages, RuntimeClientMissing
from local.engine.processes import Processes
from local.engine.provisioned import ProvisionedConcurrency
from local.engine.queue_attributes import QueueAttributes
from local.engine.refusals import Refusals
from local.engine.registry_tags import RegistryTags
from local.engine.replay import Replays
from local.engine.scheduler import SERVICE as SCHEDULER
from local.engine.scheduler import Scheduler
from local.engine.schema_versions import SchemaVersions
from local.engine.server import ApiServer, PortTaken
from local.engine.storage import InMemory, KeptNames, Storage
from local.engine.watchdog import Watchdog
from local.engine.web.front import Front

__all__ = [
    "Authorizations",
    "Call",
    "DataError",
    "Engine",
    "Fault",
    "InterceptedRequest",
    "KeptNames",
    "ManualClock",
    "NotStarted",
    "Permission",
    "PortTaken",
    "Response",
    "RuntimeClientMissing",
    "UnavailableError",
]

_only_one = threading.Lock()  # moto's state is global to the process


class Engine:
    """An AWS of one account on 127.0.0.1, empty at every start. One at a time in a process.

    `stream_disorder`: seconds that each of a stream's parallel batches waits at most, at random, so that changes of
    different items overtake each other as they may on AWS, and so between replicas.
    For tests: nothing may lean on an order that is not kept.
    `clock`: by which schedules are due, this machine's if none is given. For tests, which move a `ManualClock`.

    `data`: a folder that outlives the engine. What is made again under its name has its contents again (`durable`).
    """

    def __init__(
        self,
        port: int = 0,
        region: str = DEFAULT_REGION,
        *,
        stream_disorder: float = 0,
        clock: Clock | None = None,
        data: Path | None = None,
    ) -> None:
        self._port = port
        self._region = region
        self._stream_disorder = stream_disorder
        self._clock = clock or SystemClock()
        self._data = data
        self._running: _Running | None = None
        self._clients: dict[tuple[str, str], Any] = {}
        self._making_clients = threading.Lock()

    def start(self) -> None:
        """Returns when the endpoint answers.

        Raises: PortTaken; RuntimeClientMissing; RuntimeError if another engine runs in this process. With a data
        folder: DataError; UnavailableError without Java or DynamoDB Local; NotStarted.
        """
        if not _only_one.acquire(blocking=False):
            raise RuntimeError("An engine runs in this process already: moto's state is global to it")
        try:
            self._running = _Running(self._port, self._stream_disorder, self._clock, self._data, self._region)
        except BaseException:
            _only_one.release()
            raise

    def stop(self) -> None:
        """Ends everything that `start` began, and forgets all state. Does nothing if it is not running."""
        running, self._running = self._running, None
        if running is not None:
            with self._making_clients:
                self._clients.clear()
            running.stop()
            _only_one.release()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def endpoint(self) -> str:
        """http://127.0.0.1:<port>"""
        return self._live.server.endpoint

    @property
    def region(self) -> str:
        return self._region

    @property
    def folder(self) -> Path:
        """For files that are to be gone when the engine is, however it ends."""
        return self._live.folder

    @property
    def calls(self) -> Counter[tuple[str, str]]:
        """How many requests came in for (service, operation), such as ("dynamodb", "PutItem"), retries included."""
        return self._live.gateway.calls

    @property
    def authorizations(self) -> Authorizations:
        """What sessions of roles were allowed and refused, and which statements of their policies were of use."""
        return self._live.gateway.authorizer.record

    @property
    def names(self) -> KeptNames | None:
        """For `deploy`, so that a stack has the names again that it had; None where nothing outlives the engine."""
        return self._live.storage.names

    @contextlib.contextmanager
    def settling(self) -> Iterator[None]:
        """While a stack is made again, nothing moves: a rule that is not there yet would cost its events.

        Pollers and schedules wait, invocations and events are refused as by a service that is busy. At the end what an
        earlier engine left behind goes on.
        """
        self._live.background.hold()
        with contextlib.ExitStack() as refusals:
            for service, operation in (("lambda", "Invoke"), ("events", "PutEvents"), ("events", "StartReplay")):
                refusals.enter_context(self.intercept(service, operation, _not_yet))
            yield
        self._live.resume()  # not where the stack failed: nothing is to be lost to a half of it

    def client(self, service: str, config: Config | None = None, *, region: str | None = None) -> Any:
        """A boto3 client on the endpoint, for the engine's own Region if no other is given.

        Without a `config` it is the same one each time, for all threads: to make one takes longer than most calls.
        """
        there = region or self._region
        if config is not None:
            return aws.client(service, self.endpoint, there, config)
        with self._making_clients:
            if (service, there) not in self._clients:
                self._clients[service, there] = aws.client(service, self.endpoint, there)
            return self._clients[service, there]

    @property
    def links(self) -> Links:
        """What lies between Regions, to be cut, healed, or made slow."""
        return self._live.gateway.links

    @property
    def replication(self) -> GlobalTables:
        """Of global tables. Raises: RuntimeError with a data folder, where there are none."""
        if self._live.global_tables is None:
            raise RuntimeError("With a data folder there are no global tables")
        return self._live.global_tables

    def intercept(self, service: str, operation: str, fault: Fault) -> AbstractContextManager[None]:
        """While the context lasts, every such call passes `fault` first, whoever makes it: see `faults`."""
        return self._live.gateway.intercept(service, operation, fault)

    def kill(self, function: str) -> None:
        """End every process of a function at once, by its name. What they had under way fails, as on Lambda."""
        self._live.kill(function)

    @property
    def _live(self) -> _Running:
        if self._running is None:
            raise RuntimeError("The engine is not running")
        return self._running


_WITH_THE_GATEWAY_ALONE: tuple[Callable[[Gateway], object], ...] = (
    Archives,
    EventPatterns,
    KmsKeys,
    LogGroupPolicies,
    LogSearch,
    QueueAttributes,
    MessageLimits,
    Networks,
    ObjectLocks,
    RegistryTags,
    SchemaVersions,
    Refusals,
    Limits,
    ItemLimits,
)


def _not_yet(request: InterceptedRequest) -> Response:
    return request.error("ServiceUnavailable", "The stack is being deployed: try again", 503)


class _Running:
    """All that lives between start and stop."""

    def __init__(self, port: int, stream_disorder: float, clock: Clock, data: Path | None, region: str) -> None:
        backends.reset()
        quicker, leaner = (
            (dynamodb_json, partitions, lifetimes, bucket_policies, queue_clock, shortcuts, descriptions),
            (retention, archives),
        )
        for amendment in (*quicker, *leaner):
            amendment.install()
        self._changes = Changes()
        arrivals.install(self._changes.notify)
        self.gateway = Gateway()
        with contextlib.ExitStack() as undo:
            self.server = ApiServer(port, self.gateway.handle)
            undo.callback(self.server.stop)
            kept = undo.enter_context(contextlib.closing(DataFolder(data))) if data else None
            scratch.sweep()
            self.folder = scratch.unused()
            self._watchdog = Watchdog(self.folder)
            undo.callback(self._watchdog.stop)
            self._owner = scratch.make(self.folder)
            packages = Packages(self.folder)
            self.storage = self._storage(kept, region)
            undo.pop_all()
        endpoint = self.server.endpoint
        self.background = Background()
        self._processes = Processes(self._watchdog)
        self._invoker = Invoker(self.gateway, self.background, packages, self._processes, endpoint)
        of_lambda = aws.ServiceClients(self.gateway, "lambda.amazonaws.com", endpoint)
        destinations = Destinations(of_lambda)
        pending = self.storage.pending
        self._asynchronous = AsyncInvoker(self.gateway, self.background, self._invoker, destinations, pending)
        LambdaApi(self.gateway, self._invoker, self._asynchronous)
        InvokeConfigs(self.gateway)
        AliasApi(self.gateway, ProvisionedConcurrency(self.gateway, self.background, self._invoker))
        Mappings(
            gateway=self.gateway,
            background=self.background,
            changes=self._changes,
            invoker=self._invoker,
            clients=of_lambda,
            destinations=destinations,
            open_stream=self.storage.open_stream,
            stream_disorder=stream_disorder,
        )
        of_events = aws.ServiceClients(self.gateway, targets.SERVICE, endpoint)
        self._targets = targets.Targets(self.gateway, self.background, of_events, pending)
        bus = EventBus(self.gateway, self._targets)
        Replays(self.gateway, self.background, bus)
        bucket_policies.heed_public_access_blocks(self.gateway)
        of_scheduler = aws.ServiceClients(self.gateway, SCHEDULER, endpoint)
        scheduled: Queues[str] = Queues(self.background, "schedule")  # so that a target that hangs holds up no other
        Scheduler(self.gateway, of_scheduler, clock, scheduled.put).watch(self.background)
        self.global_tables: GlobalTables | None = None
        if kept is None:
            self.global_tables = GlobalTables(
                gateway=self.gateway,
                background=self.background,
                changes=self._changes,
                links=self.gateway.links,
                clients=aws.ServiceClients(self.gateway, REPLICATION, endpoint),
                disorder=stream_disorder,
            )
        of_codedeploy = aws.ServiceClients(self.gateway, CODE_DEPLOY, endpoint)
        CodeDeploy(self.gateway, self.background, of_codedeploy, clock)
        CloudControl(self.gateway, aws.ServiceClients(self.gateway, "cloudformation.amazonaws.com", endpoint))
        LongPolling(self.gateway, self._changes)
        for seam in _WITH_THE_GATEWAY_ALONE:
            seam(self.gateway)
        self._front = Front(self.gateway, self.background, clock, port=port, kept=self.storage.ports, region=region)
        self.server.start()

    def _storage(self, kept: DataFolder | None, region: str) -> Storage:
        if kept is None:
            return InMemory(self.gateway)
        return OnDisk(kept, region, self.gateway, self._changes, watchdog=self._watchdog, scratch=self.folder)

    def kill(self, function: str) -> None:
        """See Engine."""
        self._invoker.kill(function)

    def resume(self) -> None:
        """Goes on with what an earlier engine left behind, now that the resources are there that it is for."""
        self.background.release()
        self._targets.resume()
        self._asynchronous.resume()

    def stop(self) -> None:
        self.background.closing.set()
        self.gateway.close()
        self._changes.close()
        self._invoker.stop()
        self.background.stop()
        self._processes.stop()
        self._front.stop()
        self.server.stop()
        self.storage.close()
        self._watchdog.stop()
        self._owner.close()
        backends.reset()
