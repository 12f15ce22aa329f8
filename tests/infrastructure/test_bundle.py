"""What is shipped: the same bytes from the same sources, and nothing that does not belong."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from components import bundle
from components.bundle import BundleError, handlers_zip, layer_zip
from tests.infrastructure.program import ROOT

FILES = {"__init__.py": "", "command.py": "x = 1\n", "domain/__init__.py": "", "domain/rates.json": "{}\n"}


def package(folder: Path, files: dict[str, str] | None = None, *, mtime: int = 1_700_000_000) -> Path:
    """Write a package, in the files' order, all of one age."""
    source = folder / "handlers"
    for name, text in (files or FILES).items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        os.utime(path, (mtime, mtime))
    return source


def test_the_same_sources_give_the_same_bytes_anywhere_and_at_any_time(tmp_path: Path) -> None:
    here = package(tmp_path / "here", mtime=1_000_000_000)
    there = package(tmp_path / "there", dict(reversed(FILES.items())), mtime=1_700_000_000)
    (there / "command.py").chmod(0o700)
    first, second = handlers_zip(here, tmp_path / "build-1"), handlers_zip(there, tmp_path / "build-2")
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("change", [{"command.py": "x = 2\n"}, {"query.py": ""}])
def test_any_change_gives_another_name(tmp_path: Path, change: dict[str, str]) -> None:
    before = handlers_zip(package(tmp_path / "before"), tmp_path)
    after = handlers_zip(package(tmp_path / "after", FILES | change), tmp_path)
    assert before.name != after.name


def test_only_sources_are_shipped_as_a_package_at_the_root(tmp_path: Path) -> None:
    stray = {
        "__pycache__/command.cpython-313.pyc": "",
        "__pycache__/stray.py": "",
        ".venv/lib.py": "",
        ".hidden.py": "",
        "requirements.txt": "boto3\n",
        "requirements.in": "boto3\n",
        "notes.md": "",
    }
    built = handlers_zip(package(tmp_path, FILES | stray), tmp_path / "build")
    with zipfile.ZipFile(built) as archive:
        assert archive.namelist() == sorted(f"handlers/{name}" for name in FILES)
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_what_is_built_already_is_kept_and_nothing_else_is_left_behind(tmp_path: Path) -> None:
    source, build = package(tmp_path), tmp_path / "build"
    first = handlers_zip(source, build)
    before = first.stat().st_ino
    assert handlers_zip(source, build) == first
    assert first.stat().st_ino == before
    assert list(build.iterdir()) == [first]


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "handlers").mkdir()
    with pytest.raises(BundleError, match="holds no Python file"):
        handlers_zip(tmp_path / "handlers", tmp_path / "build")


def test_a_lock_file_that_cannot_be_installed_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text("boto3 is good\n", "utf-8")
    with pytest.raises(BundleError, match=r"requirements\.txt for python3\.13 on arm64"):
        layer_zip(lock, tmp_path / "build", architecture="arm64", runtime="python3.13")
    assert list((tmp_path / "build").iterdir()) == []


@pytest.mark.parametrize(
    ("architecture", "runtime", "named"), [("mips", "python3.13", "architecture"), ("arm64", "python2", "runtime")]
)
def test_a_layer_for_an_unknown_platform_is_refused(
    tmp_path: Path, architecture: str, runtime: str, named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        layer_zip(ROOT / "handlers" / "requirements.txt", tmp_path, architecture=architecture, runtime=runtime)


@pytest.fixture(scope="module")
def layer() -> Path:
    """The layer that the stacks ship; built at most once."""
    lock = ROOT / "handlers" / "requirements.txt"
    return layer_zip(lock, ROOT / ".build", architecture="arm64", runtime="python3.13")


def test_the_layer_holds_the_locked_packages_and_no_litter(layer: Path) -> None:
    with zipfile.ZipFile(layer) as archive:
        names = archive.namelist()
    assert names == sorted(names)
    assert all(name.startswith("python/") for name in names)
    litter = (
        "/__pycache__/",
        ".pyc",
        "/tests/",
        "python/bin/",
        "/RECORD",
        "/INSTALLER",
        "/REQUESTED",
        "/direct_url.json",
    )
    assert [name for name in names if any(part in name for part in litter)] == []
    assert "python/boto3/__init__.py" in names
    described = {name.split("/")[3] for name in names if "/botocore/data/" in name and name.count("/") > 3}
    assert described == {"dynamodb", "dynamodbstreams", "events", "lambda", "sqs"}
    assert layer.stat().st_size < 10_000_000


def test_the_handlers_clients_work_on_the_layer_alone(layer: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(layer) as archive:
        archive.extractall(tmp_path)
    script = (
        "import boto3; s = boto3.Session('k', 's', region_name='us-east-1');"
        "print(s.client('dynamodb').meta.endpoint_url, s.client('events').meta.endpoint_url, boto3.__file__)"
    )
    environment = {"PYTHONPATH": str(tmp_path / "python"), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-S", "-B", "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [
        "https://dynamodb.us-east-1.amazonaws.com",
        "https://events.us-east-1.amazonaws.com",
        str(tmp_path / "python" / "boto3" / "__init__.py"),
    ]


def test_the_layer_describes_each_service_that_the_handlers_have_a_client_of() -> None:
    """And no other: without its description boto3 makes no client, and nothing but a deployed function would tell."""
    clients = (ROOT / "handlers" / "store" / "clients.py").read_text("utf-8")

    assert set(re.findall(r'boto3\.client\("(\w+)"', clients)) == set(bundle._SERVICES)
