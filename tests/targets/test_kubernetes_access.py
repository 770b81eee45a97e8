"""Log-ins to a real API server, and one that is away: the right error, in words, and soon."""

from __future__ import annotations

import base64
import socket
from collections.abc import Iterator

import pytest

from chalicelib.kernel.errors import PermanentTargetError, TargetError, TransientTargetError
from chalicelib.kernel.secrets import Secret
from chalicelib.targets.kubernetes import api, failures
from chalicelib.targets.kubernetes.operations import OPERATIONS, REQUESTS
from chalicelib.targets.kubernetes.requests import ClusterAccess, ClusterRequest, ShellRequest
from chalicelib.targets.kubernetes.shell import open_shell
from chalicelib.targets.shells import Size
from tests.support.detour import Detour
from tests.support.kube_apps import App, Apps
from tests.support.kubernetes import Cluster

pytestmark = [pytest.mark.targets, pytest.mark.timeout(300)]


def ask(kubeconfig: str) -> str:
    """The server's version, by that log-in."""
    request = ClusterRequest(access=ClusterAccess(kubeconfig=Secret(kubeconfig)))
    version: str = OPERATIONS["kubernetes.capabilities"](request).version  # type: ignore[attr-defined]
    return version


@pytest.fixture
def detour(cluster: Cluster) -> Iterator[Detour]:
    one = cluster.detour()
    yield one
    one.close()


@pytest.fixture
def app(cluster: Cluster) -> App:
    """Not there, and not applied: what is asked is whether one may ask."""
    return Apps(cluster).app()


def refusal(app: App, verb: str = "status") -> TargetError:
    request = app.applying if verb in ("apply", "dry_run", "observe") else app.request
    with pytest.raises(TargetError) as raised:
        app.ask(verb, request)
    return raised.value


def test_a_token_and_a_client_certificate_are_let_in(cluster: Cluster) -> None:
    assert ask(cluster.kubeconfig()) == "v1.20.2"
    assert ask(cluster.certified_kubeconfig()) == "v1.20.2"


def test_what_the_cluster_can_do_is_found_out(cluster: Cluster) -> None:
    found = OPERATIONS["kubernetes.capabilities"](ClusterRequest(access=Apps(cluster).access()))
    assert found.model_dump() == {
        "version": "v1.20.2",
        "minor": 20,
        "metrics": True,
        "autoscaling": "autoscaling/v1",
        "cert_manager": False,
        "ingress_classes": (),
        "default_ingress_class": None,
    }


def test_a_wrong_token_is_final_and_says_what_to_do(cluster: Cluster, app: App) -> None:
    app.access = ClusterAccess(kubeconfig=Secret(cluster.kubeconfig(login={"token": "wrong"})))
    error = refusal(app)
    assert isinstance(error, PermanentTargetError)
    assert failures.status_of(error) == 401
    assert "Give the cluster a new kubeconfig" in error.message


@pytest.mark.parametrize("verb", ["apply", "status", "logs", "delete"])
def test_what_the_account_may_not_do_is_final_and_named(cluster: Cluster, app: App, verb: str) -> None:
    app.access = Apps(cluster).access(user="nobody")
    if verb == "logs":
        with pytest.raises(PermanentTargetError, match="does not allow") as raised:
            app.ask("logs", REQUESTS["kubernetes.logs"].model_validate(dict(app.request)))
        error: TargetError = raised.value
    else:
        error = refusal(app, verb)
    assert failures.status_of(error) == 403
    assert not error.transient
    assert 'User "nobody" cannot' in error.message


def test_a_shell_is_refused_like_anything_else(cluster: Cluster, app: App) -> None:
    request = ShellRequest(access=Apps(cluster).access(user="nobody"), app=app.request.app, pod="p")
    with pytest.raises(PermanentTargetError, match="does not allow"), open_shell(request, Size()):
        pass
    request = ShellRequest(access=app.access, app=app.request.app)
    with pytest.raises(PermanentTargetError, match="No container"), open_shell(request, Size()):
        pass


def test_a_server_that_the_authority_did_not_sign_is_not_spoken_to(app: App, cluster: Cluster) -> None:
    text = cluster.kubeconfig()
    own = base64.b64encode(cluster.certificate_authority.encode()).decode()
    assert own in text
    stranger = base64.b64encode((cluster.directory / "pki" / "srv.crt").read_bytes()).decode()
    app.access = ClusterAccess(kubeconfig=Secret(text.replace(own, stranger)))
    error = refusal(app)
    assert isinstance(error, PermanentTargetError)
    assert "did not sign it" in error.message


def test_an_api_server_that_is_away_is_worth_another_try_and_is_spoken_to_when_it_is_back(
    cluster: Cluster, detour: Detour, app: App
) -> None:
    app.access = Apps(cluster).access(port=detour.port)
    assert not app.status().exists
    detour.refuse()
    for _ in range(2):  # first on the connection that was kept, then on a new one
        error = refusal(app)
        assert isinstance(error, TransientTargetError)
        assert "lost" in error.message or "refuses connections" in error.message
    detour.restore()
    assert not app.status().exists


def test_an_api_server_that_hangs_is_given_up_on(
    cluster: Cluster, detour: Detour, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "READ_SECONDS", 0.5)
    app.access = Apps(cluster).access(port=detour.port)
    assert not app.status().exists
    detour.hang()
    error = refusal(app)
    assert isinstance(error, TransientTargetError)
    assert "no answer in time" in error.message


def test_what_is_no_api_server_is_told_as_such(app: App, cluster: Cluster) -> None:
    """A port where nothing speaks TLS."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        app.access = Apps(cluster).access(port=server.getsockname()[1])
        server.close()
        assert refusal(app).transient


def test_every_operation_is_asked_with_a_type_and_takes_it_as_json(app: App) -> None:
    assert OPERATIONS.keys() == REQUESTS.keys()
    text = app.request.model_dump_json(context={"reveal": True})
    again = REQUESTS["kubernetes.status"].model_validate_json(text)
    assert OPERATIONS["kubernetes.status"](again) == app.status()
