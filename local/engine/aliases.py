"""Aliases of functions: which version is meant by one.

An alias may share its invocations out between two versions: each goes to one of them at random, by the second's weight.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from local.engine import backends
from local.engine.functions import FunctionRef

if TYPE_CHECKING:
    from collections.abc import Mapping


def aliases_of(ref: FunctionRef) -> Mapping[str, Any]:
    """Moto's aliases of a function, by name. Needs the gateway's lock."""
    found: Mapping[str, Any] = backends.aliases(ref.region, ref.name)
    return found


def versions_of(alias: Any) -> dict[str, float]:
    """The versions behind an alias, each with its share of the invocations."""
    weights: Mapping[str, float] = (alias.routing_config or {}).get("AdditionalVersionWeights") or {}
    return {str(alias.function_version): 1 - sum(weights.values()), **weights}


def routed(ref: FunctionRef) -> FunctionRef:
    """What one invocation of it goes to: one of an alias' versions, at random. Needs the gateway's lock."""
    if ref.qualifier is None or ref.name not in backends.functions_by_name(ref.region):
        return ref
    alias = aliases_of(ref).get(ref.qualifier)
    if alias is None:
        return ref
    shares = versions_of(alias)
    chosen = random.choices(list(shares), list(shares.values()))[0]  # noqa: S311 -- traffic, not a secret
    return FunctionRef(ref.region, ref.name, chosen)


def function_in(path: str) -> str:
    """The function that a call of the Lambda API names in its path."""
    return unquote(path.split("/functions/", 1)[1].split("/", 1)[0])
