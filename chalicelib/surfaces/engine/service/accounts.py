"""Accounts: register, come in, go out, a forgotten password."""

from __future__ import annotations

import hashlib

from chalicelib.core import limits
from chalicelib.core.audit import Actor
from chalicelib.core.identity import resets, sessions, users
from chalicelib.core.identity.sessions import Lifetimes, Tokens
from chalicelib.core.identity.users import User
from chalicelib.core.limits import Bucket
from chalicelib.kernel.errors import Forbidden
from chalicelib.kernel.settings import settings
from chalicelib.surfaces.engine.schemas.accounts import (
    LoginRequest,
    RegisterRequest,
    ResetPasswordRequest,
)

RESET_PAGE = "/engine/reset-password"

# An account is named by its address: so many tries a minute, wherever they come from.
_TRIES = Bucket("engine-account", 20)


def _lifetimes() -> Lifetimes:
    return Lifetimes(settings().access_seconds, settings().refresh_seconds)


def register(request: RegisterRequest, address: str) -> tuple[User, Tokens]:
    """An account with role user, logged in. Raises Forbidden where registration is closed, Conflict for a
    taken name or address."""
    if not settings().registration:
        raise Forbidden("Registration is closed. Ask an administrator for an account.")
    actor = Actor(0, request.username, address)
    user = users.register(actor, request.username, request.email, request.password.get_secret_value())
    lifetimes = _lifetimes()
    return user, sessions.open_session(user, lifetimes.access, lifetimes.refresh)


def log_in(request: LoginRequest, address: str) -> tuple[User, Tokens]:
    """Raises Unauthenticated, or RateLimited when the account is tried too often."""
    named = hashlib.sha256(request.email.casefold().encode()).hexdigest()
    limits.count_address(_TRIES, named)
    user = sessions.authenticate_address(request.email, request.password.get_secret_value())
    return user, sessions.log_in(user, _lifetimes(), address)


def refresh(token: str) -> Tokens:
    return sessions.renew(token, settings().access_seconds)


def log_out(actor: Actor, session_id: str) -> None:
    sessions.log_out(actor, session_id)


def forgot_password(email: str, address: str) -> None:
    resets.ask(email, address, RESET_PAGE)


def reset_password(request: ResetPasswordRequest, address: str) -> None:
    """Raises BadRequest for a token that is not good."""
    resets.use(request.token, request.new_password.get_secret_value(), address)
