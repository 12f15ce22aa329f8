"""A new kind of aggregate is a module, its schemas and a line: made in a copy of the project, where everything works.

`inside.py` holds what is tried there.
"""

from __future__ import annotations

import filecmp
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.generation import PROJECT
from schemas.vocabulary import DRAFT

HERE = Path(__file__).parent
COPIED = ("components", "docs", "handlers", "local", "ops", "schemas", "stack", "tests")
WRITTEN = {
    "handlers/domain/parcel.py",
    "handlers/domain/registry.py",
    *(f"schemas/{name}/1.json" for name in ("ParcelPosted", "ParcelMoved", "ParcelDelivered")),
}
"""What somebody has to write, or to add a line to."""
GENERATED = {
    "docs/events.md",
    "handlers/domain/generated/classes.py",
    "handlers/domain/generated/tables.py",
    "handlers/http_api/openapi.json",
    "schemas/published.json",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with parcels in it."""
    copy = tmp_path_factory.mktemp("project")
    _copy_with_schemas(copy)
    registry = copy / "handlers" / "domain" / "registry.py"
    lines = registry.read_text("utf-8").replace("import account, transfer\n", "import account, parcel, transfer\n")
    registry.write_text(lines.replace("    account.KIND,\n", "    account.KIND,\n    parcel.KIND,\n"), "utf-8")
    run(copy, "schemas", "publish")
    run(copy, "schemas", "generate")
    return copy


@pytest.fixture(scope="module")
def parcels_alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy in which parcels take the place of accounts: of the domain and its schemas, nothing of these is left."""
    copy = tmp_path_factory.mktemp("alone")
    _copy_with_schemas(copy)
    for schema in (copy / "schemas").glob("*/1.json"):
        if not schema.parent.name.startswith(("Parcel", "CommandRejected")):
            shutil.rmtree(schema.parent)
    for name in ("commands", "processes"):
        (copy / "schemas" / f"{name}.json").unlink()
    (copy / "schemas" / "published.json").write_text("{}", "utf-8")
    domain = copy / "handlers" / "domain"
    for name in (
        "account",
        "transfer",
        "transfer_steps",
        "transfer_summary",
        "projections",
        "bounds",
        "money",
        "upcasters",
    ):
        (domain / f"{name}.py").unlink()
    _edit(
        domain / "registry.py",
        ("    account.KIND,\n    transfer.KIND,\n", "    parcel.KIND,\n"),
        ("import account, transfer\n", "import parcel\n"),
        ("from .transfer_steps import PROCESS\n", ""),
        ("MEANINGS =", "PROCESS = NO_PROCESS\nMEANINGS ="),
        (
            "from handlers.sourcing.meaning import Meanings\n",
            "from handlers.sourcing.meaning import Meanings\nfrom handlers.sourcing.process import NO_PROCESS\n",
        ),
    )
    nothing_across = (
        '"""Parcels cross no streams."""\n\nfrom handlers.sourcing.oversight import NO_OVERSIGHT as OVERSIGHT\n'
    )
    (domain / "oversight.py").write_text(nothing_across + '\n__all__ = ["OVERSIGHT"]\n', "utf-8")
    none = (("from . import money\n", ""), ('"currency": money.check_opening', ""))
    _edit(domain / "facts.py", *none, ("from .upcasters import UPCASTERS\n", ""), ("=UPCASTERS,", "={},"))
    # Of the tests, those alone that know no account.
    (copy / "tests" / "kinds" / "conftest.py").unlink()
    run(copy, "schemas", "publish")
    run(copy, "schemas", "generate")
    return copy


def _edit(file: Path, *replaced: tuple[str, str]) -> None:
    text = file.read_text("utf-8")
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text, "utf-8")


def _copy_with_schemas(copy: Path) -> None:
    """The project, with the parcel's module and schemas."""
    for name in COPIED:
        shutil.copytree(PROJECT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    shutil.copy(PROJECT / "pyproject.toml", copy)
    place = {"place": {"description": "Where it is then.", "type": "string", "minLength": 1, "examples": ["Riga"]}}
    for name, properties in (("ParcelPosted", place), ("ParcelMoved", place), ("ParcelDelivered", {})):
        schema = {
            "$schema": DRAFT,
            "title": name,
            "description": "What happened to a parcel.",
            "type": "object",
            "x-stream": "parcel",
            "required": list(properties),
            "properties": properties,
            "additionalProperties": True,
            "examples": [dict.fromkeys(properties, "Riga")],
        }
        (copy / "schemas" / name).mkdir()
        (copy / "schemas" / name / "1.json").write_text(json.dumps(schema, indent=2), "utf-8")
    shutil.copy(HERE / "parcel.py.txt", copy / "handlers" / "domain" / "parcel.py")


def run(project: Path, *words: str) -> str:
    """`python -m <words>` there; all that it said."""
    environment = {**os.environ, "PYTHONPATH": str(project)}
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_nothing_is_touched_but_the_domain_and_its_schemas(project: Path) -> None:
    files = {path.relative_to(project) for name in COPIED for path in (project / name).rglob("*.*") if path.is_file()}
    ours = {path for path in files if "__pycache__" not in path.parts}
    changed = {
        path.as_posix()
        for path in ours
        if not ((PROJECT / path).exists() and filecmp.cmp(project / path, PROJECT / path, shallow=False))
    }

    assert changed == WRITTEN | GENERATED
    run(project, "schemas", "check")
    run(project, "ruff", "check", "--no-cache", "handlers")
    run(project, "ruff", "format", "--no-cache", "--check", "handlers")


def test_everything_works_on_the_new_kind_and_on_the_old(project: Path) -> None:
    domain = (f"tests/domain/test_{name}.py" for name in ("kinds", "facts", "projections", "times"))
    tests = ("tests/kinds/inside.py", "tests/kinds/test_rooms.py", *domain)

    said = run(project, "pytest", "-q", "-p", "no:cacheprovider", *tests)

    assert " passed" in said
    assert "skipped" not in said


def test_another_domain_takes_the_place_of_the_accounts(parcels_alone: Path) -> None:
    said = run(parcels_alone, "pytest", "-q", "-p", "no:cacheprovider", "tests/kinds/alone.py")

    assert " passed" in said
    assert "skipped" not in said
