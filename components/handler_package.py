"""The code of all the functions and the layer of its dependencies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_aws as aws

from components import bundle
from components.limits import ARCHITECTURES, RUNTIMES, check_choice


@dataclass(frozen=True)
class SignedPackages:
    """Where what was built and signed elsewhere lies, under the names that it is built under here."""

    config_arn: str
    """Of Lambda's code signing configuration, which says whose signatures are taken: somebody else's to change."""
    bucket: str
    """In the Region of the functions."""
    prefix: str
    """Before the names, with its last `/`; empty for none."""


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
    signed: SignedPackages | None = None
    """None to ship what is built here, unsigned."""


@dataclass(frozen=True)
class Code:
    """What a function or a layer is made of: a zip of this machine, or an object of S3."""

    archive: pulumi.Archive | None = None
    bucket: str | None = None
    key: str | None = None


class HandlerPackage(pulumi.ComponentResource):
    """Builds the packages while the program runs: their names hold the hash of what is in them.

    Signed ones it builds not: it names them, and another content is another name.
    """

    code: Code
    code_signing_config_arn: str | None
    """None where nobody asks for signatures."""
    layer_arn: pulumi.Output[str]

    def __init__(self, name: str, args: HandlerPackageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:HandlerPackage", name, None, opts)
        check_choice(name, "runtime", args.runtime, RUNTIMES)
        check_choice(name, "architecture", args.architecture, ARCHITECTURES)
        self.runtime = args.runtime
        self.architecture = args.architecture
        self.module = args.source.name
        self.code, layer = _signed(args, args.signed) if args.signed else _built(args)
        self.code_signing_config_arn = args.signed.config_arn if args.signed else None
        version = aws.lambda_.LayerVersion(
            f"{name}-layer",
            layer_name=args.layer_name,
            description="The pinned dependencies of the handlers",
            code=layer.archive,
            s3_bucket=layer.bucket,
            s3_key=layer.key,
            compatible_runtimes=[args.runtime],
            compatible_architectures=[args.architecture],
            # Another lock file, runtime or architecture replaces the version: the new one is made, the functions are
            # moved to it, and the old one is deleted last.
            opts=pulumi.ResourceOptions(parent=self, protect=False),
        )
        self.layer_arn = version.arn
        self.register_outputs({"layerArn": self.layer_arn})


def _built(args: HandlerPackageArgs) -> tuple[Code, Code]:
    """The handlers and the layer, of this machine."""
    layer = bundle.layer_zip(args.lock_file, args.build, architecture=args.architecture, runtime=args.runtime)
    zips = (bundle.handlers_zip(args.source, args.build), layer)
    handlers, dependencies = (Code(archive=pulumi.FileArchive(str(each))) for each in zips)
    return handlers, dependencies


def _signed(args: HandlerPackageArgs, signed: SignedPackages) -> tuple[Code, Code]:
    """As `_built`, of S3."""
    layer = bundle.layer_name(args.lock_file, architecture=args.architecture, runtime=args.runtime)
    names = (bundle.handlers_name(args.source), layer)
    handlers, dependencies = (Code(bucket=signed.bucket, key=signed.prefix + each) for each in names)
    return handlers, dependencies
