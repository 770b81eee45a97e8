"""Tickets: what stands for a token in an address, once and for half a minute. Stored hashed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed, Delete, Record
from chalicelib.kernel import clock, ids
from chalicelib.kernel.errors import Unauthenticated

SECONDS = 30
PREFIX = "qdt_"
NOT_GOOD = "This ticket is not good (any more): each opens one connection within 30 seconds."


class Ticket(Record, discriminator="ticket"):
    user_id = NumberAttribute()
    session_id = UnicodeAttribute()
    expires = NumberAttribute()


@dataclass(frozen=True)
class Holder:
    """Whose log-in the ticket stands for."""

    user_id: int
    session_id: str


def _key(text: str) -> tuple[str, str]:
    return f"TICKET#{hashlib.sha256(text.encode()).hexdigest()}", "TICKET"


def issue(holder: Holder) -> tuple[str, int]:
    """The ticket, shown this once, and when it ends as Unix time."""
    text, expires = ids.new_token(PREFIX), clock.epoch() + SECONDS
    ticket = Ticket(*_key(text), user_id=holder.user_id, session_id=holder.session_id)
    ticket.expires, ticket.ttl = expires, expires + 60
    table.put(ticket, table.absent())
    return text, expires


def spend(text: str) -> Holder:
    """Takes the ticket away: of two who show it at once, one gets in. Raises Unauthenticated."""
    found = table.find(Ticket, *_key(text))
    if found is None:
        raise Unauthenticated(NOT_GOOD)
    try:
        table.write([Delete(found, table.present())])
    except ConditionFailed as error:
        raise Unauthenticated(NOT_GOOD) from error
    if int(found.expires) < clock.epoch():
        raise Unauthenticated(NOT_GOOD)
    return Holder(int(found.user_id), found.session_id)
