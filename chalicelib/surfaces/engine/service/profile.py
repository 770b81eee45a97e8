"""What an account's owner sees and changes of it."""

from __future__ import annotations

from chalicelib.aws import table
from chalicelib.core.audit import Actor
from chalicelib.core.identity import changes, passwords, users
from chalicelib.core.identity.gate import Gate
from chalicelib.core.identity.users import User
from chalicelib.kernel.errors import NotFound, Unauthenticated
from chalicelib.surfaces.engine.model import lists
from chalicelib.surfaces.engine.schemas.profile import ChangePasswordRequest, UpdateProfileRequest


def own(user_id: int) -> User:
    user = users.find(user_id)
    if user is None:
        raise NotFound("User not found")
    return user


def profile(user_id: int) -> tuple[User, Gate, int]:
    """The account, its gate, and how many deployments it has."""
    gate = table.find(Gate, f"USER#{user_id}", "GATE")
    if gate is None:
        raise NotFound("User not found")
    return own(user_id), gate, lists.total(user_id)


def update_profile(actor: Actor, request: UpdateProfileRequest) -> User:
    """Raises Conflict for a taken name or address."""
    return changes.rename(actor, own(actor.user_id), request.model_dump(exclude_unset=True))


def change_password(actor: Actor, request: ChangePasswordRequest, session_id: str) -> None:
    """Raises Unauthenticated when the current password is another."""
    user = own(actor.user_id)
    if not passwords.verify(user.password_hash, request.current_password.get_secret_value()):
        raise Unauthenticated("The current password is wrong.")
    changes.change_password(actor, user, request.new_password.get_secret_value(), session_id)
