"""The AWS CLIs that the documents' examples are typed into: version 1 from PyPI, version 2 as it is installed."""

from __future__ import annotations

import os
import re
import subprocess
from functools import cache
from pathlib import Path

from tests.fetched import CACHE, python_tools

LOCK = Path(__file__).with_name("requirements.txt")
FOLDER = CACHE / "aws-cli-1"
HOW = {
    1: "`make aws-cli` fetches version 1 of the AWS CLI",
    2: "version 2 of the AWS CLI is not installed (it is not on PyPI; Debian: apt-get install awscli)",
}


def fetch() -> None:
    """Version 1, into the cache. Raises CalledProcessError where that fails."""
    python_tools(FOLDER, LOCK)


@cache
def installed() -> dict[int, Path]:
    """Each version that is here: the fetched one, and whatever the PATH holds. To ask one takes half a second."""
    places = [FOLDER / "bin" / "aws", *(Path(folder) / "aws" for folder in os.environ["PATH"].split(os.pathsep))]
    found: dict[int, Path] = {}
    for path in filter(Path.is_file, places):
        if found.keys() == HOW.keys():
            break
        told = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60, check=False)
        version = re.match(r"aws-cli/([12])\.", told.stdout or told.stderr)
        if version:
            found.setdefault(int(version[1]), path)
    return found


def any_version() -> Path | None:
    """The newest there is."""
    return max(installed().items(), default=(0, None))[1]
