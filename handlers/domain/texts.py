"""The domain's own kinds of texts beside times, by their names in `schemas/commands.json`: what checks one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from . import money

TEXTS: Mapping[str, Callable[[str, str], object]] = MappingProxyType({"currency": money.check_opening})
