"""API keys: shown once, kept as a digest, good until they are revoked or expire.

A key names its user and itself, so that the gate finds it without a search:
``<prefix><user, 10 hex digits><id, 32><secret, 40>``. What a request must know of it lies in the user's gate.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.condition import Condition, size

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed, Delete, Put, Record, Update
from chalicelib.core import audit
from chalicelib.core.audit import Actor
from chalicelib.core.identity import attendance
from chalicelib.core.identity.gate import KEY, Gate
from chalicelib.core.identity.roles import Permission
from chalicelib.kernel import clock, ids
from chalicelib.kernel.errors import Conflict, NotFound
from chalicelib.kernel.secrets import Secret
from chalicelib.kernel.settings import settings

_SHAPE = re.compile(r"[a-z]{2}_[a-z0-9]{1,20}_([0-9a-f]{10})([0-9a-f]{32})[0-9a-f]{40}", re.ASCII)


class ApiKey(Record, discriminator="api-key"):
    """What is shown of a key. Its digest, and when it was last used, are in the gate."""

    id = UnicodeAttribute()
    name = UnicodeAttribute()
    description = UnicodeAttribute(null=True)
    prefix = UnicodeAttribute()
    permissions = UnicodeAttribute()
    created_at = UnicodeAttribute()
    expires_at = UnicodeAttribute(null=True)
    last_used: str | None = None


@dataclass(frozen=True)
class Request:
    name: str
    prefix: str
    permissions: Iterable[Permission]
    description: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Named:
    """What a key says of itself."""

    user_id: int
    login: str
    digest: str


def read(text: str) -> Named | None:
    """None for what is no API key, whatever else it may be. Whether it is good is the gate's to say."""
    found = _SHAPE.fullmatch(text)
    if found is None:
        return None
    return Named(int(found[1], 16), f"{KEY}{UUID(found[2])}", _digest(text))


def _digest(text: str) -> str:
    """Plain SHA-256 will do: nobody guesses 160 random bits."""
    return hashlib.sha256(text.encode()).hexdigest()


def mint(actor: Actor, user_id: int, request: Request) -> tuple[ApiKey, Secret]:
    """The key's record, and the key, which is kept nowhere. Raises Conflict when there are too many."""
    key_id, granted = ids.new_uuid(), " ".join(sorted(one.value for one in request.permissions))
    text = f"{request.prefix}{user_id:010x}{UUID(key_id).hex}{secrets.token_hex(20)}"
    record = ApiKey(
        *_key(user_id, key_id),
        id=key_id,
        name=request.name,
        description=request.description,
        prefix=request.prefix,
        permissions=granted,
        created_at=clock.iso_now(),
        expires_at=clock.iso(request.expires_at) if request.expires_at else None,
    )
    entry: dict[str, Any] = {"digest": _digest(text), "permissions": granted}
    if request.expires_at:
        entry["exp"] = int(request.expires_at.timestamp())
    most = settings().api_keys_per_user
    held = Update(_gate(user_id), [Gate.keys[key_id].set(entry)], _fewer_than(most))
    made = audit.entry(actor, "api_key.create", f"USER#{user_id}", after=_public(record))
    try:
        table.write([held, Put(record, table.absent()), made])
    except ConditionFailed as error:
        raise Conflict(f"There are {most} API keys already. Revoke one that is not needed.") from error
    return record, Secret(text)


def _fewer_than(most: int) -> Condition:
    fewer: Condition = size("keys") < most  # type: ignore[no-untyped-call]
    return fewer


def _key(user_id: int, key_id: str) -> tuple[str, str]:
    return f"USER#{user_id}", f"KEY#{key_id}"


def _gate(user_id: int) -> Gate:
    return Gate(f"USER#{user_id}", "GATE")


def _public(key: ApiKey) -> dict[str, Any]:
    return {name: getattr(key, name) for name in ("id", "name", "permissions", "expires_at")}


def of_user(user_id: int) -> list[ApiKey]:
    """Newest first, with when each was last used. There are never more than a user may have."""
    found = list(ApiKey.query(f"USER#{user_id}", ApiKey.sk.startswith("KEY#"), consistent_read=True))
    held = _held(user_id)
    for key in found:
        seen = held.get(key.id, {}).get("seen")
        key.last_used = clock.iso(clock.at(int(seen))) if seen else None
    return sorted(found, key=lambda key: (key.created_at, key.id), reverse=True)


def _held(user_id: int) -> dict[str, Any]:
    gate = table.find(Gate, f"USER#{user_id}", "GATE")
    return dict(gate.keys.attribute_values) if gate else {}


def how_many(gate: Gate) -> int:
    return len(gate.keys.attribute_values)


def revoke(actor: Actor, user_id: int, key_id: str) -> None:
    """At once and for good. Raises NotFound: unknown, somebody else's, revoked already."""
    record = table.find(ApiKey, *_key(user_id, key_id))
    if record is None:
        raise NotFound("There is no such API key.")
    gone = audit.entry(actor, "api_key.revoke", f"USER#{user_id}", before=_public(record))
    closed = Update(_gate(user_id), [Gate.keys[key_id].remove()])
    try:
        table.write([Delete(record, table.present()), closed, attendance.narrowed(user_id), gone])
    except ConditionFailed as error:
        raise NotFound("There is no such API key.") from error
