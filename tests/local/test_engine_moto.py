"""What the embedded AWS takes from the inside of moto. Where this fails after an upgrade, it says what has moved.

The modules that may import moto are those of the contract in pyproject.toml. The names that they take from it are read
off the engine's code, so none is forgotten here.
"""

from __future__ import annotations

import ast
import importlib
import tomllib
from collections.abc import Iterator
from typing import Any, NamedTuple

import moto
import pytest
from moto.awslambda.models import lambda_backends
from moto.core.parse import JSONParser
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.sqs.models import Queue

from tests.local.mentioned import PROJECT

ENGINE = PROJECT / "local" / "engine"
_CONTRACTS = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
(KNOWING,) = (each["ignore_imports"] for each in _CONTRACTS if "moto" in each.get("forbidden_modules", ()))
KNOWS_MOTO = {f"{each.split(' -> ')[0].replace('.', '/')}.py" for each in KNOWING}

PRIVATE = {
    *("_functions", "_get_function_aliases", "_lambdas", "_lex_condition_expression"),
    *("_messages", "_parse_shape", "_parse_structure"),
}
"""The private attributes of moto's objects that the engine uses."""


class Import(NamedTuple):
    """A name of one of moto's modules, and what it is called in the engine."""

    module: str
    name: str
    known_as: str


def trees() -> Iterator[tuple[str, ast.AST]]:
    for path in sorted(ENGINE.rglob("*.py")):
        yield path.relative_to(PROJECT).as_posix(), ast.parse(path.read_text())


def imports_of(tree: ast.AST) -> Iterator[Import]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("moto."):
                    parent, _, name = alias.name.rpartition(".")
                    yield Import(parent, name, alias.asname or alias.name)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "moto":
            for alias in node.names:
                yield Import(str(node.module), alias.name, alias.asname or alias.name)


IMPORTS = {each for _, tree in trees() for each in imports_of(tree)}


def installed(each: Import) -> Any:
    """Fails with what is not where it was."""
    try:
        module = importlib.import_module(each.module)
    except ImportError:
        pytest.fail(f"moto {moto.__version__} has no module {each.module}, from which the engine takes {each.name}")
    if not hasattr(module, each.name):
        pytest.fail(f"moto {moto.__version__} has no {each.name} in {each.module}, where the engine looks for it")
    return getattr(module, each.name)


def test_those_modules_import_moto_that_may() -> None:
    assert {path for path, tree in trees() if any(imports_of(tree))} == KNOWS_MOTO


@pytest.mark.parametrize("each", sorted(IMPORTS), ids=lambda each: f"{each.module}.{each.name}")
def test_what_is_imported_is_where_it_was(each: Import) -> None:
    assert installed(each) is not None


def attributes_of_classes() -> Iterator[tuple[Import, str]]:
    """What the engine reads or replaces on moto's classes, such as `Table.query`."""
    classes = {each.known_as: each for each in IMPORTS if isinstance(installed(each), type)}
    for path, tree in trees():
        theirs = {
            alias.asname or alias.name: classes[alias.name]
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module in {"local.engine.backends", "local.engine.moto_app"}
            for alias in node.names
            if alias.name in classes
        }
        if path in KNOWS_MOTO:
            theirs = classes
        aliased = {"backends": classes}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute):
                continue
            of = node.value
            if isinstance(of, ast.Name) and of.id in theirs:
                yield theirs[of.id], node.attr
            elif isinstance(of, ast.Attribute) and isinstance(of.value, ast.Name):
                found = aliased.get(of.value.id, {}).get(of.attr)
                if found is not None:
                    yield found, node.attr


def test_what_is_replaced_on_its_classes_is_still_theirs() -> None:
    used = {(each, name) for each, name in attributes_of_classes() if name != "__deepcopy__"}  # which it does not have
    assert {(each.name, name) for each, name in used} >= {("Table", "query"), ("DynamoHandler", "serialized")}
    moved = [f"{each.name}.{name}" for each, name in used if not hasattr(installed(each), name)]
    assert moved == [], f"moto {moto.__version__} has them no more"


def test_no_other_private_attribute_is_used_than_these() -> None:
    """Attributes with an underscore, of others than the engine's own objects."""
    own = {"self", "cls", "os"}  # os._exit is public, whatever its name
    used = {
        node.attr
        for _, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__")
        if not (isinstance(node.value, ast.Name) and node.value.id in own)
    }
    assert used == PRIVATE, "as PRIVATE has them, with a place in the test below"


def test_the_private_attributes_are_where_they_were() -> None:
    functions = lambda_backends["123456789012"]["us-east-1"]
    for holder, path in (
        (functions, ("_lambdas", "_functions")),
        (functions, ("_lambdas", "_get_function_aliases")),
        (Queue("q", "us-east-1", "1"), ("_messages",)),
        (ConditionExpressionParser, ("_lex_condition_expression",)),
        (JSONParser, ("_parse_shape",)),
        (JSONParser, ("_parse_structure",)),
    ):
        found = holder
        for name in path:
            assert hasattr(found, name), f"{type(found).__name__} of moto {moto.__version__} has no {name}"
            found = getattr(found, name)
