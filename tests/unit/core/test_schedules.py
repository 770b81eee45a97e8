"""A window fires once, or is recorded as missed; overlap as the schedule says; the history tells."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.aws import table
from chalicelib.core import usage
from chalicelib.core.executions.status import Status
from chalicelib.core.schedules import firing, model, records, running
from chalicelib.core.schedules.model import RunState, Schedule, ScheduleRun
from chalicelib.kernel import clock
from chalicelib.kernel.errors import BadRequest, NotFound
from tests.unit.core.builders import ACTOR

pytestmark = pytest.mark.usefixtures("cloud")

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
KEY = "script:1"


class World:
    """A clock that stands where the test puts it, and a starter that keeps what it was asked to start."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.started: list[str] = []
        self._lock = threading.Lock()
        self._patch = patch
        self.at(NOON)

    def at(self, moment: datetime) -> None:
        self._patch.setattr(clock, "now", lambda: moment)

    def start(self, schedule: Schedule, run: ScheduleRun) -> None:
        with self._lock:
            self.started.append(run.window)

    def tick(self, tolerance: int = 60) -> None:
        firing.fire_due({"script": self.start}, tolerance)

    def windows(self) -> list[str]:
        return [window[11:16] for window in self.started]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def schedule(**fields: Any) -> Schedule:
    chosen = {"name": "Daily", "cron_expression": "*/5 * * * *", "subject": {"uses": [usage.script(7)]}}
    return records.create(ACTOR, KEY, "script", chosen | fields, number=1)


def history() -> list[tuple[str, RunState]]:
    return [(run.window[11:16], run.status) for run in reversed(records.runs(KEY, 100))]


def test_the_next_window_is_known_from_the_start_and_null_while_disabled(world: World) -> None:
    assert schedule().next_window == NOON + timedelta(minutes=5)
    off = records.change(ACTOR, KEY, lambda _: ({"enabled": False}, ()))
    assert off.next_window is None
    world.at(NOON + timedelta(minutes=7))
    assert records.change(ACTOR, KEY, lambda _: ({"enabled": True}, ())).next_window == NOON + timedelta(
        minutes=10
    )


@pytest.mark.parametrize("fields", [{"name": "Renamed"}, {"cron_expression": "*/5 * * * *", "enabled": True}])
def test_a_change_of_anything_but_the_timing_keeps_a_window_that_is_due(
    world: World, fields: dict[str, Any]
) -> None:
    schedule()
    world.at(NOON + timedelta(minutes=5, seconds=20))
    records.change(ACTOR, KEY, lambda _: (fields, ()))
    world.tick()
    assert world.windows() == ["12:05"]


def test_two_changes_at_once_both_count(world: World) -> None:
    schedule()
    asked: list[int] = []

    def rename(found: Schedule) -> tuple[dict[str, Any], tuple[()]]:
        asked.append(int(found.revision))
        if len(asked) == 1:  # somebody else is quicker
            records.change(ACTOR, KEY, lambda _: ({"timezone": "Europe/Berlin"}, ()))
        return {"name": f"{found.name} in {found.timezone}"}, ()

    assert records.change(ACTOR, KEY, rename).name == "Daily in Europe/Berlin"
    assert asked == [1, 2]


def test_a_window_fires_once_however_often_the_tick_comes(world: World) -> None:
    schedule()
    world.tick()
    assert world.windows() == []
    world.at(NOON + timedelta(minutes=5, seconds=10))
    for _ in range(5):
        world.tick()
    assert world.windows() == ["12:05"]
    assert history() == [("12:05", RunState.RUNNING)]
    found = records.find(KEY)
    assert found is not None
    assert found.next_window == NOON + timedelta(minutes=10)


def test_ticks_that_overlap_start_it_once_together(world: World) -> None:
    schedule()
    world.at(NOON + timedelta(minutes=5, seconds=10))
    ticks = [threading.Thread(target=world.tick) for _ in range(6)]
    for tick in ticks:
        tick.start()
    for tick in ticks:
        tick.join()
    ids = {model.execution_id(KEY, window) for window in world.started}
    assert len(ids) == 1, "several may hand over the start; the execution's id is one, and starts once"
    assert history() == [("12:05", RunState.RUNNING)]


def test_what_was_recorded_by_a_tick_that_died_is_started_by_the_next(world: World) -> None:
    made = schedule()
    world.at(NOON + timedelta(minutes=5, seconds=10))
    runs = firing.claim(made, clock.now(), timedelta(seconds=65))
    assert runs is not None
    assert world.windows() == []
    world.tick()
    assert world.windows() == ["12:05"]


def test_a_start_that_failed_for_no_fault_of_the_schedule_is_tried_again(world: World) -> None:
    schedule()
    world.at(NOON + timedelta(minutes=5, seconds=10))

    def broken(_: Schedule, __: ScheduleRun) -> None:
        raise ConnectionError("AWS is away")

    firing.fire_due({"script": broken}, 60)
    assert history() == [("12:05", RunState.STARTING)]
    world.tick()
    assert history() == [("12:05", RunState.RUNNING)]


def test_a_start_that_is_refused_fails_the_run_in_words(world: World) -> None:
    schedule()
    world.at(NOON + timedelta(minutes=5, seconds=10))

    def refusing(_: Schedule, __: ScheduleRun) -> None:
        raise NotFound("There is no script 7.")

    firing.fire_due({"script": refusing}, 60)
    (run,) = records.runs(KEY, 10)
    assert (run.status, run.reason) == (RunState.FAILED, "There is no script 7.")


def test_windows_found_too_late_are_recorded_as_missed_and_not_run(world: World) -> None:
    schedule()
    world.at(NOON + timedelta(minutes=33))
    world.tick()
    assert world.windows() == []
    (run,) = records.runs(KEY, 10)
    assert (run.status, int(run.missed)) == (RunState.MISSED, 6)
    world.at(NOON + timedelta(minutes=35, seconds=5))
    world.tick()
    assert world.windows() == ["12:35"]


@pytest.mark.parametrize(("late", "started"), [(65, ["12:05"]), (66, [])])
def test_a_window_may_be_as_late_as_the_tick_may_come_whatever_the_tolerance(
    world: World, late: int, started: list[str]
) -> None:
    schedule()
    world.at(NOON + timedelta(minutes=5, seconds=late))
    world.tick(tolerance=0)
    assert world.windows() == started


def test_missed_windows_run_once_late_when_the_schedule_says_so(world: World) -> None:
    schedule(misfire_policy="run_once")
    world.at(NOON + timedelta(minutes=33))
    world.tick()
    assert world.windows() == ["12:30"]


def test_overlap_skip_leaves_out_what_comes_while_one_runs(world: World) -> None:
    schedule(overlap_policy="skip")
    for minutes in (5, 10):
        world.at(NOON + timedelta(minutes=minutes, seconds=5))
        world.tick()
    assert history() == [("12:05", RunState.RUNNING), ("12:10", RunState.SKIPPED)]
    running.ended(KEY, clock.iso(NOON + timedelta(minutes=5)), Status.SUCCEEDED)
    world.at(NOON + timedelta(minutes=15, seconds=5))
    world.tick()
    assert world.windows() == ["12:05", "12:15"]


def test_overlap_queue_starts_the_next_when_the_one_before_has_ended(world: World) -> None:
    schedule(overlap_policy="queue")
    for minutes in (5, 10):
        world.at(NOON + timedelta(minutes=minutes, seconds=5))
        world.tick()
    assert history() == [("12:05", RunState.RUNNING), ("12:10", RunState.WAITING)]
    running.ended(KEY, clock.iso(NOON + timedelta(minutes=5)), Status.FAILED)
    world.at(NOON + timedelta(minutes=11))
    world.tick()
    assert history() == [("12:05", RunState.FAILED), ("12:10", RunState.RUNNING)]


def skipped_since(window: datetime) -> list[ScheduleRun]:
    """More records of windows after ``window`` than anybody would look through."""
    made = records.find(KEY)
    assert made is not None
    later = (window + timedelta(seconds=seconds) for seconds in range(1, 100))
    return [model.new_run(made, one, RunState.SKIPPED, clock.now()) for one in later]


@pytest.mark.parametrize(("policy", "state"), [("skip", RunState.SKIPPED), ("queue", RunState.WAITING)])
def test_overlap_is_seen_however_many_windows_a_run_outlasts(
    world: World, policy: str, state: RunState
) -> None:
    schedule(overlap_policy=policy)
    first = NOON + timedelta(minutes=5)
    world.at(first)
    world.tick()
    table.put_many(skipped_since(first))
    world.at(NOON + timedelta(minutes=10))
    world.tick()
    assert world.windows() == ["12:05"]
    assert history()[-1] == ("12:10", state)
    running.ended(KEY, clock.iso(first), Status.SUCCEEDED)
    world.at(NOON + timedelta(minutes=15))
    world.tick()
    assert world.windows() == ["12:05", "12:10" if policy == "queue" else "12:15"]


def test_overlap_queue_lets_no_more_wait_than_it_says(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "MOST_WAITING", 1)
    schedule(overlap_policy="queue")
    for minutes in (5, 10, 15):
        world.at(NOON + timedelta(minutes=minutes))
        world.tick()
    assert [state for _, state in history()] == [RunState.RUNNING, RunState.WAITING, RunState.SKIPPED]


def test_overlap_allow_starts_both(world: World) -> None:
    schedule(overlap_policy="allow")
    for minutes in (5, 10):
        world.at(NOON + timedelta(minutes=minutes, seconds=5))
        world.tick()
    assert history() == [("12:05", RunState.RUNNING), ("12:10", RunState.RUNNING)]


def test_a_deleted_schedule_starts_nothing_any_more(world: World) -> None:
    schedule()
    records.delete(ACTOR, KEY)
    world.at(NOON + timedelta(minutes=5, seconds=10))
    world.tick()
    assert world.windows() == []


def test_what_an_enabled_schedule_uses_is_named_and_a_disabled_one_uses_nothing(world: World) -> None:
    schedule()
    with pytest.raises(BadRequest, match="schedule 1 'Daily'"):
        usage.refuse(usage.script(7), "Script 7")
    with pytest.raises(table.ConditionFailed):
        table.write([usage.unused(usage.script(7))])
    records.change(ACTOR, KEY, lambda _: ({"enabled": False}, ()))
    usage.refuse(usage.script(7), "Script 7")
    table.write([usage.unused(usage.script(7))])
