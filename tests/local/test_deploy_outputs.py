"""Outputs that cost half are as the SDK's own: their values, what is known and secret of them, whose they are."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, NamedTuple, TypeVar, cast

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.output import UNKNOWN, Unknown, _OutputData
from pulumi.runtime import resource, rpc, settings

from local.deploy import outputs
from local.deploy.program import settle
from tests.infrastructure.program import in_fresh_context

T = TypeVar("T")
PROPERTIES = {"urn": None, "id": None, "size": 1, "name": None}


class Thing(pulumi.Resource):
    """A resource that is registered nowhere."""

    def __init__(self, name: str) -> None:
        self._name = name


def with_outputs(told: Any, *, custom: bool = True) -> tuple[Thing, Thing, Any]:
    """A resource whose properties are resolved by what is told, another one, and of the name all that there is."""

    async def resolve() -> Any:
        resolvers = rpc.transfer_properties(thing, PROPERTIES, custom)
        assert resolvers.keys() == ({"size", "name"} if custom else {"id", "size", "name"})
        assert vars(thing).keys() - {"_name"} == resolvers.keys()
        for resolver in resolvers.values():
            resolver(*told)
        name = vars(thing)["name"]
        known, secret, whose = await name.is_known(), await name.is_secret(), await name.resources()
        return await name.future(with_unknowns=True), known, secret, whose

    thing, other = Thing("thing"), Thing("other")
    if told[3] is ...:
        told = (*told[:3], {other}, told[4])
    return thing, other, in_fresh_context(lambda: asyncio.run(resolve()))


@pytest.mark.parametrize("custom", [True, False])
@pytest.mark.parametrize(("is_known", "is_secret"), [(True, False), (False, False), (True, True)])
def test_an_output_is_what_it_is_resolved_by(custom: bool, is_known: bool, is_secret: bool) -> None:
    thing, other, name = with_outputs(("value", is_known, is_secret, ..., None), custom=custom)

    assert name == ("value", is_known, is_secret, {thing, other})


def test_one_that_depends_on_nothing_is_its_resources_own() -> None:
    thing, _, name = with_outputs(("value", True, False, None, None))

    assert name == ("value", True, False, {thing})


def test_what_has_something_unknown_in_it_is_not_known() -> None:
    _, _, (value, is_known, *_) = with_outputs(({"a": [UNKNOWN]}, True, False, None, None))

    assert (value, is_known) == ({"a": [UNKNOWN]}, False)


def test_a_failure_reaches_whoever_waits() -> None:
    with pytest.raises(ValueError, match="no such thing"):
        with_outputs((None, False, False, None, ValueError("no such thing")))


def twice(value: Any) -> list[Any]:
    return [value, value]


values = st.recursive(
    st.one_of(st.none(), st.integers(), st.text(), st.just(UNKNOWN)),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner), st.tuples(inner), inner.map(twice)),
)


def has_unknown(value: Any) -> bool:
    """Of values that do not have themselves in them. In a tuple nobody looks."""
    if isinstance(value, dict):
        return any(map(has_unknown, value.values()))
    return any(map(has_unknown, value)) if isinstance(value, list) else isinstance(value, Unknown)


@given(values)
def test_unknowns_are_found_wherever_they_are(value: Any) -> None:
    assert rpc.contains_unknowns(value) == has_unknown(value)


def test_a_value_with_itself_in_it_is_looked_at_once() -> None:
    value: list[Any] = []
    value.append(value)
    assert not rpc.contains_unknowns(value)
    value.append(UNKNOWN)
    assert rpc.contains_unknowns(value)


def in_a_loop(action: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What comes of it, and no word about failures of which some other one is told."""

    async def quietly() -> T:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        return await action()

    return in_fresh_context(lambda: asyncio.run(quietly()))


@contextlib.contextmanager
def the_sdks_own() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pulumi.Output, "from_input", staticmethod(outputs.OWN["from_input"]))
        patch.setattr(pulumi.Output, "all", staticmethod(outputs.OWN["all"]))
        patch.setattr(resource, "create_urn", outputs.OWN["create_urn"])
        patch.setattr(rpc, "serialize_property", outputs.OWN["serialize_property"])
        yield


class Said(NamedTuple):
    """Of what an output is made once there is a loop."""

    value: Any
    is_known: bool
    is_secret: bool
    whose: str


THINGS = {name: Thing(name) for name in ("one", "other")}
SOMETHING = object()
leaves = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
    *(st.just(each) for each in (UNKNOWN, SOMETHING)),
)
said = st.builds(
    Said, st.one_of(leaves, st.lists(leaves)), st.booleans(), st.booleans(), st.sampled_from(sorted(THINGS))
)
inputs = st.recursive(
    st.one_of(leaves, said),
    lambda inner: st.one_of(
        st.lists(inner), st.dictionaries(st.text(), inner), st.dictionaries(st.integers(), inner), st.tuples(inner)
    ),
    max_leaves=12,
)


def made(value: Any) -> Any:
    """With outputs for what is said of them, which get their values later."""
    if isinstance(value, Said):
        loop = asyncio.get_running_loop()
        data: asyncio.Future[Any] = loop.create_future()
        whose = cast("set[pulumi.Resource]", {THINGS[value.whose]})
        loop.call_soon(data.set_result, _OutputData(whose, value.value, value.is_known, value.is_secret))
        return pulumi.Output._from_data(data)
    if isinstance(value, dict):
        return {key: made(inner) for key, inner in value.items()}
    return type(value)(map(made, value)) if isinstance(value, list | tuple) else value


def outcome(of: Callable[[Any], pulumi.Output[Any]], value: Any) -> Any:
    """All that an output says, or the kind of its failure."""

    async def told() -> Any:
        try:
            output = of(made(value))
            whole = await output.future(with_unknowns=True)
        except TypeError:
            return TypeError
        return whole, await output.is_known(), await output.is_secret(), await output.resources()

    return in_a_loop(told)


@pytest.mark.parametrize(
    "of",
    [
        pytest.param(lambda value: pulumi.Output.from_input(val=value), id="from_input"),
        pytest.param(lambda value: pulumi.Output.all(value, value), id="all in a list"),
        pytest.param(lambda value: pulumi.Output.all(it=value, again=[value]), id="all in an object"),
    ],
)
@given(value=inputs)
def test_an_output_of_what_has_outputs_in_it_is_as_the_sdk_makes_it(
    of: Callable[[Any], pulumi.Output[Any]], value: Any
) -> None:
    with the_sdks_own():
        expected = outcome(of, value)

    assert outcome(of, value) == expected


def test_a_list_is_what_it_was_when_it_was_handed_over() -> None:
    async def changed() -> Any:
        given = [1, [2]]
        output = pulumi.Output.from_input(given)
        given.append(3)
        return await output.future()

    assert in_a_loop(changed) == [1, [2]]


def test_all_takes_values_or_named_ones() -> None:
    with pytest.raises(ValueError, match="a mix"):
        pulumi.Output.all(1, two=2)  # type: ignore[call-overload]


@given(value=inputs, as_protobuf=st.booleans())
def test_what_is_sent_is_what_the_sdk_sends(value: Any, as_protobuf: bool) -> None:
    async def sent() -> Any:
        whose: list[pulumi.Resource] = []
        try:
            text = await rpc.serialize_property(made(value), whose, "it", return_protobuf_value=as_protobuf)
        except (ValueError, TypeError) as refused:
            return type(refused)
        return text, type(text), set(whose)

    with the_sdks_own():
        expected = in_a_loop(sent)

    assert in_a_loop(sent) == expected


PARENT = "urn:pulumi:dev::ledger::ledger:index:Store::store"


@pytest.mark.parametrize("parent", [PARENT, None, Said(PARENT, True, False, "one")], ids=["text", "none", "an output"])
def test_a_urn_is_the_sdks(parent: Any) -> None:
    async def made_of() -> Any:
        urn = resource.create_urn("table", "aws:dynamodb/table:Table", made(parent), "ledger", "dev")
        return await urn.future(), await urn.resources()

    with the_sdks_own():
        expected = in_a_loop(made_of)

    assert in_a_loop(made_of) == expected


def test_what_is_left_to_wait_for_in_the_end_is_what_failed() -> None:
    async def settled() -> tuple[list[Any], list[Any]]:
        settings.Settings("ledger", "dev")
        loop = asyncio.get_running_loop()
        values: list[Any] = []
        first = loop.create_future()
        pulumi.Output._from_data(first).apply(values.append)
        loop.call_soon(first.set_result, _OutputData(set(), 1, True, False))
        await settle()
        assert not settings.SETTINGS.outputs

        second = loop.create_future()
        failing = pulumi.Output._from_data(second)
        loop.call_soon(second.set_exception, ValueError("no such thing"))
        await settle()
        assert settings.SETTINGS.outputs == {failing._data}
        return values, [type(each.exception()) for each in settings.SETTINGS.outputs]

    assert in_a_loop(settled) == ([1], [ValueError])
