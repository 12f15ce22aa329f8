"""Puts a comment on a pull request, or renews the one there: python .github/comment.py OWNER/REPOSITORY NUMBER FILE.

The first line of the file is a hidden one that tells this comment from others, which more workflows write as the same
account. Fails with the status of `gh`, after what it said.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

_BOT = "github-actions[bot]"
"""Who comments by the token of a workflow. Anybody can write the hidden line, but not as this account."""


def main(repository: str, number: str, file: str) -> int:
    """Asks for a hundred comments at a time, and writes one."""
    marker = _first_line(Path(file).read_text("utf-8"))
    if not (marker.startswith("<!-- ") and marker.endswith(" -->")):
        print(f"error: {file} begins with {marker!r}, and not with a hidden line", file=sys.stderr)
        return 2
    comments = f"repos/{repository}/issues/{number}/comments"
    try:
        pages = json.loads(_gh("--paginate", "--slurp", f"{comments}?per_page=100"))
        by_bot = [each for page in pages for each in page if (each["user"] or {}).get("login") == _BOT]
        there = next((each["id"] for each in by_bot if _first_line(each["body"]) == marker), None)
        if there is None:
            _gh("--method", "POST", comments, "--field", f"body=@{file}")
        else:
            _gh("--method", "PATCH", f"repos/{repository}/issues/comments/{there}", "--field", f"body=@{file}")
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


def _first_line(text: str) -> str:
    return text.partition("\n")[0].rstrip("\r")


def _gh(*arguments: str) -> str:
    return subprocess.run(["gh", "api", *arguments], stdout=subprocess.PIPE, check=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
