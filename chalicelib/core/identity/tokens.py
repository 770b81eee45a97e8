"""Tokens: JWT, HS256, with ``iss``, ``aud``, ``exp``, ``jti``; the signing key lies sealed in the table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from pynamodb.attributes import UnicodeAttribute

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed, Record
from chalicelib.core import vault
from chalicelib.kernel import clock, ids
from chalicelib.kernel.errors import Unauthenticated
from chalicelib.kernel.secrets import Secret

ALGORITHM = "HS256"
ISSUER = "quarterdeck"
AUDIENCE = "quarterdeck-api"
_KEY_ID = "1"

Use = Literal["access", "refresh"]


@dataclass(frozen=True)
class Claims:
    user_id: int
    session_id: str
    token_id: str


class SigningKey(Record, discriminator="signing-key"):
    sealed = UnicodeAttribute()


def _context(key_id: str) -> dict[str, str]:
    return {"record": f"KEY#{key_id}"}


@lru_cache(maxsize=4)
def _signing_key(key_id: str) -> str:
    pk = f"KEY#{key_id}"
    stored = table.find(SigningKey, pk, "KEY")
    if stored is None:
        fresh = SigningKey(pk, "KEY", sealed=vault.seal(Secret(ids.new_token(size=48)), _context(key_id)))
        try:
            table.put(fresh, table.absent())
        except ConditionFailed:
            return _signing_key(key_id)  # somebody else made it in this moment: theirs counts
        stored = fresh
    return vault.unseal(stored.sealed, _context(key_id)).reveal()


def forget() -> None:
    """Tests only: read the signing key again."""
    _signing_key.cache_clear()


def issue(claims: Claims, use: Use, expires: int) -> str:
    """``expires`` is Unix time in seconds."""
    payload = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(claims.user_id),
        "sid": claims.session_id,
        "jti": claims.token_id,
        "use": use,
        "iat": clock.epoch(),
        "exp": expires,
    }
    import jwt  # brings cryptography along; nothing needs it before the first token

    return jwt.encode(payload, _signing_key(_KEY_ID), algorithm=ALGORITHM, headers={"kid": _KEY_ID})


def read(token: str, use: Use) -> Claims:
    """Raises Unauthenticated: not ours, changed, expired, or of the other use."""
    import jwt

    try:
        payload = _decode(token)
        if payload["use"] != use:
            raise Unauthenticated(f"This is not {'an' if use == 'access' else 'a'} {use} token.")
        return Claims(int(payload["sub"]), str(payload["sid"]), str(payload["jti"]))
    except jwt.ExpiredSignatureError as error:
        raise Unauthenticated("This token has expired. Log in again.") from error
    except (jwt.PyJWTError, ValueError, KeyError) as error:
        raise Unauthenticated("Invalid or missing authentication") from error


def _decode(token: str) -> dict[str, Any]:
    import jwt

    payload: dict[str, Any] = jwt.decode(
        token,
        _signing_key(_KEY_ID),
        algorithms=[ALGORITHM],
        audience=AUDIENCE,
        issuer=ISSUER,
        options={"require": ["exp", "iss", "aud", "sub", "jti"]},
    )
    return payload
