"""An app's life on a real cluster, seen by the driver and, independently, by the official client."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client

from chalicelib.targets.kubernetes.requests import Host, LogsRequest, ScaleRequest, ShellRequest
from chalicelib.targets.kubernetes.shell import open_shell
from chalicelib.targets.shells import Shell, Size
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
    with open_shell(ShellRequest(access=app.access, app=app.request.app), Size(101, 31)) as shell:
        see = Eyes(shell)
        # The engine learns the size a moment after the shell has begun.
        shell.write(b"until stty size 2>&1 | grep '31 101'; do :; done; echo si''zed\r")
        see("sized\r\n")
        shell.resize(Size(132, 50))
        shell.write(b"until stty size 2>&1 | grep '50 132'; do :; done; echo si''zed\r")
        see("sized\r\n")
        shell.write(b"wget -qO- http://127.0.0.1:8080/; echo sum=$((40+2)); exit 7\r")
        seen = see.the_rest()
        assert "version 1" in seen
        assert "sum=42" in seen
        assert (shell.exit_code, shell.failure(), shell.write(b"late")) == (7, None, 0)


def test_a_shell_takes_a_lot_in_both_directions_at_once_and_whole(app: App) -> None:
    """What is pasted is echoed: who would not read while it writes would hang."""
    lines = "".join(f"{number:05d} {'xyz' * 13}\n" for number in range(2300)).encode()
    with open_shell(ShellRequest(access=app.access, app=app.request.app), Size()) as shell:
        see = Eyes(shell)
        shell.write(b"md5sum; echo do''ne\r")
        see("ne\r\n")
        left = lines + b"\x04"
        while left:
            left = left[shell.write(left) :]
        assert hashlib.md5(lines, usedforsecurity=False).hexdigest() in see("done\r\n")
        shell.write(b"seq 1 100000; echo fin''ished\r")
        screen = see("finished\r\n").replace("\r", "").split("\n")
        assert [int(line) for line in screen if line.isdecimal()] == list(range(1, 100001))


def test_control_c_ends_what_runs_in_a_container_and_leaving_ends_the_shell(app: App) -> None:
    mark = str(secrets.randbelow(10**6) + 10**6)
    request = ShellRequest(access=app.access, app=app.request.app)
    with open_shell(request, Size()) as shell:
        see = Eyes(shell)
        # What says that it has begun is what is then ended: between two commands a shell takes no notice.
        shell.write(b"sh -c \"echo be''gun; exec sleep 1000\"\r")
        see("begun\r\n")
        shell.write(b"\x03")
        shell.write(b"echo en''ded\r")
        see("ended\r\n")
        shell.write(f"sh -c \"echo st''ays; exec sleep {mark}\"\r".encode())
        see("stays\r\n")
    looking = (
        "/bin/sh",
        "-c",
        f"while ps | grep -v grep | grep -q 'sleep {mark}'; do sleep 0.1; done; exit 3",
    )
    with open_shell(request.model_copy(update={"command": looking}), Size()) as shell:
        Eyes(shell).the_rest()
        assert shell.exit_code == 3


class Eyes:
    """Looks at a shell's screen until something is there, which is behind us then."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._screen = b""

    def __call__(self, wanted: str) -> str:
        until = time.monotonic() + PATIENCE
        while wanted.encode() not in self._screen:
            assert time.monotonic() < until, f"no {wanted!r} on the screen: {self._screen[-1000:]!r}"
            self._screen += self._shell.read(0.2)
        seen, found, self._screen = self._screen.partition(wanted.encode())
        return (seen + found).decode()

    def the_rest(self) -> str:
        until = time.monotonic() + PATIENCE
        while not self._shell.drained:
            assert time.monotonic() < until, f"it does not end: {self._screen[-1000:]!r}"
            self._screen += self._shell.read(0.2)
        return self._screen.decode()


def test_a_program_that_is_not_in_the_image_is_no_shell(app: App) -> None:
    """Some engines say so as an error, some on the screen with an exit code that shells use for it."""
    request = ShellRequest(access=app.access, app=app.request.app, command=("/no/such/program",))
    with open_shell(request, Size()) as shell:
        seen, failure = Eyes(shell).the_rest(), shell.failure()
    told = failure.message if failure else seen
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
