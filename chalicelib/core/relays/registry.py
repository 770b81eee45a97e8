"""Which relays there are and when each was last heard of."""

from __future__ import annotations

from dataclasses import dataclass

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws import table
from chalicelib.aws.table import Record
from chalicelib.kernel import clock

BEAT_SECONDS = 5
LATE_SECONDS = 3 * BEAT_SECONDS
"""Three beats missed: taken for away."""


class Relay(Record, discriminator="relay"):
    """``running``: script runs under way; ``waiting``: handed over, waiting for their turn. ``limit``: how
    many may run at once, as was said at ``limit_said_at``. ``missed_at``: when it was found silent
    (:mod:`.watching`)."""

    id = UnicodeAttribute()
    boot = UnicodeAttribute()
    seen_at = UnicodeAttribute()
    started_at = UnicodeAttribute()
    running = NumberAttribute(default=0)
    waiting = NumberAttribute(default=0)
    limit = NumberAttribute(null=True)
    limit_said_at = UnicodeAttribute(null=True)
    missed_at = UnicodeAttribute(null=True)


def find(relay_id: str) -> Relay | None:
    return table.find(Relay, f"RELAY#{relay_id}", "RELAY", consistent=False)


@dataclass(frozen=True)
class Limit:
    """The newest word that a relay has heard of how many scripts it may run at once."""

    most: int
    said_at: str


def limit_of(relay: Relay | None) -> Limit | None:
    """What it knew at its last beat."""
    if relay is None or relay.limit is None or relay.limit_said_at is None:
        return None
    return Limit(int(relay.limit), relay.limit_said_at)


def beat(
    relay_id: str, boot: str, started_at: str, running: int, waiting: int, limit: Limit | None = None
) -> None:
    relay = Relay(f"RELAY#{relay_id}", "RELAY", id=relay_id, boot=boot, started_at=started_at)
    relay.seen_at, relay.running, relay.waiting = clock.iso_now(), running, waiting
    if limit is not None:
        relay.limit, relay.limit_said_at = limit.most, limit.said_at
    table.put(relay)


def silent_for(relay: Relay | None) -> float | None:
    """Seconds since the relay was heard of; None when it never was."""
    return (clock.now() - clock.parse(relay.seen_at)).total_seconds() if relay else None
