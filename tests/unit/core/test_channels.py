"""Who may open a channel, and what the handshake answers."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.core.events import connections
from chalicelib.core.identity import keys, sessions, users
from chalicelib.core.identity.roles import Permission
from chalicelib.rest.channels import Channels, Door, disconnect
from chalicelib.surfaces.birun.routes import CHANNELS
from tests.unit.core.builders import ACTOR, execution

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture
def token() -> str:
    return sessions.open_session(users.register(ACTOR, "ada", "ada@example.com", "secret-1"), 600).access


DOOR = "/door"


def handshake(
    channel: str, authorization: str | None = None, doors: dict[str, Door] | None = None, **query: str
) -> int:
    event: dict[str, Any] = {
        "requestContext": {"connectionId": "c1", "identity": {"sourceIp": "198.51.100.1"}},
        "headers": {"Authorization": authorization} if authorization else {},
        "queryStringParameters": {"channel": channel} | query,
    }
    return int(Channels(CHANNELS, doors).connect(event)["statusCode"])


def test_by_header_and_by_query(token: str) -> None:
    made = execution()
    path = f"/birun/ws/executions/{made.id}"
    assert handshake(path, f"Bearer {token}") == 200
    assert [one.connection_id for one in connections.watching(made.id)] == ["c1"]
    disconnect({"requestContext": {"connectionId": "c1"}})
    assert connections.watching(made.id) == []
    assert handshake(f"/birun/ws/executions/{made.part_ids.start}", token=token) == 200
    assert int(connections.watching(made.id)[0].part_id) == made.part_ids.start


def test_a_handshake_is_refused_with_the_status_of_what_was_wrong(token: str) -> None:
    made = execution()
    path = f"/birun/ws/executions/{made.id}"
    assert handshake(path) == 401
    assert handshake(path, "Bearer nonsense") == 401
    assert handshake(path, token="nonsense") == 401
    assert handshake("/birun/ws/executions/00000000-0000-4000-8000-000000000000", f"Bearer {token}") == 404
    assert handshake("/birun/ws/executions/77", f"Bearer {token}") == 404
    assert handshake("/birun/ws/elsewhere/1", f"Bearer {token}") == 404
    assert handshake(path, f"Bearer {token}", cursor="nonsense") == 400
    assert connections.watching(made.id) == []


def test_an_address_that_keeps_failing_has_to_wait(token: str) -> None:
    answers = [handshake("/birun/ws/executions/1", "Bearer nonsense") for _ in range(25)]
    assert set(answers[:20]) == {401}
    assert set(answers[20:]) == {429}


def test_a_key_that_may_not_read_watches_nothing() -> None:
    ada = users.register(ACTOR, "ada", "ada@example.com", "secret-1")
    made = execution()

    def key(*permissions: Permission) -> str:
        _, secret = keys.mint(ACTOR, int(ada.id), keys.Request("ci", "ce_dev_", permissions))
        return f"Bearer {secret.reveal()}"

    path, entered = f"/birun/ws/executions/{made.id}", list[str]()
    doors: dict[str, Door] = {DOOR: lambda visit: entered.append(visit.connection_id)}
    blind = key(Permission.WRITE)
    assert [handshake(path, blind), handshake(DOOR, blind, doors)] == [403, 403]
    assert (connections.watching(made.id), entered) == ([], [])
    seeing = key(Permission.READ)
    assert [handshake(path, seeing), handshake(DOOR, seeing, doors)] == [200, 200]
    assert entered == ["c1"]
