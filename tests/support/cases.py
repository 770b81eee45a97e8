"""The cases that every operation must answer well, made from the route table and the contracts.

A body case is wrong because the contract refuses it (the checker judges, no list here does), or because it
is one of the few things that no JSON Schema says: control characters in names, lengths, sizes, bytes.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support import manners, routes, samples
from tests.support.contract import Operation
from tests.support.manners import Manners

METHODS = ("PATCH", "DELETE", "PUT", "POST", "GET")
TWO_MEGABYTES = 2 * 1024 * 1024
UNKNOWN_INTEGER = "987654321"
UNKNOWN_UUID = "00000000-0000-4000-8000-000000000000"

# What may stand where an id belongs, percent-encoded as a client would send it.
ODD_IDS = {
    "word": "abc",
    "zero": "0",
    "negative": "-1",
    "fraction": "1.5",
    "exponent": "1e3",
    "hexadecimal": "0x1",
    "underscore": "1_0",
    "plus": "%2B1",
    "space": "%201",
    "huge": "9" * 60,
    "very-long": "9" * 2000,
    "nul": "%00",
    "newline": "1%0A",
    "emoji": "%F0%9F%9A%80",
    "full-width-digit": "%EF%BC%91",
    "quote": "%27%3B--",
    "none": "null",
    "not-utf-8": "%FF%FE",
    "uuid-in-braces": "%7B00000000-0000-4000-8000-000000000000%7D",
    "uuid-and-more": "00000000-0000-4000-8000-0000000000000",
}

# One value of each JSON type, and numbers that are not plain integers.
_OF_EACH_TYPE: dict[str, Any] = {
    "text": "text",
    "digits-as-text": "7",
    "integer": 7,
    "fraction": 1.5,
    "boolean": True,
    "list": [1],
    "object": {"a": 1},
    "null": None,
}
_ODD_VALUES: dict[str, Any] = {
    "empty": "",
    "negative": -1,
    "zero": 0,
    "beyond-any-maximum": 10**9,
    "list-of-texts": ["x"],
    "list-of-fractions": [1.5],
    "list-of-nulls": [None],
    "list-of-negatives": [-1],
    "list-of-booleans": [True],
}
_WRONG_TOPS: dict[str, Any] = {
    "list": [],
    "list-of-object": [{}],
    "text": "x",
    "number": 1,
    "null": None,
    "true": True,
}
_NAME_FIELDS = ("name", "hostname", "username")
_BAD_NAMES = {
    "nul": "a\x00b",
    "bell": "a\x07b",
    "escape": "a\x1b[31mb",
    "newline": "a\nb",
    "delete": "a\x7fb",
    "next-line": "a\x85b",
    "lone-surrogate": "a\ud800b",
    "only-spaces": "   ",
    "10,000-characters": "x" * 10_000,
}


@dataclass(frozen=True)
class BodyCase:
    """One wrong body of one operation. ``make`` turns a good body into what goes on the wire; ``faults`` are
    the words of JSON Schema that it breaks."""

    operation: Operation
    name: str
    make: Callable[[Any], bytes]
    content_type: str = "application/json"
    faults: frozenset[str] = frozenset()

    @property
    def refusals(self) -> frozenset[int]:
        return _manners(self.operation).refusals(set(self.faults))


@dataclass(frozen=True)
class QueryCase:
    """One query string value. ``refused``: as a bad value; otherwise it must be taken."""

    operation: Operation
    parameter: str
    value: str
    refused: bool


def _parameters(found: Iterable[Operation]) -> list[Any]:
    return [pytest.param(one, id=surface_and_id(one)) for one in found]


def surface_and_id(operation: Operation) -> str:
    return f"{operation.contract.surface}:{operation.id}"


def every() -> list[Any]:
    """Parameters: all documented operations that the app serves."""
    return _parameters(routes.operations())


def answered_by_us() -> list[Any]:
    """Those that need no real target to succeed."""
    return _parameters(one for one in routes.operations() if one.id not in _manners(one).needs_target)


def secured() -> list[Any]:
    return _parameters(one for one in routes.operations() if not one.public)


def writing() -> list[Any]:
    return _parameters(one for one in routes.operations() if one.writes and not one.public)


def altering() -> list[Any]:
    """Those that change anything at all."""
    return [one for one in writing() if one.values[0].id not in _manners(one.values[0]).harmless]


def changing() -> list[Any]:
    """Those that change what is not the caller's own account."""
    return [one for one in writing() if one.values[0].id not in _manners(one.values[0]).own]


def _manners(operation: Operation) -> Manners:
    return manners.SURFACES[operation.contract.surface]


def reading() -> list[Any]:
    return _parameters(one for one in routes.operations() if not one.writes)


def addressed() -> list[Any]:
    """Those with an id in the path."""
    return _parameters(one for one in routes.operations() if one.parameters("path"))


def paged() -> list[Any]:
    return _parameters(one for one in routes.operations() if one.paged)


def owned() -> list[Any]:
    """Those on a thing that belongs to who made it."""
    return _parameters(one for one in routes.operations() if one.parameters("path") and _manners(one).owned)


def creating() -> list[Any]:
    """POSTs that make something a collection counts."""
    lists = {(one.contract.surface, one.path) for one in routes.operations() if one.method == "GET"}
    return _parameters(
        one
        for one in routes.operations()
        if one.method == "POST" and (one.contract.surface, one.path) in lists
    )


def naming() -> list[Any]:
    """Those of them whose ``name`` may be any text."""
    return [
        one
        for one in creating()
        if "pattern" not in one.values[0].body_schema["properties"].get("name", {"pattern": ""})
    ]


def with_body() -> list[Any]:
    return _parameters(one for one in routes.operations() if one.body is not None)


def deleting() -> list[Any]:
    return _parameters(one for one in routes.operations() if one.method == "DELETE")


def addressed_by_uuid() -> list[Any]:
    """Those whose id, or each of whose ids, may be a UUID."""
    found = ((one, one.parameters("path")) for one in routes.operations())
    return _parameters(
        one for one, ids in found if ids and all("uuid" in json.dumps(node["schema"]) for node in ids)
    )


def with_ids(operation: Operation, value: str | None = None) -> str:
    """The operation's path with ``value`` for every id; by default ids of things that are not there."""
    unknown = {node["name"]: _unknown(node["schema"]) for node in operation.parameters("path")}
    return re.sub(r"\{([^}]+)\}", lambda match: value or unknown[match[1]], operation.path)


def _unknown(schema: dict[str, Any]) -> str:
    return UNKNOWN_UUID if schema.get("format") == "uuid" else UNKNOWN_INTEGER


def alone(operation: Operation, made: Any) -> str | None:
    """Where the thing that ``operation`` made is shown alone; None where the surface has no such place."""
    path = f"{operation.path.rstrip('/')}/{made}"
    return path if operation.contract.find("GET", path) is not None else None


def items(body: dict[str, Any]) -> list[Any]:
    """The list in a list's answer."""
    return next(value for value in body.values() if isinstance(value, list))


# ---------------------------------------------------------------- bodies


def body_cases(operation: Operation) -> Iterator[BodyCase]:
    sample = samples.body(operation)
    yield from _broken_bodies(operation)
    for name, top in _WRONG_TOPS.items():
        faults = frozenset(operation.request_faults(top))
        yield BodyCase(operation, f"top-is-{name}", _fixed(json.dumps(top).encode()), faults=faults)
    if isinstance(sample, dict):
        yield from _missing_fields(operation, sample)
        yield from _wrong_fields(operation, sample)
        if operation.id not in _manners(operation).tells_nothing:
            yield from _bad_names(operation)
        yield from _big_numbers(operation, sample)
        yield BodyCase(operation, "two-megabytes", _two_megabytes)


def _fixed(payload: bytes) -> Callable[[Any], bytes]:
    return lambda _good: payload


def _broken_bodies(operation: Operation) -> Iterator[BodyCase]:
    def cut(good: Any) -> bytes:
        return json.dumps(good).encode()[:-1]

    def trailing(good: Any) -> bytes:
        return json.dumps(good).encode() + b"}"

    yield BodyCase(operation, "malformed-cut", cut)
    yield BodyCase(operation, "malformed-trailing", trailing)
    yield BodyCase(operation, "malformed-word", _fixed(b"hello"))
    yield BodyCase(operation, "malformed-deep", _fixed(b"[" * 50_000))
    yield BodyCase(operation, "form", _fixed(b"name=x&value=y"), "application/x-www-form-urlencoded")
    if (operation.node["requestBody"]).get("required"):
        yield BodyCase(operation, "empty", _fixed(b""))


def _missing_fields(operation: Operation, sample: dict[str, Any]) -> Iterator[BodyCase]:
    for field in sample:
        rest = {name: value for name, value in sample.items() if name != field}
        if faults := operation.request_faults(rest):
            yield BodyCase(operation, f"{field}-missing", _without(field), faults=frozenset(faults))


def _without(field: str) -> Callable[[Any], bytes]:
    return lambda good: json.dumps({name: value for name, value in good.items() if name != field}).encode()


def _fields(operation: Operation) -> list[str]:
    return list((operation.body_schema or {}).get("properties", {}))


def _wrong_fields(operation: Operation, sample: dict[str, Any]) -> Iterator[BodyCase]:
    for field in _fields(operation):
        for name, value in {**_OF_EACH_TYPE, **_ODD_VALUES}.items():
            if faults := operation.request_faults({**sample, field: value}):
                change = _with(field, value)
                yield BodyCase(operation, f"{field}-is-{name}", change, faults=frozenset(faults))


def _with(field: str, value: Any) -> Callable[[Any], bytes]:
    return lambda good: json.dumps({**copy.deepcopy(good), field: value}).encode()


def _bad_names(operation: Operation) -> Iterator[BodyCase]:
    for field in _NAME_FIELDS:
        if field in _fields(operation):
            for name, value in _BAD_NAMES.items():
                yield BodyCase(operation, f"{field}-has-{name}", _with(field, value))


def _big_numbers(operation: Operation, sample: dict[str, Any]) -> Iterator[BodyCase]:
    """Numbers that no table can hold, and those that are no JSON though Python reads them."""
    for field, value in sample.items():
        if isinstance(value, int) and not isinstance(value, bool):
            yield BodyCase(operation, f"{field}-is-astronomic", _with(field, 10**60))
            yield BodyCase(operation, f"{field}-is-NaN", _with(field, float("nan")))
            yield BodyCase(operation, f"{field}-is-Infinity", _with(field, float("inf")))


def _two_megabytes(good: Any) -> bytes:
    return json.dumps({**good, "padding": "x" * TWO_MEGABYTES}).encode()


# ---------------------------------------------------------------- query strings

_BAD_DATES = (
    "yesterday",
    "2024-13-01",
    "2024-02-30",
    "2024-01-01T25:00:00Z",
    "1.5",
    "2024-01-01T00:00:00+99:00",
)
_GOOD_DATES = ("2024-01-01", "2024-01-01T00:00:00", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00%2B02:00")
_ODD_TEXTS = ("%00", "%F0%9F%9A%80", "a%0Ab", "%25", "x" * 150, "%22%27%3B--")


def queries() -> list[Any]:
    return [
        pytest.param(
            case,
            id=f"{case.operation.contract.surface}:{case.operation.id}:{case.parameter}={case.value[:30]}",
        )
        for operation in routes.operations()
        for case in query_cases(operation)
    ]


def query_cases(operation: Operation) -> Iterator[QueryCase]:
    for parameter in operation.parameters("query"):
        name, schema = parameter["name"], parameter["schema"]
        for value, refused in _query_values(name, schema):
            yield QueryCase(operation, name, value, refused)


def _query_values(name: str, schema: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    if schema.get("type") == "integer":
        yield from ((value, True) for value in ("x", "1.5", "1e3", "0x1", "%C2%BD", "true", "9" * 60))
        if schema.get("minimum", 0) >= 1:
            yield from (("0", True), ("-1", True))
        yield from (("1", False), ("1000", False))
    elif "enum" in schema:
        yield from (("nonsense", True), (schema["enum"][0].upper(), True))
        yield from ((value, False) for value in schema["enum"])
    elif name.endswith("_date") or schema.get("format") in ("date", "date-time"):
        yield from ((value, True) for value in _BAD_DATES)
        yield from ((value, False) for value in _GOOD_DATES)
    elif "pattern" in schema:
        yield from ((value, True) for value in _ODD_TEXTS)
    elif schema.get("type") == "string":
        yield from ((value, False) for value in _ODD_TEXTS)
