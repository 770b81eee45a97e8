"""API keys: what a key is, what it may do, and how it ends."""

from __future__ import annotations

import hashlib
import time
from datetime import timedelta

import pytest

from chalicelib.aws import table
from chalicelib.core import administration
from chalicelib.core.audit import Actor, history
from chalicelib.core.identity import gate, keys, sessions, tickets, tokens, users
from chalicelib.core.identity.gate import Gate
from chalicelib.core.identity.roles import Permission, Role
from chalicelib.core.limits import Bucket
from chalicelib.kernel import clock, settings
from chalicelib.kernel.errors import Conflict, Forbidden, NotFound, RateLimited, Unauthenticated
from chalicelib.rest import auth
from chalicelib.rest.auth import Caller

pytestmark = pytest.mark.usefixtures("cloud")

BUCKET = Bucket("test", 100)
WORKING = (Permission.READ, Permission.WRITE, Permission.DEPLOY)


@pytest.fixture
def ada(actor: Actor) -> users.User:
    return users.register(actor, "Ada", "ada@example.com", "engine-number-1")


def mint(actor: Actor, user: users.User, **fields: object) -> tuple[keys.ApiKey, str]:
    given = {"name": "ci", "prefix": "ce_dev_", "permissions": WORKING} | fields
    key, secret = keys.mint(actor, int(user.id), keys.Request(**given))  # type: ignore[arg-type]
    return key, secret.reveal()


def caller(token: str, bucket: Bucket = BUCKET) -> Caller:
    return auth.identify(token, "203.0.113.7", bucket)[0]


def test_a_key_lets_its_user_in(ada: users.User, actor: Actor) -> None:
    _, text = mint(actor, ada)
    assert text.startswith("ce_dev_")
    found = caller(text)
    assert (found.user_id, found.username, found.uuid, found.by_key) == (ada.id, "Ada", ada.uuid, True)


def test_the_table_holds_no_key(ada: users.User, actor: Actor) -> None:
    key, text = mint(actor, ada)
    held = table.find(Gate, ada.pk, "GATE")
    assert held is not None
    stored = [str(record.attribute_values) for record in (key, held, *history(ada.pk))]
    assert not any(text[-40:] in one for one in stored)
    assert hashlib.sha256(text.encode()).hexdigest() in stored[1]


def test_a_key_changed_in_one_place_is_refused(ada: users.User, actor: Actor) -> None:
    _, text = mint(actor, ada)
    for place in (len("ce_dev_") + 9, len("ce_dev_") + 20, len(text) - 1):
        other = "0" if text[place] != "0" else "1"
        with pytest.raises(Unauthenticated):
            caller(text[:place] + other + text[place + 1 :])
    caller(text)


@pytest.mark.parametrize(
    "text", ["", "ce_dev_", "ce_dev_12", "eyJhbGciOiJIUzI1NiJ9.a.b", "CE_DEV_" + "0" * 82]
)
def test_what_is_no_key_is_not_read_as_one(text: str) -> None:
    assert keys.read(text) is None


def test_a_revoked_key_is_refused_at_once_and_revoked_once(ada: users.User, actor: Actor) -> None:
    (key, text), (_, other) = mint(actor, ada), mint(actor, ada)
    caller(text)
    keys.revoke(actor, int(ada.id), key.id)
    with pytest.raises(Unauthenticated, match="revoked"):
        caller(text)
    caller(other)
    with pytest.raises(NotFound):
        keys.revoke(actor, int(ada.id), key.id)
    assert [entry.action for entry in history(ada.pk)][:1] == ["api_key.revoke"]


def test_nobody_revokes_somebody_elses_key(ada: users.User, actor: Actor) -> None:
    key, text = mint(actor, ada)
    bob = users.register(actor, "bob", "bob@example.com", "engine-number-1")
    with pytest.raises(NotFound):
        keys.revoke(actor, int(bob.id), key.id)
    caller(text)


def test_a_key_ends_when_it_was_said_to(
    ada: users.User, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, text = mint(actor, ada, expires_at=clock.now() + timedelta(hours=1))
    caller(text)
    later = time.time() + 3601
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(Unauthenticated, match="expired"):
        caller(text)


def test_a_key_may_do_what_it_was_given_and_its_user_may(ada: users.User, actor: Actor) -> None:
    reader = caller(mint(actor, ada, permissions=[Permission.READ])[1])
    reader.require(Permission.READ)
    for more in (Permission.WRITE, Permission.OWN):
        with pytest.raises(Forbidden, match="not given"):
            reader.require(more)
    worker = caller(mint(actor, ada, permissions=[Permission.READ, Permission.WRITE])[1])
    worker.require(Permission.OWN)
    with pytest.raises(Forbidden, match="role"):
        caller(mint(actor, ada, permissions=list(Permission))[1]).require(Permission.ADMIN)


def test_a_key_of_somebody_whose_role_went_down_went_down_too(ada: users.User, actor: Actor) -> None:
    _, text = mint(actor, ada)
    caller(text).require(Permission.WRITE)
    users.change(actor, ada, role=Role.VIEWER)
    with pytest.raises(Forbidden):
        caller(text).require(Permission.WRITE)


def test_a_key_survives_log_out_and_not_a_disabled_account(ada: users.User, actor: Actor) -> None:
    _, text = mint(actor, ada)
    claims = tokens.read(sessions.open_session(ada, 60).access, "access")
    sessions.log_out(actor, claims.session_id)
    caller(text)
    administration.run({"command": "disable_user", "username": "ada"})
    with pytest.raises(Unauthenticated, match="disabled"):
        caller(text)


def test_keys_and_sessions_of_a_user_share_one_window(ada: users.User, actor: Actor) -> None:
    _, text = mint(actor, ada)
    access = sessions.open_session(ada, 600).access
    narrow = Bucket("narrow", 2)
    caller(text, narrow)
    caller(access, narrow)
    for one in (text, access):
        with pytest.raises(RateLimited):
            caller(one, narrow)


def test_when_a_key_was_last_used_is_known(ada: users.User, actor: Actor) -> None:
    mint(actor, ada, name="never")
    _, text = mint(actor, ada, name="used")
    before = clock.iso(clock.at(clock.epoch()))
    caller(text)
    used, never = keys.of_user(int(ada.id))
    assert (used.name, never.name, never.last_used) == ("used", "never", None)
    assert used.last_used is not None
    assert before <= used.last_used <= clock.iso_now()


def test_a_user_has_so_many_keys_at_most(
    ada: users.User, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUARTERDECK_API_KEYS_PER_USER", "2")
    settings.forget()
    first, _ = mint(actor, ada)
    mint(actor, ada)
    with pytest.raises(Conflict, match="2 API keys"):
        mint(actor, ada)
    keys.revoke(actor, int(ada.id), first.id)
    mint(actor, ada)


def test_a_ticket_of_a_key_is_good_as_long_as_the_key(ada: users.User, actor: Actor) -> None:
    key, text = mint(actor, ada)
    held = caller(text)
    good, late = (tickets.issue(tickets.Holder(held.user_id, held.session_id))[0] for _ in range(2))
    assert auth.identify_by_ticket(good, "203.0.113.7", BUCKET)[0].username == "Ada"
    keys.revoke(actor, int(ada.id), key.id)
    with pytest.raises(Unauthenticated):
        auth.identify_by_ticket(late, "203.0.113.7", BUCKET)


def test_the_gate_asks_the_table_once_for_a_key_too(
    ada: users.User, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, text = mint(actor, ada)
    caller(text)
    calls: list[str] = []
    client = table._connection().client
    client.meta.events.register("before-call", lambda model, **_: calls.append(model.name))
    caller(text)
    assert calls == ["UpdateItem"]
    assert gate.KEY
