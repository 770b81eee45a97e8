"""Alerts: looked up, and told to whom an administrator chose."""

from __future__ import annotations

from chalicelib.core.alerts import model, records
from chalicelib.core.alerts.model import Alert
from chalicelib.core.alerts.records import Filters
from chalicelib.core.audit import Actor
from chalicelib.core.inventory import servers
from chalicelib.core.notices.channels import Stored
from chalicelib.surfaces.birun.schemas.alerts import AlertChannelsUpdate, AlertsQuery
from chalicelib.surfaces.birun.service import notifications
from chalicelib.surfaces.birun.service.servers import SCOPE


def list_alerts(query: AlertsQuery) -> list[Alert]:
    subject = None if query.server_id is None else servers.subject(query.server_id)
    filters = Filters(SCOPE, query.status, query.severity, query.kind, subject)
    return records.listed(filters, query.limit, query.cursor or None)


def channels() -> Stored | None:
    return records.told(SCOPE)


def set_channels(actor: Actor, request: AlertChannelsUpdate) -> Stored | None:
    given = None if request.notifications is None else request.notifications.model_dump(exclude_unset=True)
    record = model.channels_key(SCOPE)[0]
    stored = notifications.keep(given, records.told(SCOPE), record, "notifications")
    records.tell(actor, SCOPE, stored)
    return stored
