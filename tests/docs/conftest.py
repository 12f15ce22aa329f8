"""A stack that a document's reader would have served, and the reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from local.deploy import deploy
from local.engine import Engine
from tests.local.conftest import DISORDER

from . import aws_cli
from .blocks import ROOT
from .walking import Walk

Outputs = dict[str, Any]
Reader = Callable[..., Walk]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(stream_disorder=DISORDER) as running:
        yield running


@pytest.fixture(scope="module")
def outputs(engine: Engine) -> Outputs:
    """Of a stack as `make serve` deploys it, which the documents of a module share: what one opens is there for all."""
    deployment = deploy(engine.endpoint, "local", ROOT)
    return {"endpoint": engine.endpoint, **deployment.outputs}


@pytest.fixture
def reader(outputs: Outputs, tmp_path: Path) -> Iterator[Reader]:
    """`reader()` sits down at a shell in a clone of the project; `aws` is their AWS CLI, by default any that is here.

    `on_aws`: what they read is about a stack on AWS, which this one plays.
    """
    with ExitStack() as open_walks:

        def sit_down(aws: Path | None = None, *, on_aws: bool = False) -> Walk:
            return open_walks.enter_context(Walk(tmp_path, outputs, aws or aws_cli.any_version(), on_aws=on_aws))

        yield sit_down
