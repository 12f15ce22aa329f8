"""What of others is kept here for browsers: `python -m tests.console.vendored check | renew [VERSION...]`.

`console/vendor/vendored.json` lists each package with its version, licence and files, and the SHA-256 of every file.
`check` compares. `renew` fetches the packages with npm, at the listed versions or at those named (`preact@11.2.0`), and
writes files and list anew. Preact's parts name each other as a bundler would; a browser needs paths, so these are set.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parents[2]
LIST = ROOT / "console" / "vendor" / "vendored.json"
FOLDERS = (ROOT / "console" / "vendor", ROOT / "tests" / "console" / "vendor")
_MAP = re.compile(r"\n//# sourceMappingURL=[^\n]*\n?")


def problems(listed: Mapping[str, Any], root: Path) -> Iterator[str]:
    """What is not as the list says: a file that is another one, that is gone, or that nobody lists."""
    hashes = {path: digest for package in listed.values() for path, digest in _hashes(package)}
    for path, digest in hashes.items():
        if not (root / path).is_file():
            yield f"{path} is gone"
        elif hashlib.sha256((root / path).read_bytes()).hexdigest() != digest:
            yield f"{path} is not what it was"
    here = {file.relative_to(ROOT).as_posix() for folder in FOLDERS for file in folder.iterdir() if file != LIST}
    yield from (f"{path} is not listed" for path in sorted(here - hashes.keys()))


def _hashes(package: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from ((path, each["sha256"]) for path, each in package["files"].items())


def renewed(name: str, package: Mapping[str, Any], version: str, root: Path) -> dict[str, Any]:
    """The package at a version: its files written below the root, and what the list says of it. Needs npm."""
    with TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", f"{name}@{version}"], cwd=folder, check=True, stdout=sys.stderr)
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as content:
            content.extractall(folder, filter="data")
        source = Path(folder) / "package"
        about = json.loads((source / "package.json").read_text(encoding="utf-8"))
        files = {}
        for path, each in package["files"].items():
            text = _for_browsers((source / each["from"]).read_text(encoding="utf-8"))
            (root / path).write_text(text, encoding="utf-8")
            files[path] = {"from": each["from"], "sha256": hashlib.sha256(text.encode()).hexdigest()}
    return {"version": about["version"], "licence": about["license"], "files": files}


def _for_browsers(text: str) -> str:
    return _MAP.sub("\n", text).replace('from"preact"', 'from"./preact.mjs"')


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.console.vendored", description=__doc__)
    parser.add_argument("order", choices=["check", "renew"])
    parser.add_argument("versions", nargs="*", metavar="PACKAGE@VERSION")
    asked = parser.parse_args(arguments)
    listed = json.loads(LIST.read_text(encoding="utf-8"))
    if asked.order == "renew":
        versions = dict(each.rsplit("@", 1) for each in asked.versions)
        listed = {
            name: renewed(name, package, versions.get(name, package["version"]), ROOT)
            for name, package in listed.items()
        }
        LIST.write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")
    found = list(problems(listed, ROOT))
    told = found or [f"{name} {package['version']}, {package['licence']}" for name, package in listed.items()]
    sys.stdout.write("\n".join(told) + "\n")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
