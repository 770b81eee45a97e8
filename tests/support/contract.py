"""A surface's contract (OpenAPI 3.1): finds operations, and says what is wrong with a request or an answer.

Everything is resolved inside the document: ``$ref`` by JSON pointer, schemas as JSON Schema 2020-12 with
formats. What we answer beyond a document stands in :mod:`tests.support.beyond`, nowhere else.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.support import beyond, formats

CONTRACTS = Path(__file__).parents[1] / "contracts"
METHODS = ("get", "post", "put", "patch", "delete")

# surface -> (contract's file, where its paths begin behind the front door)
SURFACES = {
    "birun": ("birun.yaml", "/birun/api"),
    "gough": ("gough.yaml", "/gough/api"),
    "engine": ("container-engine.yaml", "/engine"),
    "devflow": ("devflow.yaml", "/devflow/api/v1"),
    "hub": ("website-factory.yaml", "/hub"),
}

RATE_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
_CLOCK_SLACK = 5  # seconds between the test's clock and the answer's


class ContractViolation(AssertionError):
    """An answer or a request that the contract does not allow."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer in terms of the wire, whatever client got it."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), None)


class Operation:
    """One documented operation."""

    def __init__(self, contract: Contract, path: str, method: str, node: dict[str, Any]) -> None:
        self.contract = contract
        self.path = path
        self.method = method.upper()
        self.node = node
        self.id: str = node["operationId"]

    def __repr__(self) -> str:
        return f"{self.id} ({self.method} {self.path})"

    @property
    def pointer(self) -> str:
        escaped = self.path.replace("~", "~0").replace("/", "~1")
        return f"#/paths/{escaped}/{self.method.lower()}"

    @property
    def public(self) -> bool:
        security = self.node.get("security", self.contract.document.get("security", []))
        return not security or {} in security

    @property
    def takes_keys(self) -> bool:
        """Whether an API key will do; documents that know none do not say."""
        if "apiKey" not in self.contract.document.get("components", {}).get("securitySchemes", {}):
            return True
        security = self.node.get("security", self.contract.document.get("security", []))
        return any("apiKey" in one for one in security)

    @property
    def writes(self) -> bool:
        return self.method != "GET"

    @property
    def paged(self) -> bool:
        return {"page", "limit"} <= {node["name"] for node in self.parameters("query")}

    def parameters(self, place: str) -> list[dict[str, Any]]:
        """``place``: path, query, header. Those of the path item count too."""
        shared = self.contract.document["paths"][self.path].get("parameters", [])
        resolved = [self.contract.resolve(node)[0] for node in [*shared, *self.node.get("parameters", [])]]
        return [node for node in resolved if node["in"] == place]

    @property
    def body(self) -> dict[str, Any] | None:
        """The media type object of the JSON request body."""
        if "requestBody" not in self.node:
            return None
        request, _ = self.contract.resolve(self.node["requestBody"])
        found: dict[str, Any] | None = request["content"].get("application/json")
        return found

    @property
    def body_schema(self) -> dict[str, Any] | None:
        return self.contract.resolve(self.body["schema"])[0] if self.body and "schema" in self.body else None

    def body_examples(self) -> dict[str, Any]:
        examples = (self.body or {}).get("examples", {})
        return {name: self.contract.resolve(node)[0]["value"] for name, node in examples.items()}

    @property
    def statuses(self) -> set[int]:
        documented = {int(status) for status in self.node["responses"] if status.isdigit()}
        return documented | {extra.status for extra in self._extras()}

    @property
    def success(self) -> int:
        return min(status for status in self.statuses if 200 <= status < 300)

    def response(self, status: int) -> tuple[dict[str, Any], str] | None:
        """(response object, its pointer), as documented."""
        found = self.node["responses"].get(str(status))
        if found is None:
            return None
        return self.contract.resolve(found, f"{self.pointer}/responses/{status}")

    def _extras(self) -> Iterator[beyond.ExtraAnswer]:
        for extra in beyond.ANSWERS:
            if extra.surface == self.contract.surface and extra.covers(self.method, self.id):
                yield extra

    def extra(self, status: int) -> beyond.ExtraAnswer | None:
        return next((extra for extra in self._extras() if extra.status == status), None)

    # ------------------------------------------------------------ checks

    def request_problems(self, body: Any) -> list[str]:
        """Why ``body`` is not one that this operation takes; nothing when it is."""
        if self.body is None or "schema" not in self.body:
            return []
        return self.contract.schema_problems(self._body_pointer, body)

    def request_faults(self, body: Any) -> set[str]:
        """The words of JSON Schema that ``body`` breaks."""
        return {str(error.validator) for error in self.contract.errors(self._body_pointer, body)}

    @property
    def _body_pointer(self) -> str:
        return f"{self.pointer}/requestBody/content/application~1json/schema"

    def check(self, answer: Answer, *, limits: bool) -> None:
        """Raises ContractViolation unless ``answer`` is one of this operation's.

        ``limits``: rate limits are on, so their headers must be there.
        """
        problems = list(self._answer_problems(answer, limits))
        if problems:
            shown = answer.body[:600].decode("utf-8", "replace")
            lines = "\n".join(f"  - {problem}" for problem in problems)
            raise ContractViolation(
                f"{self.contract.surface} {self!r} answered {answer.status}:\n{lines}\n  body: {shown}"
            )

    def _answer_problems(self, answer: Answer, limits: bool) -> Iterator[str]:
        documented = self.response(answer.status)
        extra = self.extra(answer.status)
        if documented is None and extra is None:
            yield f"status {answer.status} is not one of {sorted(self.statuses)}"
            return
        if documented is not None:
            response, pointer = documented
            yield from self._body_problems(answer, response, pointer)
            yield from self._header_problems(answer, response, limits)
        elif extra is not None:
            yield from self._json_problems(answer, f"#/components/schemas/{extra.schema}")
        if limits and (bucket := self.node.get("x-rate-limit-bucket")):
            yield from _standing_problems(answer, self.contract.bucket(bucket))

    def _body_problems(self, answer: Answer, response: dict[str, Any], pointer: str) -> Iterator[str]:
        content = response.get("content")
        if not content:
            if answer.body.strip():
                yield "a body where none is documented"
            return
        media = (answer.header("Content-Type") or "").split(";")[0].strip().lower()
        if media not in content:
            yield f"content type {media!r} is not one of {sorted(content)}"
        elif media == "application/json" and "schema" in content[media]:
            yield from self._json_problems(answer, f"{pointer}/content/application~1json/schema")

    def _json_problems(self, answer: Answer, pointer: str) -> Iterator[str]:
        try:
            value = answer.json()
        except ValueError as error:
            yield f"the body is not JSON: {error}"
            return
        yield from self.contract.schema_problems(pointer, value)
        yield from self.contract.leaks(value)

    def _header_problems(self, answer: Answer, response: dict[str, Any], limits: bool) -> Iterator[str]:
        for name, node in response.get("headers", {}).items():
            value = answer.header(name)
            if value is None:
                if limits or name not in (*RATE_HEADERS, "Retry-After"):
                    yield f"header {name} is missing"
                continue
            schema = self.contract.resolve(node)[0].get("schema", {})
            yield from (f"header {name}: {text}" for text in _header_value_problems(value, schema))


def _header_value_problems(value: str, schema: dict[str, Any]) -> Iterator[str]:
    whole = schema.get("type") == "integer"
    if whole and not re.fullmatch(r"-?\d+", value):
        yield f"{value!r} is not a whole number"
        return
    for error in Draft202012Validator(schema).iter_errors(int(value) if whole else value):
        yield error.message


def _standing_problems(answer: Answer, bucket: dict[str, Any] | None) -> Iterator[str]:
    """The three numbers must fit each other and the documented bucket."""
    values = [answer.header(name) for name in RATE_HEADERS]
    if bucket is None or not all(value and value.isdigit() for value in values):
        return  # a missing or malformed one is reported with the headers
    limit, remaining, reset = (int(value or 0) for value in values)
    if answer.status not in (401, 429) and limit != bucket["requests"]:
        yield f"X-RateLimit-Limit is {limit}, documented is {bucket['requests']}"
    if remaining > limit:
        yield f"X-RateLimit-Remaining {remaining} is above the limit {limit}"
    ahead = reset - time.time()
    if not -_CLOCK_SLACK <= ahead <= bucket["window_seconds"] + _CLOCK_SLACK:
        yield f"X-RateLimit-Reset is {ahead:.0f} s ahead, the window is {bucket['window_seconds']} s"


class Contract:
    """One surface's document."""

    def __init__(self, surface: str, document: dict[str, Any], base: str) -> None:
        self.surface = surface
        self.document = document
        self.base = base
        self._uri = f"urn:contract:{surface}"
        self._registry = Registry[Any]().with_resource(self._uri, DRAFT202012.create_resource(document))
        self._formats = formats.checker()
        self.operations = [
            Operation(self, path, method, item[method])
            for path, item in document["paths"].items()
            for method in METHODS
            if method in item
        ]
        self.secret_names = frozenset(self._secret_names())

    def resolve(self, node: dict[str, Any], pointer: str = "#") -> tuple[dict[str, Any], str]:
        """(node without ``$ref``, its pointer)."""
        while "$ref" in node:
            pointer = node["$ref"]
            node = self.at(pointer)
        return node, pointer

    def at(self, pointer: str) -> Any:
        """What stands at ``#/a/b``. Raises KeyError."""
        node: Any = self.document
        for part in pointer.removeprefix("#/").split("/"):
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            node = node[int(key)] if isinstance(node, list) else node[key]
        return node

    def operation(self, operation_id: str) -> Operation:
        return next(operation for operation in self.operations if operation.id == operation_id)

    def find(self, method: str, path: str) -> Operation | None:
        """The operation for a real path below the base; a fixed segment wins over a parameter."""
        wanted = _segments(path)
        matching = [
            operation
            for operation in self.operations
            if operation.method == method.upper() and _matches(_segments(operation.path), wanted)
        ]
        return min(matching, key=lambda operation: operation.path.count("{"), default=None)

    def schema_problems(self, pointer: str, value: Any) -> list[str]:
        return [text for error in self.errors(pointer, value) for text in _told(error)]

    def errors(self, pointer: str, value: Any) -> list[ValidationError]:
        """What the schema at ``pointer`` finds wrong with ``value``, in order of place."""
        validator = Draft202012Validator(
            {"$ref": self._uri + _as_fragment(pointer)},
            registry=self._registry,
            format_checker=self._formats,
        )
        errors = sorted(validator.iter_errors(value), key=lambda error: list(map(str, error.absolute_path)))
        return [error for error in errors if not self._allowed(error)]

    def _allowed(self, error: ValidationError) -> bool:
        """A value that :mod:`tests.support.beyond` adds to an enumeration."""
        if error.validator != "enum" or not error.absolute_path:
            return False
        return any(
            extra.surface == self.surface
            and error.absolute_path[-1] == extra.field
            and error.instance in extra.values
            and error.schema == self.at(f"#/components/schemas/{extra.schema}/properties/{extra.field}")
            for extra in beyond.VALUES
        )

    def bucket(self, name: str) -> dict[str, Any] | None:
        limits = self.document.get("x-rate-limits", {})
        buckets: dict[str, dict[str, Any]] = limits.get("buckets", {}) if isinstance(limits, dict) else {}
        return buckets.get(name)

    def _secret_names(self) -> Iterator[str]:
        for schema in self.document.get("components", {}).get("schemas", {}).values():
            for name, node in schema.get("properties", {}).items():
                if node.get("writeOnly") or node.get("format") == "password":
                    yield name

    def leaks(self, value: Any, place: str = "") -> Iterator[str]:
        """Write-only fields that came back with more than a mask."""
        if isinstance(value, dict):
            for key, inner in value.items():
                if key in self.secret_names and isinstance(inner, str) and inner.strip("*•"):
                    yield f"{place}/{key} gives a write-only secret back"
                yield from self.leaks(inner, f"{place}/{key}")
        elif isinstance(value, list):
            for position, inner in enumerate(value):
                yield from self.leaks(inner, f"{place}/{position}")


def _as_fragment(pointer: str) -> str:
    """A JSON pointer as a URI fragment: braces of path templates must be escaped."""
    return pointer.replace("{", "%7B").replace("}", "%7D")


def _told(error: ValidationError) -> Iterator[str]:
    """An error with its place; for a failed choice, what was wrong with each alternative."""
    place = "/" + "/".join(map(str, error.absolute_path))
    if error.validator in ("anyOf", "oneOf") and error.context:
        yield f"{place}: fits none of the alternatives:"
        for inner in error.context:
            inner_place = "/" + "/".join(map(str, inner.absolute_path))
            yield f"    alternative {inner.schema_path[0]}, {inner_place}: {_short(inner.message)}"
    else:
        yield f"{place}: {_short(error.message)}"


def _short(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:150]} … {text[-140:]}"


def _segments(path: str) -> list[str]:
    return path.split("?", maxsplit=1)[0].strip("/").split("/")


def _matches(template: list[str], wanted: list[str]) -> bool:
    """``/x/`` and ``/x`` are the same; an empty segment is no id."""
    return len(template) == len(wanted) and all(
        bool(real) if part.startswith("{") else part == real
        for part, real in zip(template, wanted, strict=True)
    )


@lru_cache(maxsize=8)
def load(surface: str) -> Contract:
    name, base = SURFACES[surface]
    document = yaml.load((CONTRACTS / name).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    document["paths"] |= beyond.OPERATIONS.get(surface, {})
    return Contract(surface, document, base)


def unknown_path_problems(answer: Answer) -> list[str]:
    """What is wrong with the answer on a path or method that no surface has."""
    problems = [] if answer.status in (404, 405) else [f"status {answer.status} is not 404 or 405"]
    try:
        value = answer.json()
    except ValueError as error:
        return [*problems, f"the body is not JSON: {error}"]
    errors = Draft202012Validator(beyond.UNKNOWN_PATH).iter_errors(value)
    return problems + [error.message for error in errors]
