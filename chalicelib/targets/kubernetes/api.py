"""An API server, spoken to in its own terms: JSON over HTTP.

Not through the official client: its seven hundred generated models would more than double what a cold start
pays for this driver, and what is applied is plain data. Tests look at the cluster with the official client.
"""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError

from chalicelib.kernel.errors import PermanentTargetError
from chalicelib.targets.kubernetes import failures, kubeconfig, names
from chalicelib.targets.kubernetes.kubeconfig import Endpoint
from chalicelib.targets.kubernetes.objects import Manifest, Thing, path_of, thing_of
from chalicelib.targets.kubernetes.replies import Capabilities
from chalicelib.targets.kubernetes.requests import ClusterAccess

CONNECT_SECONDS, READ_SECONDS = 4.0, 15.0
CONNECTIONS = 16
KEPT_SERVERS = 32
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"


class ApiServer:
    """Safe for threads. Connections stay open between calls. Raises TargetError, see :mod:`failures`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.tls = tls_context(endpoint)
        self.known: tuple[float, Capabilities] | None = None
        """What the cluster can do, and until when (monotonic seconds) that is believed."""
        self._pool = urllib3.PoolManager(
            num_pools=1,
            maxsize=CONNECTIONS,
            retries=False,
            ssl_context=self.tls,
            server_hostname=endpoint.server_name,
        )
        self.headers = {"User-Agent": names.MANAGER, "Accept": "application/json", **_login(endpoint)}

    # ------------------------------------------------------------------ objects

    def get(self, path: str, doing: str, **query: Any) -> Manifest:
        return self._json("GET", path, doing, query)

    def find(self, path: str, doing: str, **query: Any) -> Manifest | None:
        """None where there is no such thing."""
        try:
            return self.get(path, doing, **query)
        except PermanentTargetError as error:
            if failures.status_of(error) == 404:
                return None
            raise

    def apply(self, manifest: Manifest, *, manager: str = names.MANAGER, dry_run: bool = False) -> Manifest:
        """Server-side apply, which takes fields over from whoever has them; what the server made of it."""
        thing = thing_of(manifest)
        query = {"fieldManager": manager, "force": "true"} | ({"dryRun": "All"} if dry_run else {})
        return self._json("PATCH", path_of(thing), f"apply {thing}", query, manifest, _APPLY)

    def create_dry(self, manifest: Manifest, collection: str) -> Manifest:
        """What creating it would make of it; nothing is created."""
        doing = f"check {thing_of(manifest)}"
        return self._json("POST", collection, doing, {"dryRun": "All"}, manifest)

    def merge(self, path: str, doing: str, change: Manifest) -> Manifest:
        return self._json("PATCH", path, doing, {"fieldManager": names.MANAGER}, change, _MERGE)

    def delete(self, thing: Thing, *, uid: str | None = None) -> bool:
        """Whether it was there. ``uid``: only if it is still that very one."""
        options: Manifest = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            self._json("DELETE", path_of(thing), f"delete {thing}", {}, options)
        except PermanentTargetError as error:
            if failures.status_of(error) == 404:
                return False
            raise
        return True

    def _json(
        self,
        method: str,
        path: str,
        doing: str,
        query: dict[str, Any],
        body: Manifest | None = None,
        content_type: str = "application/json",
    ) -> Manifest:
        headers = self.headers if body is None else {**self.headers, "Content-Type": content_type}
        data = None if body is None else json.dumps(body)
        with self._answer(method, path, doing, query, body=data, headers=headers) as response:
            text = response.data
        try:
            found: Manifest = json.loads(text)
        except ValueError as error:
            raise failures.not_kubernetes(self.endpoint.server) from error
        return found

    # ------------------------------------------------------------------ text

    @contextmanager
    def stream(
        self, path: str, doing: str, query: dict[str, Any], read_seconds: float = READ_SECONDS
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """The body as it comes; the connection is given up on leaving."""
        options = {
            "preload_content": False,
            "timeout": urllib3.Timeout(connect=CONNECT_SECONDS, read=read_seconds),
        }
        with self._answer("GET", path, doing, query, headers=self.headers, **options) as response:
            try:
                yield response
            finally:
                response.close()

    @contextmanager
    def _answer(
        self, method: str, path: str, doing: str, query: dict[str, Any], **options: Any
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        server = self.endpoint.server
        asked = urlencode({key: value for key, value in query.items() if value is not None})
        options.setdefault("timeout", urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS))
        try:
            response = self._pool.request(
                method, f"{server}{path}{'?' if asked else ''}{asked}", redirect=False, **options
            )
            if not 200 <= response.status < 300:
                raise failures.from_answer(response.status, response.data, doing)
            yield response
        except (HTTPError, OSError) as error:
            raise failures.from_connection(server, error) from error


def tls_context(endpoint: Endpoint) -> ssl.SSLContext:
    """Always verifying. Raises PermanentTargetError for certificates that are none."""
    try:
        context = ssl.create_default_context(cadata=endpoint.ca)
        # Many clusters' own authorities lack the extensions that newer Pythons insist on.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if endpoint.certificate and endpoint.key:
            _present(context, endpoint.certificate, endpoint.key.reveal())
    except (ssl.SSLError, ValueError) as error:
        raise kubeconfig.refused("has certificates or a key that cannot be read") from error
    return context


def _present(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """OpenSSL reads a client's key from a file alone: one that only we can read, for that moment."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(f"{certificate}\n{key}\n")
        file.flush()
        context.load_cert_chain(file.name, password=lambda: "")


def _login(endpoint: Endpoint) -> dict[str, str]:
    if endpoint.token:
        return {"Authorization": f"Bearer {endpoint.token.reveal()}"}
    if endpoint.basic:
        user, password = endpoint.basic
        encoded = base64.b64encode(f"{user}:{password.reveal()}".encode()).decode()
        return {"Authorization": f"Basic {encoded}"}
    return {}


# ---------------------------------------------------------------- kept

_servers: OrderedDict[str, ApiServer] = OrderedDict()
_lock = threading.Lock()


def connect(access: ClusterAccess) -> ApiServer:
    """The server of this access, with the connections of earlier calls. Raises PermanentTargetError."""
    text = f"{access.context or ''}\0{access.kubeconfig.reveal()}"
    key = hashlib.sha256(text.encode()).hexdigest()
    with _lock:
        if key in _servers:
            _servers.move_to_end(key)
            return _servers[key]
    server = ApiServer(kubeconfig.read(access))
    with _lock:
        _servers[key] = server
        while len(_servers) > KEPT_SERVERS:
            _servers.popitem(last=False)
    return server
