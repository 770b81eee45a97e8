"""A run taken as far as it can go, by whoever comes: nothing begins twice, nothing stays open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.aws.table import Put, Write
from chalicelib.core.audit import Actor
from chalicelib.core.executions import feed, ledger, tasks
from chalicelib.core.executions.model import Execution
from chalicelib.core.executions.status import Status
from chalicelib.core.executions.tasks import TaskRequest
from chalicelib.core.workflows import engine, kinds, model, runs, waking
from chalicelib.core.workflows.engine import Kind, Rules
from chalicelib.core.workflows.graph import Node
from chalicelib.core.workflows.model import NodeRun, Run
from chalicelib.core.workflows.runs import Change, RunRequest
from chalicelib.core.workflows.status import NodeStatus
from chalicelib.kernel import clock
from tests.unit.core.workflows.graphs import graph

pytestmark = pytest.mark.usefixtures("cloud")
ADA = Actor(1, "ada", "203.0.113.7")


@dataclass
class Scripts:
    """Scripts that end as the test says, and keep what was begun and stopped."""

    results: dict[str, Change] = field(default_factory=dict)
    begun: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)

    def begin(self, run: Run, node: Node, attempt: int) -> Change:
        execution_id = model.node_execution_id(run.id, node.id, attempt)
        return Change(NodeStatus.RUNNING, fields={"execution_id": execution_id})

    def look(self, run: Run, node: Node, at: NodeRun) -> Change | None:
        if at.execution_id not in self.begun:
            self.begun.append(at.execution_id or "")
        return self.results.get(node.id)

    def stop(self, run: Run, node: Node, at: NodeRun) -> None:
        self.stopped.append(node.id)

    def end(self, *names: str) -> None:
        self.results |= {name: Change(NodeStatus.SUCCEEDED) for name in names}

    def fail(self, name: str, reason: str = "exit code 1") -> None:
        self.results[name] = runs.failed(reason)


@dataclass
class World:
    patch: pytest.MonkeyPatch
    scripts: Scripts = field(default_factory=Scripts)
    ended: list[tuple[Status, str | None]] = field(default_factory=list)
    execution: Execution | None = None

    @property
    def rules(self) -> Rules:
        made: dict[str, Kind] = {
            "trigger": kinds.Trigger(),
            "script": self.scripts,
            "approval": kinds.Approval(),
            "delay": kinds.Delay(),
        }
        return Rules(made, self._ending)

    def _ending(self, run: Run, status: Status, reason: str | None) -> Sequence[Write]:
        self.ended.append((status, reason))
        return ()

    def start(self, text: str, **nodes: dict[str, Any]) -> str:
        """A run of ``text``; ``nodes`` gives type and config of some."""
        drawn = graph(text)
        sources = [
            {"id": name, "type": node.type, "config": {}} | nodes.get(name, {})
            for name, node in drawn.nodes.items()
        ]
        edges = [{"from": edge.source, "to": edge.target, "when": edge.when} for edge in drawn.edges]
        task = TaskRequest(ADA, "workflow", {"workflow_id": 1})
        self.execution = runs.create(RunRequest(task, "WORKFLOW#1", sources, edges))
        assert tasks.begin(self.execution.id, 1)
        return self.execution.id

    def advance(self, attempt: int | None = None) -> engine.Turn:
        assert self.execution
        return engine.advance(self.execution.id, self.rules, attempt)

    def states(self) -> dict[str, str]:
        run = self.run()
        return {name: run.nodes[name].status if name in run.nodes else "pending" for name in run.graph.nodes}

    def run(self) -> Run:
        assert self.execution
        found = runs.load(self.execution.id)
        assert found
        return found

    def later(self, seconds: float) -> None:
        moment = clock.now() + timedelta(seconds=seconds)
        self.patch.setattr(clock, "now", lambda: moment)

    def told(self) -> list[Any]:
        assert self.execution
        return [entry.payload or entry.status for entry in feed.after(self.execution.id, feed.CONTROL, 0)]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_a_diamond_goes_through_to_its_end(world: World) -> None:
    world.start("t>a t>b a>d b>d")
    assert not world.advance().over
    assert world.states() == {"t": "succeeded", "a": "running", "b": "running", "d": "pending"}
    world.scripts.end("a")
    world.advance()
    assert world.states()["d"] == "pending"
    world.scripts.end("b", "d")
    assert world.advance().over
    assert set(world.states().values()) == {"succeeded"}
    assert world.ended == [(Status.SUCCEEDED, None)]
    assert world.run().execution.state is Status.SUCCEEDED
    assert len(world.scripts.begun) == len(set(world.scripts.begun)) == 3


def test_viewers_are_told_every_change_in_order_and_the_end_last(world: World) -> None:
    world.start("t>a a>b")
    world.advance()
    world.scripts.fail("a")
    world.advance()
    told = world.told()
    assert [(one["node"], one["status"]) for one in told[:-1]] == [
        ("t", "succeeded"),
        ("a", "running"),
        ("a", "failed"),
        ("b", "failed"),
    ]
    assert told[-1] == "failed"


def test_a_failure_fails_what_depends_on_it_and_the_other_branch_goes_on(world: World) -> None:
    world.start("t>a t>b a>x b>y")
    world.advance()
    world.scripts.fail("a", "1 of 1 hosts failed")
    assert not world.advance().over
    world.scripts.end("b", "y")
    assert world.advance().over
    assert world.states() == {
        "t": "succeeded",
        "a": "failed",
        "x": "failed",
        "b": "succeeded",
        "y": "succeeded",
    }
    assert world.run().nodes["x"].reason == "'a' did not succeed, so this did not run."
    assert world.run().nodes["x"].started_at is None
    assert world.run().execution.reason == "'a' failed: 1 of 1 hosts failed"


def test_whoever_comes_too_late_changes_nothing(world: World) -> None:
    world.start("t>a")
    world.advance()
    old = world.run()
    world.scripts.end("a")
    world.advance()
    assert not runs.move(old, old.graph.nodes["a"], runs.failed("late"))
    assert world.states()["a"] == "succeeded"
    assert world.advance().over


def test_the_machine_of_an_old_attempt_does_nothing_more(world: World) -> None:
    world.start("t>a")
    execution = world.execution
    assert execution
    assert ledger.new_attempt(execution)
    assert world.advance(attempt=1).over
    assert world.states() == {"t": "pending", "a": "pending"}
    assert not world.advance(attempt=2).over
    assert world.states()["a"] == "running"


def test_two_that_advance_at_once_begin_everything_once(world: World) -> None:
    """The second reads, the first goes all the way, then the second goes on with what it read."""
    world.start("t>a t>b")
    stale = world.run()
    real = runs.load
    world.patch.setattr(runs, "load", lambda run_id: world.patch.setattr(runs, "load", real) or stale)
    engine.advance(stale.id, Rules(world.rules.kinds))
    world.advance()
    assert len(world.scripts.begun) == len(set(world.scripts.begun)) == 2
    assert [at.attempt for at in world.run().nodes.values()] == [1, 1, 1]


def test_a_delay_goes_on_when_its_time_has_come(world: World) -> None:
    world.start("t>w w>a", w={"type": "delay", "config": {"seconds": 90}})
    before = clock.now()
    turn = world.advance()
    assert turn.alarm is not None
    assert timedelta(seconds=89) < turn.alarm - before < timedelta(seconds=95)
    assert world.states()["w"] == "waiting"
    world.later(91)
    assert world.advance().alarm is None
    assert world.states() == {"t": "succeeded", "w": "succeeded", "a": "running"}


@pytest.mark.parametrize(
    ("verdict", "state", "after"),
    [("fail", "failed", "failed"), ("approve", "succeeded", "running"), ("deny", "failed", "failed")],
)
def test_a_decision_that_nobody_makes_is_made_by_the_clock(
    world: World, verdict: str, state: str, after: str
) -> None:
    config = {"time_limit": 60, "on_expiry": verdict}
    world.start("t>p p>a", p={"type": "approval", "config": config})
    world.advance()
    assert world.states()["p"] == "waiting"
    world.later(61)
    world.advance()
    assert (world.states()["p"], world.states()["a"]) == (state, after)
    assert world.run().nodes["p"].reason == "Nobody decided within 60 s."


def test_a_denial_is_a_branch_where_an_edge_leads_on_from_it(world: World) -> None:
    world.start("t>p p>yes:true p>no:false", p={"type": "approval"})
    world.advance()
    run = world.run()
    change = kinds.decided(run.graph, run.graph.nodes["p"], False, "Denied by ada.", decided_by="ada")
    assert runs.move(run, run.graph.nodes["p"], change)
    world.advance()
    assert world.states() == {"t": "succeeded", "p": "succeeded", "yes": "skipped", "no": "running"}


def test_a_failed_node_is_tried_again_after_a_pause_that_doubles(world: World) -> None:
    world.start("t>a", a={"config": {"retry": {"count": 2, "backoff_seconds": 10}}})
    world.advance()
    world.scripts.fail("a")
    for attempt, pause in ((1, 10), (2, 20)):
        turn = world.advance()
        at = world.run().nodes["a"]
        assert (at.status, int(at.attempt), at.reason) == ("waiting", attempt, "exit code 1")
        assert turn.alarm is not None
        assert timedelta(seconds=pause - 2) < turn.alarm - clock.now() <= timedelta(seconds=pause)
        world.later(pause + 1)
    assert world.advance().over
    at = world.run().nodes["a"]
    assert (at.status, int(at.attempt)) == ("failed", 3)
    assert len(set(world.scripts.begun)) == 3


def test_a_try_that_succeeds_leaves_no_word_of_the_failure_before(world: World) -> None:
    world.start("t>a", a={"config": {"retry": {"count": 1, "backoff_seconds": 5}}})
    world.advance()
    world.scripts.fail("a")
    world.advance()
    world.scripts.end("a")
    world.later(6)
    assert world.advance().over
    at = world.run().nodes["a"].attribute_values
    assert {name: at.get(name) for name in ("status", "reason", "wakes_at", "attempt")} == {
        "status": "succeeded",
        "reason": None,
        "wakes_at": None,
        "attempt": 2,
    }


def test_a_node_past_its_time_limit_is_stopped_and_fails(world: World) -> None:
    world.start("t>a", a={"config": {"time_limit": 30}})
    assert world.advance().alarm is not None
    world.later(31)
    assert world.advance().over
    assert world.scripts.stopped == ["a"]
    assert world.run().nodes["a"].reason == "Not done within its time limit of 30 s."


def test_a_stopped_run_stops_what_runs_and_stays_stopped(world: World) -> None:
    run_id = world.start("t>a a>b")
    world.advance()
    signal = world.run().signal
    signal.stop = "ada"
    signal.save()
    assert world.advance().over
    assert world.states() == {"t": "succeeded", "a": "cancelled", "b": "cancelled"}
    assert world.scripts.stopped == ["a"]
    world.scripts.end("a")
    assert world.advance().over
    found = ledger.find(run_id)
    assert found
    assert (found.state, found.reason) == (Status.CANCELLED, "Stopped by ada.")


def test_a_run_that_cannot_go_on_fails_with_everything_that_is_open(world: World) -> None:
    run_id = world.start("t>a a>b")
    world.advance()
    engine.abandon(run_id, world.rules, 1, "A fault on our side.")
    assert world.scripts.stopped == ["a"]
    assert world.ended == [(Status.FAILED, "A fault on our side.")]


def test_writes_of_a_change_hold_only_together_with_it(world: World) -> None:
    world.start("t>a")
    world.advance()
    run = world.run()
    other = model.Signal("EXEC#other", "RUN#SIGNAL")
    taken = Put(other, model.Signal.pk.exists())
    change = Change(NodeStatus.SUCCEEDED, writes=(taken,))
    assert not runs.move(run, run.graph.nodes["a"], change)
    assert world.states()["a"] == "running"


# ---------------------------------------------------------------- waking


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []

    def answer(token: str) -> bool:
        found.append(token)
        return True

    monkeypatch.setattr(waking, "_answer", answer)
    return found


def test_a_waiting_machine_is_woken_by_what_happens(world: World, answered: list[str]) -> None:
    run_id = world.start("t>a")
    turn = world.advance()
    waking.park(run_id, 1, turn.seen, "token-1")
    assert answered == []
    assert waking.wake(run_id)
    assert answered == ["token-1"]


def test_what_happens_while_the_machine_is_at_work_keeps_it_from_sleeping(
    world: World, answered: list[str]
) -> None:
    run_id = world.start("t>a")
    turn = world.advance()
    assert not waking.wake(run_id)
    waking.park(run_id, 1, turn.seen, "token-1")
    assert answered == ["token-1"]


def test_a_machine_of_an_old_attempt_does_not_take_the_place_of_the_new(
    world: World, answered: list[str]
) -> None:
    run_id = world.start("t>a")
    seen = world.advance().seen
    waking.park(run_id, 2, seen, "new")
    waking.park(run_id, 1, seen, "old")
    assert answered == ["old"], "sent back at once, and told on its next turn that it is over"
    assert waking.wake(run_id)
    assert answered == ["old", "new"]


def test_the_end_of_a_script_wakes_the_run_that_it_belongs_to(world: World, answered: list[str]) -> None:
    run_id = world.start("t>a")
    waking.park(run_id, 1, world.advance().seen, "token")
    image = {
        "kind": {"S": "execution"},
        "status": {"S": "running"},
        "subject": {"S": f'{{"workflow": {{"run_id": "{run_id}", "node_id": "a"}}}}'},
    }
    waking.listen([{"dynamodb": {"NewImage": image}}])
    assert answered == []
    ended = image | {"status": {"S": "failed"}}
    waking.listen([{"dynamodb": {"NewImage": ended}}, {"dynamodb": {"NewImage": ended}}])
    assert answered == ["token"]


def test_history_is_newest_first_and_goes_on_where_it_was_left(world: World) -> None:
    made = [world.start("t>a") for _ in range(3)]
    first = runs.history("WORKFLOW#1", 2)
    assert [execution.id for _, execution in first] == made[:0:-1]
    rest = runs.history("WORKFLOW#1", 2, first[-1][0])
    assert [execution.id for _, execution in rest] == made[:1]
