"""The process that is measured: reads tasks as lines of JSON, does each, and says what it took.

One process per subject, of the same kind for all, so that none pays for another's imports or garbage.
`python -m bench.subject NAME`; the environment says where the tables are. A task is `{"do": ..., "meter": bool, ...}`;
an answer is `{"cpuMs", "wallMs", "cost" if it was metered}`, less what that was held back, or `{"error"}`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Protocol

from .meter import Meter, cost

SUBJECTS = ("ours", "recipe", "floor", "floor_of_our_calls")


class Subject(Protocol):
    """A module of `bench.subjects`."""

    def prepare(self, task: Mapping[str, Any]) -> Callable[[], object]:
        """All that is not to be measured; what is returned does the task, or raises."""
        ...


def main(name: str) -> None:
    """Answer tasks until the input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 -- a device, not a path
        os.dup2(nowhere.fileno(), sys.stdout.fileno())  # what a subject prints is work to be measured, not an answer
    meter = Meter()
    meter.listen()
    subject: Any = import_module(f"bench.subjects.{name}")
    for line in sys.stdin:
        answers.write(json.dumps(_answer(subject, meter, json.loads(line))) + "\n")
        answers.flush()


def _answer(subject: Subject, meter: Meter, task: dict[str, Any]) -> dict[str, Any]:
    try:
        run = subject.prepare(task)
        cpu, wall = time.process_time(), time.perf_counter()
        if not task.get("meter"):
            run()
            return _times(cpu, wall)
        with meter.counting() as calls:
            run()
        counted = cost(calls)
        return {"cost": counted._asdict(), **_times(cpu, wall + counted.waits * meter.latency)}
    except Exception as error:  # noqa: BLE001 -- told to the one who asked, who ends the run
        return {"error": f"{type(error).__name__}: {error}"}


def _times(cpu: float, wall: float) -> dict[str, float]:
    """What has passed since, in milliseconds."""
    return {"cpuMs": (time.process_time() - cpu) * 1e3, "wallMs": (time.perf_counter() - wall) * 1e3}


if __name__ == "__main__":
    main(sys.argv[1])
