"""Accounts. Names and addresses are unique whatever their case, held by guard items."""

from __future__ import annotations

import unicodedata
from typing import Any

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed, Put, Record, Update, Write
from chalicelib.core import audit, counting
from chalicelib.core.audit import Actor
from chalicelib.core.identity import attendance, passwords
from chalicelib.core.identity.gate import Gate
from chalicelib.core.identity.roles import Role
from chalicelib.kernel import clock, ids
from chalicelib.kernel.errors import Conflict

COLLECTION = "users"


class User(Record, discriminator="user"):
    """``id`` for the surfaces that count, ``uuid`` for the others."""

    id = NumberAttribute()
    uuid = UnicodeAttribute()
    username = UnicodeAttribute()
    email = UnicodeAttribute()
    role = UnicodeAttribute()
    password_hash = UnicodeAttribute()
    disabled = BooleanAttribute(default=False)
    created_at = UnicodeAttribute()
    updated_at = UnicodeAttribute(null=True)


class Unique(Record, discriminator="unique"):
    """Guard: whoever writes it first has the name."""

    owner_id = NumberAttribute()


def guard(what: str, name: str) -> str:
    """One for all ways of writing a name: its case, and how its accents are put together."""
    return f"UNIQUE#{what}#{unicodedata.normalize('NFKC', name).casefold()}"


def _key(user_id: int) -> str:
    return f"USER#{user_id}"


def find(user_id: int) -> User | None:
    return table.find(User, _key(user_id), "USER")


def find_by_username(username: str) -> User | None:
    return _find_by("username", username)


def find_by_email(email: str) -> User | None:
    return _find_by("email", email)


def _find_by(what: str, name: str) -> User | None:
    owner = table.find(Unique, guard(what, name), "UNIQUE")
    return find(int(owner.owner_id)) if owner else None


def public(user: User) -> dict[str, Any]:
    return {"id": int(user.id), "username": user.username, "email": user.email, "role": user.role}


def register(actor: Actor, username: str, email: str, password: str, role: Role = Role.USER) -> User:
    """Raises Conflict when the name or the address is taken."""
    user_id, uuid = counting.next_ids(COLLECTION).start, ids.new_uuid()
    user = User(
        _key(user_id),
        "USER",
        gsi1pk="USERS",
        gsi1sk=ids.padded(user_id),
        id=user_id,
        uuid=uuid,
        username=username,
        email=email,
        role=role.value,
        password_hash=passwords.hash_password(password),
        created_at=clock.iso_now(),
    )
    writes: list[Write] = [
        Put(Unique(guard("username", username), "UNIQUE", owner_id=user_id), table.absent()),
        Put(Unique(guard("email", email), "UNIQUE", owner_id=user_id), table.absent()),
        Put(user, table.absent()),
        Put(Gate(_key(user_id), "GATE", role=role.value, username=username, uuid=uuid), table.absent()),
        audit.entry(actor, "user.create", _key(user_id), after=public(user)),
        *counting.counting(COLLECTION, [user_id]),
    ]
    try:
        table.write(writes)
    except ConditionFailed as error:
        raise taken("username" if 0 in error.failed else "email") from error
    return user


def taken(what: str) -> Conflict:
    """``what``: username or email."""
    named = {"username": "user name", "email": "e-mail address"}[what]
    return Conflict(f"This {named} is already taken. Choose another one.")


def change(
    actor: Actor,
    user: User,
    *,
    password: str | None = None,
    role: Role | None = None,
    disabled: bool | None = None,
) -> User:
    """Applies what is given. A new password, a new role or disabling ends every session of the user."""
    before = public(user) | {"disabled": user.disabled}
    actions = []
    gate_actions = [Gate.sessions.set({})]
    if password is not None:
        actions.append(User.password_hash.set(passwords.hash_password(password)))
    if role is not None:
        actions.append(User.role.set(role.value))
        gate_actions.append(Gate.role.set(role.value))
    if disabled is not None:
        actions.append(User.disabled.set(disabled))
        gate_actions.append(Gate.disabled.set(disabled))
    if not actions:
        return user
    after = before | {"role": (role or Role(user.role)).value}
    after |= {"disabled": user.disabled if disabled is None else disabled}
    after |= {"password": "changed"} if password is not None else {}
    table.write(
        [
            Update(user, actions, table.present()),
            Update(Gate(user.pk, "GATE"), gate_actions, table.present()),
            attendance.narrowed(int(user.id)),
            audit.entry(actor, "user.update", user.pk, before=before, after=after),
        ]
    )
    user.refresh(consistent_read=True)
    return user
