"""Shapes that many answers of the OpenAPI document are made of."""

from __future__ import annotations

from typing import Any

COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
TIME: dict[str, Any] = {"type": "string", "format": "date-time"}


def an_object(description: str, properties: dict[str, Any], *, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """An object that has all of these members, but perhaps the optional ones."""
    return {
        "type": "object",
        "description": description,
        "required": [name for name in properties if name not in optional],
        "properties": properties,
    }


def a_list(items: dict[str, Any]) -> dict[str, Any]:
    """An array of such."""
    return {"type": "array", "items": items}


def or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Such a value, or null."""
    return {**schema, "type": [schema["type"], "null"]}
