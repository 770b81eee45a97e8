"""A real Kubernetes 1.20 on this machine: API server, controllers and one node, on loopback.

One at a time on a machine, for a node has the Docker engine to itself. ``QUARTERDECK_TEST_CLUSTER`` names the
directory of one that runs already (``python -m tests.support.kubernetes`` is one until Ctrl-C); then that is
used and left running, and shared: tests name what they make uniquely and delete it, without waiting for it to
be gone.
"""

from __future__ import annotations

import base64
import fcntl
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from string import Template
from typing import Any, TextIO

import yaml

from infra import kubernetes as build
from infra.environment import ROOT
from tests.support import docker, metrics_server
from tests.support.detour import Detour
from tests.support.parts import leave_out, require, require_root
from tests.support.ports import free_port
from tests.support.stack import wait_until

_PORTS = ("PORT", "EPORT", "EPEER", "KCMPORT", "SCHPORT", "KPORT")
APP_1, APP_2 = "local/app:1", "local/app:2"
"""Images on the node: see tests/testbed/kubernetes/app.sh for what the variable MODE makes of them."""


@dataclass(frozen=True)
class Cluster:
    """``directory``: everything of it. ``shared``: others use it at the same time."""

    directory: Path
    shared: bool

    # ---------------------------------------------------------------- ways in

    @cached_property
    def _config(self) -> dict[str, Any]:
        config: dict[str, Any] = yaml.safe_load((self.directory / "kubeconfig").read_text())
        return config

    @property
    def port(self) -> int:
        return int(self._config["clusters"][0]["cluster"]["server"].rsplit(":", 1)[1])

    @property
    def certificate_authority(self) -> str:
        return (self.directory / "pki" / "ca.crt").read_text()

    def token(self, user: str = "admin") -> str:
        """``admin`` may do everything, ``nobody`` nothing."""
        for line in (self.directory / "pki" / "tokens.csv").read_text().splitlines():
            token, name = line.split(",")[:2]
            if name == user:
                return token
        raise KeyError(user)

    def kubeconfig(
        self, *, user: str = "admin", port: int | None = None, login: dict[str, str] | None = None
    ) -> str:
        """Text that stands alone. ``login``: fields of the user in place of the token."""
        server = f"https://127.0.0.1:{port or self.port}"
        authority = base64.b64encode(self.certificate_authority.encode()).decode()
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": "t", "cluster": {"server": server, "certificate-authority-data": authority}}
            ],
            "users": [{"name": "u", "user": login or {"token": self.token(user)}}],
            "contexts": [{"name": "c", "context": {"cluster": "t", "user": "u"}}],
            "current-context": "c",
        }
        return yaml.safe_dump(config)

    def certified_kubeconfig(self) -> str:
        """An administrator by client certificate."""
        pki = self.directory / "pki"
        fields = {"client-certificate-data": "client.crt", "client-key-data": "client.key"}
        login = {key: base64.b64encode((pki / name).read_bytes()).decode() for key, name in fields.items()}
        return self.kubeconfig(login=login)

    def detour(self) -> Detour:
        """To the API server, and closable: ``kubeconfig(port=detour.port)`` goes by it."""
        return Detour(self.port)

    @cached_property
    def client(self) -> Any:
        """The official client as administrator: how tests see for themselves."""
        from kubernetes import client, config

        configuration = client.Configuration()
        loader: Any = config.load_kube_config_from_dict
        loader(yaml.safe_load(self.kubeconfig()), client_configuration=configuration)
        return client.ApiClient(configuration)

    def create(self, manifest: dict[str, Any]) -> Any:
        """By the official client, as somebody else than Quarterdeck."""
        from kubernetes.dynamic import DynamicClient

        dynamic: Any = DynamicClient
        kinds = dynamic(self.client).resources
        kind = kinds.get(api_version=manifest["apiVersion"], kind=manifest["kind"])
        return kind.create(body=manifest)

    # ---------------------------------------------------------------- the API server itself

    @contextmanager
    def api_server_killed(self) -> Iterator[None]:
        """Killed for a while, and then started again on the same etcd. Not where others use it too."""
        assert not self.shared, "use detour() on a shared cluster"
        os.kill(self._pid("apiserver"), signal.SIGKILL)
        try:
            yield
        finally:
            with (self.directory / "log" / "apiserver.log").open("ab") as log:
                process = subprocess.Popen(
                    ["bash", str(self.directory / "apiserver.sh")],
                    stdout=log,
                    stderr=log,
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,
                )
            with (self.directory / "pids").open("a") as pids:
                pids.write(f"{process.pid} apiserver\n")
            wait_until(self._is_ready, seconds=60, what="the API server")

    def _pid(self, name: str) -> int:
        lines = (self.directory / "pids").read_text().splitlines()
        return int(next(line.split()[0] for line in reversed(lines) if line.split()[1] == name))

    def _is_ready(self) -> bool:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        try:
            self.client.call_api("GET", f"https://127.0.0.1:{self.port}/readyz")
        except (ApiException, HTTPError):
            return False
        return True


@contextmanager
def running() -> Iterator[Cluster]:
    """The cluster of the session. Skips by name, or fails where CI is set, what cannot be had."""
    if shared := os.environ.get("QUARTERDECK_TEST_CLUSTER"):
        yield Cluster(Path(shared), shared=True)
        return
    with ExitStack() as undo:
        yield _start(undo)


def _start(undo: ExitStack) -> Cluster:
    require_root()
    require("etcd-server")
    if not build.is_built():
        leave_out("Kubernetes", "Kubernetes is not built: ./quarterdeck test builds it, once")
    undo.enter_context(_one_at_a_time())
    undo.enter_context(docker.engine())
    docker.remove_containers_of_kubernetes()
    _script("images.sh", str(build.home()))
    # Its own name and short: the kubelet keeps sockets in there, whose paths must not be long.
    directory = undo.enter_context(tempfile.TemporaryDirectory(prefix="qd-kube-", ignore_cleanup_errors=True))
    undo.callback(_unmount, directory)
    undo.callback(docker.remove_containers_of_kubernetes)
    undo.callback(_script, "stop.sh", directory)
    ports = {name: str(free_port()) for name in _PORTS}
    _script("start.sh", str(build.home()), directory, **ports)
    started = Cluster(Path(directory), shared=False)
    serve_metrics(started)
    return started


def serve_metrics(cluster: Cluster) -> None:
    """metrics.k8s.io, by a process of our own that ends with the cluster."""
    port = free_port()
    with (cluster.directory / "log" / "metrics.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.metrics_server", str(cluster.directory), str(port)],
            cwd=ROOT,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    with (cluster.directory / "pids").open("a") as pids:
        pids.write(f"{process.pid} metrics\n")
    authority = base64.b64encode(cluster.certificate_authority.encode()).decode()
    text = Template((build.SCRIPTS / "metrics.yaml").read_text())
    filled = text.substitute(PORT=port, ADDRESS=metrics_server.ADDRESS, AUTHORITY=authority)
    for manifest in yaml.safe_load_all(filled):
        cluster.create(manifest)


def _script(name: str, *arguments: str, **environment: str) -> None:
    done = subprocess.run(
        ["bash", str(build.SCRIPTS / name), *arguments],
        env={**os.environ, "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, f"{name}: {done.stderr[-3000:]}"


def _unmount(directory: str) -> None:
    """The volumes of pods that were still there, so that the directory can be removed."""
    for line in reversed(Path("/proc/mounts").read_text().splitlines()):
        place = line.split()[1]
        if place.startswith(directory):
            subprocess.run(["umount", place], check=False)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with (build.home().parent / "run.lock").open("w") as handle:
        wait_until(lambda: _locked(handle), seconds=90, every=1, what="the end of another session's cluster")
        yield


def _locked(handle: TextIO) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unique(prefix: str = "t") -> str:
    """An app name that nobody else uses."""
    return f"{prefix}-{secrets.token_hex(4)}"


def hold() -> None:
    """A cluster to work with, until Ctrl-C or SIGTERM."""
    asked = {signal.SIGINT, signal.SIGTERM}
    with running() as cluster:
        # A signal that is waited for has to be blocked: its default is to end us with nothing cleaned up.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, asked)
        print(f"export QUARTERDECK_TEST_CLUSTER={cluster.directory}", flush=True)
        signal.sigwait(asked)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


if __name__ == "__main__":
    hold()
