"""A notice: one thing told to one receiver, with all that became of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws import table
from chalicelib.aws.attributes import JSONAttribute
from chalicelib.aws.table import Record

DUE = "NOTICES"
KEPT_SECONDS = 30 * 24 * 3600


class Channel(StrEnum):
    WEBHOOK = "webhook"
    MAIL = "mail"


class State(StrEnum):
    """``queued``: not tried yet. ``retrying``: tried, and to be tried again at ``next_attempt_at``."""

    QUEUED = "queued"
    RETRYING = "retrying"
    DELIVERED = "delivered"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        return self in {State.DELIVERED, State.FAILED}


class Notice(Record, discriminator="notice"):
    """``about`` is the key of what it is about (``SCHEDULE#script:3``), ``event`` what happened to that.

    A webhook has ``url``, ``body`` (the raw text that is signed and sent) and maybe a sealed ``secret``; mail
    has ``to``, ``title`` and ``body``. ``log`` holds for each attempt: at, milliseconds, status_code, error.

    Listed by surface (gsi1), by what it is about (gsi2) and by surface and state (gsi3), in order of time.
    """

    id = UnicodeAttribute()
    surface = UnicodeAttribute()
    channel = UnicodeAttribute()
    event = UnicodeAttribute()
    about = UnicodeAttribute()
    owner_id = UnicodeAttribute(null=True)
    state = UnicodeAttribute()
    url = UnicodeAttribute(null=True)
    secret = UnicodeAttribute(null=True)
    secret_context: JSONAttribute = JSONAttribute(null=True)
    signature_header = UnicodeAttribute(null=True)
    signature_form = UnicodeAttribute(null=True)
    to: JSONAttribute = JSONAttribute(null=True)
    title = UnicodeAttribute(null=True)
    body = UnicodeAttribute()
    attempts = NumberAttribute(default=0)
    log: JSONAttribute = JSONAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    claimed_until = UnicodeAttribute(null=True)
    next_attempt_at = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute()
    completed_at = UnicodeAttribute(null=True)

    @property
    def status(self) -> State:
        return State(self.state)

    @property
    def history(self) -> list[dict[str, Any]]:
        return list(self.log or [])


def notice_key(notice_id: str) -> tuple[str, str]:
    return f"NOTICE#{notice_id}", "NOTICE"


def find(notice_id: str) -> Notice | None:
    return table.find(Notice, *notice_key(notice_id))


def listed_by_state(surface: str, state: State) -> str:
    return f"NOTICES#{surface}#{state}"
