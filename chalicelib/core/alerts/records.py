"""Alerts as they are looked at, and who is told of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import and_

from chalicelib.aws import table
from chalicelib.aws.table import Put
from chalicelib.core import audit
from chalicelib.core.alerts import model
from chalicelib.core.alerts.model import Alert, AlertChannels, Severity, Standing
from chalicelib.core.audit import Actor
from chalicelib.core.notices import channels
from chalicelib.core.notices.channels import Stored


@dataclass(frozen=True)
class Filters:
    """``subject`` is the key of one record. ``owner_id``: those of one user alone."""

    scope: str
    standing: Standing | None = None
    severity: Severity | None = None
    kind: str | None = None
    subject: str | None = None
    owner_id: str | None = None


def listed(filters: Filters, most: int, before: str | None = None) -> list[Alert]:
    """Newest first, at most ``most``, behind the place ``before`` (:func:`place` of the last one read)."""
    if filters.owner_id is not None:
        index, sort, key = Alert.gsi3, Alert.gsi3sk, model.listed_by_owner(filters.scope, filters.owner_id)
    elif filters.standing is not None:
        index, sort, key = Alert.gsi2, Alert.gsi2sk, model.listed(filters.scope, filters.standing)
    else:
        index, sort, key = Alert.gsi1, Alert.gsi1sk, model.listed(filters.scope)
    wanted = [
        attribute == value
        for attribute, value in (
            (Alert.severity, filters.severity and filters.severity.value),
            (Alert.alert_kind, filters.kind),
            (Alert.subject, filters.subject),
            (Alert.standing, filters.standing.value if filters.standing and filters.owner_id else None),
        )
        if value is not None
    ]
    condition = reduce(and_, wanted) if wanted else None
    bound = sort < before if before else None
    return list(index.query(key, bound, condition, scan_index_forward=False, limit=most))


def place(alert: Alert) -> str:
    return f"{alert.raised_at}#{alert.id}"


def told(scope: str) -> Stored | None:
    """Who is told of the scope's alerts."""
    kept = table.find(AlertChannels, *model.channels_key(scope))
    return None if kept is None else kept.notifications


def tell(actor: Actor, scope: str, stored: Stored | None) -> None:
    """From now on these are told, or nobody."""
    record = AlertChannels(*model.channels_key(scope), notifications=stored)
    before, after = channels.shown(told(scope)), channels.shown(stored)
    changed = audit.entry(
        actor,
        "alert-channels.update",
        record.pk,
        before={"notifications": before},
        after={"notifications": after},
    )
    table.write([Put(record), changed])
