"""Accounts as the documented JSON."""

from __future__ import annotations

from chalicelib.core.identity.roles import Role
from chalicelib.core.identity.users import User
from chalicelib.surfaces.birun.presenters.common import Json


def user(found: User) -> Json:
    """The document knows two roles; whoever is not an administrator is a user."""
    role = "admin" if found.role == Role.ADMIN else "user"
    return {"id": int(found.id), "username": found.username, "email": found.email, "role": role}
