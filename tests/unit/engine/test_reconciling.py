"""The minute's look: drift is told as long as it lasts, or put right; what was given up is tried again."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.core import reach
from chalicelib.core.alerts import records
from chalicelib.core.alerts.records import Filters
from chalicelib.kernel.errors import TransientTargetError
from chalicelib.surfaces.engine.model import deployments, samples
from chalicelib.surfaces.engine.model.deployments import Deployment
from chalicelib.surfaces.engine.service import deployments as service
from chalicelib.surfaces.engine.service import reconciling
from chalicelib.targets.kubernetes.replies import (
    AppMetrics,
    AppStatus,
    Capabilities,
    Finding,
    Observation,
    PodMetrics,
)
from tests.unit.engine.bench import Bench, Kubernetes

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
