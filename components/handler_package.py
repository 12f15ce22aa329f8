"""The code of all the functions and the layer of its dependencies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_aws as aws

from components import bundle
from components.limits import ARCHITECTURES, RUNTIMES, check_choice


@dataclass(frozen=True)
class HandlerPackageArgs:
    source: Path
    """The handlers' folder; it becomes a package of the same name."""
    lock_file: Path
    """The pinned and hashed requirements of the handlers."""
    build: Path
    """Where the zip files are kept."""
    layer_name: str
    """AWS asks for one: unique in the account and Region."""
    runtime: str = "python3.13"
    architecture: str = "arm64"


class HandlerPackage(pulumi.ComponentResource):
    """Builds the packages while the program runs: their names hold the hash of what is in them."""

    code: pulumi.Archive
    layer_arn: pulumi.Output[str]

    def __init__(self, name: str, args: HandlerPackageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:HandlerPackage", name, None, opts)
        check_choice(name, "runtime", args.runtime, RUNTIMES)
        check_choice(name, "architecture", args.architecture, ARCHITECTURES)
        self.runtime = args.runtime
        self.architecture = args.architecture
        self.module = args.source.name
        self.code = pulumi.FileArchive(str(bundle.handlers_zip(args.source, args.build)))
        layer = bundle.layer_zip(args.lock_file, args.build, architecture=args.architecture, runtime=args.runtime)
        version = aws.lambda_.LayerVersion(
            f"{name}-layer",
            layer_name=args.layer_name,
            description="The pinned dependencies of the handlers",
            code=pulumi.FileArchive(str(layer)),
            compatible_runtimes=[args.runtime],
            compatible_architectures=[args.architecture],
            # Another lock file, runtime or architecture replaces the version: the new one is made, the functions are
            # moved to it, and the old one is deleted last.
            opts=pulumi.ResourceOptions(parent=self, protect=False),
        )
        self.layer_arn = version.arn
        self.register_outputs({"layerArn": self.layer_arn})
