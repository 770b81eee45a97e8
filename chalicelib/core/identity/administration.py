"""The operator's commands about accounts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.core.audit import SYSTEM
from chalicelib.core.identity import passwords, users
from chalicelib.core.identity.roles import Role
from chalicelib.core.identity.users import User
from chalicelib.kernel.errors import NotFound
from chalicelib.kernel.secrets import Secret


class EnsureUser(BaseModel):
    """Makes the account, or brings role and password of the existing one to these."""

    model_config = ConfigDict(extra="forbid")

    command: Literal["ensure_user"]
    username: Annotated[str, Field(min_length=1, max_length=64)]
    email: Annotated[str, Field(min_length=3, max_length=254)]
    password: Secret
    role: Role = Role.USER


class DisableUser(BaseModel):
    """Ends every session of the account and refuses new ones, or (``disabled`` false) allows them again."""

    model_config = ConfigDict(extra="forbid")

    command: Literal["disable_user"]
    username: str
    disabled: bool = True


def _shown(user: User) -> dict[str, Any]:
    shown = {"id": int(user.id), "username": user.username, "email": user.email, "role": user.role}
    return {"user": shown | {"disabled": user.disabled}}


def ensure_user(command: EnsureUser) -> dict[str, Any]:
    found = users.find_by_username(command.username)
    password = command.password.reveal()
    if found is None:
        return _shown(users.register(SYSTEM, command.username, command.email, password, command.role))
    # Setting what is set already would end the account's sessions for nothing.
    changed = None if passwords.verify(found.password_hash, password) else password
    role = None if found.role == command.role else command.role
    return _shown(users.change(SYSTEM, found, password=changed, role=role))


def disable_user(command: DisableUser) -> dict[str, Any]:
    found = users.find_by_username(command.username)
    if found is None:
        raise NotFound(f"There is no user '{command.username}'.")
    return _shown(users.change(SYSTEM, found, disabled=command.disabled))


COMMANDS: dict[type[BaseModel], Callable[[Any], dict[str, Any]]] = {
    EnsureUser: ensure_user,
    DisableUser: disable_user,
}
