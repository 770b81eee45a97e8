"""Pieces of the documents' own language, for the operations that no document has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def refusals(*names: str) -> dict[str, Any]:
    statuses = {
        "BadRequest": "400",
        "Forbidden": "403",
        "Unauthorized": "401",
        "NotFound": "404",
        "ValidationError": "422",
        "TooManyRequests": "429",
    }
    return {statuses[name]: {"$ref": f"#/components/responses/{name}"} for name in names}


RATE_HEADERS = {
    name: {"$ref": f"#/components/headers/{name}"}
    for name in ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
}

MOMENT = {"type": ["string", "null"], "format": "date-time"}
NUMBER = {"type": "integer", "minimum": 1}


def query(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that may be left out."""
    return {"name": name, "in": "query", "required": False, "schema": schema}


def thing(properties: dict[str, Any], required: Iterable[str] | None = None) -> dict[str, Any]:
    """An object; all of its properties are required unless ``required`` names fewer."""
    return {
        "type": "object",
        "required": list(properties if required is None else required),
        "properties": properties,
    }


def answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The answer 200."""
    content = {"application/json": {"schema": schema}}
    return {"200": {"description": description, "headers": RATE_HEADERS, "content": content}}
