"""Who changed what, from where, before and after. Append-only; secrets never get here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws import table
from chalicelib.aws.attributes import JSONAttribute
from chalicelib.aws.table import Put, Record
from chalicelib.kernel import clock, ids


@dataclass(frozen=True)
class Actor:
    """Who asks, and from where. ``user_id`` 0 is the system itself."""

    user_id: int
    username: str
    address: str = ""


SYSTEM = Actor(0, "system")


class AuditRecord(Record, discriminator="audit"):
    """Listed by subject (``pk``) and by day (``gsi1``)."""

    actor_id = NumberAttribute()
    actor = UnicodeAttribute()
    address = UnicodeAttribute(null=True)
    action = UnicodeAttribute()
    at = UnicodeAttribute()
    before = JSONAttribute(null=True)
    after = JSONAttribute(null=True)


def entry(
    actor: Actor,
    action: str,
    subject: str,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> Put:
    """The write to be made together with the change. ``action`` as in ``server.update``."""
    at = clock.iso_now()
    key = f"{at}#{ids.new_token(size=6)}"
    record = AuditRecord(
        f"AUDIT#{subject}",
        key,
        gsi1pk=f"AUDIT#{at[:10]}",
        gsi1sk=key,
        actor_id=actor.user_id,
        actor=actor.username,
        address=actor.address or None,
        action=action,
        at=at,
        before=before,
        after=after,
    )
    return Put(record, table.absent())


def history(subject: str, most: int = 100) -> list[AuditRecord]:
    """Newest first."""
    return list(AuditRecord.query(f"AUDIT#{subject}", scan_index_forward=False, limit=most))
