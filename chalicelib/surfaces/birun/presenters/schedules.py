"""Schedules and their runs as the documented JSON."""

from __future__ import annotations

from chalicelib.core.notices import channels
from chalicelib.core.schedules.model import RunState, Schedule, ScheduleRun
from chalicelib.surfaces.birun.presenters.common import Json, moment

_WORDS = {
    RunState.DUE: "queued",
    RunState.WAITING: "queued",
    RunState.STARTING: "queued",
    RunState.SUCCEEDED: "completed",
    RunState.CANCELLED: "stopped",
}
"""The document's words for states of executions; the others are called as they are."""


def schedule(found: Schedule) -> Json:
    subject = found.subject
    return {
        "id": int(found.number),
        "name": found.name,
        "cron_expression": found.cron_expression,
        "timezone": found.timezone,
        "script_id": subject["script_id"],
        "server_ids": subject["server_ids"],
        "group_id": subject["group_id"],
        "timeout": subject["timeout"],
        "enabled": bool(found.enabled),
        "misfire_policy": found.misfire_policy,
        "overlap_policy": found.overlap_policy,
        "notifications": channels.shown(found.notifications),
        "next_run_at": moment(found.due_at),
        "last_outcome": _WORDS.get(RunState(found.last_outcome), found.last_outcome)
        if found.last_outcome
        else None,
        "created_at": moment(found.created_at),
        "updated_at": moment(found.updated_at),
    }


def run(found: ScheduleRun) -> Json:
    """``execution_id`` is there once it was started: the batch at GET /scripts/executions/{execution_id}."""
    return {
        "scheduled_for": moment(found.window),
        "status": _WORDS.get(found.status, found.state),
        "reason": found.reason,
        "missed_windows": int(found.missed),
        "execution_id": found.execution_id if found.started_at else None,
        "recorded_at": moment(found.recorded_at),
        "started_at": moment(found.started_at),
        "completed_at": moment(found.completed_at),
    }
