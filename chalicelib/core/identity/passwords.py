"""Argon2id at OWASP's parameters (19 MiB, 2 passes, 1 lane)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

# Hash of nothing that anybody knows: a log-in for an unknown name takes as long as one with a wrong password.
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$MgCvJVq0LMs3f5A3Lw1Cmv9uT3hLhV2bVnHkqv1CjGA"


@lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher  # loads a C library; only log-ins need it

    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hash_password(password: str) -> str:
    return _hasher().hash(password)


def verify(stored: str | None, password: str) -> bool:
    """False for a wrong password and for no stored hash at all, in the same time."""
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return _hasher().verify(stored or _NOBODY, password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False
