"""Accounts: log in, register."""

from __future__ import annotations

from pydantic import SecretStr

from chalicelib.core.audit import Actor
from chalicelib.core.identity import sessions, users
from chalicelib.core.identity.sessions import Lifetimes
from chalicelib.core.identity.users import User
from chalicelib.kernel.errors import Forbidden
from chalicelib.kernel.settings import settings
from chalicelib.surfaces.birun import model
from chalicelib.surfaces.birun.schemas.accounts import RegisterRequest


def log_in(username: str, password: SecretStr, address: str) -> tuple[User, str]:
    """The user and an access token. Raises Unauthenticated."""
    user = sessions.authenticate(username, password.get_secret_value())
    seconds = int(model.app_settings().access_token_expire_minutes) * 60
    return user, sessions.log_in(user, Lifetimes(seconds), address).access


def register(request: RegisterRequest, address: str) -> User:
    """An account with role user. Raises Forbidden where registration is closed, Conflict for a taken name."""
    if not settings().registration:
        raise Forbidden("Registration is closed. Ask an administrator for an account.")
    actor = Actor(0, request.username, address)
    return users.register(actor, request.username, request.email, request.password.get_secret_value())
