"""Notifications: kept on what runs, tried out, and looked up."""

from __future__ import annotations

from typing import Any

from chalicelib.aws import table
from chalicelib.core import audit
from chalicelib.core.audit import Actor
from chalicelib.core.notices import channels, deliveries
from chalicelib.core.notices.channels import BadChannel, Stored
from chalicelib.core.notices.deliveries import Filters
from chalicelib.core.notices.model import Notice
from chalicelib.core.notices.outbox import Event
from chalicelib.core.schedules import records
from chalicelib.core.schedules.model import schedule_pk
from chalicelib.kernel import clock, ids
from chalicelib.kernel.errors import BadRequest, Invalid
from chalicelib.kernel.secrets import Secret
from chalicelib.surfaces.birun import model
from chalicelib.surfaces.birun.schemas.notifications import DeliveriesQuery, NotificationTest

SURFACE = "birun"
TEST = "notification.test"


def keep(
    given: dict[str, Any] | None, before: Stored | None, record: str, *place: str | int
) -> Stored | None:
    """What a request says of notifications (``Notifications``, dumped with what was set), as it is stored on
    ``record``. Raises Invalid with the field, which is below ``place``."""
    if given is None:
        return None
    wanted = {"on": ["failure", "recovery"], **given}
    if hook := wanted.get("webhook"):
        wanted["webhook"] = hook | {name: _secret(hook[name]) for name in ("secret",) if name in hook}
    try:
        return channels.keep(SURFACE, wanted, before, record)
    except BadChannel as error:
        told = {"loc": ["body", *place, *error.place], "msg": str(error), "type": "value_error"}
        raise Invalid("Validation error", [told]) from error


def _secret(value: Any) -> Secret | None:
    return None if value is None else Secret(value.get_secret_value())


def send_test(actor: Actor, request: NotificationTest) -> list[Notice]:
    """Tells the channels that this is a test; what becomes of it is in the deliveries."""
    record = f"NOTIFICATION-TEST#{ids.new_uuid()}"
    stored = (
        _of_schedule(request.schedule_id)
        if request.schedule_id is not None
        else keep(request.model_dump(exclude_unset=True), None, record)
    )
    text = f"{actor.username} tries out notifications from Quarterdeck. Nothing has happened."
    payload = {"event": TEST, "occurred_at": clock.iso_now(), "message": text}
    writes = channels.to_all(stored or {}, Event(SURFACE, TEST, record, payload, "A test notification", text))
    asked = audit.entry(actor, TEST, record, after={"channels": channels.shown(stored)})
    table.write([*writes, asked])
    return [write.record for write in writes if isinstance(write.record, Notice)]


def _of_schedule(schedule_id: int) -> Stored:
    schedule = records.find(f"script:{schedule_id}")
    if schedule is None:
        raise BadRequest(f"There is no schedule {schedule_id}.")
    if schedule.notifications is None:
        raise BadRequest(f"Schedule {schedule_id} has no notifications.")
    stored: Stored = schedule.notifications
    return stored


def list_deliveries(query: DeliveriesQuery) -> list[Notice]:
    return deliveries.listed(Filters(SURFACE, _about(query), query.status), query.limit, query.cursor or None)


def _about(query: DeliveriesQuery) -> str | None:
    if query.schedule_id is not None:
        return schedule_pk(f"script:{query.schedule_id}")
    return None if query.workflow_id is None else model.workflow_key(query.workflow_id)
