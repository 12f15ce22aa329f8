"""Small Pulumi projects to deploy, and a plain AWS to deploy them to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

from local.engine import backends

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


@dataclass(frozen=True)
class PlainAws:
    """A moto server without any of the embedded AWS's own behaviour."""

    endpoint: str
    client: Callable[[str], Any]


@contextmanager
def plain_aws() -> Iterator[PlainAws]:
    """A plain moto server on a free port, with nothing of what other tests left in moto."""
    backends.reset()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    session: Any = boto3.Session("test", "test", region_name="us-east-1")
    try:
        yield PlainAws(endpoint, lambda service: session.client(service, endpoint_url=endpoint))
    finally:
        server.stop()
