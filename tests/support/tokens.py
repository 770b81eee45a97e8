"""Tokens that must not be good, each wrong in one way only."""

from __future__ import annotations

import time
from typing import Any
from unittest.mock import patch

import jwt

from tests.support.stack import Stack

HOUR = 3600

# Names of what :func:`bad_headers` makes.
BAD = (
    "no-token",
    "empty-bearer",
    "two-tokens",
    "basic",
    "garbage",
    "three-garbage-parts",
    "expired",
    "signed-with-another-key",
    "signed-with-nothing",
    "changed-subject",
    "refresh-token",
    "of-another-audience",
    "of-another-issuer",
    "of-a-session-that-ended",
    "of-an-unknown-user",
    "api-key-revoked",
    "api-key-expired",
    "api-key-changed-in-one-place",
    "api-key-of-an-unknown-user",
)


def bad_headers(stack: Stack, good: str) -> dict[str, str | None]:
    """Name to Authorization header (None: the header is left out), for every name in BAD."""
    payload = jwt.decode(good, options={"verify_signature": False})
    header = jwt.get_unverified_header(good)
    named: dict[str, str | None] = {
        "no-token": None,
        "empty-bearer": "Bearer ",
        "two-tokens": f"Bearer {good} {good}",
        "basic": "Basic dXNlcjpwYXNzd29yZA==",
        "garbage": "Bearer garbage",
        "three-garbage-parts": "Bearer a.b.c",
    }
    forged = {
        "signed-with-another-key": jwt.encode(payload, "k" * 64, "HS256", header),
        "signed-with-nothing": jwt.encode(payload, "", "none", {**header, "alg": "none"}),
        "changed-subject": _with_changed_payload(good, payload),
    }
    made = {**forged, **_issued_wrongly(stack, payload), **_bad_keys(stack, int(payload["sub"]))}
    return named | {name: f"Bearer {token}" for name, token in made.items()}


def _with_changed_payload(good: str, payload: dict[str, Any]) -> str:
    """The good signature under somebody else's name."""
    changed = jwt.encode({**payload, "sub": str(int(payload["sub"]) + 1)}, "k" * 64, "HS256").split(".")
    head, _, signature = good.split(".")
    return ".".join((head, changed[1], signature))


def _issued_wrongly(stack: Stack, payload: dict[str, Any]) -> dict[str, str]:
    """Signed with the real key by the app's own code."""
    from chalicelib.core.identity import tokens
    from chalicelib.core.identity.tokens import Claims

    claims = Claims(int(payload["sub"]), payload["sid"], payload["jti"])
    later = int(time.time()) + HOUR
    with stack.inside():
        made = {
            "expired": tokens.issue(claims, "access", int(time.time()) - 1),
            "refresh-token": tokens.issue(claims, "refresh", later),
            "of-a-session-that-ended": tokens.issue(Claims(claims.user_id, "gone", "x"), "access", later),
            "of-an-unknown-user": tokens.issue(Claims(10**9, claims.session_id, "x"), "access", later),
        }
        with patch.object(tokens, "AUDIENCE", "somebody-else"):
            made["of-another-audience"] = tokens.issue(claims, "access", later)
        with patch.object(tokens, "ISSUER", "somebody-else"):
            made["of-another-issuer"] = tokens.issue(claims, "access", later)
    return made


def api_key(user_id: int, seconds: int = HOUR, permissions: str = "read write deploy") -> tuple[str, str]:
    """(id, key) of a fresh API key; to be called where the API function stands (``stack.inside()``)."""
    from chalicelib.core.audit import SYSTEM
    from chalicelib.core.identity import keys
    from chalicelib.core.identity.roles import Permission
    from chalicelib.kernel import clock

    granted = [Permission(word) for word in permissions.split()]
    ends = clock.at(clock.epoch() + seconds)
    made, secret = keys.mint(SYSTEM, user_id, keys.Request("test", "ce_dev_", granted, expires_at=ends))
    return made.id, secret.reveal()


def _bad_keys(stack: Stack, user_id: int) -> dict[str, str]:
    from chalicelib.core.audit import SYSTEM
    from chalicelib.core.identity import keys

    with stack.inside():
        gone, revoked = api_key(user_id)
        keys.revoke(SYSTEM, user_id, gone)
        good = api_key(user_id)[1]
        expired = api_key(user_id, seconds=-1)[1]
    user = f"{user_id:010x}"
    return {
        "api-key-revoked": revoked,
        "api-key-expired": expired,
        "api-key-changed-in-one-place": good[:-1] + ("0" if good[-1] != "0" else "1"),
        "api-key-of-an-unknown-user": good.replace(f"_{user}", f"_{10**9:010x}"),
    }
