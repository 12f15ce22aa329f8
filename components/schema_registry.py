"""The events' schemas, every version of them, in a Glue Schema Registry."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output

from components.settings import refused
from schemas.checking import checked, drafts
from schemas.files import ROOT, text_of

CLOSED = "DISABLED"
"""The mode in which Glue takes no second version at all."""


@dataclass(frozen=True)
class SchemaRegistryArgs:
    registry_name: str
    """AWS asks for one: unique in the account and Region. A registry keeps the name that it was created with, since
    another name would be another registry, and the old one's deletion takes all its schemas along."""
    compatibility: str = "BACKWARD"
    """What a new version must not break: one of Glue's modes, for every schema."""
    registry_compatibility: str | None = None
    """The mode that Glue itself is told, if another: what it makes of JSON schemas is not what the check here does."""
    take_drafts: bool = False
    """Whether versions that may still change are registered, with a warning."""
    root: Path = ROOT
    """The folder of the schemas."""


class SchemaRegistry(pulumi.ComponentResource):
    """A registry, a schema per event type, and its versions in order, so that Glue numbers them as their files are.

    What Glue refuses, it refuses when a version is registered. That is late, and not quite the same. So the files are
    checked here, before anything is created: a preview fails with schema, field and rule (schemas.files.SchemaError).
    And a version that Glue refuses counts as registered, with the status FAILURE: `python -m ops schemas` looks.
    """

    registry_name: pulumi.Output[str]

    def __init__(self, name: str, args: SchemaRegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:SchemaRegistry", name, None, opts)
        schemas = checked(args.compatibility, args.root, take_drafts=args.take_drafts)
        for file in drafts(args.root):
            pulumi.log.warn(f"{file} is a draft: once it changes, nothing reads the events of it that are stored here")
        mode = args.registry_compatibility or args.compatibility
        several = [event_type for event_type, versions in schemas.items() if len(versions) > 1]
        if mode == CLOSED and several:
            there_are = f"and there are some of {', '.join(several)}"
            raise refused(
                "schemaRegistryCompatibility (or schemaCompatibility, where that is empty)",
                CLOSED,
                f"any other mode, as Glue takes no second version then, {there_are}",
            )
        registry = aws.glue.Registry(
            f"{name}-registry",
            registry_name=args.registry_name,
            description="The schemas of the ledger's events",
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["registry_name"]),
        )
        for event_type, versions in schemas.items():
            schema = aws.glue.Schema(
                f"{name}-{event_type}",
                schema_name=event_type,
                registry_arn=registry.arn,
                data_format="JSON",
                compatibility=mode,
                schema_definition=text_of(versions[1]),
                opts=pulumi.ResourceOptions(
                    parent=self,
                    # A published version never changes, but the provider reads the newest one's text back.
                    ignore_changes=["schema_definition"],
                    # The provider takes another registry for an update, and then makes no call for it.
                    replace_on_changes=["registry_arn"],
                ),
            )
            before: pulumi.Resource = schema
            for version in sorted(versions)[1:]:
                before = aws.cloudcontrol.Resource(
                    f"{name}-{event_type}-{version}",
                    type_name="AWS::Glue::SchemaVersion",  # pulumi-aws itself has no resource for one
                    desired_state=_version(schema.arn, text_of(versions[version])),
                    # A version goes with its schema. Alone it should never go, and the checkpoint of a schema cannot.
                    # So protection would save nothing at Glue, and refuse a rollback to a revision without the version.
                    opts=pulumi.ResourceOptions(parent=self, depends_on=[before], retain_on_delete=True, protect=False),
                )
        self.registry_name = registry.registry_name
        self.register_outputs({"registryName": self.registry_name})


def _version(schema_arn: Input[str], definition: str) -> Output[str]:
    """A version's properties, as CloudFormation has them."""
    return Output.json_dumps({"Schema": {"SchemaArn": schema_arn}, "SchemaDefinition": definition})
