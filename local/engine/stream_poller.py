"""DynamoDB streams to Lambda: one reader per mapping, and lanes in which batches keep the order of each item."""

from __future__ import annotations

import json
import random
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from local.engine import backends
from local.engine.mapping import Settings, settings_of
from local.engine.mapping_status import REFUSED_SECONDS, MappingStatus
from local.engine.stream_lane import Lane, Record

if TYPE_CHECKING:
    from local.engine.background import Background
    from local.engine.changes import Changes
    from local.engine.destinations import Destinations
    from local.engine.gateway import Gateway
    from local.engine.invoke import Invoker


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
        settings = settings_of(region, uuid)
        self._position = 0
        if settings is not None and not settings.from_start:
            self._position = len(backends.table_of_stream(settings.source_arn).stream_shard.items)
        background.keep(f"stream-{uuid}", self._read)

    def settings(self) -> Settings | None:
        """The mapping as it is now; None if it was deleted or the engine stops."""
        if self._background.closing.is_set():
            return None
        with self._gateway.lock:
            return settings_of(self._region, self._uuid)

    def pause(self, seconds: float) -> None:
        self._background.closing.wait(seconds)

    def disorder(self, settings: Settings) -> None:
        """Waits for a moment at random, so that lanes overtake each other."""
        if settings.lanes > 1:
            self.pause(random.uniform(0, self._longest_disorder))  # noqa: S311 -- keeps no secret

    def enabled_settings(self) -> Settings | None:
        """The mapping as it is now, waiting while it is disabled; None if it was deleted or the engine stops."""
        while True:
            seen = self._changes.version("mappings")
            settings = self.settings()
            if settings is None or settings.enabled:
                return settings
            self._changes.wait("mappings", seen)

    def _read(self) -> None:
        while True:
            seen = self._changes.version("dynamodb")
            settings = self.settings()
            if settings is None:
                for lane in self._lanes.values():
                    lane.close()
                return
            refused = settings.enabled and self._has_records(settings) and not self.status.may_poll(settings)
            if settings.enabled and not refused:
                for record in self._new_records(settings):
                    index = zlib.crc32(record.item.encode()) % settings.lanes
                    if index not in self._lanes:
                        lane = self._lanes[index] = Lane(self)
                        self._background.keep(f"lane-{self._uuid}-{index}", lane.run)
                    self._lanes[index].put(record)
            self._changes.wait("dynamodb", seen, REFUSED_SECONDS if refused else None)

    def _has_records(self, settings: Settings) -> bool:
        with self._gateway.lock:
            table = backends.table_of_stream(settings.source_arn)
            return table is not None and len(table.stream_shard.items) > self._position

    def _new_records(self, settings: Settings) -> list[Record]:
        with self._gateway.lock:
            table = backends.table_of_stream(settings.source_arn)
            if table is None:
                return []
            raw = [item.record for item in table.stream_shard.items[self._position :]]
        shaped = [(_shaped(record, settings.source_arn), record["dynamodb"]) for record in raw]
        records = [
            Record(
                sequence=stream["SequenceNumber"],
                item=json.dumps(stream["Keys"], sort_keys=True),
                created=_seconds(stream["ApproximateCreationDateTime"]),
                text=json.dumps(record),
            )
            for record, stream in shaped
            if not _changes_nothing(stream) and settings.filters.keep(record)
        ]
        self._position += len(raw)  # not before: what fails above is read again
        return records


def _shaped(record: dict[str, Any], stream_arn: str) -> dict[str, Any]:
    """Moto's record as Lambda hands it to a function."""
    stream = dict(record["dynamodb"])
    stream["ApproximateCreationDateTime"] = int(_seconds(stream["ApproximateCreationDateTime"]))
    return {
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


def _seconds(moment: datetime) -> float:
    return moment.replace(tzinfo=UTC).timestamp()
