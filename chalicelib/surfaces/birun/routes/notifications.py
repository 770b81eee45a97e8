"""Notifications, beyond the document: a way to try them out, and what became of those that were sent."""

from __future__ import annotations

from chalicelib.core.notices import deliveries
from chalicelib.rest.surface import Call
from chalicelib.surfaces.birun.presenters import notifications as present
from chalicelib.surfaces.birun.routes.base import WRITE, Json, operation
from chalicelib.surfaces.birun.schemas import notifications as schemas
from chalicelib.surfaces.birun.service import notifications as service


@operation("GET", "/notifications/deliveries", query=lambda: schemas.DeliveriesQuery)
def list_deliveries(call: Call) -> Json:
    found = service.list_deliveries(call.query)
    more = len(found) == call.query.limit
    cursor = deliveries.place(found[-1]) if more else None
    return {"deliveries": [present.delivery(notice) for notice in found], "cursor": cursor}


@operation("POST", "/notifications/test", permission=WRITE, body=lambda: schemas.NotificationTest)
def send_test_notification(call: Call) -> Json:
    sent = service.send_test(call.caller.actor, call.body)
    return {
        "message": "On its way; see GET /notifications/deliveries",
        "deliveries": [present.delivery(notice) for notice in sent],
    }
