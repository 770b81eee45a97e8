"""Scripts by schedule."""

from __future__ import annotations

from chalicelib.rest.surface import Call
from chalicelib.surfaces.birun.presenters import schedules as present
from chalicelib.surfaces.birun.routes.base import WRITE, Json, message, operation
from chalicelib.surfaces.birun.schemas import schedules as schemas
from chalicelib.surfaces.birun.service import schedules as service


@operation("GET", "/schedules")
def list_schedules(call: Call) -> Json:
    return {"schedules": [present.schedule(schedule) for schedule in service.every()]}


@operation("POST", "/schedules", permission=WRITE, body=lambda: schemas.ScheduleCreate)
def create_schedule(call: Call) -> Json:
    return present.schedule(service.create_schedule(call.caller.actor, call.body))


@operation("GET", "/schedules/{schedule_id}", params=lambda: schemas.SchedulePath)
def get_schedule(call: Call) -> Json:
    return present.schedule(service.get(call.path.schedule_id))


@operation(
    "PUT",
    "/schedules/{schedule_id}",
    permission=WRITE,
    params=lambda: schemas.SchedulePath,
    body=lambda: schemas.ScheduleUpdate,
)
def update_schedule(call: Call) -> Json:
    return present.schedule(service.update_schedule(call.caller.actor, call.path.schedule_id, call.body))


@operation("DELETE", "/schedules/{schedule_id}", permission=WRITE, params=lambda: schemas.SchedulePath)
def delete_schedule(call: Call) -> Json:
    service.delete_schedule(call.caller.actor, call.path.schedule_id)
    return message("Schedule deleted successfully")


@operation("POST", "/schedules/{schedule_id}/toggle", permission=WRITE, params=lambda: schemas.SchedulePath)
def toggle_schedule(call: Call) -> Json:
    return present.schedule(service.toggle_schedule(call.caller.actor, call.path.schedule_id))


@operation(
    "GET",
    "/schedules/{schedule_id}/runs",
    params=lambda: schemas.SchedulePath,
    query=lambda: schemas.ScheduleRunsQuery,
)
def list_schedule_runs(call: Call) -> Json:
    """Beyond the document: what became of each window, the newest first."""
    found = service.runs_of(call.path.schedule_id, call.query.limit, call.query.cursor or None)
    more = len(found) == call.query.limit
    return {"runs": [present.run(run) for run in found], "cursor": found[-1].window if more else None}
