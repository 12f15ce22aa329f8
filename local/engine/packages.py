"""Function packages on disk: code and layers, unpacked once per content, and the runtime that Lambda brings along."""

from __future__ import annotations

import hashlib
import io
import re
import threading
import zipfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from local.engine.api import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_RUNTIME_CLIENT = "awslambdaric"
_PERMISSIONS = 0o777


class RuntimeClientMissing(RuntimeError):  # noqa: N818
    """AWS's runtime client is not installed."""


class Packages:
    """Unpacks below `root`, which the engine removes when it stops."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self.runtime = _link_runtime(root / "runtime")

    def code(self, archive: bytes) -> Path:
        """The folder that holds the zip's files: /var/task of a function."""
        return self._unpacked("task", [archive])

    def layers(self, archives: Sequence[bytes]) -> Path:
        """The folder that holds the layers' files, later ones over earlier ones: /opt of a function."""
        return self._unpacked("opt", archives)

    def _unpacked(self, kind: str, archives: Sequence[bytes]) -> Path:
        digest = hashlib.sha256()
        for archive in archives:
            digest.update(hashlib.sha256(archive).digest())
        folder = self._root / f"{kind}-{digest.hexdigest()[:32]}"
        with self._lock:
            if not folder.exists():
                partial = folder.with_suffix(".partial")
                partial.mkdir(parents=True, exist_ok=True)
                for archive in archives:
                    _unzip(archive, partial)
                partial.rename(folder)
        return folder


def _unzip(archive: bytes, folder: Path) -> None:
    if not zipfile.is_zipfile(io.BytesIO(archive)):
        raise ApiError("InvalidParameterValueException", "Could not unzip uploaded file.")
    with zipfile.ZipFile(io.BytesIO(archive)) as package:
        for member in package.infolist():
            path = Path(package.extract(member, folder))
            permissions = (member.external_attr >> 16) & _PERMISSIONS
            if permissions and not member.is_dir():
                path.chmod(permissions)


def _link_runtime(folder: Path) -> Path:
    """A folder with the runtime client and what it requires, and nothing else of this environment.

    A function that forgets to bring boto3 must fail here as it would on Lambda's bare runtime.
    """
    folder.mkdir(parents=True)
    for distribution in _with_requirements(_RUNTIME_CLIENT):
        for name in _top_level(distribution):
            link = folder / name
            if not link.exists():
                link.symlink_to(Path(str(distribution.locate_file(name))).resolve())
    return folder


def _with_requirements(name: str) -> Iterable[metadata.Distribution]:
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError as error:
        raise RuntimeClientMissing(
            f"The Python package {name!r} is missing. It is AWS's Lambda runtime client, which runs the functions; it "
            "installs on Linux and macOS (python -m pip install awslambdaric), not on Windows."
        ) from error
    yield distribution
    for requirement in distribution.requires or ():
        if "extra ==" not in requirement:
            yield from _with_requirements(re.split(r"[^\w.-]", requirement, maxsplit=1)[0])


def _top_level(distribution: metadata.Distribution) -> set[str]:
    names = {file.parts[0] for file in distribution.files or ()}
    return {name for name in names if name not in {"..", "__pycache__"} and not name.endswith(".dist-info")}
