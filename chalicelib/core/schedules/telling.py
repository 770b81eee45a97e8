"""What is said of a schedule's run to those who asked for it: its failure, or that it succeeds again."""

from __future__ import annotations

from chalicelib.aws.table import Write
from chalicelib.core.notices import channels
from chalicelib.core.notices.channels import Turn
from chalicelib.core.notices.outbox import Event
from chalicelib.core.schedules.model import RunState, Schedule, ScheduleRun
from chalicelib.kernel import clock

_FAILED = frozenset({RunState.FAILED, RunState.MISSED})


def writes(schedule: Schedule, run: ScheduleRun, state: RunState, reason: str | None) -> list[Write]:
    """For the transaction in which ``run`` comes to ``state``, and in which ``last_outcome`` is fenced."""
    if schedule.notifications is None or not state.counts:
        return []
    failed_before = schedule.last_outcome in _FAILED
    turn = channels.turn(failed_before, state in _FAILED)
    if turn is None:
        return []
    return channels.telling(schedule.notifications, turn, _event(schedule, run, turn, state, reason))


def _event(schedule: Schedule, run: ScheduleRun, turn: Turn, state: RunState, reason: str | None) -> Event:
    word = "failed" if turn is Turn.FAILURE else "recovered"
    number = None if schedule.number is None else int(schedule.number)
    told = {
        "event": f"schedule.{word}",
        "occurred_at": clock.iso_now(),
        "schedule": {"id": number, "name": schedule.name, "work": schedule.work},
        "run": {
            "scheduled_for": run.window,
            "status": state.value,
            "reason": reason,
            "missed_windows": int(run.missed),
            "execution_id": run.execution_id if state is not RunState.MISSED else None,
        },
    }
    title = f"Schedule '{schedule.name}' {'was missed' if state is RunState.MISSED else word}"
    lines = [f"{title}.", "", f"Planned for: {run.window}", *([f"Reason: {reason}"] if reason else [])]
    if state is not RunState.MISSED:
        lines.append(f"Execution: {run.execution_id}")
    surface = schedule.notifications["surface"]
    return Event(surface, f"schedule.{word}", schedule.pk, told, title, "\n".join(lines))
