"""An alert. While it is open it lies under its subject and kind, which is what makes it the only one."""

from __future__ import annotations

from enum import StrEnum

from pynamodb.attributes import UnicodeAttribute

from chalicelib.aws.attributes import JSONAttribute
from chalicelib.aws.table import Record

KEPT_SECONDS = 365 * 24 * 3600
"""How long one that was cleared is kept."""


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Standing(StrEnum):
    OPEN = "open"
    CLEARED = "cleared"


class Alert(Record, discriminator="alert"):
    """``subject`` is the key of what it is about (``SERVER#7``), ``scope`` the surface that shows it.

    Listed by scope (gsi1), by scope and standing (gsi2) and by owner (gsi3), in order of ``raised_at``.
    """

    id = UnicodeAttribute()
    scope = UnicodeAttribute()
    subject = UnicodeAttribute()
    subject_name = UnicodeAttribute()
    alert_kind = UnicodeAttribute()
    severity = UnicodeAttribute()
    standing = UnicodeAttribute()
    message = UnicodeAttribute()
    details: JSONAttribute = JSONAttribute(null=True)
    owner_id = UnicodeAttribute(null=True)
    raised_at = UnicodeAttribute()
    cleared_at = UnicodeAttribute(null=True)
    cleared_because = UnicodeAttribute(null=True)


class AlertChannels(Record, discriminator="alert-channels"):
    """Who is told of a scope's alerts; see core.notices.channels."""

    notifications: JSONAttribute = JSONAttribute(null=True)


def open_key(subject: str, kind: str) -> tuple[str, str]:
    return f"ALERTS#{subject}", f"OPEN#{kind}"


def past_key(subject: str, order: str) -> tuple[str, str]:
    return f"ALERTS#{subject}", f"PAST#{order}"


def channels_key(scope: str) -> tuple[str, str]:
    return f"ALERT-CHANNELS#{scope}", "CHANNELS"


def listed(scope: str, standing: Standing | None = None) -> str:
    return f"ALERTS#{scope}" if standing is None else f"ALERTS#{scope}#{standing}"


def listed_by_owner(scope: str, owner_id: str) -> str:
    return f"ALERTS#{scope}#owner#{owner_id}"
