"""Fetches DynamoDB Local into the cache, or with --relock pins what pom.xml resolves to."""

from __future__ import annotations

import argparse
import sys

from . import installation


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.engine.dynamodb_local", description=__doc__)
    parser.add_argument("--relock", action="store_true", help="write sha256.lock anew after a change of pom.xml")
    arguments = parser.parse_args()
    try:
        if arguments.relock:
            installation.relock(_say)
        installation.java()
        _say(f"DynamoDB Local {installation.version()}: fetching it unless it is in the cache ...")
        _say(f"in {installation.fetch(_say)}, verified")
    except installation.UnavailableError as problem:
        parser.exit(1, f"{problem}\n")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
