"""Which events are brought to the processes: `processes.json`, types behind which a process may have a step due.

Types behind which none is due are left out, such as that of a process's end. Without the file there are no processes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from schemas.files import ROOT, Problem, Versions, read_object, streams

FILE = "processes.json"


def pokes(root: Path = ROOT) -> tuple[str, ...]:
    """The types; none where there is no file. ValueError where it holds no JSON object."""
    path = root / FILE
    return tuple(read_object(path.read_text("utf-8")).get("pokes", ())) if path.exists() else ()


def problems_in_pokes(types: tuple[str, ...], schemas: Mapping[str, Versions]) -> Iterator[Problem]:
    """What is named there and stands in no stream: nothing would ever come of it."""
    for event_type in types:
        if event_type not in streams(schemas):
            yield Problem(f"schemas/{FILE}", event_type, "no-such-type", "is no type of events that are stored")
