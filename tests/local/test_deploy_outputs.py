"""Outputs that cost half are as the SDK's own: their values, what is known and secret of them, whose they are."""

from __future__ import annotations

import asyncio
from typing import Any

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.output import UNKNOWN, Unknown
from pulumi.runtime import rpc

from tests.infrastructure.program import in_fresh_context

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
