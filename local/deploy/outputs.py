"""The outputs of a program's resources at half the price: most of what a program takes goes into them.

For each property of each resource, given or not, Pulumi's SDK makes four futures and a task that waits for them, where
one future says the same. And whenever it asks whether a value has unknown ones in it, which it does of each output more
than once, it defines a function that refers to itself: garbage that only a collection finds.

It calls back for each output that is done, to strike it off a list of those to wait for, which `program.settle` goes
through itself. It makes outputs of all there is in a list or an object, and waits for each, where no output is in it or
one alone. And it asks a dozen questions of a text before it sends it as it is.
"""

from __future__ import annotations

import asyncio
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from pulumi import _types
from pulumi.output import Output, Unknown, _OutputData
from pulumi.runtime import resource, rpc, settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping

    from pulumi import Resource

OWN: Mapping[str, Callable[..., Any]] = {
    "from_input": Output.from_input,
    "all": Output.all,
    "create_urn": resource.create_urn,
    "serialize_property": rpc.serialize_property,
}
"""The SDK's own, before `lighten`."""
_PLAIN = (str, int, bool, float, type(None))
"""What is handed on as it is. Not what only descends from them, such as an enumeration."""


def lighten() -> None:
    """From now on, in this process, the SDK makes them so."""
    rpc.transfer_properties = _transfer_properties
    rpc.contains_unknowns = _contains_unknowns
    rpc.serialize_property = _serialized  # type: ignore[assignment]
    resource.create_urn = _urn
    _types.unwrap_type = cache(_types.unwrap_type)
    Output._track = _track  # type: ignore[assignment, method-assign]
    Output.from_input = staticmethod(_lifted)  # type: ignore[method-assign]
    Output.all = staticmethod(_all)  # type: ignore[method-assign]


def _track(output: Output[Any]) -> None:
    """Have it waited for at the end. What is done by then is still among them: `forget_done` strikes it off."""
    if not output._data.done():
        settings.SETTINGS.outputs.add(output._data)


def forget_done() -> None:
    """Strike off the outputs that have their values, and leave those that failed or are still to come."""
    outputs = settings.SETTINGS.outputs
    outputs -= {each for each in outputs if each.done() and not each.cancelled() and each.exception() is None}


def _lifted(val: Any) -> Output[Any]:
    """`Output.from_input`."""
    lifted = _lift(val)
    return lifted if isinstance(lifted, Output) else _known(lifted)


def _all(*values: Any, **named: Any) -> Output[Any]:
    """`Output.all`."""
    if values and named:
        raise ValueError("Output.all() was supplied a mix of named and unnamed inputs")
    return _lifted(named or list(values))


def _lift(value: Any) -> Any:
    """The value as it is, if there is no output in it; an output of it, if there is."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is list:
        return _together(list, [_lift(each) for each in value])
    if kind is dict and all(type(key) is str for key in value):
        keys = tuple(value)
        return _together(lambda values: dict(zip(keys, values, strict=True)), [_lift(each) for each in value.values()])
    return OWN["from_input"](value)


def _together(make: Callable[[Iterable[Any]], Any], values: list[Any]) -> Any:
    """What `make` makes of the values; an output of it, if there is one among them."""
    if not any(isinstance(each, Output) for each in values):
        return make(values)

    async def gathered() -> _OutputData[Any]:
        data = [await each._data if isinstance(each, Output) else _of(each) for each in values]
        whose = set().union(*(each.resources for each in data))
        is_known = all(each.is_known for each in data)
        return _OutputData(whose, make(each.value for each in data), is_known, any(each.is_secret for each in data))

    return Output._from_data(gathered())


def _of(value: Any) -> _OutputData[Any]:
    return _OutputData(set(), value, is_known=True, is_secret=False)


def _known(value: Any) -> Output[Any]:
    data: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    data.set_result(_of(value))
    return _untracked(data)


def _untracked(data: asyncio.Future[Any]) -> Output[Any]:
    """An output that nobody waits for at the end, other than who asks for it."""
    output: Output[Any] = object.__new__(Output)
    output._data = data
    return output


def _urn(name: Any, type_: Any, parent: Any = None, *others: Any, **named: Any) -> Output[str]:
    """`create_urn`: at once where all of it is text."""
    if type(name) is type(type_) is type(parent) is str:
        return _known(f"{parent[: parent.rfind('::')]}${type_}::{name}")
    urn: Output[str] = OWN["create_urn"](name, type_, parent, *others, **named)
    return urn


class _Ready:
    """What there is nothing to wait for."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __await__(self) -> Generator[Any, Any, Any]:
        yield from ()
        return self._value


def _serialized(value: Any, *arguments: Any, **named: Any) -> Awaitable[Any]:
    """`serialize_property`."""
    if type(value) in _PLAIN and not named.get("return_protobuf_value"):
        return _Ready(value)
    serialized: Awaitable[Any] = OWN["serialize_property"](value, *arguments, **named)
    return serialized


def _transfer_properties(res: Resource, props: Mapping[str, Any], custom: bool) -> dict[str, Callable[..., None]]:
    """Make an output of each property; what resolves each, by name. As the SDK's own, but for what it makes them of.

    The registration resolves them all, and is waited for itself.
    """
    loop = asyncio.get_running_loop()
    resolvers: dict[str, Callable[..., None]] = {}
    for name in props:
        if name == "urn" or (name == "id" and custom):  # they are made elsewhere
            continue
        data: asyncio.Future[Any] = loop.create_future()
        resolvers[name] = partial(_resolve, res, data)
        vars(res)[name] = _untracked(data)
    return resolvers


def _resolve(res: Resource, data: asyncio.Future[Any], *told: Any) -> None:
    value, is_known, is_secret, dependencies, failure = told
    if failure is not None:
        data.set_exception(failure)
    else:
        data.set_result(_OutputData({*(dependencies or ()), res}, value, is_known, is_secret))


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
