"""The composition root: configuration in, parts wired, outputs out. A part is a function in `stack/`."""

from __future__ import annotations

from pathlib import Path

import pulumi

from components.account_limits import check_concurrency
from components.conventions import Conventions, check_boundary, follow
from components.customer_key import check_given_keys
from components.names import Names
from components.schema_registry import SchemaRegistry, SchemaRegistryArgs
from components.settings import Settings
from stack.entrance import build, open_to_http
from stack.region import declare, guard_bus
from stack.regions import cross
from stack.shared import beside, protection, share
from stack.stores import keep, keep_beside

ROOT = Path(__file__).resolve().parent

settings = Settings.load(pulumi.Config())
check_given_keys(settings.given_keys())
check_boundary(settings.permissions_boundary)
check_concurrency(settings)
names = Names.of(pulumi.get_project(), pulumi.get_stack())
follow(
    Conventions(
        permissions_boundary=settings.permissions_boundary,
        role_path=settings.role_path,
        data_class=settings.data_class,
        transformation=settings.transformation,
    )
)

# What an event may hold. First, since a schema that breaks another one must fail a preview before anything is shown.
schema_registry = SchemaRegistry(
    "schemas",
    SchemaRegistryArgs(
        registry_name=names.registry,
        compatibility=settings.schema_compatibility,
        registry_compatibility=settings.schema_registry_compatibility or None,
        take_drafts=settings.draft_events,
    ),
    protection(settings),
)
shared = share(settings, names, ROOT)
second = beside(shared) if shared.place else None
# The doors first, with nothing behind them: each Region's functions tell callers of the other one's.
door = build(shared)
door_beside = build(second) if second else None
first = declare(shared, keep(shared, second), door, door_beside)
other = declare(second, keep_beside(second, first.stores), door_beside, door) if second else None
told, told_beside = open_to_http([each.entrance for each in (first, other) if each and each.entrance])
for output, value in {
    **first.outputs,
    **told,
    "schemaRegistryName": schema_registry.registry_name,
    "region": shared.region,
    "readme": (ROOT / "Pulumi.README.md").read_text("utf-8"),
}.items():
    pulumi.export(output, value)

if second and second.place and other:
    to_other, to_first = cross(shared, first.carriers, other.carriers), cross(second, other.carriers, first.carriers)
    guard_bus(second, other, to_other)
    guard_bus(shared, first, to_first)
    pulumi.export("crossingRuleName", to_other.rule_name)
    beside_it = {**other.outputs, **told_beside, "crossingRuleName": to_first.rule_name, "region": second.region}
    pulumi.export("regions", {second.place.region: beside_it})
else:
    guard_bus(shared, first)
