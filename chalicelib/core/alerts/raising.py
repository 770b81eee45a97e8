"""Alerts come and go: each exactly once, audited, and told to whoever wants to know.

The functions that end in ``ing`` give writes for the transaction of the change that the alert speaks of; the
first of them is refused when the alert is open already, or not open any more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed, Delete, Put, Write
from chalicelib.core import audit
from chalicelib.core.alerts import model
from chalicelib.core.alerts.model import Alert, AlertChannels, Severity, Standing
from chalicelib.core.notices import channels
from chalicelib.core.notices.channels import Turn
from chalicelib.core.notices.outbox import Event
from chalicelib.kernel import clock, ids


@dataclass(frozen=True)
class Trouble:
    """What is wrong. ``kind`` is one word or two, as in ``server.unhealthy``; one alert of it a subject."""

    scope: str
    subject: str
    subject_name: str
    kind: str
    severity: Severity
    message: str
    details: dict[str, Any] = field(default_factory=dict)
    owner_id: str | None = None


def find_open(subject: str, kind: str) -> Alert | None:
    return table.find(Alert, *model.open_key(subject, kind))


def raising(trouble: Trouble) -> list[Write]:
    alert_id, now = ids.new_uuid(), clock.iso_now()
    alert = Alert(
        *model.open_key(trouble.subject, trouble.kind),
        id=alert_id,
        scope=trouble.scope,
        subject=trouble.subject,
        subject_name=trouble.subject_name,
        alert_kind=trouble.kind,
        severity=trouble.severity.value,
        standing=Standing.OPEN.value,
        message=trouble.message,
        details=trouble.details,
        owner_id=trouble.owner_id,
        raised_at=now,
    )
    _list(alert)
    raised = audit.entry(audit.SYSTEM, "alert.raise", alert.subject, after=_audited(alert))
    return [Put(alert, table.absent()), raised, *_telling(alert, Turn.FAILURE)]


def clearing(alert: Alert, because: str) -> list[Write]:
    """``alert`` as :func:`find_open` gave it."""
    now = clock.iso_now()
    past = Alert(*model.past_key(alert.subject, f"{alert.raised_at}#{alert.id}"))
    for name in ("id", "scope", "subject", "subject_name", "alert_kind", "severity", "message", "details"):
        setattr(past, name, getattr(alert, name))
    past.owner_id, past.raised_at = alert.owner_id, alert.raised_at
    past.standing, past.cleared_at, past.cleared_because = Standing.CLEARED.value, now, because
    past.ttl = clock.epoch() + model.KEPT_SECONDS
    _list(past)
    cleared = audit.entry(audit.SYSTEM, "alert.clear", alert.subject, after=_audited(past))
    gone = Delete(alert, Alert.id == alert.id)
    return [gone, Put(past, table.absent()), cleared, *_telling(past, Turn.RECOVERY)]


def raise_alert(trouble: Trouble) -> bool:
    """False when it is open already."""
    return _written(raising(trouble))


def clear(subject: str, kind: str, because: str) -> bool:
    """False when it is not open."""
    alert = find_open(subject, kind)
    return alert is not None and _written(clearing(alert, because))


def clear_all(subject: str, because: str) -> None:
    """For a subject that is gone."""
    for alert in Alert.query(f"ALERTS#{subject}", Alert.sk.startswith("OPEN#"), consistent_read=True):
        _written(clearing(alert, because))


def _written(writes: list[Write]) -> bool:
    try:
        table.write(writes)
    except ConditionFailed:
        return False
    return True


def _list(alert: Alert) -> None:
    order = f"{alert.raised_at}#{alert.id}"
    alert.gsi1pk, alert.gsi1sk = model.listed(alert.scope), order
    alert.gsi2pk, alert.gsi2sk = model.listed(alert.scope, Standing(alert.standing)), order
    if alert.owner_id:
        alert.gsi3pk, alert.gsi3sk = model.listed_by_owner(alert.scope, alert.owner_id), order


def _audited(alert: Alert) -> dict[str, Any]:
    names = ("alert_kind", "severity", "message", "raised_at", "cleared_at", "cleared_because")
    return {name: getattr(alert, name) for name in names}


def _telling(alert: Alert, turn: Turn) -> list[Write]:
    kept = table.find(AlertChannels, *model.channels_key(alert.scope))
    if kept is None:
        return []
    word = "raised" if turn is Turn.FAILURE else "cleared"
    told = {
        "event": f"alert.{word}",
        "alert": {
            "id": alert.id,
            "kind": alert.alert_kind,
            "severity": alert.severity,
            "subject": alert.subject,
            "subject_name": alert.subject_name,
            "message": alert.message,
            "raised_at": alert.raised_at,
            "cleared_at": alert.cleared_at,
            "cleared_because": alert.cleared_because,
        },
    }
    title = f"{alert.subject_name}: {alert.message if turn is Turn.FAILURE else alert.cleared_because}"
    text = f"{title}\n\nKind: {alert.alert_kind}\nSince: {alert.raised_at}"
    event = Event(alert.scope, f"alert.{word}", alert.subject, told, title, text, alert.owner_id)
    return channels.telling(kept.notifications, turn, event)
