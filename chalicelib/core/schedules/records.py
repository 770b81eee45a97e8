"""Schedules as people make, change and delete them. Each change is fenced and audited; one of the timing
works out anew when the next window is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed, Delete, Put, Update, Write
from chalicelib.core import audit, usage
from chalicelib.core.audit import Actor
from chalicelib.core.notices import channels
from chalicelib.core.schedules import cron, model
from chalicelib.core.schedules.model import Misfire, Overlap, Schedule, ScheduleRun, schedule_pk
from chalicelib.kernel import clock
from chalicelib.kernel.errors import Conflict, NotFound

FIELDS = (
    *("name", "subject", "cron_expression", "timezone", "enabled"),
    *("misfire_policy", "overlap_policy", "notifications"),
)
_TIMING = frozenset({"cron_expression", "timezone", "enabled"})
_TRIES = 5


def find(key: str) -> Schedule | None:
    return table.find(Schedule, schedule_pk(key), "SCHEDULE")


def find_many(keys: Iterable[str]) -> dict[str, Schedule]:
    found = table.find_many(Schedule, [(schedule_pk(key), "SCHEDULE") for key in sorted(keys)])
    return {schedule.key: schedule for schedule in found}


def every(work: str) -> list[Schedule]:
    """All of one kind of work, in order of their numbers."""
    return list(Schedule.gsi1.query(f"SCHEDULES#{work}"))


def uses(schedule: dict[str, Any]) -> set[str]:
    """What an enabled schedule needs: ``subject["uses"]`` lists it in the words of core.usage."""
    return set(schedule["subject"].get("uses", ())) if schedule["enabled"] else set()


def _fields(schedule: Schedule) -> dict[str, Any]:
    return {name: getattr(schedule, name) for name in FIELDS}


def _audited(fields: dict[str, Any]) -> dict[str, Any]:
    """Without what is sealed."""
    shown = {name: value for name, value in fields.items() if name not in ("notifications", "subject")}
    shown["subject"] = {name: value for name, value in fields["subject"].items() if name != "uses"}
    return shown | {"notifications": channels.shown(fields.get("notifications"))}


def _called(number: float | None, key: str, name: str) -> str:
    return f"schedule {int(number)} '{name}'" if number is not None else f"{key.partition(':')[0]} '{name}'"


def create(
    actor: Actor,
    key: str,
    work: str,
    fields: dict[str, Any],
    *,
    number: int | None = None,
    guard: Sequence[Write] = (),
) -> Schedule:
    """``fields``: at least name, subject and cron_expression. ``guard``: what else must hold.

    Raises cron.BadCron, and Conflict when the guard does not hold or ``key`` is taken.
    """
    schedule = _new(key, work, fields, number)
    made = _fields(schedule)
    writes: list[Write] = [
        Put(schedule, table.absent()),
        audit.entry(actor, "schedule.create", schedule.pk, after=_audited(made)),
        *usage.moves(schedule.pk, _called(number, key, made["name"]), (), uses(made)),
        *guard,
    ]
    try:
        table.write(writes)
    except ConditionFailed as error:
        raise Conflict("What this schedule runs was changed or deleted at this moment. Try again.") from error
    return schedule


def _chosen(fields: dict[str, Any]) -> dict[str, Any]:
    """``fields`` with the usual values for those left out."""
    usual: dict[str, Any] = {"timezone": "UTC", "enabled": True, "notifications": None}
    usual |= {"misfire_policy": Misfire.SKIP.value, "overlap_policy": Overlap.ALLOW.value}
    return usual | fields


def _new(key: str, work: str, fields: dict[str, Any], number: int | None) -> Schedule:
    chosen = _chosen(fields)
    cron.validate(chosen["cron_expression"], chosen["timezone"])
    now = clock.iso_now()
    due = _due(chosen)
    return Schedule(
        schedule_pk(key),
        "SCHEDULE",
        gsi1pk=f"SCHEDULES#{work}",
        gsi1sk=f"{number:012d}" if number is not None else key,
        due_pk=model.DUE if due else None,
        due_at=due,
        key=key,
        number=number,
        work=work,
        created_at=now,
        updated_at=now,
        **chosen,
    )


def moves(work: str, before: Mapping[str, Schedule], after: Mapping[str, dict[str, Any]]) -> list[Write]:
    """The writes that bring the schedules of something else (a workflow's triggers) from ``before`` to
    ``after``, fields by key, for the transaction that changes and audits that. As in :func:`create`, fields
    left out have their usual values, whatever they were.

    Raises cron.BadCron.
    """
    writes: list[Write] = []
    for key in sorted(before.keys() | after.keys()):
        here, wanted = before.get(key), after.get(key)
        if here is None and wanted is not None:
            writes.append(Put(_new(key, work, wanted, None), table.absent()))
        elif here is not None and wanted is None:
            writes.append(Delete(here, Schedule.revision == here.revision))
        elif here is not None and wanted is not None and _fields(here) != (now := _chosen(wanted)):
            writes.append(_update(here, _fields(here), now))
    return writes


def _due(fields: dict[str, Any]) -> str | None:
    if not fields["enabled"]:
        return None
    found = cron.next_after(fields["cron_expression"], fields["timezone"], clock.now())
    return clock.iso(found) if found else None


Wanted = Callable[[Schedule], tuple[dict[str, Any], Sequence[Write]]]
"""From the schedule as it is now: the fields to set, and what else must hold for it."""


def change(actor: Actor, key: str, wanted: Wanted) -> Schedule:
    """Sets what ``wanted`` says; where that changes when it fires, the next window is worked out from now on.
    ``wanted`` is asked again when another change came in between, so that neither undoes the other.

    Raises NotFound, cron.BadCron, and Conflict when others keep changing it or the guard does not hold.
    """
    for _ in range(_TRIES):
        schedule = find(key)
        if schedule is None:
            raise NotFound(f"There is no schedule {key.partition(':')[2]}.")
        fields, guard = wanted(schedule)
        before = _fields(schedule)
        after = before | fields
        cron.validate(after["cron_expression"], after["timezone"])
        try:
            table.write([*_changing(actor, schedule, before, after), *guard])
        except ConditionFailed:
            continue
        changed = find(key)
        if changed is not None:
            return changed
    raise Conflict("This schedule, or what it runs, is being changed by others. Look at it and try again.")


def _changing(actor: Actor, schedule: Schedule, before: dict[str, Any], after: dict[str, Any]) -> list[Write]:
    called = _called(schedule.number, schedule.key, after["name"])
    return [
        _update(schedule, before, after),
        audit.entry(actor, "schedule.update", schedule.pk, before=_audited(before), after=_audited(after)),
        *usage.moves(schedule.pk, called, uses(before), uses(after)),
    ]


def _update(schedule: Schedule, before: dict[str, Any], after: dict[str, Any]) -> Update:
    values = {name: after[name] for name in FIELDS if after[name] != before[name]}
    # Any other change leaves the window alone: it may be due already, and the tick not there yet.
    if values.keys() & _TIMING:
        due = _due(after)
        values |= {"due_at": due, "due_pk": model.DUE if due else None}
    values["updated_at"] = clock.iso_now()
    actions = table.setting(Schedule, values)
    actions.append(Schedule.revision.add(1))
    # Fenced by the window too: the tick may be firing it right now.
    same = Schedule.revision == schedule.revision
    same &= Schedule.due_at == schedule.due_at if schedule.due_at else Schedule.due_at.does_not_exist()
    return Update(schedule, actions, same)


def delete(actor: Actor, key: str) -> None:
    """Future runs are dropped with it, runs under way go on. Raises NotFound."""
    for _ in range(_TRIES):
        schedule = find(key)
        if schedule is None:
            raise NotFound(f"There is no schedule {key.partition(':')[2]}.")
        before = _fields(schedule)
        gone = audit.entry(actor, "schedule.delete", schedule.pk, before=_audited(before))
        released = usage.moves(schedule.pk, "", uses(before), ())
        try:
            table.write([Delete(schedule, Schedule.revision == schedule.revision), gone, *released])
        except ConditionFailed:
            continue
        return
    raise Conflict("This schedule is being changed by others. Look at it and try again.")


def runs(key: str, most: int, before: str | None = None) -> list[ScheduleRun]:
    """Newest window first; ``before``: the window to go on behind."""
    low, high = model.run_sk(""), model.run_sk(before or "~")
    found = ScheduleRun.query(
        schedule_pk(key),
        ScheduleRun.sk.between(low, high),
        consistent_read=True,
        scan_index_forward=False,
        limit=most + 1,
    )
    return [run for run in found if run.window != before][:most]
