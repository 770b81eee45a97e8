"""Which relays there are and when each was last heard of."""

from __future__ import annotations

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws import table
from chalicelib.aws.table import Record
from chalicelib.kernel import clock

BEAT_SECONDS = 5
LATE_SECONDS = 3 * BEAT_SECONDS
"""Three beats missed: taken for away."""


class Relay(Record, discriminator="relay"):
    """``running``: script runs under way; ``waiting``: handed over, waiting for their turn. ``missed_at``: it
    was found silent (:mod:`.watching`)."""

    id = UnicodeAttribute()
    boot = UnicodeAttribute()
    seen_at = UnicodeAttribute()
    started_at = UnicodeAttribute()
    running = NumberAttribute(default=0)
    waiting = NumberAttribute(default=0)
    missed_at = UnicodeAttribute(null=True)


def find(relay_id: str) -> Relay | None:
    return table.find(Relay, f"RELAY#{relay_id}", "RELAY", consistent=False)


def beat(relay_id: str, boot: str, started_at: str, running: int, waiting: int) -> None:
    relay = Relay(f"RELAY#{relay_id}", "RELAY", id=relay_id, boot=boot, started_at=started_at)
    relay.seen_at, relay.running, relay.waiting = clock.iso_now(), running, waiting
    table.put(relay)


def silent_for(relay: Relay | None) -> float | None:
    """Seconds since the relay was heard of; None when it never was."""
    return (clock.now() - clock.parse(relay.seen_at)).total_seconds() if relay else None
