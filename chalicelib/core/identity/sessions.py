"""Log-ins as sessions that can be ended; refresh tokens that rotate, and whose reuse ends the session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed
from chalicelib.core.identity import passwords, tokens, users
from chalicelib.core.identity.gate import Gate
from chalicelib.core.identity.tokens import Claims
from chalicelib.core.identity.users import User
from chalicelib.kernel import clock, ids
from chalicelib.kernel.errors import Unauthenticated

REFRESH_SECONDS = 7 * 24 * 3600
MOST_SESSIONS = 50
WRONG = "Wrong user name or password."


@dataclass(frozen=True)
class Tokens:
    access: str
    refresh: str
    expires_in: int


def authenticate(username: str, password: str) -> User:
    """Raises Unauthenticated, with one and the same text whichever of the two was wrong."""
    user = users.find_by_username(username)
    if not passwords.verify(user.password_hash if user else None, password) or user is None:
        raise Unauthenticated(WRONG)
    if user.disabled:  # said only to who knows the password
        raise Unauthenticated("This account is disabled. Ask an administrator.")
    return user


def open_session(user: User, access_seconds: int) -> Tokens:
    """A new session; the oldest goes when there are too many."""
    session_id, refresh_id = ids.new_token(size=12), ids.new_token(size=12)
    gate = table.find(Gate, user.pk, "GATE")
    held: dict[str, Any] = dict(gate.sessions.attribute_values) if gate else {}
    now = clock.epoch()
    kept = sorted(held.items(), key=lambda one: one[1]["exp"])[-(MOST_SESSIONS - 1) :]
    gone = set(held) - {sid for sid, entry in kept if entry["exp"] > now}
    actions = [Gate.sessions[sid].remove() for sid in gone]
    expires = now + max(REFRESH_SECONDS, access_seconds)
    actions.append(Gate.sessions[session_id].set({"exp": expires, "refresh": refresh_id}))
    table.update(Gate(user.pk, "GATE"), actions, table.present())
    return _tokens(int(user.id), session_id, refresh_id, access_seconds)


def _tokens(user_id: int, session_id: str, refresh_id: str, access_seconds: int) -> Tokens:
    now = clock.epoch()
    access = Claims(user_id, session_id, ids.new_token(size=12))
    refresh = Claims(user_id, session_id, refresh_id)
    return Tokens(
        tokens.issue(access, "access", now + access_seconds),
        tokens.issue(refresh, "refresh", now + REFRESH_SECONDS),
        access_seconds,
    )


def rotate(refresh_token: str, access_seconds: int) -> Tokens:
    """New tokens for a refresh token, which is spent by it.

    A spent one seen again was stolen or copied: the whole session ends. Raises Unauthenticated.
    """
    claims = tokens.read(refresh_token, "refresh")
    fresh = ids.new_token(size=12)
    gate = Gate(f"USER#{claims.user_id}", "GATE")
    entry = {"exp": clock.epoch() + REFRESH_SECONDS, "refresh": fresh}
    held = Gate.sessions[claims.session_id]["refresh"] == claims.token_id
    try:
        table.update(gate, [Gate.sessions[claims.session_id].set(entry)], held & (Gate.disabled == False))  # noqa: E712
    except ConditionFailed as error:
        close_session(claims.user_id, claims.session_id)
        raise Unauthenticated("This refresh token was used before. Log in again.") from error
    return _tokens(claims.user_id, claims.session_id, fresh, access_seconds)


def close_session(user_id: int, session_id: str) -> None:
    """Its tokens stop working at once. Closing what is closed succeeds."""
    gate = Gate(f"USER#{user_id}", "GATE")
    try:
        table.update(gate, [Gate.sessions[session_id].remove()], table.present())
    except ConditionFailed:
        return
