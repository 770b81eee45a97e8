"""Ways to tell at a WebSocket's door who one is: ticket and subprotocol, beside header and query."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.core.identity import sessions, tickets, tokens, users
from chalicelib.core.identity.tickets import Holder, Ticket
from chalicelib.kernel import clock
from chalicelib.kernel.errors import Unauthenticated
from chalicelib.rest.channels import Channels
from chalicelib.surfaces.birun.routes import CHANNELS
from tests.unit.core.builders import ACTOR, execution

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture
def token() -> str:
    return sessions.open_session(users.register(ACTOR, "ada", "ada@example.com", "secret-1"), 600).access


def holder(token: str) -> Holder:
    claims = tokens.read(token, "access")
    return Holder(claims.user_id, claims.session_id)


def handshake(protocols: str | None = None, **query: str) -> dict[str, Any]:
    event: dict[str, Any] = {
        "requestContext": {"connectionId": "c1", "identity": {"sourceIp": "198.51.100.1"}},
        "headers": {"Sec-WebSocket-Protocol": protocols} if protocols else {},
        "queryStringParameters": {"channel": f"/birun/ws/executions/{execution().id}"} | query,
    }
    return Channels(CHANNELS).connect(event)


def test_a_ticket_opens_one_connection_and_no_second(token: str) -> None:
    ticket, _ = tickets.issue(holder(token))
    assert handshake(ticket=ticket)["statusCode"] == 200
    assert handshake(ticket=ticket)["statusCode"] == 401


def test_a_ticket_is_good_for_half_a_minute(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket, expires = tickets.issue(holder(token))
    monkeypatch.setattr(clock, "epoch", lambda: expires + 1)
    with pytest.raises(Unauthenticated):
        tickets.spend(ticket)


def test_a_ticket_ends_with_the_log_in_it_stands_for(token: str) -> None:
    whose = holder(token)
    ticket, _ = tickets.issue(whose)
    sessions.close_session(whose.user_id, whose.session_id)
    assert handshake(ticket=ticket)["statusCode"] == 401


def test_a_ticket_is_stored_hashed(token: str) -> None:
    ticket, _ = tickets.issue(holder(token))
    key, _ = tickets._key(ticket)
    assert ticket not in str(Ticket.get(key, "TICKET").attribute_values)


def test_a_token_may_come_as_a_subprotocol_and_is_not_sent_back(token: str) -> None:
    answer = handshake(f"bearer, {token}")
    assert answer == {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "bearer"}}
    assert handshake("bearer, nonsense") == {"statusCode": 401}
