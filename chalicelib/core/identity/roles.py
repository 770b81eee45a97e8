"""Roles and what each may do."""

from __future__ import annotations

from enum import StrEnum


class Permission(StrEnum):
    """``own``: to change one's own account, which every role may."""

    OWN = "own"
    READ = "read"
    WRITE = "write"
    DEPLOY = "deploy"
    ADMIN = "admin"


class Role(StrEnum):
    ADMIN = "admin"
    OPERATOR = "operator"
    USER = "user"
    VIEWER = "viewer"

    @property
    def permissions(self) -> frozenset[Permission]:
        return _PERMISSIONS[self]


_WORKING = frozenset({Permission.OWN, Permission.READ, Permission.WRITE, Permission.DEPLOY})
_PERMISSIONS = {
    Role.ADMIN: frozenset(Permission),
    Role.OPERATOR: _WORKING,
    Role.USER: _WORKING,
    Role.VIEWER: frozenset({Permission.OWN, Permission.READ}),
}
