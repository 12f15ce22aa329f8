"""The outputs of a program's resources at half the price: most of what a program takes goes into them.

For each property of each resource, given or not, Pulumi's SDK makes four futures and a task that waits for them, where
one future says the same. And whenever it asks whether a value has unknown ones in it, which it does of each output more
than once, it defines a function that refers to itself: garbage that only a collection finds.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from pulumi.output import Output, Unknown, _OutputData
from pulumi.runtime import rpc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pulumi import Resource


def lighten() -> None:
    """From now on, in this process, the SDK makes them so."""
    rpc.transfer_properties = _transfer_properties
    rpc.contains_unknowns = _contains_unknowns


def _transfer_properties(res: Resource, props: Mapping[str, Any], custom: bool) -> dict[str, Callable[..., None]]:
    """Make an output of each property; what resolves each, by name. As the SDK's own, but for what it makes them of."""
    loop = asyncio.get_running_loop()
    resolvers: dict[str, Callable[..., None]] = {}
    for name in props:
        if name == "urn" or (name == "id" and custom):  # they are made elsewhere
            continue
        data: asyncio.Future[Any] = loop.create_future()
        resolvers[name] = partial(_resolve, res, data)
        vars(res)[name] = Output._from_data(data)
    return resolvers


def _resolve(resource: Resource, data: asyncio.Future[Any], *told: Any) -> None:
    value, is_known, is_secret, dependencies, failure = told
    if failure is not None:
        data.set_exception(failure)
    else:
        data.set_result(_OutputData({*(dependencies or ()), resource}, value, is_known, is_secret))


def _contains_unknowns(val: Any) -> bool:
    return _has_unknown(val, set()) if isinstance(val, (dict, list)) else isinstance(val, Unknown)


def _has_unknown(value: Any, seen: set[int]) -> bool:
    """`seen` are the ids of what was looked at: a value may have itself in it."""
    if isinstance(value, Unknown):
        return True
    if not isinstance(value, (dict, list)) or id(value) in seen:
        return False
    seen.add(id(value))
    return any(_has_unknown(each, seen) for each in (value.values() if isinstance(value, dict) else value))
