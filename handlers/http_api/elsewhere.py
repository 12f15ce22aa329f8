"""Where the other Region's APIs are. Whoever sends what this one does not decide is told; nothing is forwarded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from handlers.settings import optional
from handlers.sourcing.errors import NotHomeError

_APIS: Mapping[str, Mapping[str, str]] = json.loads(optional("REGION_APIS") or "{}")
"""By Region and by who calls, `people` or `machines`; empty where there is one Region, or no API."""


def directed(error: NotHomeError, event: Mapping[str, Any]) -> NotHomeError:
    """The refusal with the address of the API that takes the same request in the same way, where that is known."""
    authorizer = event.get("requestContext", {}).get("authorizer") or {}
    callers = "people" if "jwt" in authorizer else "machines"
    return error.at(_APIS.get(error.region, {}).get(callers))
