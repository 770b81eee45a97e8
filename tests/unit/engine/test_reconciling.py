"""The minute's look: drift is told as long as it lasts, or put right; what was given up is tried again."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.core import reach
from chalicelib.core.alerts import records
from chalicelib.core.alerts.records import Filters
from chalicelib.core.quotas import keeping
from chalicelib.kernel.errors import TransientTargetError
from chalicelib.surfaces.engine import steps
from chalicelib.surfaces.engine.model import deployments, samples
from chalicelib.surfaces.engine.model.deployments import Deployment
from chalicelib.surfaces.engine.model.states import State
from chalicelib.surfaces.engine.service import deployments as service
from chalicelib.surfaces.engine.service import reconciling, scaling
from chalicelib.targets.kubernetes.replies import (
    AppMetrics,
    AppStatus,
    Capabilities,
    Finding,
    Observation,
    PodMetrics,
    RolloutStatus,
)
from tests.unit.engine.bench import Bench, Kubernetes, coming, complete, failing

GONE = Finding(kind="Service", name="web", problem="missing", words="The Service web is gone.")


class Watched(Kubernetes):
    """Also tells what runs and what it uses."""

    def _capabilities(self, _: Any) -> Capabilities:
        return Capabilities(
            version="v1.31.0",
            minor=31,
            metrics=True,
            autoscaling="autoscaling/v2",
            cert_manager=False,
            ingress_classes=(),
            default_ingress_class=None,
        )

    def _status(self, _: Any) -> AppStatus:
        return AppStatus(exists=True, desired=1, replicas=1, ready=1, available=1, restarts=2)

    def _metrics(self, _: Any) -> AppMetrics:
        pod = PodMetrics(
            pod="shop-1",
            timestamp="2026-01-01T00:00:00Z",
            window_seconds=15,
            cpu_millicores=250,
            memory_bytes=64_000_000,
        )
        return AppMetrics(available=True, pods=(pod,))


@pytest.fixture
def kubernetes(monkeypatch: pytest.MonkeyPatch) -> Kubernetes:
    made = Watched()
    monkeypatch.setattr(reach, "run", made.run)
    return made


def look(found: Deployment) -> None:
    """As if a minute had gone by since the last look."""
    stored = deployments.find(found.id)
    assert stored is not None
    stored.update(actions=[Deployment.due_at.set("2000-01-01T00:00:00.000000Z")])
    reconciling.look_around()


def alerts(bench: Bench) -> list[tuple[str, str]]:
    listed = records.listed(Filters("engine", owner_id=str(bench.user_id)), 10)
    return [(one.standing, one.message) for one in listed]


def test_what_is_otherwise_than_applied_is_told_as_long_as_it_lasts(bench: Bench) -> None:
    made = bench.running()
    bench.kubernetes.observation = Observation(findings=(GONE,))
    look(made)
    look(made)
    [finding] = bench.stored(made).drift
    assert finding["words"] == "The Service web is gone."
    assert bench.stored(made).turn is None, "reported alone"
    assert alerts(bench) == [("open", "The Service web is gone.")]
    bench.kubernetes.observation = Observation(findings=())
    look(made)
    assert bench.stored(made).drift is None
    assert [standing for standing, _ in alerts(bench)] == ["cleared"]


def test_it_is_put_right_where_the_owner_wants_that(bench: Bench) -> None:
    made = bench.running(drift_policy="repair")
    bench.kubernetes.observation = Observation(findings=(GONE,))
    look(made)
    assert bench.stored(made).turn_action == "repair"
    bench.run_turn(made)
    assert len(bench.kubernetes.applied) == 2
    assert bench.stored(made).drift is None
    assert [standing for standing, _ in alerts(bench)] == ["cleared"]


def test_figures_are_kept_for_charts(bench: Bench) -> None:
    made = bench.running()
    look(made)
    hours = list(samples.Samples.query(f"SAMPLES#{made.id}"))
    [[_, *figures]] = hours[0].points
    assert dict(zip(samples.FIELDS, figures, strict=True)) == {
        "cpu": 0.25,
        "memory": 64_000_000,
        "replicas": 1,
        "restarts": 2,
        "network_in": None,
        "network_out": None,
    }


def test_what_is_under_way_is_left_alone(bench: Bench) -> None:
    made = bench.create()
    look(made)
    assert "observe" not in bench.kubernetes.calls


def test_a_cluster_that_is_away_keeps_nobody_from_the_next_look(bench: Bench) -> None:
    made = bench.running()
    bench.kubernetes.problems = {"status": [TransientTargetError("away")], "observe": []}
    look(made)
    look(made)
    assert "observe" in bench.kubernetes.calls


def test_a_deletion_that_was_given_up_is_tried_again(bench: Bench) -> None:
    made = bench.running()
    service.delete(bench.caller, made.id)
    event = bench.event(made)
    bench.run(event | {"loop": {"outcome": "failed", "reason": "away"}}, first="finish")
    assert bench.stored(made).turn is None
    look(made)
    bench.run_turn(made)
    assert deployments.find(made.id) is None


BROKEN = {"failure": {"Error": "Lambda.Unknown", "Cause": "x"}}


def given_up(bench: Bench) -> Deployment:
    """An update that ended by a fault of ours once it was applied."""
    made = bench.running()
    bench.update(made, image="registry.example.com/shop:2", replicas=3)
    event = bench.event(made)
    bench.step(event, "apply")
    bench.step(event | BROKEN, "fail")
    assert bench.stored(made).status is State.FAILED
    return made


def test_an_update_that_was_given_up_and_came_all_the_same_counts(bench: Bench) -> None:
    made = given_up(bench)
    bench.kubernetes.rollouts = [complete(revision="2", available=3)]
    look(made)
    bench.run_turn(made)
    now = bench.stored(made)
    assert (now.status, now.revision, now.working_revision) == (State.RUNNING, 2, 2)
    assert now.url is not None
    assert [one.outcome for one in deployments.revisions(made.id)] == ["working", "working"]


@pytest.mark.parametrize(
    "seen", [complete(revision="1", available=1), failing(available=1)], ids=["not there", "stuck"]
)
def test_an_update_that_was_given_up_and_did_not_come_goes_back(bench: Bench, seen: RolloutStatus) -> None:
    made = given_up(bench)
    bench.kubernetes.rollouts = [seen]
    look(made)
    bench.run_turn(made)
    now = bench.stored(made)
    assert (now.status, now.revision, now.replicas) == (State.RUNNING, 1, 1)
    fault = steps.BROKEN.format("Lambda.Unknown")
    assert now.error_message == f"{fault} Rolled back to revision 1."
    assert bench.kubernetes.applied[-1].image == "registry.example.com/shop:1"
    assert keeping.standing(bench.user_id).held.replicas == 1


def test_an_update_that_was_given_up_is_left_alone_while_it_gets_on(bench: Bench) -> None:
    made = given_up(bench)
    bench.kubernetes.rollouts = [coming()]
    look(made)
    assert bench.stored(made).turn is None


def test_going_back_is_tried_once(bench: Bench) -> None:
    made = given_up(bench)
    bench.kubernetes.rollouts = [failing()] * 3
    look(made)
    bench.run_turn(made)
    assert bench.stored(made).status is State.FAILED
    look(made)
    assert bench.stored(made).turn is None


def test_a_stop_that_was_given_up_is_carried_out(bench: Bench) -> None:
    made = bench.running()
    scaling.stop(bench.caller, made.id)
    bench.step(bench.event(made) | BROKEN, "fail")
    assert bench.stored(made).status is State.FAILED
    look(made)
    bench.run_turn(made)
    assert bench.stored(made).status is State.STOPPED
    assert bench.kubernetes.applied[-1].replicas == 0
