"""Solvers and certificates on a real cluster, seen by the driver and, on its own, by the official client."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from kubernetes import client

from chalicelib.kernel import clock
from chalicelib.kernel.errors import PermanentTargetError
from chalicelib.kernel.secrets import Secret
from chalicelib.targets.kubernetes import solver_manifests
from chalicelib.targets.kubernetes.api import connect
from chalicelib.targets.kubernetes.dryrun import check_elsewhere
from chalicelib.targets.kubernetes.solver_requests import (
    CertificateRef,
    SolverRef,
    SolverRequest,
    StoreCertificate,
)
from tests.support.certificates import self_signed
from tests.support.kube_apps import PATIENCE, App, Apps, apps_on
from tests.support.kubernetes import Cluster
from tests.support.stack import wait_until
from tests.unit.test_kubernetes_solver import REQUEST

pytestmark = [pytest.mark.targets, pytest.mark.timeout(300)]

HOST = "www.shop.test"
IMAGE = "local/bb:1"


@pytest.fixture(scope="module")
def apps(cluster: Cluster) -> Iterator[Apps]:
    with apps_on(cluster) as made:
        yield made


@pytest.fixture(scope="module")
def app(apps: Apps) -> App:
    """One that is stopped: the solver is all that runs in its namespace."""
    return apps.applied(replicas=0)


def presenting(app: App, **changes: Any) -> SolverRequest:
    fields = {"host": HOST, "token": "tokenOf-22_chars", "content": "tokenOf-22_chars.thumb", "image": IMAGE}
    return SolverRequest.model_validate({"access": app.access, "app": app.request.app, **fields} | changes)


def solver(app: App) -> SolverRef:
    return SolverRef(access=app.access, app=app.request.app, host=HOST)


def certificate(app: App, secret: str = "tls-shop") -> CertificateRef:
    return CertificateRef(access=app.access, app=app.request.app, secret=secret)


def storing(app: App, secret: str = "tls-shop") -> StoreCertificate:
    chain, key = self_signed("www.shop.test", until=datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC))
    return StoreCertificate(
        access=app.access, app=app.request.app, secret=secret, chain=chain, key=Secret(key)
    )


def test_the_golden_solver_passes_the_servers_own_validation(app: App) -> None:
    server = connect(app.access)
    for manifest in solver_manifests.manifests(REQUEST):
        assert check_elsewhere(server, manifest).action == "create"


def test_a_solver_serves_the_proof_and_is_taken_away_again(app: App, cluster: Cluster) -> None:
    first = app.ask("present_solver", presenting(app))
    assert not first.hopeless
    state = wait_until(
        lambda: (now := app.ask("solver_state", solver(app))).serving and now,
        seconds=PATIENCE,
        every=0.5,
        what="the solver",
    )
    assert state.message == f"The proof for {HOST} is served in the cluster."
    core: Any = client.CoreV1Api(cluster.client)
    name = solver_manifests.name_for(HOST)
    (pod,) = core.list_namespaced_pod(
        app.spec.namespace, label_selector=f"app.kubernetes.io/instance={name}"
    ).items
    url = f"http://{pod.status.pod_ip}:8089/.well-known/acme-challenge/tokenOf-22_chars"
    with urllib.request.urlopen(url, timeout=20) as answer:
        assert answer.read() == b"tokenOf-22_chars.thumb"
    # Presented again nothing changes, and the app does not count the solver among its own.
    assert app.ask("present_solver", presenting(app)).serving
    assert app.status().pods == ()
    removed = app.ask("remove_solver", solver(app)).removed
    assert {one.split()[0] for one in removed} == set(solver_manifests.KINDS)
    assert app.ask("remove_solver", solver(app)).removed == ()
    assert app.ask("solver_state", solver(app)).hopeless


def test_a_solver_that_does_not_come_says_why(app: App) -> None:
    app.ask("present_solver", presenting(app, image="local/no-such-image:1"))
    words = "The image local/no-such-image:1 cannot be pulled"
    state = wait_until(
        lambda: words in (now := app.ask("solver_state", solver(app))).message and now,
        seconds=PATIENCE,
        every=0.5,
        what="the reason",
    )
    assert not state.serving
    app.ask("remove_solver", solver(app))


def test_a_certificate_is_stored_told_replaced_and_removed(app: App, cluster: Cluster) -> None:
    assert app.ask("stored_certificate", certificate(app)).not_after is None
    stored = app.ask("store_certificate", storing(app))
    assert stored.not_after is not None
    assert clock.parse(stored.not_after) == datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)
    core: Any = client.CoreV1Api(cluster.client)
    seen = core.read_namespaced_secret("tls-shop", app.spec.namespace)
    assert (seen.type, set(seen.data)) == ("kubernetes.io/tls", {"tls.crt", "tls.key"})
    again = app.ask("store_certificate", storing(app))
    assert again.serial != stored.serial
    assert app.ask("stored_certificate", certificate(app)).serial == again.serial
    assert app.ask("observe", app.applying).as_wished
    assert app.ask("remove_certificate", certificate(app)).removed == ("Secret tls-shop",)
    assert app.ask("remove_certificate", certificate(app)).removed == ()


def test_a_secret_of_somebody_elses_is_neither_replaced_nor_removed(app: App, cluster: Cluster) -> None:
    metadata = {"name": "theirs", "namespace": app.spec.namespace}
    cluster.create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata})
    with pytest.raises(PermanentTargetError, match="A Secret theirs that is not ours"):
        app.ask("store_certificate", storing(app, "theirs"))
    assert app.ask("remove_certificate", certificate(app, "theirs")).removed == ()
    assert app.ask("stored_certificate", certificate(app, "theirs")).not_after is None


def test_nothing_is_made_for_an_app_that_is_gone(apps: Apps) -> None:
    app = apps.app()
    for verb, request in (("present_solver", presenting(app)), ("store_certificate", storing(app))):
        with pytest.raises(PermanentTargetError, match="is gone, with the app in it"):
            app.ask(verb, request)
    assert app.ask("remove_solver", solver(app)).removed == ()
