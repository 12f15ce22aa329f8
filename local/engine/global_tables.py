"""Global tables of DynamoDB (version 2019.11.21, MREC), of which moto takes the settings and makes nothing.

A replica is a table of its own in its Region, with its own stream, policy, key and protection. For each direction
between two replicas there is a thread that carries changes over: when its link lets it, and as long as the policies of
both tables admit DynamoDB's replication role. Where there is no replica there is no thread, and no call costs more.
docs/global-tables.md says point by point what of AWS this is.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from local.engine import backends, table_names
from local.engine.api import ACCOUNT, ApiError, ApiRequest, Response
from local.engine.principals import Session
from local.engine.replicas import Change, Group, Replica

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from local.engine.aws import ServiceClients
    from local.engine.background import Background
    from local.engine.changes import Changes
    from local.engine.gateway import Gateway
    from local.engine.links import Links

_logger = logging.getLogger(__name__)

SERVICE = "replication.dynamodb.amazonaws.com"
REPLICATION_ROLE = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/{SERVICE}/AWSServiceRoleForDynamoDBReplication"
_REPLICATION = Session(REPLICATION_ROLE, SERVICE)

NOT_AUTHORIZED = "REPLICATION_NOT_AUTHORIZED"
_ON_TABLES = ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Scan", "DescribeTable")
"""What the replication role does with a replica; who denies it one of them stops all of it."""

REFUSED_SECONDS = 0.2
"""Until replication that was refused looks again. On AWS: minutes, and after 20 hours never."""
_METRIC_SECONDS = 1.0
"""Between two values of a metric; a minute on AWS."""
_SETTLE_SECONDS = 10.0
_LOOK_SECONDS = 0.05

_VERSION = "2019.11.21"
_MANAGED_KEY = "alias/aws/dynamodb"
_SYNCHRONISED = frozenset(
    {"AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexUpdates", "ProvisionedThroughput", "WarmThroughput"}
)
"""What UpdateTable changes in all replicas, wherever it is called. The rest is each replica's own."""
_ACTIONS = frozenset({"Create", "Delete"})


@dataclass
class _Direction:
    """From one replica to another. Ended once either is gone."""

    group: Group
    source: str
    target: str
    ended: threading.Event = field(default_factory=threading.Event)
    refused: bool = False
    measured: float = 0.0
    """When the metric was written last, by the monotonic clock."""


class GlobalTables:
    """UpdateTable with ReplicaUpdates, and the replication that follows from it."""

    def __init__(
        self,
        *,
        gateway: Gateway,
        background: Background,
        changes: Changes,
        links: Links,
        clients: ServiceClients,
        disorder: float = 0.0,
    ) -> None:
        """`disorder`: seconds that a change arrives later at most, each another moment, so that items overtake."""
        self._disorder = disorder
        self._gateway = gateway
        self._background = background
        self._changes = changes
        self._links = links
        self._clients = clients
        self._groups: list[Group] = []
        self._directions: list[_Direction] = []
        self._skews: dict[str, float] = {}
        self._moved = threading.Condition()
        gateway.seam("dynamodb", "UpdateTable", self._update)
        gateway.seam("dynamodb", "DeleteTable", self._delete)
        gateway.seam("dynamodb", "DescribeTable", self._describe)
        gateway.seam("dynamodb", "UpdateTimeToLive", self._expiry)
        links.watch(self._wake)

    def skew(self, region: str, seconds: float) -> None:
        """From here on that Region's clock, by which its writes have their times, is so far ahead (or behind)."""
        with self._gateway.lock:
            self._skews[region] = seconds
            for replica in self._replicas(region):
                replica.note()  # what was written until now was by the clock as it was
                replica.skew = seconds

    def pending(self, table: str, source: str, target: str) -> list[dict[str, Any]]:
        """The keys of the changes that `target` was not told yet, the oldest first.

        Raises: LookupError where the two have no replicas of the table.
        """
        with self._gateway.lock:
            group = self._group(source, table)
            if group is None or target not in group.replicas:
                raise LookupError(f"{table} has no replicas in {source} and {target}")
            return [dict(change.keys) for change in group.pending(source, target)]

    def settle(self, timeout: float = _SETTLE_SECONDS) -> None:
        """Returns when nothing is on its way, other than on links that are cut. Raises: TimeoutError."""
        deadline = time.monotonic() + timeout
        while self._is_any_on_its_way():
            if time.monotonic() > deadline:
                raise TimeoutError(f"replication has not come to its end within {timeout} s")
            with self._moved:
                self._moved.wait(_LOOK_SECONDS)

    def expire(self, table: str, region: str, now: float | None = None) -> int:
        """Deletes what the table's TTL says was due by `now` (seconds since 1970; None is now) in that Region.

        Nothing expires by itself. Returns how many items it was. Raises: LookupError where there is no replica.
        """
        with self._gateway.lock:
            group = self._group(region, table)
            if group is None:
                raise LookupError(f"{table} has no replica in {region}")
            return group.replicas[region].expire(time.time() if now is None else now)

    # What callers see.

    def _update(self, request: ApiRequest) -> Response:
        asked = request.parameters
        with self._gateway.lock:
            if request.principal == SERVICE:  # this one, for a replica
                return self._gateway.moto(request)
            name = table_names.named(request.region, str(asked["TableName"]))
            group = self._group(request.region, name)
            if asked.get("ReplicaUpdates"):
                return self._update_replicas(request, name, group)
            if (asked.get("StreamSpecification") or {}).get("StreamEnabled") is False:
                if group is not None:
                    raise _invalid("The stream of a global table cannot be disabled")
                # Moto would go on writing to it, and fail over that.
                raise NotImplementedError("the input StreamSpecification.StreamEnabled with the value False")
            response = self._gateway.moto(request)
            shared = {key: value for key, value in asked.items() if key in _SYNCHRONISED}
            if group is not None and response.status < 300 and shared:  # noqa: PLR2004 - a success
                for region in group.replicas.keys() - {request.region}:
                    self._dynamodb(region).update_table(TableName=name, **shared)
            return self._with_replicas(response, request.region)

    def _update_replicas(self, request: ApiRequest, name: str, group: Group | None) -> Response:
        asked = request.parameters
        if backends.table(request.region, name) is None:
            return self._gateway.moto(request)  # which says so
        if others := asked.keys() - {"TableName", "ReplicaUpdates", "MultiRegionConsistency"}:
            raise NotImplementedError(f"ReplicaUpdates together with {', '.join(sorted(others))}")
        for update in asked["ReplicaUpdates"]:
            for action, what in update.items():
                if action not in _ACTIONS:
                    raise NotImplementedError(f"the input ReplicaUpdates.{action}")
                if action == "Create":
                    group = self._create(request.region, name, group, what)
                else:
                    self._remove(name, group, str(what["RegionName"]), own=request.region)
        answer = json.dumps(backends.table(request.region, name).describe(), default=_seconds)
        return self._with_replicas(Response(200, answer.encode()), request.region)

    def _create(self, region: str, name: str, group: Group | None, what: Mapping[str, Any]) -> Group:
        """Raises: ApiError where AWS refuses the replica."""
        target, table = str(what["RegionName"]), backends.table(region, name)
        _check(table, target, region)
        if backends.table(target, name) is not None:
            raise ApiError("ResourceInUseException", f"Table already exists: {name} in {target}")
        self._dynamodb(target).create_table(TableName=name, **_settings(table, target, what.get("KMSMasterKeyId")))
        made = backends.table(target, name)
        made.ttl = dict(table.ttl)
        if group is None:
            group = Group(name)
            self._groups.append(group)
            self._add(group, region)
        self._add(group, target)
        return group

    def _add(self, group: Group, region: str) -> None:
        others = list(group.replicas)
        group.add(region, lambda: backends.table(region, group.name)).skew = self._skews.get(region, 0.0)
        for other in others:
            for direction in (_Direction(group, other, region), _Direction(group, region, other)):
                self._directions.append(direction)
                name = f"replication-{group.name}-{direction.source}-{direction.target}"
                self._background.keep(name, partial(self._carry, direction))

    def _remove(self, name: str, group: Group | None, region: str, *, own: str) -> None:
        """Raises: ApiError where there is no such replica; ClientError where it is protected."""
        if group is None or region not in group.replicas or region == own:
            raise _invalid(f"Replica not found: {name} has none in {region}")
        try:
            self._dynamodb(region).delete_table(TableName=name)
        except ClientError as error:
            raise ApiError(error.response["Error"]["Code"], error.response["Error"]["Message"]) from error
        self._leave(group, region)

    def _leave(self, group: Group, region: str) -> None:
        group.remove(region)
        left = [each for each in self._directions if each.group is group and region in {each.source, each.target}]
        self._directions = [each for each in self._directions if each not in left]
        for direction in left:
            direction.ended.set()
        if len(group.replicas) == 1:  # it is a table like any other again
            self._groups.remove(group)
        self._wake()

    def _delete(self, request: ApiRequest) -> Response:
        with self._gateway.lock:
            response = self._gateway.moto(request)
            if request.principal != SERVICE and response.status < 300:  # noqa: PLR2004 - a success
                name = table_names.named(request.region, str(request.parameters["TableName"]))
                group = self._group(request.region, name)
                if group is not None:
                    self._leave(group, request.region)
            return response

    def _expiry(self, request: ApiRequest) -> Response:
        with self._gateway.lock:
            response = self._gateway.moto(request)
            name = table_names.named(request.region, str(request.parameters["TableName"]))
            group = self._group(request.region, name)
            if group is not None and response.status < 300:  # noqa: PLR2004 - a success
                own = backends.table(request.region, name)
                for region in group.replicas:
                    backends.table(region, name).ttl = dict(own.ttl)
            return response

    def _describe(self, request: ApiRequest) -> Response:
        with self._gateway.lock:
            return self._with_replicas(self._gateway.moto(request), request.region)

    def _with_replicas(self, response: Response, region: str) -> Response:
        """What AWS tells of a global table as well; of any other the answer as it is."""
        if not self._groups or response.status >= 300:  # noqa: PLR2004 - not a success
            return response
        answer = response.json()
        described = answer.get("Table") or answer["TableDescription"]
        group = self._group(region, described["TableName"])
        if group is None:
            return response
        described["GlobalTableVersion"] = _VERSION
        described["MultiRegionConsistency"] = "EVENTUAL"
        described["Replicas"] = [self._description(group.replicas[each]) for each in group.replicas if each != region]
        if not self._is_admitted(group.replicas[region]):
            described["TableStatus"] = NOT_AUTHORIZED
        return Response.of_json(answer)  # without moto's headers, of which one is a checksum

    def _description(self, replica: Replica) -> dict[str, Any]:
        table = replica.table
        described = {
            "RegionName": replica.region,
            "ReplicaArn": table.table_arn,
            "ReplicaStatus": "ACTIVE" if self._is_admitted(replica) else NOT_AUTHORIZED,
            "GlobalSecondaryIndexes": [{"IndexName": index.name} for index in table.global_indexes],
        }
        key = (table.sse_specification or {}).get("KMSMasterKeyId")
        return described | ({"KMSMasterKeyId": key} if key else {})

    # What goes on between the replicas.

    def _carry(self, direction: _Direction) -> None:
        """The work of a direction, until it has ended or the engine stops."""
        topic = f"arn:aws:dynamodb:{direction.source}:{ACCOUNT}:table/{direction.group.name}"
        while not (direction.ended.is_set() or self._background.closing.is_set()):
            seen = self._changes.version(topic)
            self._changes.wait(topic, seen, self._carry_what_is_due(direction))

    def _carry_what_is_due(self, direction: _Direction) -> float | None:
        """Returns the seconds until more is to be done; None where somebody will tell."""
        group, source, target = direction.group, direction.source, direction.target
        with self._gateway.lock:
            if direction.ended.is_set() or self._links.is_cut(source, target):
                return None
            if not group.pending(source, target):
                return None
            if not (self._is_admitted(group.replicas[source]) and self._is_admitted(group.replicas[target])):
                if not direction.refused:
                    _logger.warning("A policy denies the replication of %s from %s to %s", group.name, source, target)
                direction.refused = True
                return REFUSED_SECONDS
            direction.refused = False
            due = partial(self._due, self._links.seconds(source, target), target)
            now = time.time()
            told = group.tell(source, target, lambda change: due(change) <= now)
            next_due = min(map(due, group.pending(source, target)), default=None)
        with self._moved:
            self._moved.notify_all()
        if told:
            self._measure(direction, now - told[0].at)
        return None if next_due is None else max(0.001, next_due - time.time())

    def _due(self, delay: float, target: str, change: Change) -> float:
        """When the change arrives, in seconds since 1970. With disorder, of each change another moment later."""
        chance = zlib.crc32(f"{change.key}{change.written}{target}".encode()) / 2**32 if self._disorder else 0.0
        return change.at + delay + chance * self._disorder

    def _measure(self, direction: _Direction, seconds: float) -> None:
        """Writes ReplicationLatency, in the Region that the change is from."""
        now = time.monotonic()
        if direction.measured and now - direction.measured < _METRIC_SECONDS:
            return
        direction.measured = now
        names = {"TableName": direction.group.name, "ReceivingRegion": direction.target}
        datum = {
            "MetricName": "ReplicationLatency",
            "Dimensions": [{"Name": name, "Value": value} for name, value in names.items()],
            "Value": max(0.0, seconds * 1000),
            "Unit": "Milliseconds",
        }
        arn = f"arn:aws:cloudwatch:{direction.source}:{ACCOUNT}:any"
        try:
            self._clients.get("cloudwatch", arn).put_metric_data(Namespace="AWS/DynamoDB", MetricData=[datum])
        except (ClientError, BotoCoreError):
            _logger.exception("the latency of %s could not be written", direction.group.name)

    def _is_admitted(self, replica: Replica) -> bool:
        """Whether the policy of its table lets DynamoDB replicate it."""
        authorizer = self._gateway.authorizer
        arn = str(replica.table.table_arn)
        return all(authorizer.lets(_REPLICATION, f"dynamodb:{action}", arn) for action in _ON_TABLES)

    def _is_any_on_its_way(self) -> bool:
        with self._gateway.lock:
            return any(
                each.group.pending(each.source, each.target)
                for each in self._directions
                if not self._links.is_cut(each.source, each.target)
            )

    def _wake(self) -> None:
        for direction in self._directions:
            self._changes.notify(f"arn:aws:dynamodb:{direction.source}:{ACCOUNT}:table/{direction.group.name}")

    def _replicas(self, region: str) -> Iterator[Replica]:
        return (group.replicas[region] for group in self._groups if region in group.replicas)

    def _group(self, region: str, name: str) -> Group | None:
        return next((each for each in self._groups if each.name == name and region in each.replicas), None)

    def _dynamodb(self, region: str) -> Any:
        return self._clients.get("dynamodb", f"arn:aws:dynamodb:{region}:{ACCOUNT}:any")


def _check(table: Any, target: str, region: str) -> None:
    """Raises: ApiError for a table, or a Region, that can have no replica."""
    if target == region or target not in backends.regions():
        raise _invalid(f"Invalid Region for a replica of the table in {region}: {target}")
    if (table.stream_specification or {}).get("StreamViewType") != "NEW_AND_OLD_IMAGES":
        raise _invalid("A replica takes a table whose stream is enabled with the view NEW_AND_OLD_IMAGES")
    if table.billing_mode != "PAY_PER_REQUEST":
        raise _invalid("Table write capacity should either be Pay-Per-Request or AutoScaled.")


def _settings(table: Any, region: str, key: str | None) -> dict[str, Any]:
    """CreateTable's arguments for a replica, all but the name. Raises: ApiError for a key that does not fit."""
    settings: dict[str, Any] = {
        "AttributeDefinitions": table.attr,
        "KeySchema": table.schema,
        "BillingMode": table.billing_mode,
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    }
    for name, indexes in (
        ("GlobalSecondaryIndexes", table.global_indexes),
        ("LocalSecondaryIndexes", table.indexes),
    ):
        if indexes:
            settings[name] = [
                {"IndexName": index.name, "KeySchema": index.schema, "Projection": index.projection}
                for index in indexes
            ]
    own = (table.sse_specification or {}).get("KMSMasterKeyId")
    managed = backends.kms_key(table.region_name, _MANAGED_KEY)
    if key is None and own and (managed is None or backends.kms_key(table.region_name, own) is not managed):
        raise _invalid("A table with a key of the customer takes one for each replica: KMSMasterKeyId is missing")
    if key is not None and backends.kms_key(region, key) is None:
        raise _invalid(f"KMS validation error: {region} has no key {key}")
    if own or key:
        settings["SSESpecification"] = {"Enabled": True, "SSEType": "KMS", **({"KMSMasterKeyId": key} if key else {})}
    return settings


def _invalid(message: str) -> ApiError:
    return ApiError("ValidationException", message)


def _seconds(moment: datetime) -> float:
    return moment.replace(tzinfo=UTC).timestamp()
