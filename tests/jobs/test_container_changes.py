"""Changes beyond the document, on a real cluster: a look beforehand, restart, undo, autoscaling."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes import client as official

from tests.jobs.harbour import Harbour
from tests.support.kubernetes import APP_1, APP_2

pytestmark = pytest.mark.timeout(400)

CHECK = {"path": "/health", "initial_delay_seconds": 1, "period_seconds": 1}


def test_a_change_is_shown_beforehand_restarted_undone_and_scaled_by_load(
    harbour: Harbour,
) -> None:
    made = harbour.create(health_check=CHECK)
    harbour.running(made)
    change = {"image": APP_2}
    shown = harbour.ask(made, "POST", "/diff", change)
    assert shown["changes_anything"]
    assert APP_2 in str(shown["changes"])
    assert not harbour.ask(made, "POST", "/diff", {"image": APP_1})["changes_anything"]
    assert harbour.says(made) == "version 1", "a look changes nothing"

    harbour.ask(made, "PUT", body=change)
    harbour.running(made)
    before = {pod.metadata.name for pod in harbour.pods(made)}
    harbour.ask(made, "POST", "/restart")
    harbour.running(made)
    assert not before & {pod.metadata.name for pod in harbour.pods(made)}
    assert harbour.says(made) == "version 2"

    harbour.ask(made, "POST", "/undo", {"revision": 1})
    assert harbour.running(made)["revision"] == 4
    assert harbour.says(made) == "version 1"

    harbour.ask(made, "PUT", "/autoscaling", {"minimum": 2, "maximum": 3, "cpu_percent": 70})
    shown = harbour.running(made)
    api: Any = official.AutoscalingV1Api(harbour.cluster.client)
    bounds = api.read_namespaced_horizontal_pod_autoscaler(made["app_name"], shown["namespace"]).spec
    assert (bounds.min_replicas, bounds.max_replicas) == (2, 3)
    assert bounds.target_cpu_utilization_percentage == 70
    assert harbour.deployment(made).spec.replicas == 2

    harbour.ask(made, "PUT", "/autoscaling", {"enabled": False})
    harbour.running(made)
    assert not api.list_namespaced_horizontal_pod_autoscaler(shown["namespace"]).items
    assert [one["action"] for one in harbour.executions(made)] == [
        "create",
        "update",
        "restart",
        "undo",
        "autoscale",
        "autoscale",
    ]
