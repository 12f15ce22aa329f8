"""Log events and archived events: they are in the data folder alone, and read from there when they are asked for.

Each is a list to moto, with the few things that it does with one. So they cost no memory, however many they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from local.engine import exact_json
from local.engine.backends import Archive, LogEvent, LogGroup, LogsBackend, LogStream

if TYPE_CHECKING:
    from local.engine.durable.database import Database
    from local.engine.durable.replacements import Replacements

_Method = Callable[..., Any]
_DAY = 86_400


class KeptHistories:
    """Archives and log groups that are made have again what they had, as far back as their retention goes."""

    def __init__(self, database: Database, replacements: Replacements) -> None:
        self._database = database
        self._held: WeakSet[Any] = WeakSet()  # archives and log groups that there are
        replacements.replace(Archive, "__init__", self._archive_made)
        replacements.replace(Archive, "delete", self._archive_deleted)
        replacements.replace(LogGroup, "__init__", self._group_made)
        replacements.replace(LogGroup, "delete_log_stream", self._stream_deleted)
        replacements.replace(LogStream, "__init__", self._stream_made)
        replacements.replace(LogsBackend, "delete_log_group", self._group_deleted)
        replacements.replace(LogGroup, "set_retention_policy", self._retention_set)

    def trim(self) -> None:
        """Lets go of what is older than its retention. Needs the gateway's lock."""
        for each in list(self._held):
            (self._trim_group if isinstance(each, LogGroup) else self._trim_archive)(each)

    def _trim_archive(self, archive: Any) -> None:
        if archive.retention:
            oldest = time.time() - int(archive.retention) * _DAY
            self._database.write("DELETE FROM archived WHERE archive = ? AND at < ?", archive.arn, oldest)

    def _trim_group(self, group: Any) -> None:
        if group.retention_in_days:
            oldest = (time.time() - int(group.retention_in_days) * _DAY) * 1000
            self._database.write("DELETE FROM logged WHERE log_group = ? AND at < ?", group.arn, oldest)
            group.streams = {name: stream for name, stream in group.streams.items() if stream.events}

    def _archive_made(self, make: _Method) -> _Method:
        def init(archive: Any, *arguments: Any, **settings: Any) -> None:
            make(archive, *arguments, **settings)
            archive.events = _ArchivedEvents(self._database, archive.arn)
            self._held.add(archive)
            self._trim_archive(archive)

        return init

    def _archive_deleted(self, delete: _Method) -> _Method:
        def delete_archive(archive: Any, *arguments: Any) -> None:
            delete(archive, *arguments)
            self._held.discard(archive)
            self._database.write("DELETE FROM archived WHERE archive = ?", archive.arn)

        return delete_archive

    def _group_made(self, make: _Method) -> _Method:
        def init(group: Any, *arguments: Any, **settings: Any) -> None:
            make(group, *arguments, **settings)
            for (name,) in self._database.read("SELECT DISTINCT stream FROM logged WHERE log_group = ?", group.arn):
                group.create_log_stream(name)
            self._held.add(group)

        return init

    def _group_deleted(self, delete: _Method) -> _Method:
        def delete_log_group(backend: Any, log_group_name: str) -> None:
            group = backend.groups.get(log_group_name)
            delete(backend, log_group_name)
            self._held.discard(group)
            self._database.write("DELETE FROM logged WHERE log_group = ?", group.arn)

        return delete_log_group

    def _retention_set(self, set_policy: _Method) -> _Method:
        def set_retention_policy(group: Any, retention_in_days: Any) -> None:
            set_policy(group, retention_in_days)
            self._trim_group(group)

        return set_retention_policy

    def _stream_made(self, make: _Method) -> _Method:
        def init(stream: Any, log_group: Any, name: str) -> None:
            make(stream, log_group, name)
            stream.events = _LogEvents(self._database, log_group.arn, name)
            last, size = stream.events.last_and_size()
            if last is not None:
                stream.last_ingestion_time = datetime.fromtimestamp(last / 1000, UTC).replace(tzinfo=None)
                stream.stored_bytes = size

        return init

    def _stream_deleted(self, delete: _Method) -> _Method:
        def delete_log_stream(group: Any, log_stream_name: str) -> None:
            delete(group, log_stream_name)
            self._database.write("DELETE FROM logged WHERE log_group = ? AND stream = ?", group.arn, log_stream_name)

        return delete_log_stream


class _ArchivedEvents:
    """The events of an archive, in the order in which they came."""

    def __init__(self, database: Database, archive: str) -> None:
        self._database = database
        self._archive = archive

    def append(self, event: dict[str, Any]) -> None:
        self._database.write(
            "INSERT INTO archived (archive, at, event) VALUES (?, ?, ?)",
            self._archive,
            time.time(),
            exact_json.dumps(event),
        )

    def __iter__(self) -> Iterator[dict[str, Any]]:
        rows = self._database.read("SELECT event FROM archived WHERE archive = ? ORDER BY place", self._archive)
        return (exact_json.loads(text) for (text,) in rows)

    def __len__(self) -> int:
        return int(self._database.value("SELECT count(*) FROM archived WHERE archive = ?", self._archive))

    def __sizeof__(self) -> int:
        """Moto takes this for the size of what is archived."""
        size = self._database.value("SELECT sum(length(event)) FROM archived WHERE archive = ?", self._archive)
        return int(size or 0)


class _LogEvents:
    """The events of a log stream."""

    def __init__(self, database: Database, group: str, stream: str) -> None:
        self._database = database
        self._key = (group, stream)

    def __iadd__(self, events: Iterable[Any]) -> _LogEvents:
        self._database.write_all(
            "INSERT INTO logged (log_group, stream, at, ingested, text) VALUES (?, ?, ?, ?, ?)",
            [(*self._key, event.timestamp, event.ingestion_time, event.message) for event in events],
        )
        return self

    def __iter__(self) -> Iterator[Any]:
        rows = self._database.read(
            "SELECT place, at, ingested, text FROM logged WHERE log_group = ? AND stream = ? ORDER BY place", *self._key
        )
        for place, at, ingested, text in rows:
            event = LogEvent(ingested, {"timestamp": at, "message": text})
            event.event_id = place
            yield event

    def __len__(self) -> int:
        return int(self._database.value("SELECT count(*) FROM logged WHERE log_group = ? AND stream = ?", *self._key))

    def last_and_size(self) -> tuple[int | None, int]:
        """When the last came in, in milliseconds since 1970, and the length of all of them."""
        ((last, size),) = self._database.read(
            "SELECT max(ingested), sum(length(text)) FROM logged WHERE log_group = ? AND stream = ?", *self._key
        )
        return last, int(size or 0)
