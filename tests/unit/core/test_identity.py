"""Accounts, sessions, tokens and the gate."""

from __future__ import annotations

import time

import jwt
import pytest

from chalicelib.aws import table
from chalicelib.core import administration
from chalicelib.core.audit import Actor, history
from chalicelib.core.identity import gate, passwords, sessions, tokens, users
from chalicelib.core.identity.roles import Role
from chalicelib.core.limits import Bucket
from chalicelib.kernel import clock, settings
from chalicelib.kernel.errors import Conflict, RateLimited, Unauthenticated

pytestmark = pytest.mark.usefixtures("cloud")

BUCKET = Bucket("test", 5)


@pytest.fixture
def ada(actor: Actor) -> users.User:
    return users.register(actor, "Ada", "ada@example.com", "engine-number-1")


def enter(access: str) -> gate.Pass:
    claims = tokens.read(access, "access")
    return gate.enter(claims.user_id, claims.session_id, BUCKET)


def test_names_and_addresses_are_taken_whatever_their_case(ada: users.User, actor: Actor) -> None:
    with pytest.raises(Conflict, match="user name"):
        users.register(actor, "aDA", "other@example.com", "secret-1")
    with pytest.raises(Conflict, match="e-mail"):
        users.register(actor, "other", "ADA@example.com", "secret-1")
    assert users.find_by_username("other") is None, "nothing of the refused account is left"


def test_wrong_name_and_wrong_password_are_one_and_the_same(ada: users.User) -> None:
    said = []
    for name, password in (("Ada", "wrong"), ("nobody", "engine-number-1")):
        with pytest.raises(Unauthenticated) as caught:
            sessions.authenticate(name, password)
        said.append(caught.value.message)
    assert said[0] == said[1]


def test_an_unknown_name_costs_a_password_check_too(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []
    real = passwords._hasher()

    class Counting:
        def verify(self, stored: str, password: str) -> bool:
            checked.append(stored)
            return real.verify(stored, password)

    monkeypatch.setattr(passwords, "_hasher", Counting)
    assert not passwords.verify(None, "anything")
    assert checked
    assert checked[0].startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_the_hash_of_nobody_is_one_that_argon2_takes_its_time_over() -> None:
    from argon2.exceptions import VerifyMismatchError

    with pytest.raises(VerifyMismatchError):
        passwords._hasher().verify(passwords._NOBODY, "anything")


def test_a_session_lives_until_it_is_closed(ada: users.User) -> None:
    opened = sessions.open_session(ada, 600)
    assert enter(opened.access).role is Role.USER
    claims = tokens.read(opened.access, "access")
    sessions.close_session(claims.user_id, claims.session_id)
    with pytest.raises(Unauthenticated, match="session has ended"):
        enter(opened.access)


def test_a_refresh_token_is_no_access_token_and_the_other_way_round(ada: users.User) -> None:
    opened = sessions.open_session(ada, 600)
    with pytest.raises(Unauthenticated):
        tokens.read(opened.refresh, "access")
    with pytest.raises(Unauthenticated):
        sessions.rotate(opened.access, 600)


def test_a_refresh_token_used_twice_ends_the_session(ada: users.User) -> None:
    opened = sessions.open_session(ada, 600)
    renewed = sessions.rotate(opened.refresh, 600)
    enter(renewed.access)
    with pytest.raises(Unauthenticated, match="used before"):
        sessions.rotate(opened.refresh, 600)
    with pytest.raises(Unauthenticated):
        enter(renewed.access)
    with pytest.raises(Unauthenticated):
        sessions.rotate(renewed.refresh, 600)


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "somebody"},
        {"aud": "something"},
        {"exp": 1},
        {"use": "refresh"},
        {"sub": "not a number"},
    ],
)
def test_a_token_with_a_wrong_claim_is_refused(ada: users.User, change: dict[str, object]) -> None:
    good = sessions.open_session(ada, 600).access
    key = tokens._signing_key("1")
    payload = jwt.decode(good, key, algorithms=["HS256"], audience=tokens.AUDIENCE)
    with pytest.raises(Unauthenticated):
        tokens.read(jwt.encode(payload | change, key, algorithm="HS256"), "access")


def test_a_token_without_signature_or_by_another_key_is_refused(ada: users.User) -> None:
    good = sessions.open_session(ada, 600).access
    payload = jwt.decode(good, options={"verify_signature": False})
    for forged in (
        jwt.encode(payload, "", algorithm="none"),
        jwt.encode(payload, "another-key-of-sufficient-length-0", algorithm="HS256"),
    ):
        with pytest.raises(Unauthenticated):
            tokens.read(forged, "access")


def test_disabling_an_account_ends_its_sessions_at_once(ada: users.User) -> None:
    opened = sessions.open_session(ada, 600)
    administration.run({"command": "disable_user", "username": "ada"})
    with pytest.raises(Unauthenticated):
        enter(opened.access)
    with pytest.raises(Unauthenticated, match="disabled"):
        sessions.authenticate("Ada", "engine-number-1")
    administration.run({"command": "disable_user", "username": "ada", "disabled": False})
    assert sessions.authenticate("Ada", "engine-number-1").username == "Ada"


def test_the_gate_counts_by_user_across_sessions_and_opens_with_the_next_minute(
    ada: users.User, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = clock.epoch() // 60 * 60 - 600
    monkeypatch.setattr(time, "time", lambda: float(start))
    one, two = (sessions.open_session(ada, 6000).access for _ in range(2))
    left = [enter(token).standing.remaining for token in (one, two, one, two, one)]
    assert left == [4, 3, 2, 1, 0]
    with pytest.raises(RateLimited) as caught:
        enter(two)
    assert 1 <= caught.value.retry_after <= 60
    monkeypatch.setattr(time, "time", lambda: float(start + 60))
    assert enter(one).standing.remaining == 4


def test_the_gate_keeps_no_numbers_of_past_minutes(ada: users.User, monkeypatch: pytest.MonkeyPatch) -> None:
    start = clock.epoch() // 60 * 60 - 600
    monkeypatch.setattr(time, "time", lambda: float(start))
    access = sessions.open_session(ada, 6000).access
    for minute in range(4):
        monkeypatch.setattr(time, "time", lambda minute=minute: float(start + 60 * minute))
        enter(access)
    _, item = table.raw_update(
        {
            "Key": {"pk": {"S": ada.pk}, "sk": {"S": "GATE"}},
            "UpdateExpression": "SET looked = :yes",
            "ExpressionAttributeValues": {":yes": {"BOOL": True}},
        }
    )
    assert len([name for name in item if name.startswith("w:")]) == 1


def test_with_limits_off_the_gate_still_checks_the_session(
    ada: users.User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUARTERDECK_RATE_LIMITS", "off")
    settings.forget()
    access = sessions.open_session(ada, 600).access
    for _ in range(10):
        enter(access)
    claims = tokens.read(access, "access")
    sessions.close_session(claims.user_id, claims.session_id)
    with pytest.raises(Unauthenticated):
        enter(access)


def test_the_oldest_session_goes_when_there_are_too_many(ada: users.User) -> None:
    first = sessions.open_session(ada, 600).access
    for _ in range(sessions.MOST_SESSIONS):
        last = sessions.open_session(ada, 700).access
    with pytest.raises(Unauthenticated):
        enter(first)
    enter(last)


def test_ensuring_a_user_twice_changes_nothing_and_ends_no_session() -> None:
    command = {
        "command": "ensure_user",
        "username": "root",
        "email": "root@example.com",
        "password": "secret-123",
        "role": "admin",
    }
    administration.run(command)
    user = users.find_by_username("root")
    assert user is not None
    access = sessions.open_session(user, 600).access
    assert administration.run(command)["user"]["role"] == "admin"
    enter(access)
    administration.run(command | {"role": "viewer"})
    with pytest.raises(Unauthenticated):
        enter(access)


def test_what_happens_to_an_account_is_audited_without_its_password(ada: users.User, actor: Actor) -> None:
    users.change(actor, ada, password="another-secret", role=Role.OPERATOR)
    changed, created = history(ada.pk)
    assert (created.action, changed.action) == ("user.create", "user.update")
    assert (changed.before["role"], changed.after["role"]) == ("user", "operator")
    assert changed.after["password"] == "changed"
    assert "another-secret" not in str(changed.attribute_values)
    assert (changed.actor, changed.address) == ("ada", "203.0.113.7")
