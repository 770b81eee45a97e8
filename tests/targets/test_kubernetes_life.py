"""An app's life on a real cluster, seen by the driver and, independently, by the official client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client

from chalicelib.targets.kubernetes.requests import Host, LogsRequest, ScaleRequest, ShellRequest
from chalicelib.targets.kubernetes.shell import open_shell
from tests.support.kube_apps import PATIENCE, App, Apps, apps_on
from tests.support.kubernetes import APP_2, Cluster
from tests.support.stack import wait_until

pytestmark = [pytest.mark.targets, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def apps(cluster: Cluster) -> Iterator[Apps]:
    with apps_on(cluster) as made:
        yield made


@pytest.fixture(scope="module")
def started(apps: Apps) -> dict[str, App]:
    """All that these tests need, applied at once: starting takes the node longest."""
    return {
        "app": apps.applied("serve"),
        "pair": apps.applied("serve", replicas=2),
        "passing": apps.applied("serve", hosts=(Host(host="app.example.com"),)),
    }


@pytest.fixture(scope="module")
def app(started: dict[str, App]) -> App:
    """One that serves; tests leave it so."""
    started["app"].completed()
    return started["app"]


def test_an_app_is_available_when_its_rollout_is_complete(app: App, cluster: Cluster) -> None:
    status = app.status()
    assert (status.exists, status.desired, status.ready, status.available) == (True, 1, 1, 1)
    assert status.started_at
    assert status.checked_at
    assert [pod.state for pod in status.pods] == ["Running"]
    seen = client.AppsV1Api(cluster.client).read_namespaced_deployment(app.spec.app_name, app.spec.namespace)
    assert seen.status is not None
    assert seen.status.available_replicas == 1


def test_applying_what_stands_changes_no_generation(app: App) -> None:
    first, second = app.apply(), app.apply()
    assert first.generation == second.generation
    assert not second.created
    assert not app.ask("dry_run", app.applying).changes_anything
    assert app.ask("observe", app.applying).as_wished


def test_its_log_says_what_it_wrote(app: App) -> None:
    logs = app.ask("logs", LogsRequest(access=app.access, app=app.request.app))
    assert [line.message for line in logs.lines] == ["version 1 starts in mode serve"]
    assert logs.lines[0].pod == app.status().pods[0].name
    assert logs.lines[0].timestamp.endswith("Z")


def test_a_shell_opens_in_its_container_and_says_how_it_ended(app: App) -> None:
    with open_shell(ShellRequest(access=app.access, app=app.request.app)) as shell:
        shell.resize(101, 31)
        shell.write(b"stty size; wget -qO- http://127.0.0.1:8080/; echo sum=$((40+2)); exit 7\r")
        seen = b""
        while not shell.drained:
            seen += shell.read(10)
        assert b"31 101" in seen or b"stty: not found" in seen
        assert b"version 1" in seen
        assert b"sum=42" in seen
        assert shell.exit_code == 7
        assert shell.failure() is None


def test_a_program_that_is_not_in_the_image_is_no_shell(app: App) -> None:
    """Some engines say so as an error, some on the screen with an exit code that shells use for it."""
    request = ShellRequest(access=app.access, app=app.request.app, command=("/no/such/program",))
    with open_shell(request) as shell:
        seen = b""
        while not shell.drained:
            seen += shell.read(10)
        failure = shell.failure()
    told = failure.message if failure else seen.decode()
    assert "no such file" in told
    assert failure or shell.exit_code in (126, 127)


def test_what_it_uses_is_measured_by_the_cluster(app: App) -> None:
    metrics = wait_until(
        lambda: (now := app.ask("metrics")).pods and now, seconds=PATIENCE, every=1, what="the figures"
    )
    (pod,) = metrics.pods
    assert metrics.available
    assert pod.pod == app.status().pods[0].name
    assert 0 < pod.memory_bytes <= metrics.memory_limit_bytes == 32 * 1024**2
    assert pod.cpu_millicores >= 0
    assert metrics.cpu_limit_millicores == 10
    assert pod.received_bytes is not None


def test_what_somebody_deleted_or_changed_by_hand_is_found_and_healed(app: App, cluster: Cluster) -> None:
    core, apps_api = client.CoreV1Api(cluster.client), client.AppsV1Api(cluster.client)
    name, namespace = app.spec.app_name, app.spec.namespace
    core.delete_namespaced_service("web", namespace, _preload_content=False)
    apps_api.patch_namespaced_deployment_scale(name, namespace, {"spec": {"replicas": 2}})
    words = [one.words for one in app.ask("observe", app.applying).findings]
    assert words == [
        f"The Deployment {name} was changed: spec.replicas is 2 instead of 1.",
        "The Service web is gone.",
    ]
    app.apply()
    assert app.ask("observe", app.applying).as_wished
    app.completed()


def test_an_update_never_drops_below_what_was_asked_and_is_in_the_history(started: dict[str, App]) -> None:
    app = started["pair"]
    app.completed()
    app.change(image=APP_2, revision="2")
    changed = {change.kind: change.fields for change in app.ask("dry_run", app.applying).changes}
    assert "spec.template.spec.containers[app].image" in {one.path for one in changed["Deployment"]}
    app.apply()
    seen = []
    while (now := app.rollout()).outcome == "progressing":
        seen.append(now.available)
    assert now.outcome == "complete", now
    assert min(seen, default=2) >= 2
    first, second = app.ask("history").revisions
    assert (first.number, first.revision, first.image, first.current) == (2, "2", APP_2, True)
    assert (second.number, second.revision, second.replicas, second.current) == (1, "1", 0, False)


def test_an_app_is_scaled_stopped_started_and_deleted(started: dict[str, App], cluster: Cluster) -> None:
    app = started["passing"]
    app.completed()
    app.change(replicas=3)
    app.apply()
    assert app.completed().available == 3
    scaled = app.ask("scale", ScaleRequest(access=app.access, app=app.request.app, replicas=0))
    assert (scaled.before, scaled.replicas) == (3, 0)
    assert app.completed().message == "Stopped."
    assert app.status().started_at is None
    app.change(replicas=1, hosts=())
    assert app.apply().removed == (f"Ingress {app.spec.app_name}",)
    assert app.completed().available == 1
    assert app.ask("namespace_state").state == "active"
    assert app.ask("delete").state == "terminating"
    assert app.ask("delete").state in ("terminating", "gone")
    wait_until(lambda: app.ask("namespace_state").state == "gone", seconds=200, every=1, what="the deletion")
    assert app.ask("delete").state == "gone"
    assert app.rollout().reason == "missing"
    assert not app.status().exists
    core: Any = client.CoreV1Api(cluster.client)
    assert app.spec.namespace not in [one.metadata.name for one in core.list_namespace().items]
