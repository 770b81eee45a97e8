"""Scripts by schedule: keep, fire."""

from __future__ import annotations

from collections.abc import Set
from contextlib import suppress
from typing import Any

from chalicelib.aws.table import Check, ConditionFailed, Write
from chalicelib.core import audit, counting, usage
from chalicelib.core.audit import Actor
from chalicelib.core.executions import ledger
from chalicelib.core.executions.ledger import Request
from chalicelib.core.inventory import groups
from chalicelib.core.notices.channels import Stored
from chalicelib.core.schedules import cron, records
from chalicelib.core.schedules.cron import BadCron
from chalicelib.core.schedules.model import Schedule, ScheduleRun, schedule_pk
from chalicelib.kernel.errors import BadRequest, NotFound
from chalicelib.rest.dialect import invalid_field
from chalicelib.surfaces.birun import model
from chalicelib.surfaces.birun.model import Script
from chalicelib.surfaces.birun.schemas.schedules import ScheduleCreate, ScheduleUpdate
from chalicelib.surfaces.birun.schemas.scripts import ScriptExecuteRequest
from chalicelib.surfaces.birun.service import notifications, runs
from chalicelib.surfaces.birun.service.groups import known

WORK = "script"
_SUBJECT = ("script_id", "server_ids", "group_id", "timeout")
_TARGETS = frozenset({"server_ids", "group_id"})


def _key(schedule_id: int) -> str:
    return f"{WORK}:{schedule_id}"


def every() -> list[Schedule]:
    return records.every(WORK)


def get(schedule_id: int) -> Schedule:
    schedule = records.find(_key(schedule_id))
    if schedule is None:
        raise NotFound(f"There is no schedule {schedule_id}.")
    return schedule


def _checked(fields: dict[str, Any], fresh: Set[str]) -> tuple[dict[str, Any], list[Write]]:
    """Fields as they are stored, and what else must hold for them. ``fresh``: those of the subject that must
    hold now; the others did when they were stored, and may name by now what is gone.

    Raises BadRequest for what there is not, Invalid for a wrong expression.
    """
    try:
        cron.validate(fields["cron_expression"], fields["timezone"])
    except BadCron as error:
        raise invalid_field("body", error.field, str(error)) from error
    subject = {name: fields[name] for name in _SUBJECT}
    if "server_ids" in fresh:
        subject["server_ids"] = known(subject["server_ids"])
    if fresh & _TARGETS and not subject["server_ids"] and subject["group_id"] is None:
        raise BadRequest("No servers to run on: name some in 'server_ids', or a 'group_id'.")
    guard = _guard({name: subject[name] for name in fresh})
    subject["uses"] = _uses(subject)
    return {name: value for name, value in fields.items() if name not in _SUBJECT} | {
        "subject": subject
    }, guard


def _uses(subject: dict[str, Any]) -> list[str]:
    used = [usage.script(subject["script_id"])]
    return used if subject["group_id"] is None else [*used, usage.group(subject["group_id"])]


def _guard(named: dict[str, Any]) -> list[Write]:
    """What is named is there, and stays until the schedule that uses it is written."""
    guard: list[Write] = []
    if "script_id" in named:
        guard.append(_script(named["script_id"]))
    if named.get("group_id") is not None:
        _check_group(named["group_id"])
        guard.append(groups.there(named["group_id"]))
    return guard


def _script(script_id: int) -> Check:
    if model.find_script(script_id) is None:
        raise BadRequest(f"There is no script {script_id}.", [script_id])
    return Check(Script(*model.script_key(script_id)))


def _check_group(group_id: int) -> None:
    try:
        groups.get(group_id)
    except NotFound as error:
        raise BadRequest(error.message) from error


def create_schedule(actor: Actor, request: ScheduleCreate) -> Schedule:
    fields, guard = _checked(request.model_dump(exclude={"notifications"}), set(_SUBJECT))
    number = counting.next_ids("schedules").start
    fields["notifications"] = _notifications(request, number, None)
    return records.create(actor, _key(number), WORK, fields, number=number, guard=guard)


def update_schedule(actor: Actor, schedule_id: int, request: ScheduleUpdate) -> Schedule:
    fields = request.model_dump(exclude_unset=True, exclude={"notifications"})

    def wanted(schedule: Schedule) -> tuple[dict[str, Any], list[Write]]:
        changed, guard = _changed(schedule, fields)
        if "notifications" in request.model_fields_set:
            changed["notifications"] = _notifications(request, schedule_id, schedule.notifications)
        return changed, guard

    return records.change(actor, _key(schedule_id), wanted)


def _notifications(
    request: ScheduleCreate | ScheduleUpdate, number: int, before: Stored | None
) -> Stored | None:
    given = request.notifications
    shown = None if given is None else given.model_dump(exclude_unset=True)
    return notifications.keep(shown, before, schedule_pk(_key(number)), "notifications")


def _changed(schedule: Schedule, fields: dict[str, Any]) -> tuple[dict[str, Any], list[Write]]:
    """Whatever becomes of what a schedule names, it can be renamed and switched off; to be switched on it
    needs all of it."""
    stored = {name: getattr(schedule, name) for name in ("cron_expression", "timezone", "enabled")}
    stored |= {name: schedule.subject[name] for name in _SUBJECT}
    wanted = stored | fields
    enabling = wanted["enabled"] and not schedule.enabled
    return _checked(wanted, {name for name in _SUBJECT if enabling or wanted[name] != stored[name]})


def toggle_schedule(actor: Actor, schedule_id: int) -> Schedule:
    return records.change(
        actor, _key(schedule_id), lambda schedule: _changed(schedule, {"enabled": not schedule.enabled})
    )


def delete_schedule(actor: Actor, schedule_id: int) -> None:
    records.delete(actor, _key(schedule_id))


def forget_server(server_id: int) -> None:
    """Takes a deleted server out of every schedule that lists it."""
    for schedule in every():
        if server_id in schedule.subject["server_ids"]:
            with suppress(NotFound):  # the schedule went in this very moment
                records.change(audit.SYSTEM, schedule.key, lambda found: (_without(found, server_id), ()))


def _without(schedule: Schedule, server_id: int) -> dict[str, Any]:
    left = [one for one in schedule.subject["server_ids"] if one != server_id]
    return {"subject": schedule.subject | {"server_ids": left}}


def runs_of(schedule_id: int, limit: int, cursor: str | None) -> list[ScheduleRun]:
    get(schedule_id)
    return records.runs(_key(schedule_id), limit, cursor)


def start(schedule: Schedule, run: ScheduleRun) -> None:
    """Queues the script on what is left of the listed servers and on the group's members of now."""
    subject = schedule.subject
    script = model.get_script(subject["script_id"])
    request = ScriptExecuteRequest(
        server_ids=subject["server_ids"], group_id=subject["group_id"], timeout=subject["timeout"]
    )
    asked = {
        "script_id": subject["script_id"],
        "script_name": script.name,
        "timeout": subject["timeout"],
        "schedule": run.link,
    }
    actor = Actor(0, f"schedule {int(schedule.number)}")
    targets = runs.targets(request, forgiving=True)
    try:
        made = ledger.create(Request(actor, runs.WORK, asked, targets, execution_id=run.execution_id))
    except ConditionFailed:
        return  # made before: whoever made it starts it, or the sweep of executions does
    runs.start(made)
