"""Every wrong body of every operation: a clear error in the documented shape, and nothing half-done."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import cases
from tests.support.client import ContractClient
from tests.support.contract import Operation
from tests.support.things import Things, unique


class Unchanged:
    """Holds what one operation may not change by refusing: how much there is, and its one thing."""

    def __init__(self, world: Things, operation: Operation) -> None:
        self._world = world
        self.path = world.path(operation, fresh=False)
        self.good_body = world.body(operation)
        self._shows = world.client.contract.find("GET", self.path) is not None
        self._known = self._now()

    def _now(self) -> Any:
        shown = self._world.client.ok("GET", self.path) if self._shows else None
        return self._world.picture(), _still(shown, self._world.client.manners.moving)

    def hold(self) -> None:
        assert self._now() == self._known, "a refused request changed something"


def _still(value: Any, moving: frozenset[str]) -> Any:
    """Without what goes on by itself, whoever asks for what."""
    if isinstance(value, list):
        return [_still(one, moving) for one in value]
    if isinstance(value, dict):
        return {name: _still(one, moving) for name, one in value.items() if name not in moving}
    return value


@pytest.mark.parametrize("operation", cases.with_body())
def test_wrong_bodies_are_refused_and_change_nothing(
    operation: Operation, admin: ContractClient, world: Things
) -> None:
    """All wrong bodies of the operation: what they may not change is looked at before and after them all."""
    unchanged = Unchanged(world, operation)
    for case in cases.body_cases(operation):
        payload = case.make(unchanged.good_body)
        answer = admin.send(operation.method, unchanged.path, payload, case.content_type)
        told = f"{case.name}: {payload[:200]!r} -> {answer.status_code} {answer.text[:300]}"
        assert answer.status_code in case.refusals, told
        assert admin.manners.said(answer.json()).strip(), told
    unchanged.hold()


@pytest.mark.parametrize("operation", cases.with_body())
def test_bytes_that_are_no_text_do_no_harm(
    operation: Operation, admin: ContractClient, world: Things
) -> None:
    """API Gateway hands them on as replacement characters, so they may be taken: as those."""
    payload = b'{"name": "\xff\xfe"}'
    answer = admin.send(operation.method, world.path(operation), payload, "application/json")
    assert answer.status_code in (operation.success, 400, 422)
    if answer.ok and "name" in answer.json():
        assert answer.json()["name"] in ("\ufffd\ufffd", world.body(operation).get("name"))


@pytest.mark.parametrize("operation", cases.creating())
def test_fields_that_nobody_knows_are_ignored(
    operation: Operation, admin: ContractClient, world: Things
) -> None:
    body = world.body(operation) | {"id": 4711, "created_at": "1970-01-01T00:00:00Z", "surprise": [1]}
    made = admin.ok("POST", world.path(operation, fresh=False), body)
    assert made.get("id") != 4711
    assert made.get("created_at", "") > "2020"
    assert "surprise" not in made


@pytest.mark.parametrize(
    "name", ["Žluťoučký kůň", "服务器", "خادم", "🚀 rocket", 'O\'Brien & "Söhne" <b>', "a\\b%20c", "é"]
)
@pytest.mark.parametrize("operation", cases.naming())
def test_any_language_in_a_name_comes_back_as_it_was(
    operation: Operation, name: str, admin: ContractClient, world: Things
) -> None:
    given = f"{name} {unique('n')}"
    made = admin.ok("POST", operation.path, world.body(operation) | {"name": given})
    assert made["name"] == given
    if (alone := cases.alone(operation, made["id"])) is not None:
        assert admin.ok("GET", alone)["name"] == given


@pytest.mark.parametrize("operation", cases.creating())
def test_the_same_idempotency_key_creates_once(
    operation: Operation, admin: ContractClient, world: Things
) -> None:
    path, body, key = world.path(operation, fresh=False), world.body(operation), unique("key")

    def picture() -> dict[str, Any]:
        """With what is listed below something else, where that is where it is made."""
        there = cases.items(admin.ok("GET", path)) if operation.parameters("path") else []
        return world.picture() | {"there": len(there)}

    before = picture()
    answers = [admin.ok("POST", path, body, headers={"Idempotency-Key": key}) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    after = picture()
    grown = {name: after[name] - before[name] for name in after if isinstance(after[name], int)}
    assert sum(grown.values()) == 1, grown


@pytest.mark.parametrize("operation", cases.creating())
def test_the_same_idempotency_key_with_another_body_is_refused(
    operation: Operation, admin: ContractClient, world: Things
) -> None:
    path, headers = world.path(operation, fresh=False), {"Idempotency-Key": unique("key")}
    admin.ok("POST", path, world.body(operation) | {"surprise": 1}, headers=headers)
    answer = admin.post(path, world.body(operation) | {"surprise": 2}, headers=headers)
    assert answer.status_code in (400, 409, 422), answer.text
