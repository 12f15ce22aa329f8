"""The policies of buckets: decided on where all policies are (`authorization`), and not by moto.

Moto takes every condition for fulfilled, so that "deny what comes without TLS" denies everything.
"""

from __future__ import annotations

from typing import Any

from local.engine.backends import FakeBucket, PermissionResult


def install() -> None:
    """From here on moto has no say in it. Calling it again changes nothing."""
    FakeBucket.get_permission = _none


def _none(*_: Any) -> Any:
    return PermissionResult.NEUTRAL
