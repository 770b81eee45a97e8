"""Open sockets end with the log-in that opened them, and only those."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.aws import sockets
from chalicelib.core import administration
from chalicelib.core.audit import Actor
from chalicelib.core.events import fanout
from chalicelib.core.identity import attendance, changes, keys, sessions, tokens, users
from chalicelib.core.identity.attendance import Narrowed, Socket
from chalicelib.core.identity.roles import Permission, Role
from chalicelib.core.identity.users import User
from chalicelib.rest.channels import Channels, disconnect
from chalicelib.surfaces.birun.routes import CHANNELS
from tests.unit.core.builders import execution

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture
def ada(actor: Actor) -> User:
    return users.register(actor, "ada", "ada@example.com", "engine-number-1")


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """What each connection was told; None is its end."""
    told: dict[str, list[Any]] = {}
    monkeypatch.setattr(
        sockets, "post", lambda name, data: told.setdefault(name, []).append(json.loads(data))
    )
    monkeypatch.setattr(sockets, "close", lambda name: told.setdefault(name, []).append(None))
    return told


def enter(name: str, token: str, path: str | None = None) -> int:
    event: dict[str, Any] = {
        "requestContext": {"connectionId": name, "identity": {"sourceIp": "198.51.100.1"}},
        "headers": {"Authorization": f"Bearer {token}"},
        "queryStringParameters": {"channel": path or f"/birun/ws/executions/{execution().id}"},
    }
    return int(Channels(CHANNELS).connect(event)["statusCode"])


def session(user: User) -> tuple[str, str]:
    """Its token and its id."""
    access = sessions.open_session(user, 600).access
    return access, tokens.read(access, "access").session_id


def streamed(user: User) -> None:
    """What the stream says of the marks that were written."""
    found = Narrowed.query(user.pk, Narrowed.sk.startswith("NARROWED#"))
    records = [
        {
            "eventID": mark.sk,
            "eventName": "INSERT",
            "dynamodb": {
                "Keys": {"pk": {"S": mark.pk}, "sk": {"S": mark.sk}},
                "NewImage": {"kind": {"S": "narrowed"}, "user_id": {"N": str(int(mark.user_id))}},
            },
        }
        for mark in found
    ]
    assert records, "nothing was marked"
    fanout.fan_out(records)


def ended(gateway: dict[str, list[Any]]) -> set[str]:
    words = {"type": "error", "data": attendance.ENDED, "close": 1008}
    assert all(told == [words, None] for told in gateway.values()), gateway
    return set(gateway)


def test_a_log_out_ends_what_its_session_opened(
    ada: User, actor: Actor, gateway: dict[str, list[Any]]
) -> None:
    (mine, mine_id), (other, _) = session(ada), session(ada)
    assert enter("here", mine) == enter("there", other) == 200
    sessions.log_out(Actor(int(ada.id), "ada", ""), mine_id)
    streamed(ada)
    assert ended(gateway) == {"here"}
    streamed(ada)
    assert ended(gateway) == {"here"}, "a repeat ends nothing twice"


def disable(ada: User, actor: Actor) -> None:
    administration.run({"command": "disable_user", "username": "ada"})


def change_role(ada: User, actor: Actor) -> None:
    users.change(actor, ada, role=Role.OPERATOR)


def reset(ada: User, actor: Actor) -> None:
    users.change(actor, ada, password="engine-number-2")


@pytest.mark.parametrize("happens", [disable, change_role, reset])
def test_what_ends_every_session_ends_every_socket_of_that_user_alone(
    happens: Callable[[User, Actor], None], ada: User, actor: Actor, gateway: dict[str, list[Any]]
) -> None:
    bob = users.register(actor, "bob", "bob@example.com", "engine-number-1")
    assert {enter("one", session(ada)[0]), enter("two", session(ada)[0]), enter("bob", session(bob)[0])} == {
        200
    }
    happens(ada, actor)
    streamed(ada)
    assert ended(gateway) == {"one", "two"}


def test_another_password_ends_all_but_the_session_that_chose_it(
    ada: User, actor: Actor, gateway: dict[str, list[Any]]
) -> None:
    (mine, mine_id), (other, _) = session(ada), session(ada)
    assert enter("mine", mine) == enter("other", other) == 200
    changes.change_password(actor, ada, "engine-number-2", mine_id)
    streamed(ada)
    assert ended(gateway) == {"other"}


def test_a_log_in_that_makes_room_for_itself_ends_what_the_oldest_opened(
    ada: User, gateway: dict[str, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MOST_SESSIONS", 2)
    assert [enter(name, session(ada)[0]) for name in ("first", "second")] == [200, 200]
    assert not list(Narrowed.query(ada.pk, Narrowed.sk.startswith("NARROWED#"))), "there was room"
    session(ada)
    streamed(ada)
    assert ended(gateway) == {"first"}


def test_a_revoked_key_ends_what_it_opened(ada: User, actor: Actor, gateway: dict[str, list[Any]]) -> None:
    wanted = keys.Request("ci", "ce_dev_", (Permission.READ,))
    (key, secret), (kept, kept_secret) = (keys.mint(actor, int(ada.id), wanted) for _ in range(2))
    assert enter("revoked", secret.reveal()) == enter("kept", kept_secret.reveal()) == 200
    keys.revoke(actor, int(ada.id), key.id)
    streamed(ada)
    assert ended(gateway) == {"revoked"}
    assert kept.id != key.id


def test_what_was_closed_or_never_let_in_is_not_looked_at_again(
    ada: User, actor: Actor, gateway: dict[str, list[Any]]
) -> None:
    token, session_id = session(ada)
    assert enter("closed", token) == 200
    disconnect({"requestContext": {"connectionId": "closed"}})
    assert enter("refused", token, "/birun/ws/elsewhere/1") == 404
    assert list(Socket.gsi1.query(f"SOCKETS#{int(ada.id)}")) == []
    sessions.log_out(Actor(int(ada.id), "ada", ""), session_id)
    streamed(ada)
    assert gateway == {}


def test_a_connection_that_is_gone_already_keeps_no_other_from_its_end(
    ada: User, actor: Actor, gateway: dict[str, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    token, session_id = session(ada)
    assert enter("a-gone", token) == enter("b-open", token) == 200
    told = sockets.post

    def post(name: str, data: bytes) -> None:
        if name == "a-gone":
            raise sockets.Gone
        told(name, data)

    monkeypatch.setattr(sockets, "post", post)
    sessions.log_out(Actor(int(ada.id), "ada", ""), session_id)
    streamed(ada)
    assert ended(gateway) == {"b-open"}
