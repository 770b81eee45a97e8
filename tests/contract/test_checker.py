"""The contract checker itself: it takes what the documents show and refuses what they do not."""

from __future__ import annotations

import copy
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.support import beyond, contract, formats
from tests.support.contract import Answer, Contract, ContractViolation, Operation, load

# Words that the documents print where a value of the type goes.
_PLACEHOLDER = re.compile(
    r"'(uuid|string|[a-z-]+-uuid)' is (not a '(uuid|email)'|too short|not of type 'null')"
)

SERVER: dict[str, Any] = {
    "id": 1,
    "name": "Web Server",
    "hostname": "192.168.1.100",
    "username": "ubuntu",
    "port": 22,
    "auth_type": "key",
    "created_at": "2024-01-01T00:00:00Z",
    "last_health_check": None,
    "health_status": "unknown",
    "description": None,
}


def answer(status: int, body: Any, **headers: str) -> Answer:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"Content-Type": "application/json", **given}, json.dumps(body).encode())


def rate_headers(limit: int = 100, remaining: int = 99, ahead: float = 30) -> dict[str, str]:
    return {
        "X_RateLimit_Limit": str(limit),
        "X_RateLimit_Remaining": str(remaining),
        "X_RateLimit_Reset": str(int(time.time() + ahead)),
    }


@pytest.fixture
def get_server() -> Operation:
    return load("birun").operation("get_server")


def violation(operation: Operation, given: Answer, *, limits: bool = False) -> str:
    with pytest.raises(ContractViolation) as caught:
        operation.check(given, limits=limits)
    return str(caught.value)


def documented_examples(document: Contract) -> Iterator[tuple[str, list[str]]]:
    """(what, problems) of every example that the document prints."""
    for operation in document.operations:
        for name, value in operation.body_examples().items():
            yield f"{operation} request {name}", operation.request_problems(value)
        for status in operation.node["responses"]:
            response, pointer = operation.response(int(status)) or ({}, "")
            media = response.get("content", {}).get("application/json", {})
            for name, node in media.get("examples", {}).items():
                value = document.resolve(node)[0]["value"]
                schema = f"{pointer}/content/application~1json/schema"
                yield f"{operation} {status} {name}", document.schema_problems(schema, value)


@pytest.mark.parametrize("surface", contract.SURFACES)
def test_every_documented_example_fits_its_own_schema(surface: str) -> None:
    seen = 0
    for what, problems in documented_examples(load(surface)):
        seen += 1
        odd = [text for text in problems if not _PLACEHOLDER.search(text) and "fits none of" not in text]
        assert not odd, f"{what}: {odd}"
    assert seen > 200, "the documents hold more examples than were found"


@pytest.mark.parametrize("surface", contract.SURFACES)
def test_every_format_that_a_contract_uses_is_checked(surface: str) -> None:
    unknown = {
        node["format"]
        for node in dictionaries(load(surface).document)
        if isinstance(node.get("format"), str) and "type" in node and not formats.known(node["format"])
    }
    assert not unknown


@pytest.mark.parametrize("surface", contract.SURFACES)
def test_every_reference_in_a_contract_leads_somewhere(surface: str) -> None:
    document = load(surface)
    for node in dictionaries(document.document):
        if isinstance(node.get("$ref"), str):
            assert document.at(node["$ref"]) is not None


@pytest.mark.parametrize("surface", contract.SURFACES)
def test_every_operation_is_found_by_its_own_path(surface: str) -> None:
    document = load(surface)
    for operation in document.operations:
        real = re.sub(r"\{[^}]+\}", "7", operation.path)
        assert document.find(operation.method, real) is operation
        if real != "/":
            assert document.find(operation.method, real.rstrip("/") + "/") is operation


def dictionaries(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for inner in node.values():
            yield from dictionaries(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from dictionaries(inner)


def test_a_fixed_path_wins_over_a_parameter() -> None:
    found = load("birun").find("GET", "/scripts/executions")
    assert found is not None
    assert found.id == "list_executions"


def test_a_good_answer_passes(get_server: Operation) -> None:
    get_server.check(answer(200, SERVER, **rate_headers()), limits=True)
    get_server.check(answer(200, SERVER), limits=False)


def test_an_undocumented_status_is_refused_and_the_documented_ones_are_named(get_server: Operation) -> None:
    text = violation(get_server, answer(418, SERVER))
    assert "get_server (GET /servers/{server_id}) answered 418" in text
    assert "not one of [200, 401, 403, 404, 422, 429, 500]" in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"port": "22"}, "/port: '22' is not of type 'integer'"),
        ({"port": 0}, "/port: 0 is less than the minimum of 1"),
        ({"auth_type": "agent"}, "/auth_type: 'agent' is not one of"),
        ({"created_at": "2024-01-01 00:00"}, "/created_at: '2024-01-01 00:00' is not a 'date-time'"),
        ({"created_at": "2024-13-01T00:00:00Z"}, "/created_at: '2024-13-01T00:00:00Z' is not a 'date-time'"),
        ({"name": ""}, "/name: '' "),
        ({"id": None}, "/id: None is not of type 'integer'"),
    ],
)
def test_a_wrong_field_is_refused_by_its_pointer(
    get_server: Operation, change: dict[str, Any], said: str
) -> None:
    assert said in violation(get_server, answer(200, SERVER | change))


@pytest.mark.parametrize("field", sorted(set(SERVER) - {"description"}))
def test_a_missing_field_is_refused(get_server: Operation, field: str) -> None:
    body = {name: value for name, value in SERVER.items() if name != field}
    assert f"'{field}' is a required property" in violation(get_server, answer(200, body))


def test_a_secret_that_comes_back_is_refused(get_server: Operation) -> None:
    assert "/password gives a write-only secret back" in violation(
        get_server, answer(200, SERVER | {"password": "hunter2"})
    )
    get_server.check(answer(200, SERVER | {"password": "***", "ssh_key": None}), limits=False)


def test_another_content_type_and_text_that_is_not_json_are_refused(get_server: Operation) -> None:
    html = Answer(200, {"Content-Type": "text/html"}, b"<p>hello")
    assert "content type 'text/html'" in violation(get_server, html)
    broken = Answer(200, {"Content-Type": "application/json; charset=utf-8"}, b"{")
    assert "not JSON" in violation(get_server, broken)


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, "header X-RateLimit-Limit is missing"),
        (rate_headers(limit=60), "X-RateLimit-Limit is 60, documented is 100"),
        (rate_headers(remaining=101), "X-RateLimit-Remaining 101 is above the limit"),
        (rate_headers(ahead=3600), "s ahead, the window is 60 s"),
        (rate_headers() | {"X_RateLimit_Limit": "many"}, "'many' is not a whole number"),
        (rate_headers() | {"X_RateLimit_Remaining": "-1"}, "-1 is less than the minimum of 0"),
    ],
)
def test_rate_limit_headers_are_held_to_the_document(
    get_server: Operation, headers: dict[str, str], said: str
) -> None:
    assert said in violation(get_server, answer(200, SERVER, **headers), limits=True)


def test_retry_after_is_demanded_with_429(get_server: Operation) -> None:
    body = {"error": "Rate limit exceeded", "status": "error", "details": None}
    text = violation(get_server, answer(429, body, **rate_headers()), limits=True)
    assert "header Retry-After is missing" in text


def test_an_error_needs_the_documented_envelope(get_server: Operation) -> None:
    assert "'details' is a required property" in violation(
        get_server, answer(404, {"error": "no", "status": "error"})
    )
    assert "/status: 'error' was expected" in violation(
        get_server, answer(404, {"error": "no", "status": "bad", "details": None})
    )
    field = {"error": "no", "status": "error", "details": [{"loc": ["body"], "msg": "x"}]}
    assert "/details/0: 'type' is a required property" in violation(get_server, answer(422, field))


def test_what_goes_beyond_the_document_is_held_to_its_own_schema() -> None:
    execute = load("birun").operation("execute_on_server")
    good = {"execution_id": 1, "status": "running", "message": "Still running"}
    execute.check(answer(202, good), limits=False)
    assert "'message' is a required property" in violation(
        execute, answer(202, {"execution_id": 1, "status": "running"})
    )
    assert "202" in violation(load("birun").operation("execute_script"), answer(202, good))


def test_extra_roles_are_taken_and_invented_ones_refused() -> None:
    login = load("birun").operation("login")
    user = {"id": 1, "username": "a", "email": "a@example.com", "role": "viewer"}
    body = {"access_token": "x", "token_type": "bearer", "user": user}
    login.check(answer(200, body), limits=False)
    invented = copy.deepcopy(body)
    invented["user"]["role"] = "emperor"  # type: ignore[index]
    assert "/user/role: 'emperor' is not one of" in violation(login, answer(200, invented))


def test_the_alternatives_of_a_choice_are_told_one_by_one() -> None:
    get_execution = load("birun").operation("get_execution")
    text = violation(get_execution, answer(200, {"id": 1, "execution_id": "x"}))
    assert "fits none of the alternatives" in text
    assert "alternative 0" in text
    assert "alternative 1" in text


@pytest.mark.parametrize(
    ("body", "good"),
    [
        ({"auth_type": "key", "ssh_key": "x"}, True),
        ({"auth_type": "key", "password": "x"}, False),
        ({"auth_type": "password", "password": "x"}, True),
        ({"auth_type": "password", "password": ""}, False),
        ({"auth_type": "password", "ssh_key": "x"}, False),
    ],
)
def test_conditions_between_fields_are_checked(body: dict[str, Any], good: bool) -> None:
    base = {"name": "a", "hostname": "h", "username": "u"}
    problems = load("birun").operation("create_server").request_problems(base | body)
    assert (not problems) is good


def test_an_unknown_path_needs_the_envelope_too() -> None:
    good = answer(404, {"error": "Not found", "status": "error", "details": None})
    assert contract.unknown_path_problems(good) == []
    gateway = answer(403, {"message": "Missing Authentication Token"})
    assert len(contract.unknown_path_problems(gateway)) == 4


def test_everything_beyond_the_documents_names_a_real_place_and_a_reason() -> None:
    for extra in beyond.ANSWERS:
        document = load(extra.surface)
        assert any(extra.covers(operation.method, operation.id) for operation in document.operations)
        assert document.at(f"#/components/schemas/{extra.schema}")
        assert len(extra.reason) > 20
    for surface, paths in beyond.OPERATIONS.items():
        documented = yaml.safe_load((contract.CONTRACTS / contract.SURFACES[surface][0]).read_text())["paths"]
        for path, item in paths.items():
            assert path not in documented
            assert all(len(operation["x-beyond"]) > 20 for operation in item.values())
    for values in beyond.VALUES:
        node = load(values.surface).at(f"#/components/schemas/{values.schema}/properties/{values.field}")
        assert not set(values.values) & set(node["enum"])
