"""Small Pulumi projects to deploy, and a plain AWS to deploy them to."""

from pathlib import Path
from textwrap import dedent

PROJECT = """
name: demo
runtime: python
config:
  size: {type: integer, default: 3}
"""
STACK = """
config:
  aws:region: us-east-1
"""


def write_project(folder: Path, program: str, project: str = PROJECT, **stacks: str) -> Path:
    """A project in `folder` whose program starts with the usual imports; without `stacks` it has one, `local`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Pulumi.yaml").write_text(dedent(project), encoding="utf-8")
    for stack, text in (stacks or {"local": STACK}).items():
        (folder / f"Pulumi.{stack}.yaml").write_text(dedent(text), encoding="utf-8")
    imports = "import json\nimport pulumi\nimport pulumi_aws as aws\n"
    (folder / "__main__.py").write_text(imports + dedent(program), encoding="utf-8")
    return folder
