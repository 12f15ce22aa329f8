"""The benchmark's command line: `python -m bench [PART ...] [--render]`, `python -m bench soak` and
`python -m bench racing`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence

from rich.console import Console

from ops.output import ending

from . import documents, racing, results, soak, world
from .parts import append, decoding, imports, latency, projection, reconstruct, replays, transfers
from .progress import Steps

ON_ENGINES = {
    "append": append,
    "reconstruct": reconstruct,
    "projection": projection,
    "transfers": transfers,
    "replays": replays,
}
ALONE = {"imports": (imports, ""), "decoding": (decoding, ""), "latency": (latency, "the embedded AWS")}
PARTS = ("imports", "decoding", *ON_ENGINES, "latency")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the parts that are asked for, or all; then write the documents from all that is known."""
    # Where it is set, each process that is measured compiles its own modules anew, and pays for that with its start.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["soak"]:  # measures nothing for the documents, and takes as long as it is told
        return soak.main(given[1:])
    if given[:1] == ["racing"]:
        return racing.main(given[1:])
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure, and write docs/performance.md.")
    parser.add_argument(
        "parts", type=_part, nargs="*", metavar="PART", help=f"what to measure: {', '.join(PARTS)}; all by default"
    )
    parser.add_argument("--render", action="store_true", help="measure nothing, only write the documents")
    options = parser.parse_args(given)
    if options.parts and options.render:
        parser.error("--render measures nothing, so it takes no parts")
    steps = Steps(Console())
    if not options.render:
        _measure([part for part in PARTS if part in (options.parts or PARTS)], steps)
    for path in documents.write(results.load()):
        steps.say(f"wrote {path}", "bold")
    return 0


def _part(text: str) -> str:
    if text not in PARTS:
        raise argparse.ArgumentTypeError(f"no such part: {text[:100]!a}; there are {', '.join(PARTS)}")
    return text


def _measure(parts: Sequence[str], steps: Steps) -> None:
    started = time.monotonic()
    for part in ("imports", "decoding"):
        if part in parts:
            _measure_alone(part, steps)
    if wanted := [part for part in parts if part in ON_ENGINES]:
        with world.running(steps) as there:
            steps.say(f"on {there.engines.name}" + (f": {there.engines.why_not}" if there.engines.why_not else ""))
            for part in wanted:
                _keep(part, ON_ENGINES[part].measure(there), there.engines.name)
    if "latency" in parts:
        _measure_alone("latency", steps)
    steps.say(f"measured in {time.monotonic() - started:.0f} s")


def _measure_alone(part: str, steps: Steps) -> None:
    module, engine = ALONE[part]
    _keep(part, module.measure(steps), engine)


def _keep(part: str, measured: dict[str, object], engine: str) -> None:
    """At once, so that what comes after can fail without taking this along."""
    results.save({**results.load(), part: {**measured, "measured": results.circumstances(engine)}})


if __name__ == "__main__":
    sys.exit(ending(main))
