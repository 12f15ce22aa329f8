"""Pulumi's assets and archives as bytes."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

from pulumi import Archive, Asset, AssetArchive, FileArchive, FileAsset, StringAsset

from local.deploy.errors import DeployError

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest time that a zip file can hold


def zip_bytes(archive: Archive | Asset) -> bytes:
    """The archive as one zip file; the same content always gives the same bytes."""
    if isinstance(archive, FileArchive | FileAsset) and Path(archive.path).is_file():
        return _zip_file(Path(archive.path))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content, executable in sorted(_entries(archive, "")):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (0o100755 if executable else 0o100644) << 16
            target.writestr(info, content)
    return buffer.getvalue()


def _zip_file(path: Path) -> bytes:
    content = path.read_bytes()
    if not zipfile.is_zipfile(io.BytesIO(content)):
        raise DeployError(f"{path} is not a zip file")
    return content


def _entries(source: Archive | Asset, prefix: str) -> Iterator[tuple[str, bytes, bool]]:
    match source:
        case AssetArchive():
            for name, inner in source.assets.items():
                yield from _entries(inner, f"{prefix}/{name}" if prefix else name)
        case StringAsset():
            yield prefix, source.text.encode(), False
        case FileAsset():
            yield _file_entry(Path(source.path), prefix)
        case FileArchive():
            yield from _file_archive_entries(Path(source.path), prefix)
        case _:
            raise DeployError(f"a {type(source).__name__} would have to be fetched from somewhere else")


def _file_archive_entries(path: Path, prefix: str) -> Iterator[tuple[str, bytes, bool]]:
    if path.is_dir():
        for file in path.rglob("*"):
            if file.is_file():
                name = file.relative_to(path).as_posix()
                yield _file_entry(file, f"{prefix}/{name}" if prefix else name)
    elif path.is_file():
        with zipfile.ZipFile(io.BytesIO(_zip_file(path))) as nested:
            for info in nested.infolist():
                if not info.is_dir():
                    name = f"{prefix}/{info.filename}" if prefix else info.filename
                    yield name, nested.read(info), bool(info.external_attr >> 16 & 0o100)
    else:
        raise DeployError(f"the archive {path} does not exist")


def _file_entry(path: Path, name: str) -> tuple[str, bytes, bool]:
    if not path.is_file():
        raise DeployError(f"the asset {path} does not exist")
    return name, path.read_bytes(), bool(path.stat().st_mode & 0o100)
