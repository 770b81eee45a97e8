"""Every wrong body of every operation: a clear error in the documented shape, and nothing half-done."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import cases
from tests.support.cases import BodyCase
from tests.support.client import ContractClient
from tests.support.contract import Operation
from tests.support.world import World, unique


class Unchanged:
    """Holds what one operation may not change by refusing: how much there is, and its one thing."""

    def __init__(self, world: World, operation: Operation) -> None:
        self._world = world
        self.operation = operation
        self.path = world.path(operation, fresh=False)
        self.good_body = world.body(operation)
        self._shows = world.client.contract.find("GET", self.path) is not None
        self._known = self._now()

    def _now(self) -> Any:
        shown = self._world.client.ok("GET", self.path) if self._shows else None
        return self._world.picture(), shown

    def hold(self) -> None:
        before, self._known = self._known, self._now()
        assert self._known == before, "a refused request changed something"


@pytest.fixture(scope="module")
def guards() -> dict[str, Unchanged]:
    return {}


@pytest.fixture
def unchanged(case: BodyCase, world: World, guards: dict[str, Unchanged]) -> Unchanged:
    """What the case before left is what this one finds: nobody else is at work."""
    if case.operation.id not in guards:
        guards.clear()
        guards[case.operation.id] = Unchanged(world, case.operation)
    return guards[case.operation.id]


@pytest.mark.parametrize("case", cases.bodies())
def test_a_wrong_body_is_refused_and_changes_nothing(
    case: BodyCase, unchanged: Unchanged, admin: ContractClient
) -> None:
    payload = case.make(unchanged.good_body)
    answer = admin.send(case.operation.method, unchanged.path, payload, case.content_type)
    unchanged.hold()
    assert answer.status_code in (400, 422), f"{payload[:200]!r} -> {answer.status_code} {answer.text[:300]}"
    assert answer.json()["error"].strip()


@pytest.mark.parametrize("operation", cases.with_body())
def test_bytes_that_are_no_text_do_no_harm(operation: Operation, admin: ContractClient, world: World) -> None:
    """API Gateway hands them on as replacement characters, so they may be taken: as those."""
    payload = b'{"name": "\xff\xfe"}'
    answer = admin.send(operation.method, world.path(operation), payload, "application/json")
    assert answer.status_code in (200, 400, 422)
    if answer.ok and "name" in answer.json():
        assert answer.json()["name"] in ("\ufffd\ufffd", world.body(operation).get("name"))


@pytest.mark.parametrize("operation", cases.creating())
def test_fields_that_nobody_knows_are_ignored(
    operation: Operation, admin: ContractClient, world: World
) -> None:
    body = world.body(operation) | {"id": 4711, "created_at": "1970-01-01T00:00:00Z", "surprise": [1]}
    made = admin.ok("POST", operation.path, body)
    assert made.get("id") != 4711
    assert made.get("created_at", "") > "2020"
    assert "surprise" not in made


@pytest.mark.parametrize(
    "name", ["Žluťoučký kůň", "服务器", "خادم", "🚀 rocket", 'O\'Brien & "Söhne" <b>', "a\\b%20c", "é"]
)
@pytest.mark.parametrize("operation", cases.creating())
def test_any_language_in_a_name_comes_back_as_it_was(
    operation: Operation, name: str, admin: ContractClient, world: World
) -> None:
    given = f"{name} {unique('n')}"
    made = admin.ok("POST", operation.path, world.body(operation) | {"name": given})
    assert made["name"] == given
    assert admin.ok("GET", f"{operation.path}{made['id']}")["name"] == given


@pytest.mark.parametrize("operation", cases.creating())
def test_the_same_idempotency_key_creates_once(
    operation: Operation, admin: ContractClient, world: World
) -> None:
    body, key = world.body(operation), unique("key")
    before = world.picture()
    answers = [admin.ok("POST", operation.path, body, headers={"Idempotency-Key": key}) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    after = world.picture()
    grown = {name: after[name] - before[name] for name in after if isinstance(after[name], int)}
    assert sum(grown.values()) == 1, grown


@pytest.mark.parametrize("operation", cases.creating())
def test_the_same_idempotency_key_with_another_body_is_refused(
    operation: Operation, admin: ContractClient, world: World
) -> None:
    headers = {"Idempotency-Key": unique("key")}
    admin.ok("POST", operation.path, world.body(operation) | {"name": "first"}, headers=headers)
    body = world.body(operation) | {"name": "second"}
    answer = admin.post(operation.path, body, headers=headers)
    assert answer.status_code in (400, 409, 422), answer.text
