"""What is stored of terminals."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.aws.table import Record

COLLECTION = "terminals"


class State(StrEnum):
    """``opening`` until the relay has a shell, ``open`` until it has none any more."""

    OPENING = "opening"
    OPEN = "open"
    ENDED = "ended"


@dataclass(frozen=True)
class Place:
    """Where a shell is opened: ``kind`` and ``id`` of a record, and its name for people."""

    kind: str
    id: str
    name: str

    @property
    def key(self) -> str:
        return f"{self.kind}#{self.id}"


class Terminal(Record, discriminator="terminal"):
    """One session at a shell. ``place``: :attr:`Place.key` of where; ``connection_id``: the WebSocket that
    has it now; ``boot``: the relay's run that holds it; ``pieces`` of the recording lie in the bucket;
    ``cut`` tells that it has not everything.

    Listed, newest last, by kind of place (gsi1), by user (gsi2), by place (gsi3); while it lives by kind
    (gsi4).
    """

    id = NumberAttribute()
    place = UnicodeAttribute()
    place_name = UnicodeAttribute()
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


def of_kind(kind: str) -> str:
    """The list of all at that kind of place; the name of its kept total too."""
    return f"TERMINALS#{kind}"


def of_user(kind: str, user_id: int) -> str:
    return f"TERMINALS#{kind}#user#{user_id}"


def of_place(place: str) -> str:
    return f"TERMINALS#at#{place}"


def living(kind: str) -> str:
    """The list of those that have not ended."""
    return f"TERMINALS#{kind}#live"


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
