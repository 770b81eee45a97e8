"""metrics.k8s.io for the cluster of the tests, with figures as the kubelet measures them.

    python -m tests.support.metrics_server RUN_DIR PORT

It stands behind the API server's aggregation layer as metrics-server does, and like it refuses who is not the
API server, what is not a GET and what it does not know.
"""

from __future__ import annotations

import json
import ssl
import sys
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

ADDRESS = "172.17.0.1"
"""Of the machine as pods see it: an Endpoints object takes no loopback address."""
GROUP = "metrics.k8s.io"
VERSION = f"{GROUP}/v1beta1"
RESOURCE = {"name": "pods", "singularName": "", "namespaced": True, "kind": "PodMetrics", "verbs": ["list"]}


class Figures:
    """Asks the API server which pods there are, and the node for what they use."""

    def __init__(self, run: Path) -> None:
        config = yaml.safe_load((run / "kubeconfig").read_text())
        self._server = config["clusters"][0]["cluster"]["server"]
        self._token = config["users"][0]["user"]["token"]
        self._tls = ssl.create_default_context(cafile=str(run / "pki" / "ca.crt"))

    def ask(self, path: str) -> Any:
        request = urllib.request.Request(
            self._server + path, headers={"Authorization": f"Bearer {self._token}"}
        )
        with urllib.request.urlopen(request, context=self._tls, timeout=10) as answer:
            return json.load(answer)

    def of(self, namespace: str, selector: str) -> list[dict[str, Any]]:
        query = urllib.parse.urlencode({"labelSelector": selector})
        pods = self.ask(f"/api/v1/namespaces/{namespace}/pods?{query}")["items"]
        wanted = {pod["metadata"]["uid"]: pod for pod in pods}
        summary = self.ask("/api/v1/nodes/localhost/proxy/stats/summary")
        return [
            found
            for one in summary["pods"]
            if one["podRef"]["uid"] in wanted and (found := self._item(one, wanted[one["podRef"]["uid"]]))
        ]

    def _item(self, measured: dict[str, Any], pod: dict[str, Any]) -> dict[str, Any] | None:
        containers = [
            {
                "name": one["name"],
                "usage": {
                    "cpu": f"{one['cpu']['usageNanoCores']}n",
                    "memory": f"{one['memory']['workingSetBytes'] // 1024}Ki",
                },
            }
            for one in measured.get("containers", ())
            if "usageNanoCores" in one.get("cpu", {}) and "workingSetBytes" in one.get("memory", {})
        ]
        if not containers:
            return None
        metadata = {key: pod["metadata"][key] for key in ("name", "namespace", "labels", "creationTimestamp")}
        stamp = measured["containers"][0]["cpu"]["time"]
        return {"metadata": metadata, "timestamp": stamp, "window": "10s", "containers": containers}


class Handler(BaseHTTPRequestHandler):
    figures: Figures
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if not self._is_the_api_server():
            return self._refuse(401, "Unauthorized")
        path, _, query = self.path.partition("?")
        match path.strip("/").split("/"):
            case ["apis", "metrics.k8s.io", "v1beta1"]:
                return self._answer(
                    {"kind": "APIResourceList", "groupVersion": VERSION, "resources": [RESOURCE]}
                )
            case ["apis", "metrics.k8s.io", "v1beta1", "namespaces", namespace, "pods"]:
                selector = urllib.parse.parse_qs(query).get("labelSelector", [""])[0]
                items = self.figures.of(namespace, selector)
                return self._answer(
                    {"kind": "PodMetricsList", "apiVersion": VERSION, "metadata": {}, "items": items}
                )
        return self._refuse(404, "the server could not find the requested resource")

    def do_POST(self) -> None:
        self._refuse(405, "the server does not allow this method on the requested resource")

    do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815 - http.server calls them so

    def _is_the_api_server(self) -> bool:
        """The aggregation layer proves itself by certificate and says who asked it."""
        assert isinstance(self.connection, ssl.SSLSocket)
        shown: Any = self.connection.getpeercert() or {}
        subject = [value for part in shown.get("subject", ()) for _, value in part]
        return "front-proxy" in subject and bool(self.headers.get("X-Remote-User"))

    def _answer(self, body: dict[str, Any], status: int = 200) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _refuse(self, status: int, message: str) -> None:
        self._answer(
            {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": status},
            status,
        )

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
        print(f"{self.address_string()} {format % args}", flush=True)


def serve(run: Path, port: int) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(run / "pki" / "ca.crt"))
    context.load_cert_chain(run / "pki" / "srv.crt", run / "pki" / "srv.key")
    context.verify_mode = ssl.CERT_OPTIONAL
    Handler.figures = Figures(run)
    server = ThreadingHTTPServer((ADDRESS, port), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
