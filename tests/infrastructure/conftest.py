from __future__ import annotations

import pytest

from tests.infrastructure.program import Graph, graph


@pytest.fixture(params=["dev", "prod"])
def stack(request: pytest.FixtureRequest) -> Graph:
    """The graph of each stack that runs on AWS; a rule must hold in both."""
    name: str = request.param
    return graph(name)
