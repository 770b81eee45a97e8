"""What is stored of terminals."""

from __future__ import annotations

from enum import StrEnum

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.aws.table import Record

COLLECTION = "terminals"


class State(StrEnum):
    """``opening`` until the relay has a shell, ``open`` until it has none any more."""

    OPENING = "opening"
    OPEN = "open"
    ENDED = "ended"


class Terminal(Record, discriminator="terminal"):
    """One session at a shell. ``connection_id``: the WebSocket that has it now; ``boot``: the relay's run
    that holds it; ``pieces`` of the recording lie in the bucket; ``cut`` tells that it has not everything."""

    id = NumberAttribute()
    server_id = NumberAttribute()
    server_name = UnicodeAttribute()
    user_id = NumberAttribute()
    username = UnicodeAttribute()
    address = UnicodeAttribute(null=True)
    relay_id = UnicodeAttribute()
    user_slot = UnicodeAttribute()
    relay_slot = UnicodeAttribute()
    connection_id = UnicodeAttribute()
    resume_hash = UnicodeAttribute()
    state = UnicodeAttribute(default=State.OPENING.value)
    boot = UnicodeAttribute(null=True)
    opened_at = UnicodeAttribute()
    started_at = UnicodeAttribute(null=True)
    ended_at = UnicodeAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    exit_code = NumberAttribute(null=True)
    signal = UnicodeAttribute(null=True)
    pieces = NumberAttribute(default=0)
    recorded_bytes = NumberAttribute(default=0)
    cut = BooleanAttribute(default=False)

    @property
    def ended(self) -> bool:
        return bool(self.state == State.ENDED)


class Slot(Record, discriminator="terminal-slot"):
    """One of the places that a user or a relay has for terminals; taken while the item is there."""

    terminal_id = NumberAttribute()


class Entrance(Record, discriminator="terminal-entrance"):
    """Tells of a WebSocket connection that it leads to a terminal."""

    terminal_id = NumberAttribute()


def subject(terminal_id: int) -> str:
    """What a terminal is called in the audit."""
    return f"TERMINAL#{terminal_id}"


def piece_key(terminal_id: int, number: int) -> str:
    """Where a piece of the recording lies; the bucket drops it after 30 days."""
    return f"runs/terminals/{terminal_id}/{number:06d}"
