"""What the owner of an account changes about it: its names, its password."""

from __future__ import annotations

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed, Delete, Put, Update, Write
from chalicelib.core import audit
from chalicelib.core.audit import Actor
from chalicelib.core.identity import attendance, passwords, users
from chalicelib.core.identity.gate import Gate
from chalicelib.core.identity.users import Unique, User
from chalicelib.kernel import clock
from chalicelib.kernel.errors import Conflict


def rename(actor: Actor, user: User, names: dict[str, str]) -> User:
    """Another ``username``, ``email`` or both; who is logged in stays so. Raises Conflict for a taken one, or
    when somebody else renamed the account at the same moment."""
    changed = {what: name for what, name in names.items() if name != getattr(user, what)}
    moved = [what for what in changed if _guards(user, changed, what)[0] != _guards(user, changed, what)[1]]
    taking, leaving = _moves(user, changed, moved)
    before = users.public(user)
    actions = [getattr(User, what).set(name) for what, name in changed.items()]
    unmoved = (User.username == user.username) & (User.email == user.email)
    writes: list[Write] = [
        *taking,
        *leaving,
        Update(user, [User.updated_at.set(clock.iso_now()), *actions], unmoved),
        audit.entry(actor, "user.update", user.pk, before=before, after=before | changed),
    ]
    if "username" in changed:
        writes.append(_gate(user, [Gate.username.set(changed["username"])], table.present()))
    try:
        table.write(writes)
    except ConditionFailed as error:
        raise _refusal(error, moved) from error
    user.refresh(consistent_read=True)
    return user


def _guards(user: User, changed: dict[str, str], what: str) -> tuple[str, str]:
    """Of the name that is wanted and of the one that is given up: the same when only the case changes."""
    return users.guard(what, changed[what]), users.guard(what, getattr(user, what))


def _moves(user: User, changed: dict[str, str], moved: list[str]) -> tuple[list[Write], list[Write]]:
    pairs = [_guards(user, changed, what) for what in moved]
    taking: list[Write] = [
        Put(Unique(wanted, "UNIQUE", owner_id=user.id), table.absent()) for wanted, _ in pairs
    ]
    leaving: list[Write] = [Delete(Unique(left, "UNIQUE"), Unique.owner_id == user.id) for _, left in pairs]
    return taking, leaving


def _refusal(error: ConditionFailed, moved: list[str]) -> Conflict:
    for position, what in enumerate(moved):
        if position in error.failed:
            return users.taken(what)
    return Conflict("The account was changed at the same moment. Look again.")


def _gate(user: User, actions: list[Action], condition: Condition) -> Update:
    return Update(Gate(user.pk, "GATE"), actions, condition)


def change_password(actor: Actor, user: User, password: str, session_id: str) -> None:
    """Ends every session but this one, and every refresh token, this one's too: what was copied while the old
    password held is worth nothing. Raises Conflict when the account was changed at the same moment."""
    gate = table.find(Gate, user.pk, "GATE")
    entry = gate.sessions.attribute_values.get(session_id) if gate else None
    if entry is None:
        raise Conflict("This session has ended meanwhile. Log in again.")
    kept = Gate.sessions.set({session_id: {"exp": entry["exp"], "refresh": ""}})
    try:
        table.write(_password(actor, user, password, _gate(user, [kept], Gate.sessions[session_id].exists())))
    except ConditionFailed as error:
        raise Conflict("The account was changed at the same moment. Log in again.") from error


def reset_password(actor: Actor, user: User, password: str, with_it: Write) -> None:
    """Ends every session. ``with_it`` happens together with it or not at all. Raises ConditionFailed."""
    ended = _gate(user, [Gate.sessions.set({})], table.present())
    table.write([with_it, *_password(actor, user, password, ended)])


def _password(actor: Actor, user: User, password: str, gate: Update) -> list[Write]:
    """Fenced by the password that was there: of two changes at once, one counts."""
    hashed = User.password_hash.set(passwords.hash_password(password))
    return [
        Update(
            user, [hashed, User.updated_at.set(clock.iso_now())], User.password_hash == user.password_hash
        ),
        gate,
        attendance.narrowed(int(user.id)),
        audit.entry(actor, "user.password", user.pk, after={"password": "changed"}),
    ]
