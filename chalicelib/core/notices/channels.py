"""Who is told when something that runs again and again fails, and when it recovers.

Kept on the record of what runs, as JSON: ``surface``, ``on`` (which turns), ``webhook`` (url; secret, sealed,
with its context) and ``email``. The record's own transaction writes the notices.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from chalicelib.aws import mail
from chalicelib.aws.table import Write
from chalicelib.core import outgoing, vault
from chalicelib.core.notices import outbox
from chalicelib.core.notices.outbox import Event, Sealed, Webhook
from chalicelib.kernel.secrets import MASK, Secret

Stored = dict[str, Any]


class Turn(StrEnum):
    """``recovery``: the first success after a failure."""

    FAILURE = "failure"
    RECOVERY = "recovery"


class BadChannel(ValueError):
    """``place`` leads to the field, as in ``("webhook", "url")``; the text is for the person."""

    def __init__(self, place: Sequence[str | int], message: str) -> None:
        super().__init__(message)
        self.place = tuple(place)


def turn(failed_before: bool, failed: bool) -> Turn | None:
    """What an outcome is, after the one before it."""
    if failed:
        return Turn.FAILURE
    return Turn.RECOVERY if failed_before else None


def keep(surface: str, given: dict[str, Any], before: Stored | None, record: str) -> Stored:
    """As it is stored on ``record`` (its key). ``given``: on, webhook {url, secret}, email.

    A secret that is left out, or sent as it is shown, stays as it was. Raises BadChannel.
    """
    hook, to = given.get("webhook"), list(given.get("email") or ())
    if hook is None and not to:
        raise BadChannel((), "names nobody: give a 'webhook', or addresses in 'email'")
    if to and not mail.has_sender():
        raise BadChannel(("email",), "no mail can be sent here: the operator has set no sender address")
    kept = None if hook is None else _webhook(hook, (before or {}).get("webhook"), record)
    return {"surface": surface, "on": sorted(set(given["on"])), "webhook": kept, "email": to}


def _webhook(given: dict[str, Any], before: Stored | None, record: str) -> Stored:
    try:
        outgoing.check(given["url"])
    except outgoing.Refused as error:
        raise BadChannel(("webhook", "url"), str(error)) from error
    kept: Stored = {"url": given["url"], "secret": None, "context": None}
    secret: Secret | None = given.get("secret", Secret(MASK))
    if secret is None:
        return kept
    if secret.reveal() == MASK:
        return kept if before is None else kept | {name: before[name] for name in ("secret", "context")}
    context = {"record": record, "field": "notifications"}
    return kept | {"secret": vault.seal(secret, context), "context": context}


def shown(stored: Stored | None) -> dict[str, Any] | None:
    """For answers and the audit: whether there is a secret, never which."""
    if stored is None:
        return None
    hook = stored["webhook"]
    webhook = None if hook is None else {"url": hook["url"], "secret": MASK if hook["secret"] else None}
    return {"on": stored["on"], "webhook": webhook, "email": stored["email"]}


def telling(stored: Stored | None, what: Turn | None, event: Event) -> list[Write]:
    """The writes, for the transaction of the change, that tell those who asked to be told of this turn."""
    if stored is None or what is None or what.value not in stored["on"]:
        return []
    return to_all(stored, event)


def to_all(stored: Stored, event: Event) -> list[Write]:
    """The writes that tell everybody listed, whatever the turn."""
    writes: list[Write] = []
    if hook := stored["webhook"]:
        secret = Sealed(hook["secret"], hook["context"]) if hook["secret"] else None
        writes.append(outbox.webhook(Webhook(hook["url"], secret), event))
    if stored["email"]:
        writes.append(outbox.mail(stored["email"], event))
    return writes
