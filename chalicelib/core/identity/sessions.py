"""Log-ins as sessions that can be ended; refresh tokens that rotate, and whose reuse ends the session.

Where a surface's document hands out no new refresh token, the one that there is lives as long as its log-in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed, Update, Write
from chalicelib.core import audit
from chalicelib.core.audit import Actor
from chalicelib.core.identity import attendance, passwords, tokens, users
from chalicelib.core.identity.gate import Gate
from chalicelib.core.identity.tokens import Claims
from chalicelib.core.identity.users import User
from chalicelib.kernel import clock, ids
from chalicelib.kernel.errors import Unauthenticated

REFRESH_SECONDS = 7 * 24 * 3600
MOST_SESSIONS = 50
WRONG = "Wrong user name or password."
WRONG_ADDRESS = "Wrong e-mail address or password."
USED = "This refresh token was used before. Log in again."
ENDED = "This session has ended. Log in again."
DISABLED = "This account is disabled. Ask an administrator."


@dataclass(frozen=True)
class Tokens:
    """``expires_in`` of the access token, in seconds; ``expires`` the same as Unix time."""

    access: str
    refresh: str
    expires_in: int
    expires: int


@dataclass(frozen=True)
class Lifetimes:
    """In seconds."""

    access: int
    refresh: int = REFRESH_SECONDS


def authenticate(username: str, password: str) -> User:
    """Raises Unauthenticated, with one and the same text whichever of the two was wrong."""
    return _proved(users.find_by_username(username), password, WRONG)


def authenticate_address(email: str, password: str) -> User:
    """The same for who logs in by e-mail address."""
    return _proved(users.find_by_email(email), password, WRONG_ADDRESS)


def _proved(user: User | None, password: str, wrong: str) -> User:
    if not passwords.verify(user.password_hash if user else None, password) or user is None:
        raise Unauthenticated(wrong)
    if user.disabled:  # said only to who knows the password
        raise Unauthenticated(DISABLED)
    return user


def log_in(user: User, lifetimes: Lifetimes, address: str) -> Tokens:
    """A new session of who has proved who he is, noted as his last log-in and in the audit."""
    actor = Actor(int(user.id), user.username, address)
    noted = Gate.last_login.set(clock.iso_now())
    return _open(user, lifetimes, [noted], [audit.entry(actor, "session.open", user.pk)])


def open_session(user: User, access_seconds: int, refresh_seconds: int = REFRESH_SECONDS) -> Tokens:
    """A new session; the oldest goes when there are too many."""
    return _open(user, Lifetimes(access_seconds, refresh_seconds), [], [])


def _open(user: User, lifetimes: Lifetimes, noted: list[Any], writes: list[Write]) -> Tokens:
    """``noted`` on the gate and ``writes`` hold together with the session."""
    session_id, refresh_id = ids.new_token(size=12), ids.new_token(size=12)
    gate = table.find(Gate, user.pk, "GATE")
    held: dict[str, Any] = dict(gate.sessions.attribute_values) if gate else {}
    now = clock.epoch()
    live = sorted((sid for sid in held if held[sid]["exp"] > now), key=lambda sid: held[sid]["exp"])
    kept = set(live[-(MOST_SESSIONS - 1) :])
    actions: list[Any] = [*noted, *(Gate.sessions[sid].remove() for sid in held.keys() - kept)]
    expires = now + max(lifetimes.refresh, lifetimes.access)
    actions.append(Gate.sessions[session_id].set({"exp": expires, "refresh": refresh_id}))
    actions += [Gate.uuid.set(user.uuid), Gate.keys.set(Gate.keys | {})]  # of gates older than these
    crowded_out = [attendance.narrowed(int(user.id))] if len(live) > len(kept) else []
    table.write([Update(Gate(user.pk, "GATE"), actions, table.present()), *writes, *crowded_out])
    return _tokens(int(user.id), session_id, refresh_id, lifetimes)


def _tokens(user_id: int, session_id: str, refresh_id: str, lifetimes: Lifetimes) -> Tokens:
    now = clock.epoch()
    access = Claims(user_id, session_id, ids.new_token(size=12))
    refresh = Claims(user_id, session_id, refresh_id)
    return Tokens(
        tokens.issue(access, "access", now + lifetimes.access),
        tokens.issue(refresh, "refresh", now + lifetimes.refresh),
        lifetimes.access,
        now + lifetimes.access,
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
        raise _spent(claims) from error
    return _tokens(claims.user_id, claims.session_id, fresh, Lifetimes(access_seconds))


def renew(refresh_token: str, access_seconds: int) -> Tokens:
    """Another access token for a refresh token, which lives on. Raises Unauthenticated.

    One that was spent by rotation ends the session here too.
    """
    claims = tokens.read(refresh_token, "refresh")
    gate = table.find(Gate, f"USER#{claims.user_id}", "GATE")
    entry = gate.sessions.attribute_values.get(claims.session_id) if gate else None
    if gate is None or entry is None or entry["refresh"] != claims.token_id:
        raise _spent(claims)
    if gate.disabled:
        raise Unauthenticated(DISABLED)
    expires = clock.epoch() + access_seconds
    access = Claims(claims.user_id, claims.session_id, ids.new_token(size=12))
    return Tokens(tokens.issue(access, "access", expires), refresh_token, access_seconds, expires)


def _spent(claims: Claims) -> Unauthenticated:
    """Why a refresh token of ours is not the one that its session holds, with what has to follow."""
    gate = table.find(Gate, f"USER#{claims.user_id}", "GATE")
    entry = gate.sessions.attribute_values.get(claims.session_id) if gate else None
    if entry is None or gate is None:
        return Unauthenticated(ENDED)
    if gate.disabled:
        return Unauthenticated(DISABLED)
    if not entry["refresh"]:  # ended by a change of password, which left the session to its access token
        return Unauthenticated("This refresh token ended with a change of password. Log in again.")
    close_session(claims.user_id, claims.session_id)
    return Unauthenticated(USED)


def log_out(actor: Actor, session_id: str) -> None:
    """Ends the session that the caller came by, and says so in the audit. Ending what has ended succeeds."""
    gate = Gate(f"USER#{actor.user_id}", "GATE")
    closed = Update(gate, [Gate.sessions[session_id].remove()], table.present())
    ended = attendance.narrowed(actor.user_id)
    table.write([closed, ended, audit.entry(actor, "session.close", gate.pk)])


def close_session(user_id: int, session_id: str) -> None:
    """Its tokens stop working at once. Closing what is closed succeeds."""
    closed = Update(Gate(f"USER#{user_id}", "GATE"), [Gate.sessions[session_id].remove()], table.present())
    try:
        table.write([closed, attendance.narrowed(user_id)])
    except ConditionFailed:
        return
