"""A function that is not told what it needs says so, by name, when it is loaded."""

from __future__ import annotations

import re
from importlib.abc import SourceLoader
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

from .conftest import failing

STORING = ("EVENT_STORE_TABLE", "SNAPSHOTS_TABLE", "SNAPSHOT_EVERY", "TYPE_BUCKETS")
NEEDED = {
    "command": (*STORING, "EVENT_BUS_NAME"),
    "validate": STORING,
    "query": (*STORING, "READ_MODEL_TABLE", "TYPE_INDEX", "CORRELATION_INDEX", "STATEMENT", "STATEMENT_ENTRIES"),
    "relay": ("EVENT_BUS_NAME", "DEAD_LETTER_QUEUE_URL"),
    "projection": ("EVENT_STORE_TABLE", "READ_MODEL_TABLE", "STATEMENT"),
    "snapshot": ("EVENT_STORE_TABLE", "SNAPSHOTS_TABLE", "SNAPSHOT_EVERY", "SNAPSHOT_RETENTION_DAYS"),
    "runtime": ("METRICS_NAMESPACE",),
}
PROJECT = Path(__file__).resolve().parents[2]
NUMBERS = ("SNAPSHOT_EVERY", "TYPE_BUCKETS", "STATEMENT_ENTRIES", "SNAPSHOT_RETENTION_DAYS")


def load(name: str) -> None:
    """Execute a module of the handlers as a cold start does."""
    spec = find_spec(f"handlers.{name}")
    assert spec
    assert isinstance(spec.loader, SourceLoader)
    module = ModuleType(spec.name)
    module.__package__ = "handlers"
    code = spec.loader.get_code(spec.name)
    assert code
    exec(code, vars(module))  # noqa: S102 -- what an import does, without keeping it


@pytest.mark.parametrize(("entry", "variable"), [(entry, name) for entry, names in NEEDED.items() for name in names])
def test_a_variable_that_is_missing_is_named_with_who_sets_it(
    monkeypatch: pytest.MonkeyPatch, entry: str, variable: str
) -> None:
    load(entry)
    monkeypatch.delenv(variable)

    code, message = failing(lambda: load(entry))

    assert code == "Misconfigured"
    assert f"environment variable {variable} is missing" in message
    assert "the Pulumi program sets it" in message
    said = re.search(r"in ([a-z_/]+\.py)", message)
    assert said
    # Of the environment that all functions have a component makes a part.
    shared = "components/handler_function.py" if entry == "runtime" else said[1]
    assert f'"{variable}"' in (PROJECT / shared).read_text("utf-8")


@pytest.mark.parametrize("value", ["", "many", "1.5", "1_0", "\u0661", " 5"])
@pytest.mark.parametrize(("entry", "variable"), [(e, name) for e in NEEDED for name in NEEDED[e] if name in NUMBERS])
def test_a_variable_that_should_be_a_number_and_is_none_is_named(
    monkeypatch: pytest.MonkeyPatch, entry: str, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)

    code, message = failing(lambda: load(entry))

    assert (code, variable in message) == ("Misconfigured", True)


@pytest.mark.parametrize("value", ["True", "no", "0"])
@pytest.mark.parametrize(
    ("entry", "name"),
    [("query", "TYPE_INDEX"), ("query", "CORRELATION_INDEX"), ("query", "STATEMENT"), ("projection", "STATEMENT")],
)
def test_a_variable_that_should_be_true_or_false_and_is_neither_is_named(
    monkeypatch: pytest.MonkeyPatch, entry: str, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    code, message = failing(lambda: load(entry))

    assert (code, f"environment variable {name} is neither true nor false" in message) == ("Misconfigured", True)
