"""The minute tick's part: what is due starts exactly once, however often the tick fires or overlaps.

Three conditional steps, each of which any tick may take over from one that died in between:

1. the schedule moves on to its next window, and the run of this one is recorded, in one transaction;
2. it is decided what becomes of that run (start, wait, skip), by one conditional write;
3. it is started under an execution id that follows from schedule and window, so a repeat starts nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, islice, takewhile

from pynamodb.expressions.update import Action

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed, Put, Update, Write
from chalicelib.core.schedules import cron, model, running, telling
from chalicelib.core.schedules.model import Misfire, RunState, Schedule, ScheduleRun, new_run
from chalicelib.kernel import clock
from chalicelib.kernel.logs import log

Starter = running.Starter
"""Starts the work of ``schedule`` under ``run.execution_id``, with ``run.link`` in the execution's subject.

Called again for the same run it must start nothing. A QuarterdeckError fails the run with its message; any
other error is tried again by the next tick.
"""

Teller = Callable[[Schedule, ScheduleRun], Sequence[Write]]
"""The writes that tell of a window that was missed, where it is not the schedule's own channels that do."""

LEAST_TOLERANCE = 65
"""Seconds. The tick itself may come a minute and a few seconds after a window."""

TURN_SECONDS = 40.0
_AT_ONCE = 100
_LATE_TOGETHER = 1500
"""Missed windows that one record stands for: a day of minutes."""


@dataclass(frozen=True)
class _Claim:
    """What one schedule's turn writes: its records, and the window it moves on to."""

    runs: list[ScheduleRun]
    next_window: datetime | None


def fire_due(
    starters: Mapping[str, Starter], tolerance_seconds: int, tellers: Mapping[str, Teller] | None = None
) -> None:
    """``starters``, ``tellers``: by ``work``. A window found later than ``tolerance_seconds``, or than
    LEAST_TOLERANCE if that is more, counts as missed."""
    now, until = clock.now(), time.monotonic() + TURN_SECONDS
    tolerance = timedelta(seconds=max(tolerance_seconds, LEAST_TOLERANCE))
    handled: set[tuple[str, str]] = set()
    for run in chain(_claimed(now, tolerance, until, tellers or {}), _open(now)):
        if (run.pk, run.sk) in handled or time.monotonic() > until:
            continue
        handled.add((run.pk, run.sk))
        try:
            running.move(run, starters)
        except Exception:  # noqa: BLE001 - one that fails must not keep the others waiting; due again
            log().exception("scheduled run failed to move", schedule=run.schedule_key, window=run.window)


def _claimed(
    now: datetime, tolerance: timedelta, until: float, tellers: Mapping[str, Teller]
) -> Iterator[ScheduleRun]:
    """Claims what is due, window by window, and gives what is to be started."""
    while time.monotonic() < until:
        moved = False
        for schedule in _due(now):
            try:
                runs = claim(schedule, now, tolerance, tellers.get(schedule.work, _by_itself))
            except Exception:  # noqa: BLE001 - as above
                log().exception("schedule failed to fire", schedule=schedule.key)
                continue
            moved = moved or runs is not None
            yield from (run for run in runs or () if not run.status.final)
        if not moved:
            return


def _due(now: datetime) -> list[Schedule]:
    found = Schedule.due.query(model.DUE, Schedule.due_at <= clock.iso(now), limit=_AT_ONCE)
    return [record for record in found if isinstance(record, Schedule)]


def _open(now: datetime) -> Iterator[ScheduleRun]:
    """Runs that somebody has to look at: not started, waiting, or not known to have ended."""
    found = ScheduleRun.due.query(model.RUNS_DUE, ScheduleRun.due_at <= clock.iso(now), limit=_AT_ONCE * 5)
    return (record for record in found if isinstance(record, ScheduleRun))


def _by_itself(schedule: Schedule, run: ScheduleRun) -> Sequence[Write]:
    return telling.writes(schedule, run, RunState.MISSED, run.reason)


def claim(
    schedule: Schedule, now: datetime, tolerance: timedelta, tell: Teller = _by_itself
) -> list[ScheduleRun] | None:
    """Moves ``schedule`` past its window and records what became of it. None: somebody else did, or does."""
    window = schedule.next_window
    if window is None:
        return None
    found = (
        _late(schedule, window, now, tolerance)
        if now - window > tolerance
        else _on_time(schedule, window, now)
    )
    here = (Schedule.due_at == schedule.due_at) & (Schedule.revision == schedule.revision)
    advance = Update(schedule, _moving_on(found.next_window), here)
    recorded = _recorded(found.runs)
    try:
        table.write([_with_outcome(advance, found.runs), *recorded, *_told_of(schedule, found.runs, tell)])
    except ConditionFailed as error:
        if 0 in error.failed:
            return None
        # The window has its run already (the clock or the schedule was set back): it is not run again.
        return _pass_by(advance)
    return found.runs


def _recorded(runs: list[ScheduleRun]) -> list[Write]:
    still_open = [Put(model.open_run(run)) for run in runs if not run.status.final]
    return [*(Put(run, table.absent()) for run in runs), *still_open]


def _with_outcome(advance: Update, runs: list[ScheduleRun]) -> Update:
    """A window that was missed says how the schedule is doing; every other says so when it ends."""
    missed = [run for run in runs if run.status is RunState.MISSED]
    outcome = [Schedule.last_outcome.set(RunState.MISSED.value)] if missed else []
    return Update(advance.record, [*advance.actions, *outcome], advance.condition)


def _told_of(schedule: Schedule, runs: list[ScheduleRun], tell: Teller) -> list[Write]:
    return [write for run in runs if run.status is RunState.MISSED for write in tell(schedule, run)]


def _pass_by(advance: Update) -> list[ScheduleRun] | None:
    try:
        table.write([advance])
    except ConditionFailed:
        return None
    return []


def _moving_on(window: datetime | None) -> list[Action]:
    if window is None:
        return [Schedule.due_at.remove(), Schedule.due_pk.remove()]
    return [Schedule.due_at.set(clock.iso(window))]


def _next(schedule: Schedule, moment: datetime) -> datetime | None:
    return cron.next_after(schedule.cron_expression, schedule.timezone, moment)


def _on_time(schedule: Schedule, window: datetime, now: datetime) -> _Claim:
    return _Claim([new_run(schedule, window, RunState.DUE, now)], _next(schedule, window))


def _late(schedule: Schedule, window: datetime, now: datetime, tolerance: timedelta) -> _Claim:
    """All windows that are too late by now, together; with policy ``run_once`` the last of them runs, unless
    the next one is due as well."""
    following = cron.upcoming(schedule.cron_expression, schedule.timezone, window)
    all_late = takewhile(lambda one: now - one > tolerance, chain([window], following))
    late = list(islice(all_late, _LATE_TOGETHER))
    after = _next(schedule, late[-1])
    runs_late = schedule.misfire_policy == Misfire.RUN_ONCE and (after is None or after > now)
    run = new_run(schedule, late[-1], RunState.DUE if runs_late else RunState.MISSED, now)
    run.missed = len(late)
    run.reason = _told(late, now)
    return _Claim([run], after)


def _told(late: list[datetime], now: datetime) -> str:
    seconds = int((now - late[-1]).total_seconds())
    if len(late) == 1:
        return f"Found {seconds} s after its time."
    return (
        f"{len(late)} windows since {clock.iso(late[0])[:16]}Z were found too late, the last by {seconds} s."
    )
