"""`python -m schemas new`: what it drafts runs as it is, in a copy of the project."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.files import load, streams
from schemas.generation import PROJECT
from schemas.scaffold import DOMAIN, UPCASTERS, ScaffoldError, new

pytestmark = pytest.mark.slow

COPIED = (
    "docs",
    "handlers",
    "local/__init__.py",
    "local/descriptions.py",
    "schemas",
    "tests/domain",
    "tests/__init__.py",
    "tests/conftest.py",
    "tests/effort.py",
    "pyproject.toml",
)
ACCOUNT = DOMAIN / "account.py"
OF_THE_EMBEDDED_AWS = "test_patterns.py"
"""It compares with what is not copied."""
NOT_OF_EVENT_TYPES = ("money", "reservations", "selection", "times", "transfer_properties", "values")
"""Modules of the domain's tests that an account's new type of event is no matter of."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What a new event type touches."""
    for name in COPIED:
        source, target = PROJECT / name, tmp_path / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", OF_THE_EMBEDDED_AWS))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    return tmp_path


def run(project: Path, *words: str, status: int = 0) -> str:
    """`python -m <words>` there; all that it said."""
    environment = {**os.environ, "PYTHONPATH": str(project)}
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_new_type_is_drafted_whole_and_published_when_it_is_final(project: Path) -> None:
    said = run(project, "schemas", "new", "AccountDrafted")

    assert "schemas/AccountDrafted/1.json" in said
    # The tests of the domain and the style: the draft is a piece of the project.
    others = (f"--ignore=tests/domain/test_{name}.py" for name in ("account_drafted", *NOT_OF_EVENT_TYPES))
    run(project, "pytest", "-q", "-p", "no:cacheprovider", "tests/domain", *others)
    run(project, "ruff", "check", "--no-cache", "handlers", "schemas", "tests")
    run(project, "ruff", "format", "--no-cache", "--check", "handlers", "schemas", "tests")
    assert "### AccountDrafted" in (project / "docs" / "events.md").read_text("utf-8")
    assert "schemas/AccountDrafted/1.json: is a draft, which only" in run(project, "schemas", "check", status=1)
    assert "schemas/AccountDrafted/1.json is a draft: no stack" in run(project, "schemas", "check", "--drafts")

    assert "schemas/AccountDrafted/1.json" in run(project, "schemas", "publish")

    assert "AccountDrafted" in run(project, "schemas", "check")


def test_a_draft_fails_its_test_until_it_does_something_and_the_state_version_says_so(project: Path) -> None:
    run(project, "schemas", "new", "AccountDrafted")
    tests = ("tests/domain/test_account_drafted.py", "tests/domain/test_state_versions.py")
    pytest_there = ("pytest", "-q", "-p", "no:cacheprovider")

    said = run(project, *pytest_there, *tests, status=1)

    assert "2 failed" in said
    for name in ("happens_and_something_follows", "happens_once"):
        assert f"FAILED {tests[0]}::test_account_drafted_{name}" in said
    account = project / ACCOUNT
    stub = '"""Say what follows from it."""\n    return account\n'
    text = account.read_text("utf-8")
    assert text.count(stub) == 1
    account.write_text(text.replace(stub, 'return replace(account, status="Closed")\n'), "utf-8")
    run(project, *pytest_there, tests[0])
    said = run(project, *pytest_there, tests[1], status=1)
    assert "what follows from AccountDrafted" in said
    assert "is not what it was under account's STATE_VERSION" in said
    version = re.search(r"^STATE_VERSION = (\d+)$", text, re.MULTILINE)
    assert version
    raised = account.read_text("utf-8").replace(version[0], f"STATE_VERSION = {int(version[1]) + 1}")
    account.write_text(raised, "utf-8")
    assert "record what follows under it" in run(project, *pytest_there, tests[1], status=1)
    run(project, "tests.domain.examples")
    run(project, *pytest_there, tests[1])


def test_a_new_type_is_of_the_kind_that_its_name_begins_with_or_of_the_one_that_is_said(project: Path) -> None:
    schemas = load(project / "schemas")
    kinds = sorted({*streams(schemas).values()})
    with pytest.raises(ScaffoldError, match=" or ".join(f"--stream {each}" for each in kinds)):
        new("CardIssued", schemas, project)

    written = [new("TransferNoted", schemas, project), new("CardIssued", schemas, project, stream="account")]

    assert [DOMAIN / "transfer.py" in written[0], ACCOUNT in written[1]] == [True, True]
    told = load(project / "schemas")
    assert [told[name][1]["x-stream"] for name in ("TransferNoted", "CardIssued")] == ["transfer", "account"]
    assert ["accountId" in told[name][1]["properties"] for name in ("TransferNoted", "CardIssued")] == [False, True]
    run(project, "schemas", "generate")
    run(project, "ruff", "format", "--no-cache", "handlers")
    run(project, "ruff", "check", "--no-cache", "handlers")
    run(project, "pytest", "-q", "-p", "no:cacheprovider", "tests/domain/test_transfer.py")


def test_a_new_type_of_another_kind_is_a_schema_of_its_stream_alone(project: Path) -> None:
    written = new("LampLit", load(project / "schemas"), project, stream="lamp")

    assert written == [Path("schemas", "LampLit", "1.json")]
    schemas = load(project / "schemas")
    assert schemas["LampLit"][1]["x-stream"] == "lamp"
    assert "accountId" not in schemas["LampLit"][1]["properties"]
    run(project, "schemas", "new", "lampLit", "--stream", "Lamp!", status=2)
    with pytest.raises(ScaffoldError, match="never changes its stream"):
        new("AccountClosed", schemas, project, stream="lamp")


def test_a_kind_that_is_misspelt_is_refused_and_a_new_one_is_told_as_such(project: Path) -> None:
    said = run(project, "schemas", "new", "FooBar", "--stream", "acount", status=1)
    assert "--stream acount is no kind that there is, and nearly one: is it account?" in said
    assert not (project / "schemas" / "FooBar").exists()

    said = run(project, "schemas", "new", "LampLit", "--stream", "lamp")

    assert "lamp is a new kind of aggregates, beside account, " in said


def test_of_a_version_after_a_draft_it_is_said_that_the_draft_may_be_changed(project: Path) -> None:
    note = "schemas/AccountDrafted/1.json, the version before, is a draft itself"
    assert note not in run(project, "schemas", "new", "AccountDrafted")

    assert note in run(project, "schemas", "new", "AccountDrafted")


def test_one_draft_follows_another_however_long_the_lists_become(project: Path) -> None:
    # What is one line today stands on several once ruff has formatted it.
    names = ["AccountDrafted", "AccountDraftedAgain", "AccountDraftedForAThirdTime", "AccountDraftedOnceMore"]
    files = [ACCOUNT, UPCASTERS]
    for name in names:
        new(name, load(project / "schemas"), project)
        run(project, "ruff", "format", "--no-cache", *map(str, files))
    for _ in range(3):
        new("AccountClosed", load(project / "schemas"), project)
        run(project, "ruff", "format", "--no-cache", *map(str, files))

    account, upcasters = ((project / file).read_text("utf-8") for file in files)
    run(project, "schemas", "generate")
    run(project, "ruff", "check", "--no-cache", "handlers")
    newest = max(load(project / "schemas")["AccountClosed"])
    for name in names:
        assert re.search(rf"import \([^)]*\b{name},", account)
        assert account.count(f"@_RULES.on({name})\n") == account.count(f"@_FOLLOWS.on({name})\n") == 1
    for version in range(newest - 3, newest):
        assert f'        ("AccountClosed", {version}): _account_closed_{version},\n' in upcasters


def test_the_next_version_of_a_type_is_drafted_with_its_step_up(project: Path) -> None:
    newest = max(load()["TransactionProcessed"])

    run(project, "schemas", "new", "TransactionProcessed")

    code = "from handlers.domain.facts import NEWEST, UPCASTERS; print(NEWEST, UPCASTERS)"
    done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True)
    assert f"'TransactionProcessed': {newest + 1}" in done.stdout
    assert f"('TransactionProcessed', {newest})" in done.stdout
    run(project, "ruff", "check", "--no-cache", "handlers")


def test_the_next_version_of_what_is_only_published_has_no_step_up(project: Path) -> None:
    upcasters = project / "handlers" / "domain" / "upcasters.py"
    before = upcasters.read_text("utf-8")
    newest = max(load()["CommandRejected"])

    run(project, "schemas", "new", "CommandRejected")

    assert upcasters.read_text("utf-8") == before
    # What is published from then on says so.
    code = "from handlers.domain import REJECTION_VERSION; print(REJECTION_VERSION)"
    done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True)
    assert done.stdout == f"{newest + 1}\n"


def test_a_version_is_published_in_the_mode_that_is_asked_for_or_not_at_all(project: Path) -> None:
    newest = max(load(project / "schemas")["AccountClosed"])
    file = f"schemas/AccountClosed/{newest + 1}.json"
    schema = json.loads((project / "schemas" / "AccountClosed" / f"{newest}.json").read_text("utf-8"))
    schema["required"].append("reason")
    (project / file).write_text(json.dumps(schema), "utf-8")

    checked, refused = run(project, "schemas", "check", status=1), run(project, "schemas", "publish", status=1)

    refusal = f"{file}: reason: is required but was not: version {newest + 1} cannot read what version {newest} wrote"
    assert refusal in checked
    assert refusal in refused
    assert f"{file} is published" in run(project, "schemas", "publish", "--compatibility", "NONE")


def test_edited_schemas_make_the_generated_code_stale(project: Path) -> None:
    path = project / "handlers" / "domain" / "generated" / "classes.py"
    path.write_text(path.read_text("utf-8").replace("USD", "EUR"), "utf-8")

    assert "classes.py is not what the schemas say" in run(project, "schemas", "check", status=1)

    run(project, "schemas", "generate")
    assert "classes.py" not in run(project, "schemas", "check")


@pytest.mark.parametrize("name", ["accountFrozen", "Account-Frozen", "../Account"])
def test_a_name_that_is_no_event_type_is_refused_with_nothing_written(project: Path, name: str) -> None:
    before = sorted(project.rglob("*.json"))

    assert name in run(project, "schemas", "new", name, status=2)

    assert sorted(project.rglob("*.json")) == before
