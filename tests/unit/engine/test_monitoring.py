"""What is told of a running deployment: which stretch of time, which points, and what there is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from chalicelib.kernel import clock
from chalicelib.kernel.errors import BadRequest, TransientTargetError
from chalicelib.surfaces.engine.model import samples
from chalicelib.surfaces.engine.model.deployments import Deployment
from chalicelib.surfaces.engine.presenters import monitoring as present
from chalicelib.surfaces.engine.schemas.api_keys import CreateApiKeyRequest
from chalicelib.surfaces.engine.schemas.monitoring import LogsQuery, MetricsQuery
from chalicelib.surfaces.engine.service import observing
from chalicelib.targets.kubernetes.replies import AppMetrics, PodMetrics
from tests.unit.engine.bench import Bench

Json = dict[str, Any]

NOW = datetime(2026, 3, 4, 12, 0, 0, tzinfo=UTC)
NO_API = "The cluster has no metrics API: metrics-server is not installed."
POD = PodMetrics(
    pod="shop-1", timestamp="2026-03-04T12:00:00Z", window_seconds=15, cpu_millicores=250, memory_bytes=64
)


@pytest.fixture
def found(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """A deployment that runs, at noon."""
    made = bench.running()
    at(monkeypatch, timedelta())
    return made


def at(monkeypatch: pytest.MonkeyPatch, ago: timedelta) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW - ago)


def sampled(monkeypatch: pytest.MonkeyPatch, found: Deployment, *points: tuple[float, Json]) -> None:
    """Points of so many minutes ago, and of what was measured then."""
    for minutes, figures in points:
        at(monkeypatch, timedelta(minutes=minutes))
        samples.keep(found.id, figures)
    at(monkeypatch, timedelta())


def asked(bench: Bench, found: Deployment, answer: AppMetrics | Exception, **query: str) -> Json:
    wanted = MetricsQuery.model_validate(query)
    if isinstance(answer, Exception):
        bench.kubernetes.problems["metrics"] = [answer]
    else:
        bench.kubernetes._metrics = lambda _: answer  # type: ignore[attr-defined]
    told, kept = observing.metrics(bench.caller, found.id, wanted)
    return present.metrics(told, kept, wanted.resolution)


def minutes_ago(series: list[Json]) -> list[float]:
    return [(NOW - clock.parse(point["timestamp"])).total_seconds() / 60 for point in series]


# ---------------------------------------------------------------- what there is not


def test_a_cluster_without_metrics_has_none_though_replicas_are_counted(
    bench: Bench, found: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampled(monkeypatch, found, (5, {"replicas": 1, "restarts": 2}))
    told = asked(bench, found, AppMetrics(available=False, message=NO_API))
    assert (told["available"], told["message"], told["pods"]) == (False, NO_API, [])
    assert [point["value"] for point in told["metrics"]["restarts"]] == [2]


def test_a_cluster_that_is_away_has_what_was_measured_before(
    bench: Bench, found: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampled(monkeypatch, found, (5, {"cpu": 0.25}))
    told = asked(bench, found, TransientTargetError("The cluster is away."))
    assert (told["available"], told["message"]) == (True, "The cluster is away.")
    assert [point["value"] for point in told["metrics"]["cpu"]] == [0.25]


def test_figures_of_now_are_there_before_any_was_kept(bench: Bench, found: Deployment) -> None:
    told = asked(bench, found, AppMetrics(available=True, pods=(POD,)))
    assert (told["available"], told["metrics"]) == (True, {})
    assert [pod["cpu_millicores"] for pod in told["pods"]] == [250]


# ---------------------------------------------------------------- the stretch of time


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, [50, 10]),
        ({"from": "3h"}, [170, 100, 50, 10]),
        ({"from": "3h", "to": "60m"}, [170, 100]),
        ({"to": "60m"}, [100]),
        ({"from": "2026-03-04T11:00:00Z", "to": "2026-03-04T11:20:00Z"}, [50]),
        ({"from": "2026-03-04T12:00:00 01:00", "to": "2026-03-04T12:20:00 01:00"}, [50]),
        ({"from": "30d"}, [170, 100, 50, 10]),
        ({"from": "30d", "to": "20d"}, []),
        ({"to": "8d"}, []),
        ({"to": "0001-01-01T00:10:00Z"}, []),
    ],
)
def test_points_are_those_of_the_stretch_that_was_asked_for(
    bench: Bench, found: Deployment, monkeypatch: pytest.MonkeyPatch, query: Json, expected: list[float]
) -> None:
    sampled(monkeypatch, found, *((ago, {"cpu": 1.0}) for ago in (170, 100, 50, 10)))
    told = asked(bench, found, AppMetrics(available=True), **query)
    assert minutes_ago(told["metrics"].get("cpu", [])) == expected


@pytest.mark.parametrize("query", [{"from": "30d", "to": "20d"}, {"to": "8d"}])
def test_the_table_is_not_asked_for_a_stretch_that_ends_before_what_is_kept(
    bench: Bench, found: Deployment, monkeypatch: pytest.MonkeyPatch, query: Json
) -> None:
    monkeypatch.setattr(samples, "between", lambda *_: pytest.fail("the table was asked"))
    assert asked(bench, found, AppMetrics(available=True), **query)["metrics"] == {}


def test_a_stretch_that_ends_before_it_begins_is_refused(bench: Bench, found: Deployment) -> None:
    with pytest.raises(BadRequest):
        asked(bench, found, AppMetrics(available=True), **{"from": "10m", "to": "20m"})


@pytest.mark.parametrize(
    ("model", "sent"),
    [
        (MetricsQuery, {"from": "9999999d"}),
        (MetricsQuery, {"from": "0001-01-01T00:00:00+01:00"}),
        (MetricsQuery, {"to": "9999-12-31T23:59:59-01:00"}),
        (MetricsQuery, {"from": "noon"}),
        (LogsQuery, {"since": "0001-01-01T00:00:00+01:00"}),
        (CreateApiKeyRequest, {"name": "ci", "expires_at": "0001-01-01T00:00:00+01:00"}),
    ],
)
def test_times_that_there_are_not_are_the_senders_mistake(model: type[BaseModel], sent: Json) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(sent)


@pytest.mark.parametrize("since", ["999999999d", "0001-01-01T00:00:00Z"])
def test_as_far_back_as_one_likes_stays_within_what_a_node_can_count(since: str) -> None:
    assert LogsQuery.model_validate({"since": since}).since == 10**9


# ---------------------------------------------------------------- the points


def test_a_resolution_averages_the_points_of_each_length(
    bench: Bench, found: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampled(monkeypatch, found, (12, {"cpu": 0.1}), (11, {"cpu": 0.3}), (4, {"cpu": 0.5}))
    told = asked(bench, found, AppMetrics(available=True), resolution="5m")
    assert minutes_ago(told["metrics"]["cpu"]) == [15, 5]
    assert [point["value"] for point in told["metrics"]["cpu"]] == pytest.approx([0.2, 0.5])


def test_traffic_is_bytes_a_second_and_a_counter_that_began_anew_is_left_out(
    bench: Bench, found: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = ((5, 1000), (4, 7000), (3, 600), (2, None), (1, 2400))
    sampled(monkeypatch, found, *((ago, {"network_in": total}) for ago, total in counted))
    told = asked(bench, found, AppMetrics(available=True))
    assert minutes_ago(told["metrics"]["network_in"]) == [4, 1]
    assert [point["value"] for point in told["metrics"]["network_in"]] == [100.0, 15.0]
    assert "network_out" not in told["metrics"]
