"""An ingress controller for tests: HTTP on one address of loopback, led on by the cluster's own objects.

For each request it reads the Ingresses as they are, takes the one for that host with the longest path, and
goes to a pod behind its Service: pods' addresses are reached from the node, which is this machine.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kubernetes import client

from tests.support.kubernetes import Cluster

Backend = tuple[str, str, Any]
"""Namespace, Service, port (its name or number)."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    cluster: Cluster


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        host = self.headers.get("Host", "").split(":")[0]
        backend = _backend(self.server.cluster, host, self.path)
        place = _endpoint(self.server.cluster, backend) if backend else None
        if place is None:
            self._answer(404, b"default backend")
            return
        try:
            connection = HTTPConnection(*place, timeout=10)
            connection.request("GET", self.path, headers={"Host": host})
            answer = connection.getresponse()
            self._answer(answer.status, answer.read())
        except OSError:
            self._answer(502, b"bad gateway")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


def _backend(cluster: Cluster, host: str, path: str) -> Backend | None:
    network: Any = client.NetworkingV1Api(cluster.client)
    found = [
        (len(one.path), (ingress.metadata.namespace, one.backend.service.name, one.backend.service.port))
        for ingress in network.list_ingress_for_all_namespaces().items
        for rule in ingress.spec.rules or ()
        if rule.host == host
        for one in rule.http.paths
        if path == one.path or (one.path_type == "Prefix" and path.startswith(one.path))
    ]
    return max(found, key=lambda one: one[0])[1] if found else None


def _endpoint(cluster: Cluster, backend: Backend) -> tuple[str, int] | None:
    """A ready pod's address. The Services here have one port each."""
    namespace, service, _ = backend
    core: Any = client.CoreV1Api(cluster.client)
    for subset in core.read_namespaced_endpoints(service, namespace).subsets or ():
        if subset.addresses:
            return subset.addresses[0].ip, subset.ports[0].port
    return None


@contextmanager
def running(cluster: Cluster, address: str, port: int = 80) -> Iterator[None]:
    server = _Server((address, port), _Handler)
    server.cluster = cluster
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
