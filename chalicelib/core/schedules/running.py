"""From a recorded run to its end: decide, start, look, conclude."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from itertools import islice
from typing import Any

from pynamodb.expressions.update import Action

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed, Delete, Update, Write
from chalicelib.core.executions import ledger
from chalicelib.core.executions.status import Status
from chalicelib.core.schedules import model, records, telling
from chalicelib.core.schedules.model import OpenRun, Overlap, RunState, Schedule, ScheduleRun
from chalicelib.kernel import clock
from chalicelib.kernel.errors import QuarterdeckError
from chalicelib.kernel.logs import log

Starter = Callable[[Schedule, ScheduleRun], None]

LOOK_AGAIN = timedelta(minutes=2)
GIVE_UP = timedelta(hours=1)
"""A run that could not be started for so long has failed."""
MOST_WAITING = 10
"""Runs that wait behind one; what comes on top is skipped."""

GONE = "The schedule was deleted before this run started."
DISABLED = "The schedule was disabled before this run started."
NOT_STARTED = "This run could not be started because of a fault on our side."
UNKNOWN_WORK = "Nothing here knows how to start this kind of work."
BEHIND = "The run of {} is not over yet."

_ENDS = {
    Status.SUCCEEDED: RunState.SUCCEEDED,
    Status.FAILED: RunState.FAILED,
    Status.TIMED_OUT: RunState.FAILED,
    Status.CANCELLED: RunState.CANCELLED,
}


def move(run: ScheduleRun, starters: Mapping[str, Starter]) -> None:
    """Takes ``run`` as far as it can go now. May be called at any time, by several at once."""
    found = find(run.schedule_key, run.window)
    if found is None or found.status.final:
        return
    if found.status is RunState.RUNNING:
        _look(found)
        return
    schedule = records.find(found.schedule_key)
    if schedule is None or not schedule.enabled:
        conclude(found, RunState.SKIPPED, GONE if schedule is None else DISABLED)
    elif found.status is RunState.STARTING or _decide(schedule, found):
        _start(schedule, found, starters)


def find(key: str, window: str) -> ScheduleRun | None:
    return table.find(ScheduleRun, model.schedule_pk(key), model.run_sk(window))


def _decide(schedule: Schedule, run: ScheduleRun) -> bool:
    """Whether it is to be started now; recorded before anything is."""
    policy = Overlap(schedule.overlap_policy)
    # How many there are matters only to one that comes to wait behind them.
    most = MOST_WAITING + 1 if policy is Overlap.QUEUE and run.status is RunState.DUE else 1
    earlier = [] if policy is Overlap.ALLOW else list(islice(_open_before(run), most))
    if not earlier:
        return _change(run, RunState.STARTING)
    reason = BEHIND.format(f"{earlier[0].window[:16]}Z")
    if policy is Overlap.SKIP or len(earlier) > MOST_WAITING:
        conclude(run, RunState.SKIPPED, reason)
    elif run.status is RunState.DUE:
        _change(run, RunState.WAITING, ScheduleRun.reason.set(reason), look_in=timedelta(seconds=30))
    return False


def _open_before(run: ScheduleRun) -> Iterator[ScheduleRun]:
    """Earlier runs that have not ended, the oldest first; what is running is looked at now."""
    listed = OpenRun.query(
        run.pk,
        OpenRun.sk.between(model.open_sk(""), model.open_sk(run.window)),
        consistent_read=True,
        page_size=2 * MOST_WAITING,
    )
    for earlier in (find(run.schedule_key, one.window) for one in listed if one.window != run.window):
        if earlier and _goes_on(earlier):
            yield earlier


def _goes_on(run: ScheduleRun) -> bool:
    return not _look(run) if run.status is RunState.RUNNING else not run.status.final


def _change(run: ScheduleRun, state: RunState, *more: Action, look_in: timedelta = timedelta(0)) -> bool:
    """To another open state. False: somebody else decided meanwhile."""
    due = ScheduleRun.due_at.set(clock.iso(clock.now() + look_in))
    actions = [ScheduleRun.state.set(state.value), due, *more]
    try:
        table.update(run, actions, ScheduleRun.state == run.state)
    except ConditionFailed:
        return False
    return True


def _start(schedule: Schedule, run: ScheduleRun, starters: Mapping[str, Starter]) -> None:
    starter = starters.get(schedule.work)
    if starter is None:
        conclude(run, RunState.FAILED, UNKNOWN_WORK)
        return
    try:
        starter(schedule, run)
    except QuarterdeckError as error:
        conclude(run, RunState.FAILED, error.message)
    except Exception:
        if clock.now() - clock.parse(run.recorded_at) > GIVE_UP:
            conclude(run, RunState.FAILED, NOT_STARTED)
        raise
    else:
        started = ScheduleRun.started_at.set(clock.iso_now())
        _change(run, RunState.RUNNING, started, look_in=LOOK_AGAIN)


def _look(run: ScheduleRun) -> bool:
    """Whether it has ended. Ends are told by the stream; this finds those whose telling was lost."""
    execution = ledger.find(run.execution_id)
    if execution is not None and execution.state.final:
        conclude(run, _ENDS[execution.state], execution.reason)
        return True
    _change(run, RunState.RUNNING, look_in=LOOK_AGAIN)
    return False


def ended(key: str, window: str, status: Status, reason: str | None = None) -> None:
    """What was started for that window has come to ``status``. A repeat changes nothing."""
    run = find(key, window)
    if run is not None:
        conclude(run, _ENDS[status], reason)


def conclude(run: ScheduleRun, state: RunState, reason: str | None = None) -> bool:
    """Ends the run, once, and keeps how the schedule is doing. False: it had ended before."""
    while True:
        schedule = records.find(run.schedule_key)
        writes = [_ending(run, state, reason), Delete(model.open_run(run))]
        if schedule is not None and state.counts:
            writes += [_doing(schedule, state), *telling.writes(schedule, run, state, reason)]
        try:
            table.write(writes)
        except ConditionFailed as error:
            if 0 in error.failed:
                return False
            continue
        return True


def _ending(run: ScheduleRun, state: RunState, reason: str | None) -> Write:
    actions = [
        ScheduleRun.state.set(state.value),
        ScheduleRun.completed_at.set(clock.iso_now()),
        ScheduleRun.due_pk.remove(),
        ScheduleRun.due_at.remove(),
    ]
    if reason:
        actions.append(ScheduleRun.reason.set(reason))
    open_states = [one.value for one in RunState if not one.final]
    return Update(run, actions, ScheduleRun.state.is_in(*open_states))


def _doing(schedule: Schedule, state: RunState) -> Write:
    known = schedule.last_outcome
    same = Schedule.last_outcome == known if known else Schedule.last_outcome.does_not_exist()
    return Update(schedule, [Schedule.last_outcome.set(state.value)], same & table.present())


def listen(batch: list[dict[str, Any]]) -> None:
    """Stream records: executions that were started for a window and have just ended."""
    for record in batch:
        image = record["dynamodb"].get("NewImage") or {}
        if image.get("kind", {}).get("S") == "execution":
            _listen_to(image)


def _listen_to(image: dict[str, Any]) -> None:
    status = Status(image["status"]["S"])
    link = json.loads(image["subject"]["S"]).get("schedule") if status.final else None
    if link:
        ended(link["key"], link["window"], status, image.get("reason", {}).get("S"))
        log().info("scheduled run ended", schedule=link["key"], window=link["window"], status=status.value)
