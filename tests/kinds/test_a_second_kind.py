"""A new kind of aggregate is a module, its schemas and a line; another domain is one folder and its schemas.

Both are typed in from `docs/extending.md`, in copies of the project. `inside.py` and `alone.py` hold what is tried in
them.
"""

from __future__ import annotations

import filecmp
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from schemas.generation import PROJECT

from .written import COPIED, DOCUMENT, Writing, section, serving, titles

pytestmark = pytest.mark.slow

WRITTEN = {
    "handlers/domain/parcel.py",
    "handlers/domain/registry.py",
    "tests/domain/state_versions.json",
    *(f"schemas/{name}/1.json" for name in ("ParcelPosted", "ParcelMoved", "ParcelDelivered")),
}
"""What somebody has to write, or to add a line to."""
GENERATED = {
    "cli/event_types.py",
    "docs/cli.md",
    "docs/events.md",
    "handlers/domain/generated/classes.py",
    "handlers/domain/generated/tables.py",
    "handlers/http_api/openapi.json",
    "schemas/published.json",
}
A_KIND, ANOTHER_DOMAIN = "A kind of aggregates", "Another domain"


class Alone(NamedTuple):
    """A copy in which another domain is all there is, and what its tests said there."""

    writing: Writing
    said: str


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the project with parcels in it."""
    with Writing(tmp_path_factory.mktemp("project")) as writing:
        writing.all(section(A_KIND))
        yield writing.folder


@pytest.fixture(scope="module")
def parcels_alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alone]:
    """A copy in which parcels take the place of accounts: of the domain and its schemas, nothing of these is left."""
    with Writing(tmp_path_factory.mktemp("alone")) as writing:
        writing.all(section(A_KIND))
        *_, tried = writing.all(section(ANOTHER_DOMAIN)[: _before_it_is_served()])
        yield Alone(writing, tried.output)


def _before_it_is_served() -> int:
    """How many blocks come before what is said to a served stack."""
    return next(index for index, block in enumerate(section(ANOTHER_DOMAIN)) if block.language == "python")


def run(project: Path, *words: str) -> str:
    """`python -m <words>` there; all that it said."""
    environment = {**os.environ, "PYTHONPATH": str(project)}
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def changed(project: Path) -> set[str]:
    """The files that are other than the project's own, or new."""
    files = {path.relative_to(project) for name in COPIED for path in (project / name).rglob("*.*") if path.is_file()}
    ours = {path for path in files if "__pycache__" not in path.parts}
    return {
        path.as_posix()
        for path in ours
        if not ((PROJECT / path).exists() and filecmp.cmp(project / path, PROJECT / path, shallow=False))
    }


def test_nothing_is_touched_but_the_domain_and_its_schemas(project: Path) -> None:
    assert changed(project) == WRITTEN | GENERATED
    run(project, "ruff", "check", "--no-cache", "handlers")
    run(project, "ruff", "format", "--no-cache", "--check", "handlers")


def test_everything_works_on_the_new_kind_and_on_the_old(project: Path) -> None:
    domain = (f"tests/domain/test_{name}.py" for name in ("kinds", "facts", "projections", "state_versions", "times"))
    api = (f"tests/http_api/test_{name}.py" for name in ("examples", "document", "operations"))
    others = ("tests/cli/test_tail.py", "tests/schemas/test_processes.py", "tests/kinds/test_rooms.py")
    tests = ("tests/kinds/inside.py", *others, *domain, *api)

    said = run(project, "pytest", "-q", "-p", "no:cacheprovider", *tests)

    assert " passed" in said
    assert "skipped" not in said


def test_the_document_names_what_remains_of_the_domain(parcels_alone: Alone) -> None:
    """Or makes it, in a block."""
    folder = parcels_alone.writing.folder
    text = (folder / DOCUMENT).read_text("utf-8").partition(f"\n## {ANOTHER_DOMAIN}\n")[2]
    remaining = {path.name for path in (folder / "handlers" / "domain").glob("*.py")}

    assert [name for name in sorted(remaining) if not re.search(rf"(`|> handlers/domain/){name}\b", text)] == []


def test_the_tests_of_another_domain_find_no_account(parcels_alone: Alone) -> None:
    """What the last block before it is served says."""
    assert " passed" in parcels_alone.said
    assert "skipped" not in parcels_alone.said


def test_another_domain_is_deployed_and_answers_as_the_document_says(parcels_alone: Alone) -> None:
    """On the embedded AWS: commands once, refusals by its rules, states, rows; and `verify` finds nothing."""
    made = changed(parcels_alone.writing.folder)
    touched = {path for path in made if not path.startswith(("handlers/domain/", "schemas/"))}
    assert touched <= GENERATED | {"tests/domain/state_versions.json"}
    with serving(parcels_alone.writing.folder):
        talk, verified = parcels_alone.writing.all(section(ANOTHER_DOMAIN)[_before_it_is_served() :])

    statuses = [line.split(",")[0] for line in talk.output.splitlines() if line.startswith("(")]
    assert statuses == ["(200", "(200", "(200", "(422", "(200", "(200"]
    posted, moved, again, refused, state, row = talk.output.splitlines()[-6:]
    assert (posted.count("'sequence': 1"), moved == again) == (1, True)
    assert "'rule': 'parcel-posted-once'" in refused
    assert "'place': 'Riga'" in state
    assert "'Place': 'Tartu'" in row
    assert "no differences" in verified.output or verified.output, verified.output


def test_what_is_added_to_the_accounts_is_added_as_the_document_says(tmp_path: Path) -> None:
    """A type of events, a projection, a setting, an alarm and a query, one after the other; each block looks at itself.

    The setting is the projection's, and comes before the query: none leans on another that it does not name.
    """
    with Writing(tmp_path) as writing:
        before = titles()[: titles().index(A_KIND)]
        for title in sorted(before, key="A query".__eq__):
            writing.all(section(title))

        assert "/accounts/{id}/activity" in (writing.folder / "handlers/http_api/openapi.json").read_text("utf-8")
        typed = ("handlers/domain", "stack/domain.py", "components/settings.py", "components/monitoring.py")
        tests = ("tests/domain/test_activity.py", "tests/domain/test_account_reviewed.py")
        run(writing.folder, "mypy", "--cache-dir", str(tmp_path / "types"), *typed, *tests)
        api = ("tests/http_api/test_examples.py", "-k", "Account")
        run(writing.folder, "pytest", "-q", "-p", "no:cacheprovider", *api)
