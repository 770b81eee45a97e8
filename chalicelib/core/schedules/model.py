"""A schedule and its runs: one run item a window, which is what makes a window fire once."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.aws.attributes import JSONAttribute
from chalicelib.aws.table import Record
from chalicelib.kernel import clock

DUE = "SCHEDULES"
RUNS_DUE = "SCHEDULE-RUNS"
KEPT_SECONDS = 90 * 24 * 3600
"""How long the history of a schedule is kept."""

_NAMESPACE = uuid.UUID("0a4c8c5e-56c1-4f4e-9d2b-6d0a4d3f6a11")


class Misfire(StrEnum):
    """What happens to a window that is found too late."""

    SKIP = "skip"
    RUN_ONCE = "run_once"


class Overlap(StrEnum):
    """What happens to a window that comes while an earlier run is not over."""

    ALLOW = "allow"
    SKIP = "skip"
    QUEUE = "queue"


class RunState(StrEnum):
    """``due``: recorded. ``waiting``: behind an earlier run. ``starting``: decided, being started."""

    DUE = "due"
    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    MISSED = "missed"

    @property
    def final(self) -> bool:
        return self not in _OPEN

    @property
    def counts(self) -> bool:
        """Whether it says how the scheduled work is doing."""
        return self in {RunState.SUCCEEDED, RunState.FAILED, RunState.MISSED}


_OPEN = frozenset({RunState.DUE, RunState.WAITING, RunState.STARTING, RunState.RUNNING})


class Schedule(Record, discriminator="schedule"):
    """``key`` names it among all schedules (``script:3``), ``work`` tells who starts it, ``subject`` is what
    that one needs. On the ``due`` index while it is enabled: ``due_at`` is the next window.

    ``revision`` moves with every change made by people, not with windows.
    """

    key = UnicodeAttribute()
    number = NumberAttribute(null=True)
    work = UnicodeAttribute()
    name = UnicodeAttribute()
    subject: JSONAttribute = JSONAttribute()
    cron_expression = UnicodeAttribute()
    timezone = UnicodeAttribute(default="UTC")
    enabled = BooleanAttribute(default=True)
    misfire_policy = UnicodeAttribute(default=Misfire.SKIP.value)
    overlap_policy = UnicodeAttribute(default=Overlap.ALLOW.value)
    notifications: JSONAttribute = JSONAttribute(null=True)
    last_outcome = UnicodeAttribute(null=True)
    revision = NumberAttribute(default=1)
    created_at = UnicodeAttribute()
    updated_at = UnicodeAttribute()

    @property
    def next_window(self) -> datetime | None:
        return clock.parse(self.due_at) if self.due_at else None


class ScheduleRun(Record, discriminator="schedule-run"):
    """``window`` is the time it stands for; ``missed`` counts windows that were found too late (the last of
    them is ``window``). ``execution_id`` is known beforehand, so that starting it again starts nothing."""

    schedule_key = UnicodeAttribute()
    window = UnicodeAttribute()
    execution_id = UnicodeAttribute()
    state = UnicodeAttribute()
    missed = NumberAttribute(default=0)
    reason = UnicodeAttribute(null=True)
    recorded_at = UnicodeAttribute()
    started_at = UnicodeAttribute(null=True)
    completed_at = UnicodeAttribute(null=True)

    @property
    def status(self) -> RunState:
        return RunState(self.state)

    @property
    def link(self) -> dict[str, str]:
        """For the ``subject`` of the execution, under ``schedule``: so its end finds the run."""
        return {"key": self.schedule_key, "window": self.window}


class OpenRun(Record, discriminator="schedule-run-open"):
    """Stands beside each run that has not ended, made and taken away in the run's own transactions: so an
    open run is found however old it is, and however many windows have ended since."""

    window = UnicodeAttribute()


def schedule_pk(key: str) -> str:
    return f"SCHEDULE#{key}"


def run_sk(window: str) -> str:
    return f"RUN#{window}"


def open_sk(window: str) -> str:
    return f"OPEN#{window}"


def open_run(run: ScheduleRun) -> OpenRun:
    return OpenRun(run.pk, open_sk(run.window), window=run.window, ttl=run.ttl)


def execution_id(key: str, window: str) -> str:
    """The same for the same window, whoever asks."""
    return str(uuid.uuid5(_NAMESPACE, f"{key}|{window}"))


def new_run(schedule: Schedule, window: datetime, state: RunState, now: datetime) -> ScheduleRun:
    text = clock.iso(window)
    is_open = not state.final
    return ScheduleRun(
        schedule_pk(schedule.key),
        run_sk(text),
        schedule_key=schedule.key,
        window=text,
        execution_id=execution_id(schedule.key, text),
        state=state.value,
        recorded_at=clock.iso(now),
        completed_at=None if is_open else clock.iso(now),
        due_pk=RUNS_DUE if is_open else None,
        due_at=clock.iso(now) if is_open else None,
        ttl=int(now.timestamp()) + KEPT_SECONDS,
    )
