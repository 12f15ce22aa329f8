"""DynamoDB streams to Lambda: one reader per mapping, and lanes in which batches keep the order of each item."""

from __future__ import annotations

import base64
import json
import logging
import random
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from local.engine.changes import source
from local.engine.mapping import Settings, settings_of
from local.engine.mapping_status import REFUSED_SECONDS, MappingStatus
from local.engine.stream_lane import Lane, Record
from local.engine.stream_source import MOTO_SHARD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.engine.background import Background
    from local.engine.changes import Changes
    from local.engine.destinations import Destinations
    from local.engine.gateway import Gateway
    from local.engine.invoke import Invoker
    from local.engine.stream_source import OpenStream, Raw

_logger = logging.getLogger(__name__)

_TRIES = 3  # to make a record of what the stream holds, before it is left out


class StreamPoller:
    """Feeds one mapping's function from the stream of one table."""

    def __init__(
        self,
        region: str,
        uuid: str,
        *,
        gateway: Gateway,
        background: Background,
        changes: Changes,
        invoker: Invoker,
        destinations: Destinations,
        open_stream: OpenStream,
        settings: Settings,
        longest_disorder: float,
    ) -> None:
        """Holds the gateway's lock: what LATEST means is settled here. `longest_disorder` in seconds."""
        self._region = region
        self._uuid = uuid
        self._gateway = gateway
        self._background = background
        self._changes = changes
        self.invoker = invoker
        self.destinations = destinations
        self.status = MappingStatus(gateway.authorizer, region, uuid)
        self._longest_disorder = longest_disorder
        self._lanes: dict[int, Lane] = {}
        self._skipped = 0
        self._topic = source(settings.source_arn)
        self._stream = open_stream(settings.source_arn, settings.function_arn, from_start=settings.from_start)
        background.keep(f"stream-{uuid}", self._read)

    def settings(self) -> Settings | None:
        """The mapping as it is now; None if it was deleted or the engine stops."""
        if self._background.closing.is_set():
            return None
        with self._gateway.lock:
            return settings_of(self._region, self._uuid)

    def done(self, records: Sequence[Record]) -> None:
        self._stream.done(record.sequence for record in records)

    def forget(self) -> None:
        """The mapping was deleted. What is on its way to the function is seen through, and moves no place any more."""
        self._stream.forget()

    def pause(self, seconds: float) -> None:
        self._background.closing.wait(seconds)

    def disorder(self, settings: Settings) -> None:
        """Waits for a moment at random, so that lanes overtake each other."""
        if settings.lanes > 1:
            self.pause(random.uniform(0, self._longest_disorder))  # noqa: S311 -- keeps no secret

    def enabled_settings(self) -> Settings | None:
        """The mapping as it is now, waiting while it is disabled; None if it was deleted or the engine stops."""
        while True:
            seen = self._changes.version(self._uuid)
            settings = self.settings()
            if settings is None or settings.enabled:
                return settings
            self._changes.wait(self._uuid, seen)

    def _read(self) -> None:
        while True:
            seen = self._changes.version(self._topic)
            settings = self.settings()
            if settings is None:
                for lane in self._lanes.values():
                    lane.close()
                return
            refused = settings.enabled and self._stream.has_records() and not self.status.may_poll(settings)
            if settings.enabled and not refused:
                for record in self._new_records(settings):
                    index = zlib.crc32(record.item.encode()) % settings.lanes
                    if index not in self._lanes:
                        lane = self._lanes[index] = Lane(self)
                        self._background.on_stop(lane.close)
                        self._background.keep(f"lane-{self._uuid}-{index}", lane.run)
                    self._lanes[index].put(record)
            self._changes.wait(self._topic, seen, REFUSED_SECONDS if refused else None)

    def _new_records(self, settings: Settings) -> list[Record]:
        raw = self._stream.read()
        records = [record for each in raw if (record := self._record(each, settings)) is not None]
        self._stream.move_past(len(raw))
        wanted = {record.sequence for record in records}
        self._stream.done(number for each in raw if (number := each["dynamodb"]["SequenceNumber"]) not in wanted)
        return records

    def _record(self, raw: Raw, settings: Settings) -> Record | None:
        """One record of the stream; None where the function is not to get it.

        What cannot be made a record would fail as often as it is read, and nobody would get anything behind it: after
        _TRIES it is left out, and told.
        """
        for _ in range(_TRIES):
            try:
                return _record(raw, settings)
            except Exception:
                _logger.exception("%s cannot be given a record of its stream", settings.function.name)
        self._skipped += 1
        _logger.error("%s misses records of its stream, %d so far", settings.function.name, self._skipped)
        self.status.report(f"PROBLEM: {self._skipped} records of the stream could not be read")
        return None


def _record(raw: Raw, settings: Settings) -> Record | None:
    stream = raw["dynamodb"]
    if _changes_nothing(stream):
        return None
    text = json.dumps(_shaped(raw, settings.source_arn), default=_base64)
    if not settings.filters.keep(json.loads(text)):
        return None
    return Record(
        sequence=stream["SequenceNumber"],
        item=json.dumps(stream["Keys"], sort_keys=True, default=_base64),
        created=_seconds(stream["ApproximateCreationDateTime"]),
        text=text,
        shard=raw.get("shardId", MOTO_SHARD),
    )


def _base64(value: object) -> str:
    """Binary attributes travel as text. Raises: TypeError for anything else that is not JSON."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"a {type(value).__name__} is no part of an item")


def _shaped(record: Raw, stream_arn: str) -> dict[str, Any]:
    """Moto's record as Lambda hands it to a function."""
    stream = dict(record["dynamodb"])
    stream["ApproximateCreationDateTime"] = int(_seconds(stream["ApproximateCreationDateTime"]))
    identity = record.get("userIdentity")
    return {
        **({"userIdentity": {"type": identity["Type"], "principalId": identity["PrincipalId"]}} if identity else {}),
        "eventID": record["eventID"],
        "eventName": record["eventName"],
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": stream_arn.split(":")[3],
        "dynamodb": stream,
        "eventSourceARN": stream_arn,
    }


def _changes_nothing(stream: dict[str, Any]) -> bool:
    """DynamoDB writes no record for a write that leaves the item as it was; moto does."""
    return "OldImage" in stream and stream["OldImage"] == stream.get("NewImage")


def _seconds(moment: datetime | float) -> float:
    return moment.replace(tzinfo=UTC).timestamp() if isinstance(moment, datetime) else float(moment)
