"""A stand-in for the Pulumi engine: a state, and what `up`, `refresh`, `stack rename` and `destroy` would do to it.

The program itself runs once for each variant (tests.infrastructure.program); a plan is computed from what it declared.
What was declared bears made-up physical names, which are exchanged here for those that the state has.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.infrastructure.plan import provider
from tests.infrastructure.plan.provider import Properties
from tests.infrastructure.program import Graph, Options, Resource, physical_name

# Outputs by which others refer to a resource.
_REFERENCES = (
    *("arn", "url", "streamArn", "name"),
    *("registryName", "layerName", "dashboardName", "policyName"),
)


@dataclass(frozen=True)
class Kept:
    """A resource in the state."""

    urn: str
    type: str
    name: str
    """The logical name."""
    custom: bool
    options: Options
    depends_on: frozenset[str]
    """URNs."""
    region: str
    generation: int
    """How often it was replaced."""
    inputs: Properties = field(repr=False)
    outputs: Properties = field(repr=False)
    standing: Properties = field(repr=False)
    """Its inputs as AWS has them, which is not always what the provider was told."""

    def identities(self) -> set[str]:
        """The texts by which others refer to exactly this resource."""
        keys = ("arn", "url", "streamArn") if self.custom else ()
        return {self.outputs[key] for key in keys if key in self.outputs and key not in self.inputs}


@dataclass(frozen=True)
class State:
    """A stack's state, in the order of creation."""

    resources: tuple[Kept, ...] = ()
    checkpoints: frozenset[str] = frozenset()
    """The names of the schema versions that Glue will not delete, apart from their schemas."""

    def __iter__(self) -> Iterator[Kept]:
        return iter(self.resources)

    def named(self, name: str) -> Kept:
        (found,) = (kept for kept in self if kept.custom and kept.name == name)
        return found

    def versions_of(self, schema: Kept) -> list[Kept]:
        """The further versions of a schema, in order."""
        return [
            kept
            for kept in self
            if provider.short(kept.type) == "Resource"
            and json.loads(kept.standing["desiredState"])["Schema"]["SchemaArn"] == schema.outputs["arn"]
        ]


@dataclass
class Plan:
    """What an operation does, by logical names; components are nothing at AWS and left out."""

    after: State
    created: set[str] = field(default_factory=set)
    updated: dict[str, set[str]] = field(default_factory=dict)
    """With the properties that changed."""
    replaced: dict[str, set[str]] = field(default_factory=dict)
    """With the properties that forced it."""
    deleted: set[str] = field(default_factory=set)
    retained: set[str] = field(default_factory=set)
    """Gone from the state, not deleted by a call of their own."""
    refused: set[str] = field(default_factory=set)
    """Protected from what the operation would do; where there is one, a preview fails and nothing is done at all."""
    failed: set[str] = field(default_factory=set)
    """Deletions that AWS refuses, half-way through."""
    orphaned: set[str] = field(default_factory=set)
    """Resources that the state still has, standing on something that is gone."""

    def is_empty(self) -> bool:
        """Whether nothing changes at AWS."""
        return not (self.created or self.updated or self.replaced or self.deleted or self.refused or self.failed)


def up(state: State, graph: Graph) -> Plan:
    """What `pulumi up` of that program does; its preview is seen, so one refusal stops everything."""
    plan = Plan(state)
    known = {kept.urn: kept for kept in state}
    names: dict[str, str] = {}
    after: list[Kept] = []
    gone: list[Kept] = []
    for declared in graph:
        before = next((known.pop(urn) for urn in (declared.urn, *declared.options.aliases) if urn in known), None)
        kept = _registered(plan, before, declared, names, graph.region)
        after.append(kept)
        names.update(_exchanged(declared, kept))
        if before is not None and declared.name in plan.replaced:
            gone.append(before)
    for before in reversed(state.resources):
        if before.urn in known:
            gone.append(before)
            if before.options.protect:
                plan.refused.add(before.name)
    if plan.refused:
        return plan
    left = State(tuple(after), _moved_checkpoints(state, after, plan))
    deleted = _delete(plan, left, gone, replaced=True)
    plan.after = left
    plan.orphaned = _naming(left, set().union(*deleted))
    return plan


def refresh(state: State) -> State:
    """The state after `pulumi refresh`: inputs and outputs as the provider reads them."""

    def read(kept: Kept) -> Kept:
        versions = state.versions_of(kept) if provider.short(kept.type) == "Schema" else []
        found = provider.read(kept.type, kept.standing, [version.standing for version in versions])
        return replace(kept, inputs=found, outputs={**kept.outputs, **found}, standing=found)

    return replace(state, resources=tuple(read(kept) if kept.custom else kept for kept in state))


def rename(state: State, old: Graph, *, project: str | None = None, stack: str | None = None) -> State:
    """The state after `pulumi stack rename`: other URNs, and nothing else."""
    before = f"urn:pulumi:{old.stack}::{old.project}::"
    behind = f"urn:pulumi:{stack or old.stack}::{project or old.project}::"

    def moved(urn: str) -> str:
        return urn.replace(before, behind, 1)

    return replace(
        state,
        resources=tuple(
            replace(
                kept,
                urn=moved(kept.urn),
                options=replace(kept.options, deleted_with=moved(kept.options.deleted_with)),
                depends_on=frozenset(map(moved, kept.depends_on)),
            )
            for kept in state
        ),
    )


def destroy(state: State, *, preview: bool = True) -> Plan:
    """What `pulumi destroy` does.

    Without its preview (`--skip-preview`, or the Automation API's `destroy()`) everything goes that is neither
    protected nor depended on by what stays.
    """
    plan = Plan(state)
    plan.refused = {kept.name for kept in state if kept.custom and kept.options.protect}
    if plan.refused and preview:
        return plan
    staying: set[str] = set()
    for kept in reversed(state.resources):  # a resource comes after all that it depends on
        if kept.options.protect or kept.urn in staying:
            staying |= {kept.urn, *kept.depends_on}
    doomed = [kept for kept in reversed(state.resources) if kept.urn not in staying]
    plan.after = replace(state, resources=tuple(kept for kept in state if kept.urn in staying))
    _delete(plan, state, doomed, replaced=False)
    return plan


def _registered(plan: Plan, before: Kept | None, declared: Resource, names: Mapping[str, str], region: str) -> Kept:
    """The resource as it will stand; notes in the plan what is done for that."""
    inputs = _exchange(declared.plain_inputs, names)
    new = Kept(
        urn=declared.urn,
        type=declared.type,
        name=declared.name,
        custom=declared.custom,
        options=declared.options,
        depends_on=declared.depends_on,
        region=region,
        generation=0,
        inputs=inputs,
        outputs={**declared.plain_outputs, **inputs} if declared.custom else inputs,
        standing=inputs,
    )
    if not declared.custom:
        return new
    if before is None:
        plan.created.add(new.name)
        return new
    kept_back = {key: before.inputs[key] for key in declared.options.ignore_changes & set(before.inputs)}
    inputs = {**inputs, **kept_back}
    changed = {key for key in {*inputs, *before.inputs} if inputs.get(key) != before.inputs.get(key)}
    forced = provider.forced(new.type, changed, before.outputs, inputs) | changed & declared.options.replace_on_changes
    if provider.is_regional(new.type) and region != before.region:
        forced.add("region")
    if forced:
        plan.replaced[new.name] = forced
        if declared.options.protect:
            plan.refused.add(new.name)
        return _next_generation(new, before.generation + 1, inputs)
    if changed:
        plan.updated[new.name] = changed
    standing = provider.applied(new.type, before.standing, inputs)
    return replace(
        new,
        region=before.region,
        generation=before.generation,
        inputs=inputs,
        outputs={**before.outputs, **inputs},
        standing=standing,
    )


def _next_generation(new: Kept, generation: int, inputs: Properties) -> Kept:
    """A replacement: where Pulumi makes up the name, it makes up another."""
    prefix = inputs.get("namePrefix")
    names = {physical_name(new.name, prefix): physical_name(new.name, prefix, generation)}
    outputs = {**provider.numbered(new.type, _exchange(new.outputs, names), generation), **inputs}
    return replace(new, generation=generation, inputs=inputs, outputs=outputs, standing=inputs)


def _exchanged(declared: Resource, kept: Kept) -> dict[str, str]:
    """What the program was told by way of names, with what the state has."""
    return {
        declared.outputs[key]: kept.outputs[key]
        for key in _REFERENCES
        if key in declared.outputs and declared.outputs[key] != kept.outputs[key]
    }


def _moved_checkpoints(state: State, after: Iterable[Kept], plan: Plan) -> frozenset[str]:
    """A change of the compatibility makes a schema's newest version its checkpoint."""
    moved = set(state.checkpoints)
    for kept in after:
        if "compatibility" in plan.updated.get(kept.name, ()):
            versions = state.versions_of(state.named(kept.name))
            moved -= {version.name for version in versions}
            moved |= {version.name for version in versions[-1:]}
    return frozenset(moved)


def _delete(plan: Plan, state: State, doomed: Iterable[Kept], *, replaced: bool) -> list[set[str]]:
    """Delete one after the other; returns the identities of what is gone."""
    gone: list[set[str]] = []
    urns = {kept.urn for kept in doomed}
    for kept in doomed:
        if not kept.custom:
            continue
        if kept.options.retain_on_delete or kept.options.deleted_with in urns:
            plan.retained.add(kept.name)
        elif kept.name in state.checkpoints:
            plan.failed.add(kept.name)
        else:
            gone.append(kept.identities())
            if not (replaced and kept.name in plan.replaced):
                plan.deleted.add(kept.name)
    return gone


def _naming(state: State, identities: set[str]) -> set[str]:
    """The names of the resources that stand on one of those."""
    if not identities:
        return set()
    texts = ((kept.name, _text(kept.standing)) for kept in state)
    return {name for name, text in texts if any(identity in text for identity in identities)}


def _exchange(value: Any, names: Mapping[str, str]) -> Any:
    """The value with every text in it exchanged; longer ones first, since a name may begin with another."""
    if not names:
        return value
    longest_first = sorted(names, key=len, reverse=True)

    def exchanged(value: Any) -> Any:
        if isinstance(value, str):
            for told in longest_first:
                value = value.replace(told, names[told])
            return value
        if isinstance(value, dict):
            return {key: exchanged(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [exchanged(inner) for inner in value]
        return value

    return exchanged(value)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
