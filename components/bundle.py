"""What is shipped to Lambda, as zip files whose bytes depend on their content alone: no clock, no machine, no Docker.

The files are stored, not deflated: what deflate makes of the same bytes differs from one zlib to the next.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from importlib import metadata
from pathlib import Path, PurePosixPath

from components.limits import ARCHITECTURES, RUNTIMES, check_choice

_PLATFORMS = dict(zip(ARCHITECTURES, ("manylinux2014_aarch64", "manylinux2014_x86_64"), strict=True))
_EPOCH = (1980, 1, 1, 0, 0, 0)
_REGULAR_FILE = 0o100644 << 16
_SOURCES = frozenset({".py", ".json"})

# Raise it whenever the rules below change what a layer holds: it is part of the name under which a layer is kept.
_LAYER_RULES = "4"
_SERVICES = frozenset({"dynamodb", "dynamodbstreams", "events", "lambda", "sqs"})
_DROPPED_FOLDERS = frozenset({"__pycache__", "examples", "test", "tests"})
_DROPPED_METADATA = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})


class BundleError(RuntimeError):
    """A package could not be built; says what to do."""


def handlers_name(source: Path) -> str:
    """The name of the handlers' zip: it holds the hash of all that goes into it."""
    return f"{source.name}-{_digest(_sources(source))}.zip"


def handlers_zip(source: Path, build: Path) -> Path:
    """Zip the Python and JSON files under `source`, as a package of its name; return the zip's path in `build`."""
    target = build / handlers_name(source)
    return target if target.exists() else _write_zip(_sources(source), target)


def layer_name(lock_file: Path, *, architecture: str, runtime: str) -> str:
    """The name of the layer's zip: it holds the hash of all that it is made by. Installs nothing."""
    check_choice("layer", "architecture", architecture, ARCHITECTURES)
    check_choice("layer", "runtime", runtime, RUNTIMES)
    recipe = [lock_file.read_text("utf-8"), architecture, runtime, _LAYER_RULES, _pip_version()]
    return f"layer-{hashlib.sha256(chr(0).join(recipe).encode()).hexdigest()}.zip"


def layer_zip(lock_file: Path, build: Path, *, architecture: str, runtime: str) -> Path:
    """Install the locked packages for Lambda's platform and zip them as a layer; return the zip's path in `build`.

    Fetches from the configured package index, unless the same layer was built before.
    """
    target = build / layer_name(lock_file, architecture=architecture, runtime=runtime)
    if target.exists():
        return target
    build.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=build, prefix="layer-") as staging:
        packages = Path(staging, "packages")
        _install(lock_file, packages, architecture, runtime)
        members = {
            f"python/{path.relative_to(packages).as_posix()}": path
            for path in packages.rglob("*")
            if path.is_file() and _is_needed(PurePosixPath(path.relative_to(packages)))
        }
        return _write_zip(members, target)


def _sources(source: Path) -> dict[str, Path]:
    members = {
        f"{source.name}/{path.relative_to(source).as_posix()}": path
        for path in source.rglob("*")
        if path.suffix in _SOURCES and path.is_file() and not _is_hidden(path.relative_to(source))
    }
    if not members:
        raise BundleError(f"{source} holds no Python file")
    return members


def _pip_version() -> str:
    try:
        return metadata.version("pip")
    except metadata.PackageNotFoundError as error:
        raise BundleError(f"pip is missing from {sys.prefix}; run: {sys.executable} -m ensurepip") from error


def _install(lock_file: Path, target: Path, architecture: str, runtime: str) -> None:
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"),
        *("--require-hashes", "--only-binary=:all:", "--no-compile", "--no-warn-conflicts"),
        *("--platform", _PLATFORMS[architecture], "--implementation", "cp"),
        *("--python-version", runtime.removeprefix("python")),
        *("--target", str(target), "--requirement", str(lock_file)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no word of it is foreign
    if done.returncode != 0:
        raise BundleError(
            f"pip could not install {lock_file.name} for {runtime} on {architecture}:\n{done.stderr.strip()}"
        )


def _is_needed(path: PurePosixPath) -> bool:
    """Whether a file of the installed packages goes into the layer."""
    if path.parts[0] == "bin" or not _DROPPED_FOLDERS.isdisjoint(path.parts) or path.name in _DROPPED_METADATA:
        return False
    # botocore describes some 400 services, 100 MB of which five are called.
    described = re.match(r"(?:botocore|boto3)/data/([^/]+)/", path.as_posix())
    return described is None or described[1] in _SERVICES


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in path.parts)


def _digest(members: dict[str, Path]) -> str:
    digest = hashlib.sha256()
    for name, path in sorted(members.items()):
        digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _write_zip(members: dict[str, Path], target: Path) -> Path:
    """Write the zip aside and move it in place, so that no one ever sees half of it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=target.parent, prefix=f".{target.stem}-")
    try:
        with os.fdopen(handle, "wb") as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
            for name, path in sorted(members.items()):
                entry = zipfile.ZipInfo(name, _EPOCH)
                entry.external_attr = _REGULAR_FILE
                entry.create_system = 3  # Unix, wherever it is built
                archive.writestr(entry, path.read_bytes())
        Path(partial).replace(target)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
    return target
