"""Streams in DynamoDB Local: their API for whoever calls it, and as the source of a mapping's records."""

from __future__ import annotations

import json
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from local.engine.durable.wire import its, ours

if TYPE_CHECKING:
    from collections.abc import Iterable

    from local.engine.api import ApiRequest, Response
    from local.engine.durable.checkpoints import Checkpoint
    from local.engine.durable.wire import Wire
    from local.engine.gateway import Gateway
    from local.engine.stream_source import Raw

_ARNS = ("StreamArn", "ShardIterator", "NextShardIterator", "ExclusiveStartStreamArn", "LastEvaluatedStreamArn")


class LocalStreamsApi:
    """Answers the service "dynamodbstreams". ARNs and Regions are those of the rest of AWS."""

    def __init__(self, gateway: Gateway, wire: Wire) -> None:
        self._wire = wire
        gateway.service("dynamodbstreams", self._answer)

    def _answer(self, request: ApiRequest) -> Response:
        asked = request.json()
        content = {name: its(value) if name in _ARNS else value for name, value in asked.items()}
        response = self._wire.forward(request.with_body(json.dumps(content).encode()))
        return response.of_json(_as_ours(response.json(), request.region), response.status)


def _as_ours(answer: Any, region: str) -> Any:
    for place in (answer, answer.get("StreamDescription", {}), *answer.get("Streams", ())):
        for name in _ARNS:
            if name in place:
                place[name] = ours(place[name], region)
    for record in answer.get("Records", ()):
        record["awsRegion"] = region
        record["dynamodb"] = _with_maps(record["dynamodb"])
    return answer


def _with_maps(change: dict[str, Any]) -> dict[str, Any]:
    """The change with its images as they are: DynamoDB Local writes an empty map without its type."""
    images: dict[str, Any] = {
        image: {name: _typed(value) for name, value in change[image].items()}
        for image in ("OldImage", "NewImage")
        if image in change
    }
    return {**change, **images}


def _typed(value: dict[str, Any]) -> dict[str, Any]:
    if not value:
        return {"M": {}}
    if "M" in value:
        return {"M": {name: _typed(inner) for name, inner in value["M"].items()}}
    if "L" in value:
        return {"L": [_typed(inner) for inner in value["L"]]}
    return value


class StreamRefused(RuntimeError):  # noqa: N818 - reads as what happened
    """DynamoDB Local does not read the stream. `code` says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class LocalStream:
    """A stream from a checkpoint on: see StreamSource. A stream that is gone has no records.

    Its shards follow each other: one is read to its end before the next is begun.
    """

    def __init__(self, wire: Wire, checkpoint: Checkpoint, stream_arn: str, *, from_start: bool) -> None:
        self._wire = wire
        self._checkpoint = checkpoint
        self._region = stream_arn.split(":")[3]
        self._arn = its(stream_arn)
        self._shard = ""
        self._ended: set[str] = set()  # shards that were read to their end
        self._iterator: str | None = None
        self._ahead: list[Raw] = []  # read, and not moved past
        self._last = checkpoint.sequence  # of all that was read
        if self._last is None and not from_start:
            self._begin_at_the_end()

    def has_records(self) -> bool:
        return bool(self._ahead or self._fetch())

    def read(self) -> list[Raw]:
        """All that there is by now."""
        while self._fetch():
            pass
        return list(self._ahead)

    def move_past(self, count: int) -> None:
        del self._ahead[:count]

    def done(self, sequences: Iterable[str]) -> None:
        self._checkpoint.done(sequences)

    def forget(self) -> None:
        self._checkpoint.forget()

    def _begin_at_the_end(self) -> None:
        """What is there by now is passed over for good, also by the engine after this one."""
        while self._fetch():
            self._ahead.clear()
        if self._last is not None:
            self._checkpoint.begin(self._last)

    def _fetch(self) -> bool:
        """Reads a page, of the next shard where one has ended. Returns whether it had records."""
        while True:
            if self._iterator is None:
                self._iterator = self._next_iterator()
            if self._iterator is None:
                return False
            try:
                answer = self._call("GetRecords", ShardIterator=self._iterator)
            except StreamRefused:
                self._iterator = None  # expired, or the stream is gone: looked for anew the next time
                raise
            self._iterator = answer.get("NextShardIterator")
            if self._iterator is None:
                self._ended.add(self._shard)
            records: list[Raw] = answer["Records"]
            if records:
                sequences = [record["dynamodb"]["SequenceNumber"] for record in records]
                self._checkpoint.reading(sequences)
                self._last = sequences[-1]
                self._ahead += [self._whole(record) for record in records]
            if records or self._iterator is not None:
                return bool(records)

    def _whole(self, record: Raw) -> Raw:
        """DynamoDB Local cuts the time off to the minute: it was not before that, and not after now."""
        change = _with_maps(record["dynamodb"])
        latest = min(time.time(), change["ApproximateCreationDateTime"] + 60)
        return {**record, "shardId": self._shard, "dynamodb": {**change, "ApproximateCreationDateTime": latest}}

    def _next_iterator(self) -> str | None:
        """None if there is no shard that was not read to its end, or no stream."""
        try:
            shards = self._shards()
        except StreamRefused as refused:
            if refused.code == "ResourceNotFoundException":
                return None
            raise
        last = self._last or ""
        for shard in shards:
            numbers = shard["SequenceNumberRange"]
            if shard["ShardId"] in self._ended or numbers.get("EndingSequenceNumber", last + "1") <= last:
                continue
            place = {"ShardIteratorType": "TRIM_HORIZON"}
            if last >= numbers["StartingSequenceNumber"]:
                place = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": last}
            answer = self._call("GetShardIterator", ShardId=shard["ShardId"], StreamArn=self._arn, **place)
            self._shard = shard["ShardId"]
            return str(answer["ShardIterator"])
        return None

    def _shards(self) -> list[dict[str, Any]]:
        """In the order of their records."""
        shards: list[dict[str, Any]] = []
        start: dict[str, str] = {}
        while True:
            described = self._call("DescribeStream", StreamArn=self._arn, **start)["StreamDescription"]
            shards += described["Shards"]
            if "LastEvaluatedShardId" not in described:
                return sorted(shards, key=lambda shard: str(shard["SequenceNumberRange"]["StartingSequenceNumber"]))
            start = {"ExclusiveStartShardId": described["LastEvaluatedShardId"]}

    def _call(self, operation: str, **content: Any) -> Any:
        answer = self._wire.call("dynamodbstreams", operation, self._region, json.dumps(content).encode())
        given = answer.json()
        if answer.status != HTTPStatus.OK:
            kind = str(given.get("__type", "")).rsplit("#", 1)[-1]
            raise StreamRefused(kind, str(given.get("message") or given.get("Message")))
        return given
