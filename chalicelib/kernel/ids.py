"""Ids that need no table: UUIDs and random tokens. Counted integers: :mod:`chalicelib.core.counting`."""

from __future__ import annotations

import secrets
import uuid


def new_uuid() -> str:
    return str(uuid.uuid4())


def new_token(prefix: str = "", size: int = 24) -> str:
    """``prefix`` and ``size`` random bytes, safe in URLs."""
    return prefix + secrets.token_urlsafe(size)


def padded(number: int) -> str:
    """Text order is number order up to 10**12, DynamoDB sort keys being text."""
    return f"{number:012d}"


def is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
