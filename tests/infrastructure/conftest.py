from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from components import schema_registry
from schemas import checking
from schemas.files import ROOT, Versions
from tests.infrastructure.program import Graph, graph


@pytest.fixture(scope="session", autouse=True)
def _drafts() -> Iterator[None]:
    """The programs of all stacks take what is not published yet, so that the tests run on it: as the local stack does.

    Not the schemas of a folder of a test's own, nor where there are no drafts.
    """

    def check(mode: str, root: Path = ROOT, *, take_drafts: bool = False) -> dict[str, Versions]:
        return checking.checked(mode, root, take_drafts=take_drafts or root == ROOT)

    with pytest.MonkeyPatch.context() as patch:
        if checking.drafts():
            patch.setattr(schema_registry, "checked", check)
        yield


@pytest.fixture(params=["dev", "prod"])
def stack(request: pytest.FixtureRequest) -> Graph:
    """The graph of each stack that runs on AWS; a rule must hold in both."""
    name: str = request.param
    return graph(name)
