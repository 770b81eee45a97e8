"""The health of the service and of its servers; alerts, which are beyond the document."""

from __future__ import annotations

from chalicelib.core.alerts import records
from chalicelib.core.identity.roles import Permission
from chalicelib.core.inventory import servers
from chalicelib.core.notices import channels
from chalicelib.rest.surface import Call, Reply
from chalicelib.surfaces.birun.presenters import health as present
from chalicelib.surfaces.birun.routes.base import WRITE, Json, operation
from chalicelib.surfaces.birun.schemas import alerts as schemas
from chalicelib.surfaces.birun.service import alerts, checks, health


@operation("GET", "/health")
def get_health(_: Call) -> Json:
    return present.report(health.report())


@operation("GET", "/health/summary")
def get_health_summary(_: Call) -> Json:
    return present.summary(servers.every())


@operation("POST", "/health/check-all", permission=WRITE)
def check_all_servers(call: Call) -> Reply:
    execution = checks.check_all(call.caller.actor)
    over = execution is None or execution.state.final
    return Reply(present.checked(execution, servers.every()), 200 if over else 202)


@operation("GET", "/alerts", query=lambda: schemas.AlertsQuery)
def list_alerts(call: Call) -> Json:
    found = alerts.list_alerts(call.query)
    more = len(found) == call.query.limit
    return {
        "alerts": [present.alert(alert) for alert in found],
        "cursor": records.place(found[-1]) if more else None,
    }


@operation("GET", "/alerts/channels")
def get_alert_channels(_: Call) -> Json:
    return {"notifications": channels.shown(alerts.channels())}


@operation("PUT", "/alerts/channels", permission=Permission.ADMIN, body=lambda: schemas.AlertChannelsUpdate)
def update_alert_channels(call: Call) -> Json:
    return {"notifications": channels.shown(alerts.set_channels(call.caller.actor, call.body))}
