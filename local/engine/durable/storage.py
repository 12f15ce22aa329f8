"""The state of an engine with a data folder: everything of this room, put together."""

from __future__ import annotations

import logging
import secrets
import threading
from functools import partial
from typing import TYPE_CHECKING

from local.engine.changes import source
from local.engine.durable.checkpoints import Checkpoint
from local.engine.durable.histories import KeptHistories
from local.engine.durable.messages import KeptMessages
from local.engine.durable.names import FileNames
from local.engine.durable.pending import KeptPending
from local.engine.durable.ports import FilePorts
from local.engine.durable.replacements import Replacements
from local.engine.durable.streams import LocalStream, LocalStreamsApi
from local.engine.durable.tables import Tables
from local.engine.durable.wire import Wire
from local.engine.dynamodb_local import server
from local.engine.dynamodb_local.installation import UnavailableError

if TYPE_CHECKING:
    from pathlib import Path

    from local.engine.changes import Changes
    from local.engine.durable.database import Database
    from local.engine.durable.folder import DataFolder
    from local.engine.gateway import Gateway
    from local.engine.storage import KeptNames
    from local.engine.stream_source import OpenStream
    from local.engine.watchdog import Watchdog
    from local.engine.web.origins import KeptPorts

_logger = logging.getLogger(__name__)

_AGAIN_SECONDS = 1.0
_TRIM_SECONDS = 3600.0


class OnDisk:
    """In `folder`, which it closes. `region` is where most tables are going to be.

    Raises: UnavailableError without DynamoDB Local, NotStarted, DataError where its files are damaged.
    """

    def __init__(
        self,
        folder: DataFolder,
        region: str,
        gateway: Gateway,
        changes: Changes,
        *,
        watchdog: Watchdog,
        scratch: Path,
    ) -> None:
        self._folder = folder
        self._gateway = gateway
        self._watchdog = watchdog
        self._scratch = scratch
        self._closing = threading.Event()
        database = folder.database
        key = _access_key(database)
        folder.prepare_tables(f"{key}_{region}.db")  # as DynamoDB Local names it
        self._process = self._start()
        self._wire = Wire(self._process.port, key)
        self._replacements = Replacements()
        KeptMessages(database, self._replacements)
        self._histories = KeptHistories(database, self._replacements)
        Tables(gateway, self._wire, lambda arn: changes.notify(source(arn)))
        LocalStreamsApi(gateway, self._wire)
        self.open_stream: OpenStream = partial(_open, database, self._wire)
        self.pending = KeptPending(database)
        self.names: KeptNames | None = FileNames(database)
        self.ports: KeptPorts = FilePorts(database)
        self._threads = [
            threading.Thread(target=work, name=f"engine-{work.__name__}", daemon=True)
            for work in (self._keep_running, self._trim)
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._closing.set()
        self._replacements.undo()
        self._wire.close()
        self._process.kill()
        for thread in self._threads:
            thread.join()
        self._folder.close()

    def _start(self) -> server.Process:
        return server.Process(
            self._scratch, self._folder.log, self._watchdog, tables=self._folder.tables, keep=[self._folder.lock]
        )

    def _keep_running(self) -> None:
        """A DynamoDB Local that ends is followed by another one, with the same files."""
        while True:
            status = self._process.wait()
            while not self._closing.is_set():
                _logger.error("DynamoDB Local ended (%s): it is started again", status)
                try:
                    self._process = self._start()
                except (OSError, server.NotStarted, UnavailableError):
                    _logger.exception("DynamoDB Local could not be started")
                    self._closing.wait(_AGAIN_SECONDS)
                    continue
                self._wire.turn_to(self._process.port)
                break
            if self._closing.is_set():
                self._process.kill()
                return

    def _trim(self) -> None:
        while not self._closing.wait(_TRIM_SECONDS):
            with self._gateway.lock:
                self._histories.trim()


def _open(database: Database, wire: Wire, stream_arn: str, function_arn: str, *, from_start: bool) -> LocalStream:
    return LocalStream(wire, Checkpoint(database, stream_arn, function_arn), stream_arn, from_start=from_start)


def _access_key(database: Database) -> str:
    """By which DynamoDB Local knows our tables: made up once, since its port is open to the machine's neighbours."""
    known = database.value("SELECT value FROM setting WHERE name = 'access key'")
    if known is None:
        known = secrets.token_hex(16)
        database.write("INSERT INTO setting VALUES ('access key', ?)", known)
    return str(known)
