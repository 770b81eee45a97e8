"""A forgotten password: a link by mail, good once and for an hour.

Asking does the same work for every address, known or not: it puts one message on the mailer's queue. Who has
the address is found out by the mailer, which makes the token as it writes the mail; the table has its digest.
"""

from __future__ import annotations

import hashlib
from typing import Any, NoReturn

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws import mail, queues, table
from chalicelib.aws.table import ConditionFailed, Delete, Put, Record
from chalicelib.core import audit, limits
from chalicelib.core.audit import Actor
from chalicelib.core.identity import changes, users
from chalicelib.core.identity.users import User
from chalicelib.core.limits import Bucket
from chalicelib.kernel import clock, ids
from chalicelib.kernel.errors import BadRequest, PermanentTargetError, RateLimited, Unavailable
from chalicelib.kernel.logs import log
from chalicelib.kernel.settings import settings

SECONDS = 3600
MAILS = Bucket("password-reset-mails", 3)
"""To one account, so that nobody fills a mailbox with them."""

NOT_GOOD = "This reset token is not good (any more): it works once and for an hour. Ask for another one."


class Reset(Record, discriminator="password-reset"):
    """``replaces``: a mark of the password that it is to replace, so that any change of it ends the link."""

    user_id = NumberAttribute()
    replaces = UnicodeAttribute()
    expires = NumberAttribute()


def ask(email: str, address: str, page: str) -> None:
    """``address``: of who asks. ``page``: the path, behind the public address, where a new one is set."""
    asked = {"email": email, "address": address, "page": page}
    queues.send(settings().notice_queue_url, {"reset": asked})


def mail_link(asked: dict[str, Any]) -> None:
    """The mailer's part. Raises TransientTargetError: the message comes again and a new link is made."""
    user = users.find_by_email(asked["email"])
    if user is None or user.disabled:
        log().info("no reset mail", reason="no such account")
        return
    try:
        limits.count_address(MAILS, user.pk)
        mail.send(_letter(user, asked, _issue(user, asked["address"])))
    except (RateLimited, Unavailable, PermanentTargetError) as error:
        # Never the link; and who asked is told nothing, whatever became of it.
        log().warning("no reset mail", reason=error.message, user=int(user.id))


def _issue(user: User, address: str) -> str:
    token, expires = ids.new_token(size=32), clock.epoch() + SECONDS
    reset = Reset(*_key(token), user_id=user.id, replaces=_mark(user), expires=expires, ttl=expires + 60)
    asked = audit.entry(Actor(0, "anonymous", address), "user.reset_asked", user.pk)
    table.write([Put(reset, table.absent()), asked])
    return token


def _key(token: str) -> tuple[str, str]:
    return f"RESET#{hashlib.sha256(token.encode()).hexdigest()}", "RESET"


def _mark(user: User) -> str:
    return hashlib.sha256(user.password_hash.encode()).hexdigest()


def _letter(user: User, asked: dict[str, Any], token: str) -> mail.Message:
    base = settings().public_url.rstrip("/")
    # Behind the #: browsers keep that part to themselves, so that no server's log has it.
    link = f"Set a new one within an hour at\n\n  {base}{asked['page']}#token={token}"
    bare = f"Set a new one within an hour with this token:\n\n  {token}"
    text = (
        f"Somebody at {asked['address']} asked to reset the password of the account {user.username}.\n\n"
        f"{link if base else bare}\n\n"
        "If it was not you, do nothing: the password stays as it is.\n"
    )
    return mail.Message((user.email,), "Reset your password", text)


def use(token: str, password: str, address: str) -> None:
    """Sets the password and ends all sessions of the account. Raises BadRequest: the token is not good."""
    found = table.find(Reset, *_key(token))
    user = users.find(int(found.user_id)) if found else None
    if found is None or user is None or user.disabled:
        _refuse()
    if int(found.expires) < clock.epoch() or found.replaces != _mark(user):
        _refuse()
    actor = Actor(int(user.id), user.username, address)
    try:
        changes.reset_password(actor, user, password, Delete(found, table.present()))
    except ConditionFailed as error:
        raise BadRequest(NOT_GOOD) from error


def _refuse() -> NoReturn:
    raise BadRequest(NOT_GOOD)
