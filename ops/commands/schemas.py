"""`python -m ops schemas`: has the registry every schema, and did Glue accept it?"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from rich.markup import escape

from ops import registered
from ops.system import System
from schemas.files import each_version, load
from tools.numbers import counted

from .common import add_common, console_for, printable

if TYPE_CHECKING:
    from .common import Commands


def add_to(commands: Commands) -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "schemas",
        help="check that the schema registry accepted every version of every schema",
        description="Compare the Glue Schema Registry with the schemas of this revision. Glue keeps a version that it "
        "refuses, with the status FAILURE, and neither Pulumi nor CloudFormation says so: run this after an update.",
    )
    add_common(command)
    command.set_defaults(run=_run)


def _run(system: System, options: argparse.Namespace) -> int:
    schemas = load()
    found = list(registered.findings(system.client("glue"), system.output("schemaRegistryName"), schemas))
    failed = any(each.kind != registered.RENUMBERED for each in found)
    versions = sum(1 for _ in each_version(schemas))
    if options.json:
        print(json.dumps({"versions": versions, "findings": [each.as_json() for each in found]}, indent=2))
        return 1 if failed else 0
    console = console_for(options)
    for each in found:
        name = f"{each.event_type} {each.version}" if each.version else each.event_type
        console.print(f"{escape(printable(name))} [bold red]{each.kind}[/]: {escape(printable(each.detail))}")
    console.print(
        f"{counted(versions, 'version')} of {counted(len(schemas), 'schema')}, {counted(len(found), 'finding')}"
    )
    return 1 if failed else 0
