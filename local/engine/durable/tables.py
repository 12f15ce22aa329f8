"""DynamoDB with its items in DynamoDB Local, and what that lacks on moto's table of the same name, its twin.

The twin has everything that describes a table (policies, tags, recovery, encryption, expiry, protection) and no items.
Each operation goes where `_ROUTES` says. One that is not there is refused by name.
"""

from __future__ import annotations

import json
from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING

from local.engine import backends, table_names
from local.engine.api import ACCOUNT, ApiRequest, Response
from local.engine.durable.alignment import Alignment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from local.engine.durable.wire import Wire
    from local.engine.gateway import Gateway


class _Route(Enum):
    ITEMS = auto()
    """DynamoDB Local answers, at the same time as anything else."""
    TWIN = auto()
    """Moto answers, of the twin."""
    BOTH = auto()
    """Moto's answer decides; DynamoDB Local's table follows."""


_ROUTES = {
    "BatchGetItem": _Route.ITEMS,
    "BatchWriteItem": _Route.ITEMS,
    "CreateTable": _Route.BOTH,
    "DeleteItem": _Route.ITEMS,
    "DeleteResourcePolicy": _Route.TWIN,
    "DeleteTable": _Route.BOTH,
    "DescribeContinuousBackups": _Route.TWIN,
    "DescribeTable": _Route.BOTH,
    "DescribeTimeToLive": _Route.TWIN,
    "GetItem": _Route.ITEMS,
    "GetResourcePolicy": _Route.TWIN,
    "ListTables": _Route.TWIN,
    "ListTagsOfResource": _Route.TWIN,
    "PutItem": _Route.ITEMS,
    "PutResourcePolicy": _Route.TWIN,
    "Query": _Route.ITEMS,
    "Scan": _Route.ITEMS,
    "TagResource": _Route.TWIN,
    "TransactGetItems": _Route.ITEMS,
    "TransactWriteItems": _Route.ITEMS,
    "UntagResource": _Route.TWIN,
    "UpdateContinuousBackups": _Route.TWIN,
    "UpdateItem": _Route.ITEMS,
    "UpdateTable": _Route.BOTH,
    "UpdateTimeToLive": _Route.TWIN,
}
_READS = frozenset({"BatchGetItem", "GetItem", "Query", "Scan", "TransactGetItems"})


class Tables:
    """Answers the service "dynamodb". `tell` gets the ARN of each table whose stream may have grown."""

    def __init__(self, gateway: Gateway, wire: Wire, tell: Callable[[str], None]) -> None:
        self._gateway = gateway
        self._wire = wire
        self._tell = tell
        self._alignment = Alignment(wire)
        gateway.service("dynamodb", self._answer)
        gateway.before("dynamodb", "UpdateTable", _refuse_replicas)

    def _answer(self, request: ApiRequest) -> Response:
        route = _ROUTES.get(request.operation)
        if route is None:
            raise NotImplementedError("with --data, where tables are in DynamoDB Local, it has no such operation")
        if route is _Route.ITEMS:
            return self._items(request)
        with self._gateway.lock:
            return self._gateway.moto(request) if route is _Route.TWIN else self._both(request)

    def _items(self, request: ApiRequest) -> Response:
        try:
            return self._wire.forward(_by_name(request))
        finally:  # also where the answer was lost: the items may be there
            if request.operation not in _READS:
                for name in _tables(request):
                    self._tell(f"arn:aws:dynamodb:{request.region}:{ACCOUNT}:table/{name}")

    def _both(self, request: ApiRequest) -> Response:
        response = self._gateway.moto(request)
        if response.status != HTTPStatus.OK:
            return response
        answer = response.json()
        described = answer.get("Table") or answer["TableDescription"]
        name = described["TableName"]
        if request.operation == "DeleteTable":
            self._alignment.delete(request.region, name)
            return response
        if request.operation != "DescribeTable":
            table = backends.table(request.region, name)
            try:
                label = self._alignment.align(request.region, table.describe("Table")["Table"])
            except BaseException:
                if request.operation == "CreateTable":
                    backends.forget_table(request.region, name)
                raise
            if label is not None:
                table.latest_stream_label = label
                described["LatestStreamLabel"] = label
                described["LatestStreamArn"] = f"{described['TableArn']}/stream/{label}"
        described |= self._alignment.size(request.region, name)
        return Response.of_json(answer)  # without moto's headers, of which one is a checksum


def _refuse_replicas(request: ApiRequest) -> None:
    if request.parameters.get("ReplicaUpdates"):
        raise NotImplementedError("replicas of a table with --data: DynamoDB Local knows one Region. Serve without it")


def _by_name(request: ApiRequest) -> ApiRequest:
    """The call with its tables named where it has their ARNs, which DynamoDB Local does not take."""
    if not table_names.may_have_arns(request):
        return request
    asked = request.json()
    for place in table_names.places(asked):
        if "TableName" in place:
            place["TableName"] = table_names.named(request.region, place["TableName"])
    if "RequestItems" in asked:
        items = asked["RequestItems"].items()
        asked["RequestItems"] = {table_names.named(request.region, name): each for name, each in items}
    return request.with_body(json.dumps(asked).encode())


def _tables(request: ApiRequest) -> Iterable[str]:
    return {table_names.named(request.region, name) for name in table_names.given(request.parameters)}
