"""`python -m tools.readable FILE`: print what a function answered, its status and its body, instead of text in text."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def readable(answer: str) -> str:
    """An answer as a function gives it. What is none, such as the report of one that failed, is shown as it is."""
    try:
        told = json.loads(answer)
        if not isinstance(told, dict) or "body" not in told:
            return json.dumps(told, indent=2)
        return f"{told.get('statusCode')} {json.dumps(json.loads(told['body']), indent=2)}"
    except (ValueError, TypeError):
        return answer


def main(arguments: list[str]) -> int:
    """0; or 1 with a sentence on standard error; or 2 for a command line that makes no sense."""
    if len(arguments) != 1:
        print("usage: python -m tools.readable FILE", file=sys.stderr)
        return 2
    try:
        print(readable(Path(arguments[0]).read_text("utf-8")))
    except (OSError, ValueError) as error:
        print(f"error: {arguments[0]} cannot be read: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
