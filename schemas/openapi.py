"""The OpenAPI document of the HTTP API: made of the handlers' routes and of the events' schemas.

The handlers say the routes themselves, in a process of their own: so this depends on none of their code, and has that
code read what was generated just now.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from schemas.asked import DATE_TIME, asked
from schemas.files import INTERNAL, Problem, Schema, SchemaError, Versions, newest, text_of
from schemas.keywords import types_of
from schemas.openapi_parts import (
    COMPONENTS,
    DESCRIPTION,
    EITHERS,
    EXACT_TEXT,
    FORMS,
    GATEWAYS,
    ID,
    OPERATIONS,
    PARAMETERS,
    answer_of,
    example_id,
    id_of,
    in_query,
    told_by,
)
from schemas.operations_parts import REDRIVE

TARGET = Path("handlers", "http_api", "openapi.json")
_DROPPED = frozenset({"$schema", "x-stream", "x-derived", INTERNAL})
_LIMITS = {"stream": "limitOfStream", "letters": "limitOfLetters"}
"""By the sort of answer: the parameter `limit`, where it has other bounds."""
_WORDS = {
    "receipt": "Carry out a command on one {kind}",
    "opens": "Open a new {kind}",
    "foresight": "Say what a command on one {kind} would do, and write nothing",
    "row": "The {kind} as it stands now",
    "list": "The {kind}s for which something is due or will be, the longest due first, or those that came to an end",
    "entries": "What the events of one {kind} left, newest first",
    "state": "The {kind} at any moment, by replay of its events",
    "stream": "The events of one {kind}, in order",
    "health": "Whether the API answers",
    "document": "This document",
    "getEventsByType": "The events of one type, of whatever aggregate, newest first",
    "pipeline": "How far everything that follows the events is behind them",
    "letters": "What lies in the dead letter queues, by what went wrong; looking hides it from others for a moment",
    "redriven": "Send letters of a dead letter queue to where they were going; to repeat it does no harm",
    "verification": "Whether the events of one {kind} are an unbroken chain, and its rows what they make",
    "replays": "The replays that there are, the newest first, and how far each is",
    "getReplay": "One replay, and how far each of its segments is",
    "pauseReplay": "Have a replay stop for now, within two seconds; to repeat it does no harm",
    "resumeReplay": "Have a replay go on where it stopped; one that runs is sent off again, which mends a stalled one",
    "cancelReplay": "End a replay for good, within two seconds; to repeat it does no harm",
    "branches": "The branches that there are, by their names",
    "branch": "One branch, and the accounts and transfers that were touched on it",
    "diff": "What other rules would have decided otherwise, why, and what it comes to",
    "decisions": "The decisions of one account that other rules would have made otherwise, in order",
    "getEventsByCorrelation": "The events that one request led to, across aggregates, in the order of their times",
}


def described(schemas: Mapping[str, Versions], project: Path) -> dict[Path, str]:
    """The document's text by its path in the project. Raises SchemaError where the handlers cannot be loaded."""
    told = _told(project)
    document = {
        "openapi": "3.1.1",
        "info": {"title": "The ledger's HTTP API", "version": "1", "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "paths": _paths(told, schemas),
        "components": _components(told, schemas),
    }
    return {TARGET: text_of(document)}


def _told(project: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "handlers.http_api"], capture_output=True, text=True, check=False, cwd=project
    )
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise SchemaError(
            [Problem(str(TARGET), "", "routes", f"cannot be made, since the handlers do not load: {why}")]
        )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _paths(told: Mapping[str, Any], schemas: Mapping[str, Versions]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for route in told["routes"]:
        paths.setdefault(route["path"], {})[route["method"].lower()] = _operation(route, told, schemas)
    return paths


def _operation(route: Mapping[str, Any], told: Mapping[str, Any], schemas: Mapping[str, Versions]) -> dict[str, Any]:
    words = _WORDS.get(route["query"]) or _WORDS["opens" if route["opens"] else route["answer"]]
    codes = told_by(route, told["errors"])
    refusals = {str(status): _refusal(status, codes) for status in answer_of(route)}
    responses = {"200": _success(route), **refusals}
    operation: dict[str, Any] = {
        "operationId": route["operation"],
        "summary": words.format(kind=route["kind"] or "aggregate") + ".",
        "tags": [route["kind"] or "ledger"],
        "x-ledger-function": route["function"],
        "security": [{"oauth": [f"ledger/{route['scope']}"]}] if route["scope"] else [],
    }
    if parameters := _parameters(route, told):
        operation["parameters"] = parameters
    if route["opens"]:
        operation["requestBody"] = _opening_body(route, schemas)
    elif route["members"]:
        operation["requestBody"] = REDRIVE
    elif route["method"] == "POST" and route["function"] != OPERATIONS:
        operation["requestBody"] = _body(route["kind"], told, schemas)
    return {**operation, "responses": responses}


def _parameters(route: Mapping[str, Any], told: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if route["subject"]:
        name = f"{route['kind']}Id" if route["kind"] else route["subject"]
        found.append({"$ref": f"#/components/parameters/{name}"})
    if route["method"] == "POST" and route["function"] != OPERATIONS:
        names = ("idempotencyKey",) if route["opens"] else ("idempotencyKey", "ifMatch")
        found += [{"$ref": f"#/components/parameters/{name}"} for name in names]
    for name in route["parameters"]:
        found.append(_parameter(name, route, told))
    return found


def _parameter(name: str, route: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    known = _LIMITS.get(route["answer"], name) if name == "limit" else name
    if known in PARAMETERS:
        return {"$ref": f"#/components/parameters/{known}"}
    sieve = told["filters"][route["query"]][name]
    return in_query(name, sieve["description"], {"word": {"enum": sieve["words"]}, **FORMS}[sieve["form"]])


def _body(kind: str, told: Mapping[str, Any], schemas: Mapping[str, Versions]) -> dict[str, Any]:
    names = _commands(kind, told, schemas)
    return {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": f"#/components/schemas/{_title(kind)}Command"},
                "examples": {
                    name: {"value": {"eventType": name, "eventData": _example(newest(schemas[name]))}} for name in names
                },
            }
        },
    }


def _opening_body(route: Mapping[str, Any], schemas: Mapping[str, Versions]) -> dict[str, Any]:
    """A body that is a command's data, beside the new aggregate's id and what any command may say."""
    schema, name = newest(schemas[route["opens"]]), f"{route['kind']}Id"
    data, envelope = _data(route["opens"], schema), "#/components/schemas/Envelope/properties"
    words = "The id of what is opened; left out, the Idempotency-Key stands for it."
    beside = {each: {"$ref": f"{envelope}/{each}"} for each in ("commandId", "correlationId", "causationId", "actor")}
    data["properties"] = {
        name: {**ID, "type": ["string", "null"], "description": words},
        **data["properties"],
        **beside,
    }
    data["examples"] = [{name: example_id(route["kind"]), **_example(schema)}]
    return {"required": True, "content": {"application/json": {"schema": data}}}


def _success(route: Mapping[str, Any]) -> dict[str, Any]:
    answer = route["answer"]
    schema: dict[str, Any] = {"$ref": f"#/components/schemas/{answer[:1].upper()}{answer[1:]}"}
    if answer == "state":
        schema = {"$ref": f"#/components/schemas/{_title(route['kind'])}State"}
    tagged = answer in ("receipt", "row", "entries", "state")
    return {
        "description": "Done." if answer == "receipt" else "The answer.",
        **({"headers": {"ETag": {"$ref": "#/components/headers/ETag"}}} if tagged else {}),
        "content": {"application/json": {"schema": schema}},
    }


def _refusal(status: int, errors: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if status in GATEWAYS:
        return {"$ref": f"#/components/responses/{status}"}
    same = 409 if status == 412 else status  # noqa: PLR2004 -- the unmet If-Match of the same conflict
    told = [each for each in errors if each["status"] == same]
    if status == 412:  # noqa: PLR2004
        told = [each for each in told if each["code"] == "SequenceConflict"]
    meanings = [f"`{each['code']}`: {' '.join(each['meaning'].split())}" for each in told]
    bodies = [name for name, is_told in (("Error", told), ("Gateway", status in EITHERS)) if is_told]
    forms = [{"$ref": f"#/components/schemas/{name}"} for name in bodies]
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        "description": " ".join([*meanings, *([EITHERS[status]] if status in EITHERS else [])]),
        "content": {
            "application/json": {"schema": forms[0] if len(forms) == 1 else {"anyOf": forms}},
            **(problem if told else {}),
        },
    }


def _components(told: Mapping[str, Any], schemas: Mapping[str, Versions]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for kind, known in told["kinds"].items():
        names = _commands(kind, told, schemas)
        made[f"{_title(kind)}Command"] = {
            "oneOf": [{"$ref": f"#/components/schemas/{name}Command"} for name in names],
            "discriminator": {
                "propertyName": "eventType",
                "mapping": {name: f"#/components/schemas/{name}Command" for name in names},
            },
        }
        made[f"{_title(kind)}State"] = _state(known["state"])
        for name in names:
            made[f"{name}Command"] = _command(name)
            made[f"{name}Data"] = _data(name, newest(schemas[name]))
    ids = {f"{kind}Id": id_of(kind) for kind in told["kinds"]}
    return {**COMPONENTS, "parameters": {**ids, **PARAMETERS}, "schemas": {**COMPONENTS["schemas"], **made}}


def _commands(kind: str, told: Mapping[str, Any], schemas: Mapping[str, Versions]) -> list[str]:
    """The types of events that a caller may ask for."""
    return [name for name in told["kinds"][kind]["commands"] if not newest(schemas[name]).get(INTERNAL)]


def _command(name: str) -> dict[str, Any]:
    envelope = COMPONENTS["schemas"]["Envelope"]["properties"]
    return {
        "type": "object",
        "required": ["eventType", "eventData"],
        "properties": {
            "eventType": {"const": name},
            "eventData": {"$ref": f"#/components/schemas/{name}Data"},
            **{each: {"$ref": f"#/components/schemas/Envelope/properties/{each}"} for each in envelope},
        },
        "additionalProperties": False,
    }


def _data(event_type: str, schema: Schema) -> dict[str, Any]:
    """An event's schema as that of a command: what the ledger fills in may be left out, and a number may be text."""
    kinds = asked().get(event_type, {})
    properties = {
        name: {**_field(name, each, schema), **({"format": DATE_TIME} if kinds.get(name) == DATE_TIME else {})}
        for name, each in schema["properties"].items()
        if not each.get(INTERNAL)
    }
    required = [name for name in schema["required"] if name in properties and "x-derived" not in properties[name]]
    for each in properties.values():
        each.pop("x-derived", None)
    return {
        "type": "object",
        "description": schema["description"],
        **({"required": required} if required else {}),
        "properties": properties,
        "additionalProperties": schema.get("additionalProperties", True),
        "propertyNames": {"minLength": 1},
        "examples": [_example(schema)],
    }


def _field(name: str, field: Schema, schema: Schema) -> dict[str, Any]:
    kept = {keyword: value for keyword, value in field.items() if keyword not in _DROPPED - {"x-derived"}}
    types = set(types_of(field))
    if name not in schema["required"] or "x-derived" in field:
        types |= {"null"}  # which says nothing
    if "number" in types:
        types |= {"string"}
        kept["pattern"] = EXACT_TEXT
    if "null" in types and "enum" in kept:
        kept["enum"] = [*kept["enum"], None]
    if "x-derived" in field:
        kept["description"] = f"{field['description']} Left out: {field['x-derived']}."
        kept.pop("default", None)  # of older events; a new one gets what is derived
    kept["type"] = sorted(types)[0] if len(types) == 1 else sorted(types)
    return kept


def _example(schema: Schema) -> dict[str, Any]:
    """The first example, without what only the ledger says, and what it fills in where a command does not: to say that
    is to say nothing else."""
    needless = {
        name
        for name, each in schema["properties"].items()
        if each.get(INTERNAL) or ("x-derived" in each and name in schema["required"])
    }
    example: Mapping[str, Any] = schema["examples"][0]
    return {name: _plain(value) for name, value in example.items() if name not in needless | {"accountId"}}


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def _state(names: Sequence[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["aggregateId", "reconstructedState", "eventsProcessed", "upToSequence"],
        "properties": {
            "aggregateId": {"type": "string"},
            "reconstructedState": {
                "type": "object",
                "required": list(names),
                "properties": {name: {} for name in names},
            },
            "eventsProcessed": {"type": "integer", "description": "The sequence of the last event that it is of."},
            "upToSequence": {"type": ["integer", "null"]},
            "asOf": {"type": "string"},
        },
    }


def _title(kind: str) -> str:
    return f"{kind[:1].upper()}{kind[1:]}"
