"""From POST to the last object applied on a real cluster, against a bare client that applies the same.

The clock stops when the API server shows the last of them, seen by a watch of our own. The bare client is
urllib3 with a kept connection, one server-side apply after the other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kubernetes import client, watch

from chalicelib.kernel.secrets import Secret
from chalicelib.targets.kubernetes import plan
from chalicelib.targets.kubernetes.api import ApiServer, connect
from chalicelib.targets.kubernetes.cluster import known
from chalicelib.targets.kubernetes.names import namespace_for
from chalicelib.targets.kubernetes.plan import Standing
from chalicelib.targets.kubernetes.requests import AppSpec, ClusterAccess, Host
from tests.bench.report import Finding, median, ratio, spread
from tests.jobs.harbour import SUFFIX, Harbour
from tests.support.kubernetes import APP_1, Cluster, running, unique
from tests.support.stack import running as stack_running

ROUNDS = 15
WARM_UP = 2
MOST_MILLISECONDS = 1000.0
MOST_TIMES = 3.0
WITHIN = 60.0
"""Seconds for the last object to be there at all."""

SMALL = {"cpu": "10m", "memory": "32Mi"}


def measure() -> list[Finding]:
    with running() as cluster, stack_running() as stack, seen(cluster) as ingresses:
        harbour = Harbour.open(stack, cluster)
        server = connect(ClusterAccess(kubeconfig=Secret(cluster.kubeconfig())))
        ours, bare = [], []
        try:
            for number in range(WARM_UP + ROUNDS):
                mine, theirs = _by_us(harbour, ingresses), _by_a_bare_client(server, cluster)
                if number >= WARM_UP:
                    ours.append(mine)
                    bare.append(theirs)
        finally:
            harbour.clear()
    return [
        Finding("rollout", "POST to applied", median(ours), "ms", MOST_MILLISECONDS, spread(ours)),
        ratio("rollout", "POST to applied / bare client", median(ours), median(bare), MOST_TIMES),
        Finding("rollout", "bare client", median(bare), "ms", None, spread(bare)),
    ]


class Seen:
    """Names of Ingresses, the last of what is applied, and when each was first shown."""

    def __init__(self) -> None:
        self._at: dict[str, float] = {}
        self._changed = threading.Condition()

    def add(self, name: str) -> None:
        with self._changed:
            self._at.setdefault(name, time.perf_counter())
            self._changed.notify_all()

    def when(self, name: str) -> float:
        with self._changed:
            if not self._changed.wait_for(lambda: name in self._at, WITHIN):
                raise TimeoutError(f"no Ingress {name} within {WITHIN:.0f} s")
            return self._at[name]


@contextmanager
def seen(cluster: Cluster) -> Iterator[Seen]:
    found = Seen()
    stream: Any = watch.Watch()  # type: ignore[no-untyped-call]
    network: Any = client.NetworkingV1Api(cluster.client)

    def look() -> None:
        for event in stream.stream(network.list_ingress_for_all_namespaces, timeout_seconds=1800):
            found.add(event["object"].metadata.name)

    threading.Thread(target=look, daemon=True).start()
    yield found
    stream.stop()


def _by_us(harbour: Harbour, ingresses: Seen) -> float:
    """Milliseconds."""
    started = time.perf_counter()
    made = harbour.create(resources=SMALL)
    return (ingresses.when(made["app_name"]) - started) * 1000


def _by_a_bare_client(server: ApiServer, cluster: Cluster) -> float:
    name = unique("bare")
    spec = AppSpec(
        deployment_id=name,
        app_name=name,
        namespace=namespace_for(name),
        owner_id="bench",
        revision="1",
        image=APP_1,
        port=8080,
        env={"MODE": Secret("serve")},
        hosts=(Host(host=f"{name}.{SUFFIX}"),),
        cpu=SMALL["cpu"],
        memory=SMALL["memory"],
    )
    manifests = plan.make(spec, known(server), Standing()).apply
    started = time.perf_counter()
    for manifest in manifests:
        server.apply(manifest)
    taken = (time.perf_counter() - started) * 1000
    core: Any = client.CoreV1Api(cluster.client)
    core.delete_namespace(spec.namespace)
    return taken
