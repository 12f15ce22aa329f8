"""The API of DynamoDB streams where moto fails: streams, shards and iterators that are gone, or never were.

So that what becomes of a stream that is no more can be tried: on AWS it is a refusal, not a fault of the service.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

from local.engine import backends
from local.engine.api import ACCOUNT, ApiError, ApiRequest, Response

if TYPE_CHECKING:
    from local.engine.gateway import Gateway

_STREAM = re.compile(r"arn:aws:dynamodb:([\w-]+):(\d{12}):table/[\w.-]+/stream/[\w.:-]+")
_ANYWHERE, _SOMEWHERE = {"TRIM_HORIZON", "LATEST"}, {"AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"}


class StreamsApi:
    """Looks at what is asked for before moto does."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        gateway.seam("dynamodbstreams", "DescribeStream", self._describe)
        gateway.seam("dynamodbstreams", "GetShardIterator", self._iterator)
        gateway.seam("dynamodbstreams", "GetRecords", self._records)

    def _describe(self, request: ApiRequest) -> Response:
        with self._gateway.lock:
            _table(request.parameters.get("StreamArn"), request.region)
            return self._gateway.moto(request)

    def _iterator(self, request: ApiRequest) -> Response:
        asked = request.parameters
        with self._gateway.lock:
            table = _table(asked.get("StreamArn"), request.region)
            if asked.get("ShardId") != table.stream_shard.id:
                raise _not_found(f"Shard: {asked.get('ShardId')} in Stream: {asked['StreamArn']} not found")
            kind, number = asked.get("ShardIteratorType"), asked.get("SequenceNumber")
            if kind not in _ANYWHERE | _SOMEWHERE:
                raise _invalid(f"Value '{kind}' at 'shardIteratorType' is no type of an iterator")
            if kind in _SOMEWHERE and not re.fullmatch("[0-9]+", str(number)):
                raise _invalid(f"Value '{number}' at 'sequenceNumber' is no sequence number, which {kind} needs")
            return self._gateway.moto(request)

    def _records(self, request: ApiRequest) -> Response:
        given = str(request.parameters.get("ShardIterator"))
        with self._gateway.lock:
            stream, _, rest = given.partition("|")
            if not rest or not _STREAM.fullmatch(stream):
                raise _invalid(f"Invalid ShardIterator: {given[:100]}")
            table = _table(stream, request.region)
            iterator = backends.stream_iterator(request.region, given)
            if iterator is None:
                raise ApiError("ExpiredIteratorException", "Iterator expired: the engine that gave it knows it no more")
            iterator.stream_shard = table.stream_shard  # a transaction that was rolled back left another in its place
            return _with_single_base64(self._gateway.moto(request))


def _table(stream_arn: Any, region: str) -> Any:
    """The table that has the stream. Raises: ApiError where none has. Needs the lock."""
    match = _STREAM.fullmatch(str(stream_arn))
    if match is None:
        raise _invalid(f"Invalid StreamArn: {str(stream_arn)[:100]}")
    table = backends.table_of_stream(match[0]) if match.groups() == (region, ACCOUNT) else None
    if table is None:
        raise _not_found(f"Stream: {match[0]} not found")
    return table


def _with_single_base64(response: Response) -> Response:
    """Moto writes a record's binary keys in base64 twice."""
    if b'"B"' not in response.body:
        return response
    answer = response.json()
    for record in answer.get("Records", ()):
        for value in record["dynamodb"]["Keys"].values():
            if "B" in value:
                value["B"] = base64.b64decode(value["B"]).decode()
    return Response(response.status, json.dumps(answer).encode(), response.headers)


def _not_found(what: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"Requested resource not found: {what}")


def _invalid(what: str) -> ApiError:
    return ApiError("ValidationException", what)
