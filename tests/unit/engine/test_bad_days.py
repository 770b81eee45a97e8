"""What goes wrong on the way of a change: the cluster, the steps, the workflow. Nothing stays open."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.aws import workflows
from chalicelib.core.executions import ledger
from chalicelib.core.executions.status import Status
from chalicelib.kernel import clock
from chalicelib.kernel.errors import PermanentTargetError, TransientTargetError
from chalicelib.surfaces.engine import steps
from chalicelib.surfaces.engine.model import deployments
from chalicelib.surfaces.engine.model.deployments import Deployment
from chalicelib.surfaces.engine.model.states import State
from chalicelib.surfaces.engine.service import changing, rollouts, scaling
from chalicelib.targets.kubernetes.replies import Reason
from tests.unit.engine.bench import Bench, coming, complete, kept_execution


def test_a_cluster_that_is_away_is_waited_for_and_the_change_goes_on(bench: Bench) -> None:
    made = bench.create()
    away = TransientTargetError("connection refused")
    bench.kubernetes.problems = {"apply": [away, away], "rollout_status": [away]}
    event = bench.event(made)
    waits = []
    step = "apply"
    while step != "done":
        event = bench.step(event, step)
        step = event.get("step", "done")
        waits.append((step, event.get("wait")))
    assert waits == [("apply", 2), ("apply", 3), ("watch", 1), ("watch", 2), ("finish", 0), ("done", None)]
    assert bench.stored(made).status is State.RUNNING


def test_a_cluster_that_stays_away_ends_the_change_after_a_quarter_of_an_hour(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bench.create()
    bench.kubernetes.problems = {"apply": [TransientTargetError("connection refused")] * 2}
    event = bench.step(bench.event(made), "apply")
    later = clock.now() + rollouts.PATIENCE + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    bench.run(event)
    now = bench.stored(made)
    assert now.status is State.FAILED
    assert now.error_message == "The cluster could not be reached for 15 minutes: connection refused"


def test_what_the_cluster_refuses_is_told_in_its_words(bench: Bench) -> None:
    made = bench.create()
    bench.kubernetes.problems = {"apply": [PermanentTargetError("exceeded quota: pods")]}
    bench.run_turn(made)
    assert bench.stored(made).error_message == "exceeded quota: pods"


@pytest.mark.parametrize("step", ["apply", "watch", "finish"])
def test_a_step_that_is_repeated_changes_nothing_more(bench: Bench, step: str) -> None:
    """As when a Lambda died after its work and before its answer was kept."""
    made = bench.create()
    event, name = bench.event(made), "apply"
    while name != "done":
        if name == step:
            bench.step(event, name)
        event = bench.step(event, name)
        name = event.get("step", "done")
    now = bench.stored(made)
    assert now.status is State.RUNNING
    assert now.turn is None
    assert now.error_message is None
    assert bench.totals() == {"running": 1}
    assert len({spec.model_dump_json() for spec in bench.kubernetes.applied}) == 1


def test_a_step_of_an_attempt_that_was_given_up_does_nothing(bench: Bench) -> None:
    made = bench.create()
    event = bench.event(made)
    following = bench.step(event, "apply")
    assert ledger.new_attempt(kept_execution(event["execution_id"]))
    assert bench.step(following, "watch")["step"] == "done"
    assert bench.step(event, "apply")["step"] == "done"
    assert bench.run(event | {"attempt": 2})["status"] == "succeeded"
    assert bench.stored(made).status is State.RUNNING


def test_the_sweep_starts_what_was_written_and_not_started(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[str, int]] = []
    with monkeypatch.context() as patch:
        patch.setattr(changing, "start", lambda *_: None)
        made = bench.create()
    monkeypatch.setattr(changing, "start", lambda name, attempt=1: started.append((name, attempt)))
    turn = bench.stored(made).turn
    assert turn is not None
    steps.sweep(kept_execution(turn))
    assert started == [(turn, 1)]


def test_the_sweep_takes_over_from_a_workflow_that_is_gone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bench.create()
    event = bench.event(made)
    bench.step(event, "apply")
    started: list[tuple[str, int]] = []
    monkeypatch.setattr(changing, "start", lambda name, attempt=1: started.append((name, attempt)))
    monkeypatch.setattr(workflows, "status", lambda *_: None)
    steps.sweep(kept_execution(event["execution_id"]))
    assert started == [(event["execution_id"], 2)]


def test_the_sweep_ends_what_was_left_behind_by_a_change_that_took_its_place(bench: Bench) -> None:
    made = bench.create()
    turn = kept_execution(bench.event(made)["execution_id"])
    bench.run_turn(made)
    left = kept_execution(turn.id)
    stale = Deployment(deployments.key("x"), "DEPLOYMENT")
    assert left.state.final
    left.id, left.pk, left.status = "left-behind", "EXEC#left-behind", Status.QUEUED.value
    left.subject = left.subject | {"deployment_id": stale.pk}
    left.save()
    steps.sweep(left)
    assert kept_execution("left-behind").state is Status.CANCELLED


def test_a_fault_of_ours_ends_the_change_and_says_so(bench: Bench) -> None:
    made = bench.create()
    event = bench.event(made)
    bench.step(event | {"failure": {"Error": "Lambda.Unknown", "Cause": "x"}}, "fail")
    now = bench.stored(made)
    assert now.status is State.FAILED
    assert now.error_message == steps.BROKEN.format("Lambda.Unknown")
    assert now.turn is None


def test_a_trouble_that_lasts_is_taken_for_good(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    made = bench.create()
    trouble = coming("The image cannot be pulled: the registry does not answer.", reason=Reason.image_pull)
    bench.kubernetes.rollouts = [trouble, trouble, trouble]
    event = bench.step(bench.event(made), "apply")
    event = bench.step(event, "watch")
    event = bench.step(event, "watch")
    assert event["step"] == "watch"
    later = clock.now() + rollouts.TAKEN_FOR_GOOD[Reason.image_pull] + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    bench.run(event, first="watch")
    assert bench.stored(made).error_message == trouble.message


HANGING = coming("1 of 1 updated, 0 available.", desired=1, updated=1)


def hang(bench: Bench, monkeypatch: pytest.MonkeyPatch, made: Deployment) -> str:
    """Its turn, whose pods are never heard of again; the id of the execution."""
    bench.kubernetes.rollouts = [HANGING, HANGING, HANGING, complete()]
    first = bench.event(made)
    following = bench.step(bench.step(bench.step(first, "apply"), "watch"), "watch")
    assert following["step"] == "watch"
    later = clock.now() + rollouts.PATIENCE + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    bench.run(following, first="watch")
    return str(first["execution_id"])


STALLED = "Nothing has moved for 15 minutes: 1 of 1 updated, 0 available."


def test_a_start_whose_pods_hang_ends_in_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kubernetes has no deadline for it: the version is the one that ran before."""
    made = bench.running()
    scaling.stop(bench.caller, made.id)
    bench.run_turn(made)
    scaling.start(bench.caller, made.id)
    ran = hang(bench, monkeypatch, made)
    assert (bench.stored(made).status, kept_execution(ran).reason) == (State.FAILED, STALLED)


def test_a_scaling_whose_pods_hang_goes_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    made = bench.running()
    scaling.scale(bench.caller, made.id, 3)
    hang(bench, monkeypatch, made)
    now = bench.stored(made)
    assert (now.status, now.replicas) == (State.RUNNING, 1)
    assert now.error_message == f"{STALLED} Rolled back to revision 1."


def test_pods_that_come_one_by_one_have_all_the_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    made = bench.create(replicas=4)
    bench.kubernetes.rollouts = [
        coming(f"{number} available.", desired=4, updated=4, available=number) for number in range(4)
    ]
    event, now = bench.step(bench.event(made), "apply"), clock.now()
    while event.get("step") == "watch":
        now += rollouts.PATIENCE - timedelta(seconds=1)
        monkeypatch.setattr(clock, "now", lambda moment=now: moment)
        event = bench.step(event, "watch")
    bench.run(event, first="finish")
    assert bench.stored(made).status is State.RUNNING


def test_the_time_that_the_cluster_was_away_is_not_held_against_the_pods(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bench.create()
    bench.kubernetes.rollouts = [HANGING, HANGING]
    event = bench.step(bench.step(bench.event(made), "apply"), "watch")
    bench.kubernetes.problems = {"rollout_status": [TransientTargetError("connection refused")]}
    event = bench.step(event, "watch")
    later = clock.now() + rollouts.PATIENCE + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert bench.step(event, "watch")["step"] == "watch"
