"""How many requests an API takes: a bucket of tokens for the stage, and one for each route with limits of its own."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.engine.clock import Clock


class Throttles:
    """Of one stage. A bucket begins full with `throttlingBurstLimit`, and gets `throttlingRateLimit` tokens a second.

    All routes without limits of their own share the stage's bucket: the stricter reading of AWS's documents.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, float, int], tuple[float, float]] = {}

    def admits(self, stage: Mapping[str, Any], routes: Mapping[str, Mapping[str, Any]], route_key: str) -> bool:
        """Takes a token, if there is one. `stage` and `routes` are the settings as they are now."""
        own = routes.get(route_key) or {}
        name = route_key if "throttlingRateLimit" in own or "throttlingBurstLimit" in own else ""
        limits = {**stage, **own}
        if limits.get("throttlingRateLimit") is None and limits.get("throttlingBurstLimit") is None:
            return True
        rate = float(limits.get("throttlingRateLimit") or 0)
        burst = int(limits.get("throttlingBurstLimit") or 0)
        now = self._clock.now()
        with self._lock:
            tokens, then = self._buckets.get((name, rate, burst), (float(burst), now))
            tokens = min(float(burst), tokens + max(0.0, now - then) * rate)
            admitted = tokens >= 1
            self._buckets[name, rate, burst] = (tokens - 1 if admitted else tokens, now)
        return admitted
