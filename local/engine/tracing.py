"""The traces of functions with active tracing: X-Ray is asked whether it would take them, and nothing is kept."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.engine.authorization import Authorizer
    from local.engine.functions import Function

_logger = logging.getLogger(__name__)

# What the X-Ray daemon beside a function calls, with the function's role.
_ACTIONS = ("xray:PutTelemetryRecords", "xray:PutTraceSegments")


class Tracing:
    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer
        self._lock = threading.Lock()
        self._told: set[tuple[str, str]] = set()  # functions and the permissions whose lack was logged

    def put(self, function: Function) -> None:
        """Called at the end of every invocation. What the role may not do is logged once, and harms nobody."""
        if not function.traced:
            return
        for action in _ACTIONS:
            if self._authorizer.permits(function.session, action, "*"):
                continue
            with self._lock:
                known = (function.arn, action) in self._told
                self._told.add((function.arn, action))
            if not known:
                _logger.warning("%s leaves no traces: its role may not %s", function.name, action)
