"""What a policy pack is told of a graph: each resource with what is known of it after an up."""

from __future__ import annotations

import json
from typing import Any

from tests.infrastructure.program import Graph


def policy_resources(graph: Graph) -> list[dict[str, Any]]:
    """Of each resource its type, URN, name and properties, as JSON has them; files and archives by their name alone."""
    return [
        {
            "type": each.type,
            "urn": each.urn,
            "name": each.name,
            "properties": json.loads(json.dumps({**each.inputs, **each.outputs}, default=str)),
        }
        for each in graph
        if each.custom
    ]
