"""Work in one piece: written once, moved on by its own attempt alone, ended once."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed, Put
from chalicelib.core import audit
from chalicelib.core.counting import Tally
from chalicelib.core.executions import feed, ledger, tasks
from chalicelib.core.executions.model import Execution
from chalicelib.core.executions.status import Status
from chalicelib.core.executions.tasks import TaskRequest
from tests.unit.core.builders import ACTOR

pytestmark = pytest.mark.usefixtures("cloud")


def make(execution_id: str | None = None) -> Execution:
    request = TaskRequest(ACTOR, "container-rollout", {"deployment": "d1"}, execution_id)
    execution = tasks.prepare(request)
    table.write(tasks.creating(execution, request))
    return execution


def running() -> Execution:
    execution = tasks.begin(make().id, 1)
    assert execution is not None
    return execution


def told(execution: Execution) -> list[Any]:
    return [entry.payload or entry.what for entry in feed.after(execution.id, feed.CONTROL, 0)]


def stored(execution: Execution) -> Execution:
    found = ledger.find(execution.id)
    assert found is not None
    return found


def test_it_is_written_as_queued_and_due_until_somebody_starts_it() -> None:
    execution = make()
    assert stored(execution).state is Status.QUEUED
    assert stored(execution).due_at > execution.created_at
    assert [entry.action for entry in audit.history(execution.pk)] == ["container-rollout.execute"]


def test_a_repeat_with_the_same_id_makes_nothing_twice() -> None:
    make("e1")
    with pytest.raises(ConditionFailed):
        make("e1")


def test_a_note_keeps_how_far_it_is_and_tells_the_viewers_in_order() -> None:
    execution = running()
    assert tasks.note(execution.id, 1, step="apply", progress=20)
    assert tasks.note(execution.id, 1, message={"type": "node", "node": "a"})
    assert (stored(execution).step, int(stored(execution).progress)) == ("apply", 20)
    assert told(execution) == [
        {"type": "progress", "step": "apply", "progress": 20},
        {"type": "node", "node": "a"},
    ]


def test_it_ends_once_and_what_comes_later_is_dropped() -> None:
    execution = running()
    assert tasks.end(execution.id, 1, Status.FAILED, "no room on the cluster")
    assert not tasks.end(execution.id, 1, Status.SUCCEEDED)
    assert not tasks.note(execution.id, 1, step="late")
    assert tasks.begin(execution.id, 1) is None
    ended = stored(execution)
    assert (ended.state, ended.reason) == (Status.FAILED, "no room on the cluster")
    assert ledger.due() == [], "nobody has to look at it again"
    assert told(execution) == ["end"]


def test_an_old_attempt_changes_nothing() -> None:
    execution = running()
    assert ledger.new_attempt(execution)
    assert not tasks.note(execution.id, 1, step="late")
    assert not tasks.end(execution.id, 1, Status.SUCCEEDED)
    assert tasks.begin(execution.id, 1) is None
    assert tasks.begin(execution.id, 2) is not None
    assert tasks.end(execution.id, 2, Status.SUCCEEDED)
    assert int(stored(execution).progress) == 100


def test_what_goes_along_is_written_only_while_the_attempt_holds() -> None:
    execution = running()
    mine = Put(Tally("TALLY#x", "mine", value=1), table.absent())
    assert tasks.note(execution.id, 1, step="one", writes=[mine])
    with pytest.raises(ConditionFailed) as refused:
        tasks.note(execution.id, 1, step="two", writes=[mine])
    assert refused.value.failed == (0,)
    assert stored(execution).step == "one", "all or nothing"
    assert not tasks.end(execution.id, 9, Status.SUCCEEDED, writes=[Put(Tally("TALLY#x", "other", value=1))])
    assert table.find(Tally, "TALLY#x", "other") is None


def test_a_person_stops_it_whatever_attempt_it_is_in() -> None:
    execution = running()
    ledger.new_attempt(execution)
    assert tasks.cancel(ACTOR, execution, "Not wanted any more.")
    assert stored(execution).state is Status.CANCELLED
    assert "container-rollout.stop" in {entry.action for entry in audit.history(execution.pk)}
    assert not tasks.cancel(ACTOR, execution, "Again.")
