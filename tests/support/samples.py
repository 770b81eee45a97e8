"""Bodies that a contract accepts: its own examples where they are good, otherwise made from the schema."""

from __future__ import annotations

import copy
from typing import Any

from tests.support.contract import Contract, Operation

_BY_FORMAT = {
    "date-time": "2024-01-01T00:00:00Z",
    "date": "2024-01-01",
    "uuid": "5f0c8e0e-6f0b-4d0e-9a35-6a1f6f1f2f11",
    "uri": "https://example.com/",
    "email": "sample@example.com",
    "hostname": "host.example.com",
    "ipv4": "192.0.2.1",
}


def body(operation: Operation) -> Any:
    """A body for ``operation`` that its schema accepts; ids in it are those that the document prints."""
    for example in operation.body_examples().values():
        if not operation.request_problems(example):
            return copy.deepcopy(example)
    schema = operation.body_schema
    if schema is None:
        return None
    made = from_schema(operation.contract, schema)
    problems = operation.request_problems(made)
    assert not problems, f"no sample for {operation}: {problems}"
    return made


def from_schema(contract: Contract, schema: dict[str, Any]) -> Any:
    """A small value that fits: all required fields, or the first one where none is required."""
    schema = _flat(contract, schema)
    for word in ("const", "default"):
        if word in schema:
            return copy.deepcopy(schema[word])
    if "enum" in schema:
        return schema["enum"][0]
    for choice in ("anyOf", "oneOf"):
        if choice in schema and "type" not in schema:
            return from_schema(contract, schema[choice][0])
    return _of_type(contract, schema)


def _flat(contract: Contract, schema: dict[str, Any]) -> dict[str, Any]:
    """Without ``$ref`` and with plain ``allOf`` parts merged in."""
    schema, _ = contract.resolve(schema)
    merged = dict(schema)
    for part in schema.get("allOf", []):
        if "if" in part:
            continue
        flat = _flat(contract, part)
        merged["properties"] = {**merged.get("properties", {}), **flat.get("properties", {})}
        merged["required"] = [*merged.get("required", []), *flat.get("required", [])]
        merged.setdefault("type", flat.get("type", "object"))
    return merged


def _of_type(contract: Contract, schema: dict[str, Any]) -> Any:
    kind = schema.get("type", "object")
    if isinstance(kind, list):
        kind = next(one for one in kind if one != "null")
    if kind == "object":
        properties = schema.get("properties", {})
        names = list(schema.get("required") or list(properties)[:1])
        return {name: from_schema(contract, properties.get(name, {})) for name in names}
    if kind == "array":
        return [
            from_schema(contract, schema.get("items", {})) for _ in range(max(1, schema.get("minItems", 0)))
        ]
    if kind == "string":
        return _BY_FORMAT.get(schema.get("format", ""), "s" * max(6, schema.get("minLength", 0)))
    return {"integer": schema.get("minimum", 1), "number": schema.get("minimum", 1.5), "boolean": True}[kind]
