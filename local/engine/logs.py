"""A worker's log stream: the platform's lines around the function's own, in the text or the JSON format."""

from __future__ import annotations

import json
import logging
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from local.engine import backends

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.engine.authorization import Authorizer
    from local.engine.functions import Function
    from local.engine.worker import Line

_logger = logging.getLogger(__name__)
_QUIET = {"WARN", "ERROR"}  # system log levels that leave out what went well


@dataclass(frozen=True)
class Report:
    """How an invocation went. Times in milliseconds, memory in MB; `status` is success, error, failure or timeout."""

    request_id: str
    status: str
    duration: float
    init_duration: float | None
    max_memory: int | None


class LogStream:
    """The log stream of one worker. Like Lambda, it writes nothing unless the function's role may."""

    def __init__(self, function: Function, authorizer: Authorizer) -> None:
        self._function = function
        self._authorizer = authorizer
        self._told: set[str] = set()  # the permissions whose lack was logged
        day = datetime.now(UTC).strftime("%Y/%m/%d")
        self.name = f"{day}/[{function.version}]{uuid.uuid4().hex}"

    def init_start(self) -> list[Line]:
        function = self._function
        version = function.runtime.replace("python", "python:") + ".local"
        if function.logging.json:
            record = {
                "initializationType": "on-demand",
                "phase": "init",
                "runtimeVersion": version,
                "functionName": function.name,
                "functionVersion": function.version,
            }
            return self._platform("initStart", record)
        return [_now(f"INIT_START Runtime Version: {version}")]

    def start(self, request_id: str) -> list[Line]:
        if self._function.logging.json:
            return self._platform("start", {"requestId": request_id, "version": self._function.version})
        return [_now(f"START RequestId: {request_id} Version: {self._function.version}")]

    def end(self, report: Report) -> list[Line]:
        billed = int(report.duration) + 1
        if self._function.logging.json:
            metrics: dict[str, Any] = {
                "durationMs": round(report.duration, 3),
                "billedDurationMs": billed,
                "memorySizeMB": self._function.memory,
            }
            if report.max_memory is not None:
                metrics["maxMemoryUsedMB"] = report.max_memory
            if report.init_duration is not None:
                metrics["initDurationMs"] = round(report.init_duration, 3)
            record = {"requestId": report.request_id, "metrics": metrics, "status": report.status}
            return self._platform("report", record, failed=report.status != "success")
        parts = [
            f"REPORT RequestId: {report.request_id}",
            f"Duration: {report.duration:.2f} ms",
            f"Billed Duration: {billed} ms",
            f"Memory Size: {self._function.memory} MB",
        ]
        if report.max_memory is not None:
            parts.append(f"Max Memory Used: {report.max_memory} MB")
        if report.init_duration is not None:
            parts.append(f"Init Duration: {report.init_duration:.2f} ms")
        return [_now(f"END RequestId: {report.request_id}"), _now("\t".join(parts) + "\t")]

    def write(self, lines: Sequence[Line]) -> None:
        """Puts the lines into the log group."""
        if not lines:
            return
        function = self._function
        group = function.logging.group
        arn = f"arn:aws:logs:{function.region}:{function.arn.split(':')[4]}:log-group:{group}"
        with self._authorizer.lock:
            logs = backends.logs(function.region)
            if group not in logs.groups:
                if not self._may("logs:CreateLogGroup", arn):
                    return
                logs.create_log_group(group, tags={})
            if self.name not in logs.groups[group].streams:
                if not self._may("logs:CreateLogStream", f"{arn}:log-stream:{self.name}"):
                    return
                logs.create_log_stream(group, self.name)
            if self._may("logs:PutLogEvents", f"{arn}:log-stream:{self.name}"):
                in_order = sorted(lines, key=lambda line: line[0])
                logs.put_log_events(group, self.name, [{"timestamp": at, "message": text} for at, text in in_order])

    def _may(self, action: str, resource: str) -> bool:
        if self._authorizer.permits(self._function.session, action, resource):
            return True
        if action not in self._told:
            self._told.add(action)
            _logger.warning("%s logs nothing: its role may not %s on %s", self._function.name, action, resource)
        return False

    def _platform(self, kind: str, record: dict[str, Any], *, failed: bool = False) -> list[Line]:
        if self._function.logging.system_level in _QUIET and not failed:
            return []
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return [_now(json.dumps({"time": stamp, "type": f"platform.{kind}", "record": record}))]


def _now(text: str) -> Line:
    return int(time.time() * 1000), text
