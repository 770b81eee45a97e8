"""What a request meets on its way to an operation, and an error on its way out."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from chalice.app import Blueprint
from pydantic import BaseModel

from chalicelib.core.identity import sessions, users
from chalicelib.kernel.errors import Conflict
from chalicelib.rest import idempotency
from chalicelib.rest.surface import Call, Handling, Surface
from chalicelib.surfaces.birun.routes import base
from tests.unit.core.builders import ACTOR

pytestmark = pytest.mark.usefixtures("cloud")


class Place(BaseModel):
    x: float


@pytest.fixture
def surface(monkeypatch: pytest.MonkeyPatch) -> Surface:
    """biRun's, without its operations."""
    fresh = Surface("birun", "/birun/api", base.Dialect(), base.GENERAL, Blueprint("fresh"))
    monkeypatch.setattr(base, "surface", fresh)
    return fresh


def post(surface: Surface, body: str = "{}", **headers: str) -> tuple[int, Any]:
    """To the operation that was registered last."""
    request: Any = SimpleNamespace(
        context={}, headers=headers, query_params=None, path="/birun/api/places", raw_body=body.encode()
    )
    answer = Handling(surface, surface.operations[-1], request, {}).answer()
    return answer.status_code, json.loads(answer.body)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "Infinity", "NaN"])
def test_a_number_that_json_cannot_say_back_is_no_json(surface: Surface, number: str) -> None:
    @base.operation("POST", "/places", permission=None, body=lambda: Place)
    def make(call: Call) -> base.Json:
        return {"x": call.body.x}

    assert post(surface, '{"x": 1e300}') == (200, {"x": 1e300})
    status, told = post(surface, f'{{"x": {number}}}')
    assert (status, told["error"]) == (400, "The request body is not valid JSON.")


def test_a_conflict_of_the_work_is_a_bad_request(surface: Surface) -> None:
    @base.operation("POST", "/places", permission=None)
    def make(_: Call) -> base.Json:
        raise Conflict("Somebody else was quicker.", ["place"])

    told = {"error": "Somebody else was quicker.", "status": "error", "details": ["place"]}
    assert post(surface) == (400, told)


def test_a_conflict_over_an_idempotency_key_stays_one(
    surface: Surface, monkeypatch: pytest.MonkeyPatch
) -> None:
    @base.operation("POST", "/places")
    def make(_: Call) -> base.Json:
        return {}

    def at_work(*_: Any) -> None:
        raise Conflict("Still at work.")

    monkeypatch.setattr(idempotency, "once", at_work)
    monkeypatch.setattr(surface, "blueprint", SimpleNamespace(lambda_context=None))
    ada = users.register(ACTOR, "ada", "ada@example.com", "engine-number-1")
    token = sessions.open_session(ada, 600).access
    headers = {"authorization": f"Bearer {token}", "idempotency-key": "k"}
    status, told = post(surface, **headers)
    assert (status, told["error"]) == (409, "Still at work.")
