"""`openapi.json`: valid, and what the routes and the schemas say today."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from handlers.domain import KINDS
from handlers.domain.facts import FACTS
from handlers.http_api.routes import ROUTES, routes
from handlers.sourcing.command import MAX_SEQUENCE
from handlers.sourcing.kinds import Kinds
from handlers.sourcing.projection import RowQuery
from handlers.sourcing.told import WHATEVER
from schemas.files import load, newest
from schemas.generation import PROJECT
from schemas.openapi import EVENT_TYPES, TARGET, described

from .conformity import DOCUMENT, OPERATIONS


def test_it_is_what_the_routes_and_the_schemas_say() -> None:
    told = described(load(), PROJECT)

    assert told == {path: (PROJECT / path).read_text("utf-8") for path in (TARGET, EVENT_TYPES)}


def test_without_the_command_line_nothing_is_made_for_it(tmp_path: Path) -> None:
    (tmp_path / "handlers").symlink_to(PROJECT / "handlers")

    assert described(load(), tmp_path).keys() == {TARGET}


def test_it_is_a_valid_document() -> None:
    from openapi_spec_validator import OpenAPIV31SpecValidator  # noqa: PLC0415 - nobody else needs it, and it takes long

    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_every_route_is_an_operation_with_its_function_and_its_scope() -> None:
    told = {key: (each["operationId"], each["x-ledger-function"], each["security"]) for key, each in OPERATIONS.items()}

    assert told == {
        key: (route.operation, route.function, [{"oauth": [f"ledger/{route.scope}"]}] if route.scope else [])
        for key, route in ROUTES.items()
    }
    assert [key for key, each in OPERATIONS.items() if not each["security"]] == ["GET /health"]


def test_every_parameter_is_told() -> None:
    known = DOCUMENT["components"]["parameters"]
    for key, operation in OPERATIONS.items():
        parameters = operation.get("parameters", [])
        given = [known[each["$ref"].rsplit("/", 1)[1]] if "$ref" in each else each for each in parameters]
        assert {each["name"] for each in given if each["in"] == "query"} == set(ROUTES[key].parameters)
        assert [each["name"] for each in given if each["in"] == "path"] == (["id"] if "{id}" in key else [])


def test_every_command_that_may_be_asked_for_has_its_body() -> None:
    schemas, every = DOCUMENT["components"]["schemas"], load()
    for kind in (each for each in KINDS.all if each.collection):
        title = kind.name.capitalize()
        asked = schemas[f"{title}Command"]["discriminator"]["mapping"]
        assert set(asked) == set(kind.commands) - FACTS.internal
        for name in asked:
            assert schemas[f"{name}Command"]["properties"]["eventType"] == {"const": name}
            fields = {field for field, each in newest(every[name])["properties"].items() if "x-internal" not in each}
            assert set(schemas[f"{name}Data"]["properties"]) == fields


def test_no_number_of_a_command_has_to_pass_through_a_float() -> None:
    amount = DOCUMENT["components"]["schemas"]["TransactionProcessedData"]["properties"]["amount"]

    assert amount["type"] == ["number", "string"]
    assert amount["x-scale"] == 8


def test_a_condition_is_a_sequence_that_there_can_be() -> None:
    pattern = DOCUMENT["components"]["parameters"]["ifMatch"]["schema"]["pattern"]

    for sequence in (0, 1, MAX_SEQUENCE - 1, MAX_SEQUENCE):
        assert re.search(pattern, f'"{sequence}"')
    for sequence in (MAX_SEQUENCE + 1, 2 * MAX_SEQUENCE, 10 * MAX_SEQUENCE, -1):
        assert not re.search(pattern, f'"{sequence}"')


@pytest.mark.parametrize("collection", ["", "Accounts", "a/b", "events", "health", "{id}", "console"])
def test_a_collection_is_a_word_of_its_own(collection: str) -> None:
    with pytest.raises(ValueError, match="no word for a path, or one that is taken"):
        routes(_only(collection))


def test_a_kind_without_a_collection_has_no_routes() -> None:
    assert {route.kind for route in routes(_only(None))} == {""}


def _beside(query: RowQuery) -> Kinds:
    """The account with one more projection, of this query."""
    kind = KINDS.all[0]
    more = replace(kind.projections(WHATEVER)[0], name="More", queries=(query,))  # type: ignore[type-var]
    both = replace(kind, projections=lambda settings: (*kind.projections(settings), more))
    return Kinds(dict.fromkeys(kind.commands, kind.name), both)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (RowQuery(name="getMore", argument="accountId", below="events"), "GET /accounts/{id}/events: getAccountEvents"),
        (RowQuery(name="getHealth", argument="accountId", below="more"), "getHealth at GET /accounts/{id}/more"),
        (RowQuery(name="getAccountSummary", argument="accountId", below="more"), "are named getAccountSummary"),
    ],
    ids=["a path that is taken", "an operation that is taken", "a query that is taken"],
)
def test_of_two_routes_that_are_one_both_are_named(query: RowQuery, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        routes(_beside(query))


def _only(collection: str | None) -> Kinds:
    kind = replace(KINDS.all[0], collection=collection)
    return Kinds(dict.fromkeys(kind.commands, kind.name), kind)


def test_code_that_does_not_load_is_told_and_makes_no_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)  # by which other code would load
    with pytest.raises(ValueError, match="the handlers do not load"):
        described(load(), tmp_path)
