"""`python -m tools.output NAME`: print an output of the stack, from the file that `make serve` keeps while it runs."""

from __future__ import annotations

import argparse
import json
import sys
from difflib import get_close_matches
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """0; or 1 with a sentence on standard error."""
    parser = argparse.ArgumentParser(prog="python -m tools.output", description=(__doc__ or "").split(": ")[1])
    parser.add_argument("name", metavar="NAME", help="such as commandFunction")
    parser.add_argument("--outputs", type=Path, default=Path("out.json"), metavar="FILE", help="default: out.json")
    options = parser.parse_args(arguments)
    try:
        outputs = json.loads(options.outputs.read_text("utf-8"))
    except FileNotFoundError:
        return _failed(f"there is no {options.outputs}: `make serve` keeps it here while it runs")
    except (OSError, ValueError) as error:
        return _failed(f"{options.outputs} cannot be read: {getattr(error, 'strerror', None) or 'it is not JSON'}")
    if not isinstance(outputs, dict) or options.name not in outputs:
        names = outputs if isinstance(outputs, dict) else ()
        meant = " or ".join(get_close_matches(options.name, names, 2)) or "one of those in it"
        return _failed(f"{options.outputs} has no output {options.name!r}; perhaps {meant} is meant")
    print(outputs[options.name])
    return 0


def _failed(why: str) -> int:
    print(f"error: {why}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
