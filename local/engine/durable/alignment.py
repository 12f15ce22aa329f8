"""Makes DynamoDB Local's table what the twin describes: new, taken up again with its items, or changed."""

from __future__ import annotations

import json
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from local.engine.api import ApiError

if TYPE_CHECKING:
    from local.engine.durable.wire import Wire

_ACTIVE_SECONDS = 120.0
"""For an index to be filled from the items that are there, or to go."""
_FAILING_SECONDS = 10.0
"""How long a failure of DynamoDB Local's own is taken for one that passes."""
_LOOK_SECONDS = 0.05

Description = dict[str, Any]


class Alignment:
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def align(self, region: str, wanted: Description) -> str | None:
        """Carries out what is lacking, and returns the label of the table's stream, None if it has none.

        Raises: ApiError for what a table with items cannot become.
        """
        found = self._described(region, wanted["TableName"])
        if found is None:
            found = self._call("CreateTable", region, _creation(wanted))["TableDescription"]
        else:
            _check(found, wanted)
            self._align_indexes(region, found, wanted)
            found = self._align_stream(region, found, wanted)
        label = found.get("LatestStreamLabel")
        return str(label) if _stream(found) else None

    def delete(self, region: str, name: str) -> None:
        """The table and its items, if it is there."""
        if self._described(region, name) is not None:
            self._call("DeleteTable", region, {"TableName": name})

    def size(self, region: str, name: str) -> dict[str, int]:
        """What a description says of the items."""
        found = self._described(region, name) or {}
        return {each: found.get(each, 0) for each in ("ItemCount", "TableSizeBytes")}

    def _align_indexes(self, region: str, found: Description, wanted: Description) -> None:
        """One at a time, as DynamoDB has it. An index that is defined otherwise is made anew."""
        there, asked = _indexes(found, "Global"), _indexes(wanted, "Global")
        for name in there:
            if there[name] != asked.get(name):
                self._update_index(region, found, {"Delete": {"IndexName": name}})
        for name, definition in asked.items():
            if definition != there.get(name):
                created = {"AttributeDefinitions": wanted["AttributeDefinitions"]}
                self._update_index(region, found, {"Create": {"IndexName": name, **definition}}, **created)

    def _update_index(self, region: str, table: Description, update: dict[str, Any], **more: Any) -> None:
        name = table["TableName"]
        self._call("UpdateTable", region, {"TableName": name, "GlobalSecondaryIndexUpdates": [update], **more})
        deadline = time.monotonic() + _ACTIVE_SECONDS
        while not _is_settled(self._described(region, name)):
            if time.monotonic() > deadline:
                raise ApiError("InternalServerError", f"An index of {name} is not ready in time", 500)
            time.sleep(_LOOK_SECONDS)

    def _align_stream(self, region: str, found: Description, wanted: Description) -> Description:
        """Another view of a stream is another stream, whose records begin now."""
        if _stream(found) == _stream(wanted):
            return found
        name = wanted["TableName"]
        for specification in ({"StreamEnabled": False}, wanted.get("StreamSpecification")):
            if specification and specification.get("StreamEnabled") != bool(_stream(found)):
                asked = {"TableName": name, "StreamSpecification": specification}
                found = self._call("UpdateTable", region, asked)["TableDescription"]
        return found

    def _described(self, region: str, name: str) -> Description | None:
        """None where there is none. While DynamoDB Local makes an index, it may fail at this: that is waited out."""
        asked = json.dumps({"TableName": name}).encode()
        deadline = time.monotonic() + _FAILING_SECONDS
        while True:
            answer = self._wire.call("dynamodb", "DescribeTable", region, asked)
            if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR or time.monotonic() > deadline:
                break
            time.sleep(_LOOK_SECONDS)
        if answer.status == HTTPStatus.OK:
            described: Description = answer.json()["Table"]
            return described
        if b"ResourceNotFoundException" in answer.body:
            return None
        raise _refused("DescribeTable", answer.json())

    def _call(self, operation: str, region: str, content: dict[str, Any]) -> dict[str, Any]:
        answer = self._wire.call("dynamodb", operation, region, json.dumps(content).encode())
        given: dict[str, Any] = answer.json()
        if answer.status != HTTPStatus.OK:
            raise _refused(operation, given)
        return given


def _refused(operation: str, error: dict[str, Any]) -> ApiError:
    kind = str(error.get("__type", "InternalServerError")).rsplit("#", 1)[-1]
    return ApiError(kind, f"DynamoDB Local, {operation}: {error.get('message') or error.get('Message')}")


def _creation(wanted: Description) -> dict[str, Any]:
    """On demand, and without what is the twin's alone."""
    request: dict[str, Any] = {
        "TableName": wanted["TableName"],
        "AttributeDefinitions": wanted["AttributeDefinitions"],
        "KeySchema": wanted["KeySchema"],
        "BillingMode": "PAY_PER_REQUEST",
    }
    for scope in ("Global", "Local"):
        if indexes := _indexes(wanted, scope):
            request[f"{scope}SecondaryIndexes"] = [
                {"IndexName": name, **definition} for name, definition in indexes.items()
            ]
    if _stream(wanted):
        request["StreamSpecification"] = wanted["StreamSpecification"]
    return request


def _indexes(table: Description, scope: str) -> dict[str, Any]:
    """What defines each index of that scope, by its name."""
    return {
        index["IndexName"]: {"KeySchema": index["KeySchema"], "Projection": _projection(index["Projection"])}
        for index in table.get(f"{scope}SecondaryIndexes") or ()
    }


def _projection(given: dict[str, Any]) -> dict[str, Any]:
    attributes = given.get("NonKeyAttributes")
    return {"ProjectionType": given["ProjectionType"]} | (
        {"NonKeyAttributes": sorted(attributes)} if attributes else {}
    )


def _stream(table: Description) -> str | None:
    """What its stream shows, None if it has none."""
    specification = table.get("StreamSpecification") or {}
    return specification.get("StreamViewType") if specification.get("StreamEnabled") else None


def _is_settled(table: Description | None) -> bool:
    indexes = (table or {}).get("GlobalSecondaryIndexes") or ()
    return table is not None and all(index.get("IndexStatus") == "ACTIVE" for index in indexes)


def _check(found: Description, wanted: Description) -> None:
    """Raises: ApiError where the table that is there cannot become the one that is wanted."""
    name = found["TableName"]
    types = {each["AttributeName"]: each["AttributeType"] for each in wanted["AttributeDefinitions"]}
    there = {each["AttributeName"]: each["AttributeType"] for each in found["AttributeDefinitions"]}
    keys = [each["AttributeName"] for each in found["KeySchema"]]
    if found["KeySchema"] != wanted["KeySchema"] or any(there[key] != types.get(key) for key in keys):
        what = "the keys"
    elif _indexes(found, "Local") != _indexes(wanted, "Local"):
        what = "the local indexes"
    else:
        return
    raise ApiError(
        "ValidationException",
        f"The table {name} of the data folder has items, and {what} of such a table cannot change (on AWS it would be "
        "replaced): take the change back, rename the table, or begin with another folder",
    )
